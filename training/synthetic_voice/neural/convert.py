"""Voice conversion through a narrow bottleneck (after AutoVC, Qian et al. 2019), frame-level instead of recurrent.

A content encoder sees mels and the speaker's embedding, keeps a few numbers every `stride` frames, and a decoder
predicts the mels again from those and an embedding. Trained on the speaker's own embedding alone; given another's, it
answers in that voice. Its mels are over-smooth, as predicted ones are.
"""

from __future__ import annotations

import torch
from blocks import Trunk
from spectra import Setting, Spectra
from torch import Tensor, nn
from torch.nn import functional

SPEAKER = 256
"""Numbers in an embedding of Resemblyzer (Wan et al. 2018)."""


class Converter(nn.Module):
    """(batch, frames, bands) mels and (batch, 256) embeddings to mels."""

    kind = "vc"

    def __init__(self, setting: Setting, neck: int = 12, stride: int = 4, width: int = 160) -> None:
        super().__init__()
        self.spectra = Spectra(setting)
        self.stride = stride
        self.encoder = Trunk(setting.bands + SPEAKER, neck, width, 3)
        self.decoder = Trunk(neck + SPEAKER, setting.bands, width, 4)
        self.refine = Trunk(setting.bands, setting.bands, 96, 2)

    def content(self, mel: Tensor, speaker: Tensor) -> Tensor:
        """(batch, frames, neck): what is said, in steps of `stride` frames."""
        mel = mel - mel.mean(1, keepdim=True)  # the channel and much of the voice
        codes = self.encoder(torch.cat([mel, _every(speaker, mel)], -1)).transpose(1, 2)
        codes = torch.tanh(functional.avg_pool1d(codes, self.stride, ceil_mode=True))
        long = functional.interpolate(codes, scale_factor=float(self.stride), mode="linear")
        return long[..., : mel.shape[1]].transpose(1, 2)

    def forward(self, mel: Tensor, own: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Mels before and after refinement."""
        codes = self.content(mel, own)
        coarse = self.decoder(torch.cat([codes, _every(wanted, codes)], -1))
        return coarse, coarse + self.refine(coarse)

    def loss(self, wave: Tensor, speaker: Tensor) -> Tensor:
        mel = self.spectra.mel(wave)
        coarse, fine = self(mel, speaker, speaker)
        return (coarse - mel).abs().mean() + (fine - mel).abs().mean() + (fine - mel).square().mean()


def _every(speaker: Tensor, frames: Tensor) -> Tensor:
    return speaker[:, None].expand(-1, frames.shape[1], -1) * 4  # unit vectors have entries about 1/16
