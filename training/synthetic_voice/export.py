"""The two branches as one ONNX model: sound and its statistics in, logits out.

The front end is part of the networks on sound; those of one family share it. The statistics come from
`inperson.detectors._voice_features`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from branch import Experts
from compact import Compact
from listening import Listener
from networks import RATE, Network
from numpy.typing import NDArray
from rating import FIRST, KERNELS, Rater
from torch import Tensor, nn

from inperson.detectors._voice_features import names

sys.path.append(str(Path(__file__).parents[1]))
from halved import halved, quartered, whole

NAME, VERSION = "synthetic_voice", "0.10.0"


@dataclass(frozen=True)
class Blend:
    """logit = bias + the branches' logits, each by its weight, fitted on held-out scores.

    The branches are the families of networks on sound and, last, the panels on statistics. Likewise for converted
    against generated (`kind`, `kind_bias`, on the mean of all); the codec's is the mean.
    """

    weights: tuple[float, ...]
    bias: float
    kind: float = 1.0
    kind_bias: float = 0.0

    @property
    def numbers(self) -> tuple[float, ...]:
        return (*self.weights, self.bias, self.kind, self.kind_bias)

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Blend:
        """From `numbers`."""
        return cls(tuple(numbers[:-3]), *numbers[-3:])

    def __call__(self, *branches: Tensor) -> Tensor:
        weighted = [weight * one[:, :1] for weight, one in zip(self.weights, branches, strict=True)]
        mean = torch.stack(branches).mean(0)
        return torch.cat(
            [torch.stack(weighted).sum(0) + self.bias, self.kind * mean[:, 1:2] + self.kind_bias, mean[:, 2:]], 1
        )


class Together(nn.Module):
    """(1, samples), (1, 327) -> (1, 3). `sound` holds a list of networks for each family; their mean counts."""

    def __init__(self, sound: list[list[Network]], rater: Rater | Compact, panels: list[Experts], blend: Blend) -> None:
        super().__init__()
        self.rater = rater
        self.sound = nn.ModuleList(nn.ModuleList(nets) for nets in sound)
        self.panels, self.blend = nn.ModuleList(panels), blend

    def forward(self, x: Tensor, numbers: Tensor) -> Tensor:
        heard = []
        for nets in self.sound:
            picture = nets[0].front(x)
            heard.append(torch.stack([net.rest(picture) for net in nets]).mean(0))
        return self.blend(*heard, *asked(self.panels, torch.cat([numbers, self.rater(x)], 1)))


def _plain(net: Network) -> Network:
    made = net.exported() if isinstance(net, Listener) else net
    return made.eval().to(memory_format=torch.contiguous_format)


def asked(panels: Iterable[Experts], numbers: Tensor) -> list[Tensor]:
    """(rows, 3) by each panel; one that knows the statistics alone is shown no more."""
    return [panel(numbers[:, : panel.gate.in_features]) for panel in panels]


def write(
    sound: list[list[Network]],
    rater: Rater | Compact,
    panels: list[Experts],
    blend: Blend,
    path: Path,
    examples: Sequence[NDArray[np.float32]],
) -> str:
    """Export; returns the file's SHA-256. `examples`, (samples,) each, set the ranges of what is computed in 8 bits."""
    plain = [[_plain(net) for net in nets] for nets in sound]
    made = Together(plain, rater, panels, blend).eval()
    size = len(names())
    torch.onnx.export(
        made,
        (torch.randn(1, 3 * RATE), torch.randn(1, size)),
        str(path),
        input_names=["sound", "features"],
        output_names=["logits"],
        dynamic_axes={"sound": {1: "samples"}},
        opset_version=17,
        dynamo=False,
    )
    numbers = np.zeros((1, size), np.float32)
    whole(path, [{"sound": one[None], "features": numbers} for one in examples], KERNELS, FIRST)
    onnx.save(halved(quartered(onnx.load(path))), path)
    onnx.checker.check_model(onnx.load(path))
    return hashlib.sha256(path.read_bytes()).hexdigest()
