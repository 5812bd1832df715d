"""Mel and complex spectra that the generators share, at several frame settings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

RATE = 16000
FLOOR = 1e-5


@dataclass(frozen=True)
class Setting:
    """Frames of a generator: samples a hop, mel bands (0 to 8 kHz), samples a window."""

    hop: int
    bands: int
    fft: int

    @property
    def bins(self) -> int:
        return self.fft // 2 + 1


def triangles(bands: int, bins: int) -> np.ndarray:
    """(bands, bins) triangular filters, each of sum one: a band is the mean magnitude around its centre.

    Centres follow the mel scale of O'Shaughnessy, 2595 log10(1 + f / 700). A filter narrower than a bin is widened to
    one bin on either side, so that no band is empty.
    """
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    step = RATE / 2 / (bins - 1)
    frequency = np.arange(bins) * step
    low = np.minimum(edges[:-2], edges[1:-1] - step)[:, None]
    high = np.maximum(edges[2:], edges[1:-1] + step)[:, None]
    centre = edges[1:-1, None]
    held = np.clip(np.minimum((frequency - low) / (centre - low), (high - frequency) / (high - centre)), 0, None)
    return held / held.sum(1, keepdims=True)


class Spectra(nn.Module):
    """Waves to spectra and back at one setting. Waves are (batch, samples), spectra (batch, frames, bins or bands)."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        filters = triangles(setting.bands, setting.bins)
        self.register_buffer("window", torch.hann_window(setting.fft), persistent=False)
        self.register_buffer("filters", torch.tensor(filters.T, dtype=torch.float32), persistent=False)
        spread = filters / (filters.sum(0, keepdims=True) + 1e-9)
        self.register_buffer("spread", torch.tensor(spread, dtype=torch.float32), persistent=False)

    def complex(self, wave: Tensor) -> Tensor:
        held = self.setting
        out = torch.stft(wave, held.fft, held.hop, window=self.window, return_complex=True)
        return out.transpose(1, 2)

    def wave(self, spectrum: Tensor) -> Tensor:
        held = self.setting
        return torch.istft(spectrum.transpose(1, 2), held.fft, held.hop, window=self.window)

    def mel(self, wave: Tensor) -> Tensor:
        """Log mel magnitudes, scaled to about unit spread."""
        return scaled(self.complex(wave).abs() @ self.filters)

    def envelope(self, mel: Tensor) -> Tensor:
        """Magnitude in every bin that the mel bands tell of."""
        return torch.exp(mel * 2 - 3) @ self.spread


def scaled(magnitude: Tensor) -> Tensor:
    """(log of the magnitude + 3) / 2: speech at -23 dBFS then lies in about -3 to 3."""
    return (torch.log(magnitude.clamp_min(FLOOR)) + 3) / 2
