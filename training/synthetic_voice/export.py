"""The two branches as one ONNX model: sound and its statistics in, logits out.

The front end is part of the networks on sound; those of one family share it. The statistics come from
`inperson.detectors._voice_features`.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from branch import Experts
from networks import RATE, Network
from torch import Tensor, nn

sys.path.append(str(Path(__file__).parents[1]))
from halved import halved

NAME, VERSION = "synthetic_voice", "0.3.0"


@dataclass(frozen=True)
class Blend:
    """logit = bias + sound * (networks on sound) + statistics * (networks on statistics), fitted on held-out scores.

    Likewise for converted against generated (`kind`, `kind_bias`, on the mean of both); the codec's is the mean.
    """

    sound: float
    statistics: float
    bias: float
    kind: float = 1.0
    kind_bias: float = 0.0

    def __call__(self, sound: Tensor, statistics: Tensor) -> Tensor:
        first = self.bias + self.sound * sound[:, :1] + self.statistics * statistics[:, :1]
        mean = (sound + statistics) / 2
        return torch.cat([first, self.kind * mean[:, 1:2] + self.kind_bias, mean[:, 2:]], 1)


class Together(nn.Module):
    """(1, samples), (1, 327) -> (1, 3)"""

    def __init__(self, sound: list[Network], statistics: Experts, blend: Blend) -> None:
        super().__init__()
        self.sound, self.statistics, self.blend = nn.ModuleList(sound), statistics, blend

    def forward(self, x: Tensor, numbers: Tensor) -> Tensor:
        pictures: dict[str, Tensor] = {}
        heard = torch.zeros(1)
        for net in self.sound:
            key = f"{type(net.front).__name__} {net.front.channels} {net.front.height}"
            if key not in pictures:
                pictures[key] = net.front(x)
            heard = heard + net.rest(pictures[key])
        return self.blend(heard / len(self.sound), self.statistics(numbers))


def write(sound: list[Network], statistics: Experts, blend: Blend, path: Path) -> str:
    """Export; returns the file's SHA-256."""
    plain = [net.eval().to(memory_format=torch.contiguous_format) for net in sound]
    made = Together(plain, statistics.eval(), blend).eval()
    size = statistics.gate.in_features
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
    onnx.save(halved(onnx.load(path)), path)
    onnx.checker.check_model(onnx.load(path))
    return hashlib.sha256(path.read_bytes()).hexdigest()
