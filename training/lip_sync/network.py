"""Two small networks whose outputs are alike where mouth and voice belong together."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from inperson.lips.sound import BANDS

SIZE = 32
"""Of the embeddings."""
COMPONENTS = 8
"""Principal components of the mouth's shape that the network sees: 16 did worse on people it had not seen."""
WIDTHS = {"voice": 64, "lips": 48}
DILATIONS = (1, 2, 4)
"""A point sees 0.2 s on either side; twice as much did worse on people it had not seen."""


class Block(nn.Module):
    """A residual convolution over time."""

    def __init__(self, width: int, dilation: int, drop: float) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.over_time = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)
        self.drop = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.drop(self.mix(functional.gelu(self.over_time(self.norm(x)))))


class Encoder(nn.Module):
    """(b, t, channels) -> (b, t, SIZE)"""

    def __init__(self, channels: int, width: int, drop: float) -> None:
        super().__init__()
        self.enter = nn.Conv1d(channels, width, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(width, dilation, drop) for dilation in DILATIONS))
        self.norm = nn.GroupNorm(1, width)
        self.leave = nn.Conv1d(width, SIZE, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.blocks(self.enter(x.transpose(1, 2)))
        return self.leave(functional.gelu(self.norm(y))).transpose(1, 2)


class Pair(nn.Module):
    """Encoders of levelled spectra and of mouth shapes.

    Parameters
    ----------
    basis : (SHAPE, COMPONENTS)
        Principal components over their deviations.
    unit : bool
        Whether embeddings have length 1; else each number is held within 3 and a moment may count for little.
    """

    def __init__(self, basis: np.ndarray, unit: bool, drop: float = 0.2) -> None:
        super().__init__()
        self.register_buffer("basis", torch.as_tensor(basis, dtype=torch.float32))
        self.unit = unit
        self.of_voice = Encoder(BANDS, WIDTHS["voice"], drop)
        self.of_lips = Encoder(2 * basis.shape[1], WIDTHS["lips"], drop)
        self.scale = nn.Parameter(torch.tensor(2.0 if unit else 0.5))
        self.growth = nn.Parameter(torch.tensor(0.5))

    def _held(self, y: Tensor) -> Tensor:
        return functional.normalize(y, dim=2) if self.unit else 3 * torch.tanh(y / 3) / SIZE**0.25

    def voice(self, spectra: Tensor) -> Tensor:
        return self._held(self.of_voice(0.4 * spectra))

    def lips(self, mouth: Tensor) -> Tensor:
        shape = mouth @ self.basis
        speed = functional.pad(shape[:, 2:] - shape[:, :-2], (0, 0, 1, 1))
        return self._held(self.of_lips(torch.cat([shape, 2 * speed], dim=2)))


def likeness(voice: Tensor, lips: Tensor, reach: int) -> Tensor:
    """Mean inner product (c, b, 2 * reach + 1) of lips (c, t, d) and voices (b, t + 2 * reach, d) at every lag."""
    products = torch.einsum("ctd,bsd->cbts", lips, voice)
    c, b, t, _ = products.shape
    first, second, row, column = products.stride()
    return torch.as_strided(products, (c, b, t, 2 * reach + 1), (first, second, row + column, column)).mean(2)
