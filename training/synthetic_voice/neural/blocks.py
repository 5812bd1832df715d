"""Frame-level network: ConvNeXt blocks in one dimension (Liu et al. 2022, as Vocos, Siuzdak 2023, stacks them)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Depthwise convolution over 7 frames and a bottleneck inside out; (batch, frames, width) to the same."""

    def __init__(self, width: int, widen: int = 3) -> None:
        super().__init__()
        self.over_time = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, widen * width)
        self.down = nn.Linear(widen * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.over_time(x.transpose(1, 2)).transpose(1, 2)
        y = self.down(functional.gelu(self.up(self.norm(y)), approximate="tanh"))
        return x + self.scale * y


class Trunk(nn.Module):
    """`given` numbers a frame in, `wanted` out."""

    def __init__(self, given: int, wanted: int, width: int, depth: int) -> None:
        super().__init__()
        self.enter = nn.Linear(given, width)
        self.first = nn.LayerNorm(width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.last = nn.LayerNorm(width)
        self.leave = nn.Linear(width, wanted)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            x = self.leave(self.last(self.blocks(self.first(self.enter(x)))))
        return x.float()
