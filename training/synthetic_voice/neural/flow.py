"""A flow-matching vocoder: from noise to the normalised complex spectrum in a few steps, given log mels.

Straight paths (Lipman et al. 2023); the network predicts their end, from which the velocity follows. The spectrum is
divided by the envelope that the mels tell of and its magnitude square-rooted, so that what is learnt is phase and fine
structure, as RFWave (Liu et al. 2024) does by bands. Trained as briefly as here it whispers when it starts from noise
alone; started midway from another generator's wave (shallow diffusion, Liu et al. 2022) it keeps the voice.
"""

from __future__ import annotations

import math

import torch
from blocks import Trunk
from spectra import RATE, Setting, Spectra
from torch import Tensor, nn


class Flow(nn.Module):
    """(batch, frames, bands) log mels to wave; `inner` are the frames of the spectrum that flows, at the same hop."""

    kind = "vocoder_copy_synthesis"

    def __init__(self, setting: Setting, inner: int, width: int = 224, depth: int = 6) -> None:
        super().__init__()
        self.spectra = Spectra(setting)
        self.inner = Spectra(Setting(setting.hop, setting.bands, inner))
        self.bins = inner // 2 + 1
        self.trunk = Trunk(2 * self.bins + setting.bands + 8, 2 * self.bins, width, depth)

    def normal(self, wave: Tensor, mel: Tensor) -> Tensor:
        """(batch, frames, 2 bins): the spectrum as it flows."""
        spectrum = self.inner.complex(wave)
        size = spectrum.abs().clamp_min(1e-6)
        small = (size / (self._envelope(mel))).sqrt().clamp_max(4) * 1.5
        return torch.view_as_real(spectrum / size * small).flatten(-2)

    def whole(self, state: Tensor, mel: Tensor) -> Tensor:
        """The wave of a state."""
        pair = state.unflatten(-1, (-1, 2)) / 1.5
        size = pair.norm(dim=-1).clamp_min(1e-6)
        spectrum = torch.view_as_complex((pair * size[..., None]).contiguous()) * self._envelope(mel)
        return self.inner.wave(spectrum)

    def _envelope(self, mel: Tensor) -> Tensor:
        # a shorter window gathers less: in proportion for tones, by its root for noise; between the two
        return self.inner.envelope(mel) * (self.inner.setting.fft / self.spectra.setting.fft) ** 0.75 + 1e-4

    def end(self, state: Tensor, mel: Tensor, time: Tensor) -> Tensor:
        """The path's end as the network sees it at `time` (batch, 1, 1)."""
        angles = time * math.pi * torch.arange(1, 5) / 2
        clock = torch.cat([angles.sin(), angles.cos()], -1).expand(-1, mel.shape[1], -1)
        return self.trunk(torch.cat([state, mel, clock], -1))

    def loss(self, wave: Tensor) -> Tensor:
        """Squared distance to the path's end, low frequencies and loud cells first."""
        mel = self.spectra.mel(wave)
        goal = self.normal(wave, mel)
        time = torch.rand(len(wave), 1, 1)
        state = (1 - time) * torch.randn_like(goal) + time * goal
        frequency = torch.linspace(0, RATE / 2, self.bins).repeat_interleave(2)
        weight = 1 / (1 + frequency / 1500) * (0.1 + mel.mean(-1, keepdim=True).add(2.5).clamp(0, 2))
        return ((self.end(state, mel, time) - goal).square() * weight).mean() / weight.mean()

    def forward(self, mel: Tensor, steps: int = 6, start: Tensor | None = None, since: float = 0.0) -> Tensor:
        """From noise, or from another vocoder's wave `start` noised to the path's time `since` (shallow diffusion)."""
        state = torch.randn(*mel.shape[:2], 2 * self.bins)
        if start is not None:
            state = (1 - since) * state + since * self.normal(start, mel)
        for step in range(steps):
            now = since + (1 - since) * step / steps
            clock = torch.full((len(mel), 1, 1), now)
            state = state + (self.end(state, mel, clock) - state) / (steps - step)
        return self.whole(state, mel)
