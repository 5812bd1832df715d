"""Several networks as one ONNX model that takes sound and returns the mean of their logits.

Networks of one family share their front end, which has no weights of its own.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
import torch
from networks import RATE, Network
from torch import Tensor, nn

NAME, VERSION = "synthetic_voice", "0.2.0"


class Together(nn.Module):
    """(1, samples) -> (1, 3)"""

    def __init__(self, nets: list[Network], slope: float = 1.0, intercept: float = 0.0) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.register_buffer("scale", torch.tensor([slope, 1.0, 1.0]))
        self.register_buffer("shift", torch.tensor([intercept, 0.0, 0.0]))

    def forward(self, x: Tensor) -> Tensor:
        pictures: dict[str, Tensor] = {}
        total = torch.zeros(1)
        for net in self.nets:
            key = f"{type(net.front).__name__}{getattr(net.front, 'channels', 1)}{net.front.height}"
            if key not in pictures:
                pictures[key] = net.front(x)
            total = total + net.rest(pictures[key])
        return total / len(self.nets) * self.scale + self.shift


def write(nets: list[Network], path: Path, slope: float, intercept: float) -> str:
    """Export; returns the file's SHA-256."""
    made = Together([net.eval().to(memory_format=torch.contiguous_format) for net in nets], slope, intercept).eval()
    torch.onnx.export(
        made,
        (torch.randn(1, 3 * RATE),),
        str(path),
        input_names=["sound"],
        output_names=["logits"],
        dynamic_axes={"sound": {1: "samples"}},
        opset_version=17,
        dynamo=False,
    )
    onnx.checker.check_model(onnx.load(path))
    return hashlib.sha256(path.read_bytes()).hexdigest()
