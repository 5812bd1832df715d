"""A frame-level GAN vocoder: log mels to magnitude and phase, then inverse STFT (after Vocos, Siuzdak 2023)."""

from __future__ import annotations

import torch
from blocks import Trunk
from spectra import Setting, Spectra
from torch import Tensor, nn


class Head(nn.Module):
    """A trunk that ends in a complex spectrum; its magnitude is a correction of a given envelope."""

    def __init__(self, given: int, setting: Setting, width: int, depth: int) -> None:
        super().__init__()
        self.spectra = Spectra(setting)
        self.trunk = Trunk(given, 2 * setting.bins, width, depth)

    def forward(self, x: Tensor, envelope: Tensor | None) -> Tensor:
        log_gain, phase = self.trunk(x).chunk(2, -1)
        magnitude = torch.exp(log_gain.clamp(-9, 5))
        if envelope is not None:
            magnitude = magnitude * envelope
        return self.spectra.wave(torch.polar(magnitude, phase))


class FrameGan(nn.Module):
    """(batch, frames, bands) log mels to (batch, (frames - 1) hops) wave."""

    kind = "vocoder_copy_synthesis"

    def __init__(self, setting: Setting, width: int = 192, depth: int = 6) -> None:
        super().__init__()
        self.head = Head(setting.bands, setting, width, depth)
        self.spectra = self.head.spectra

    def forward(self, mel: Tensor) -> Tensor:
        return self.head(mel, self.spectra.envelope(mel))

    def copy(self, wave: Tensor) -> Tensor:
        return self(self.spectra.mel(wave))
