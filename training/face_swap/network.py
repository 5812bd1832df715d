"""The frame model: is this face pasted in, and where."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (56, 96, 144, 208)
HEADS = 4
COARSE, FINEST = 64.0, 8.0
"""Levels of brightness that count as one, and of a pixel's difference from its neighbours (noise and pores)."""


def layer(i: int, o: int, step: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(i, o, 3, step, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(True))


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = layer(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class Compare(nn.Module):
    """Attention between all places: cheek against ear, brow against hair."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.norm = nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        flat = x.flatten(2).transpose(1, 2)
        parts = self.ask(self.norm(flat)).reshape(n, h * w, 3, HEADS, c // HEADS).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        mixed = mixed.transpose(1, 2).reshape(n, h * w, c)
        return x + self.out(mixed).transpose(1, 2).reshape(n, c, h, w)


def folded() -> nn.Conv2d:
    """(n, 3, 2 h, 2 w) to (n, 24, h, w): two by two pixels as channels, as they are and less their neighbours' mean.

    One fixed convolution does both: nothing of the finest detail is averaged away.
    """
    conv = nn.Conv2d(3, 24, 4, 2, 1, bias=False)
    conv.weight.requires_grad_(False).zero_()
    for colour in range(3):
        for place, (row, column) in enumerate(((1, 1), (1, 2), (2, 1), (2, 2))):
            conv.weight[4 * colour + place, colour, row, column] = 1 / COARSE
            around = conv.weight[12 + 4 * colour + place, colour]
            around[row - 1 : row + 2, column - 1 : column + 2] -= 1 / (9 * FINEST)
            around[row, column] += 1 / FINEST
    return conv


class FrameModel(nn.Module):
    """(n, 3, 256, 256) RGB in 0 to 255 -> score (n,), maps (n, 2, 32, 32)

    The score is a logit; the maps are logits of how much of a place comes from another picture, and of a blend's edge.
    The crop is aligned, so the network may learn what belongs where (`place`).
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        a, b, c, d = widths
        with torch.no_grad():
            self.front = folded()
        self.stem = nn.Sequential(nn.BatchNorm2d(24), layer(24, a, 2), layer(a, a))
        self.fine = nn.Sequential(layer(a, b, 2), Residual(b))
        self.place = nn.Parameter(torch.zeros(1, b, 32, 32))
        self.middle = nn.Sequential(layer(b, c, 2), Residual(c), Compare(c), Residual(c))
        self.coarse = nn.Sequential(layer(c, d, 2), Residual(d))
        self.across = nn.Sequential(nn.Conv2d(c, b, 1), nn.Upsample(scale_factor=2, mode="nearest"))
        self.map = nn.Sequential(layer(b, b), nn.Conv2d(b, 2, 1))
        self.drop = nn.Dropout(0.2)
        self.score = nn.Linear(b + c + d + 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.fine(self.stem(self.front(x - 128.0))) + self.place
        middle = self.middle(fine)
        joined = fine + self.across(middle)
        maps = self.map(joined)
        coarse = self.coarse(middle)
        pooled = (coarse.mean((2, 3)), middle.mean((2, 3)), joined.mean((2, 3)), maps.mean((2, 3)), maps.amax((2, 3)))
        return self.score(self.drop(torch.cat([p.float() for p in pooled], 1)))[:, 0], maps
