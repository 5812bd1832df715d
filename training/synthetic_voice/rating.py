"""The convolutions of Distill-MOS (Stahl and Gamper, ICASSP 2025), trained further on what a machine leaves in speech.

They were distilled from XLS-R to rate how good speech sounds, and look at magnitude and phase. The weights come from a
package of the registry (README.md).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from networks import RATE, Head, Network
from torch import Tensor, nn
from torch.nn import functional

WINDOW, STEP = RATE // 50, RATE // 100
WIDTHS = (2, 64, 64, 128, 256, 256, 256)
LOUDNESS = 0.12
"""Root mean square of the sound before the transform: about that of speech whose peak is 1, as it was trained with."""


class Compressed(nn.Module):
    """The spectrum with magnitudes to the power of 0.3: (batch, samples) -> (batch, 2, 161, frames)."""

    channels, height = 2, WINDOW // 2 + 1

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(WINDOW)
        angle = 2 * torch.pi * torch.arange(self.height)[:, None] * torch.arange(WINDOW) / WINDOW
        basis = torch.cat([torch.cos(angle) * window, -torch.sin(angle) * window])[:, None]
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("window", window, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x * (LOUDNESS / (x.square().mean(1, keepdim=True).sqrt() + 1e-9))
        if self.training:  # the same, several times faster, and not to be had in ONNX
            made = torch.fft.rfft(x.unfold(1, WINDOW, STEP) * self.window).transpose(1, 2)
            both = torch.stack([made.real, made.imag], 1)
        else:
            both = functional.conv1d(x[:, None], self.basis, stride=STEP).unflatten(1, (2, self.height))
        power = both.square().sum(1, keepdim=True).clamp(min=1e-12)
        return both * power**-0.35


class Rater(Network):
    """The first convolutions, and a head on the mean and deviation over time of what they find."""

    def __init__(self, layers: int = 6) -> None:
        super().__init__(Compressed())
        height, held = self.front.height, []
        for number, (i, o) in enumerate(pairwise(WIDTHS[: layers + 1])):
            down, along = (2 if number else 1), (2 if number == len(WIDTHS) - 2 else 1)
            held += [nn.Conv2d(i, o, 3, (down, along), (0, 1)), nn.LeakyReLU(0.1)]
            height = (height - 3) // down + 1
        self.layers = nn.Sequential(*held)
        self.head = Head(WIDTHS[layers] * height)

    def rest(self, picture: Tensor) -> Tensor:
        return self.head(self.layers(picture).flatten(1, 2))

    def begin(self, path: Path) -> None:
        """From the package's weights."""
        held = torch.load(path, map_location="cpu", weights_only=True)["model"]
        self.layers.load_state_dict({name: held[f"cnn.cnn.{name}"] for name in self.layers.state_dict()})

    def learned(self) -> list[nn.Parameter]:
        """Parameters that `begin` sets."""
        return list(self.layers.parameters())
