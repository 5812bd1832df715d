"""A small transposed-convolution GAN vocoder (after HiFi-GAN, Kong et al. 2020); its upsampling leaves images."""

from __future__ import annotations

import torch
from spectra import Setting, Spectra
from torch import Tensor, nn
from torch.nn import functional


class Upsampler(nn.Module):
    """(batch, frames, bands) log mels to (batch, (frames - 1) hops) wave; the rates' product is the hop."""

    kind = "vocoder_copy_synthesis"

    def __init__(self, setting: Setting, rates: tuple[int, ...] = (5, 5, 4, 2), width: int = 96) -> None:
        super().__init__()
        self.spectra = Spectra(setting)
        self.enter = nn.Conv1d(setting.bands, width, 7, padding=3)
        widths = [max(width >> (i + 1), 8) for i in range(len(rates))]
        pairs = zip([width, *widths[:-1]], widths, rates, strict=True)
        self.up = nn.ModuleList(
            nn.ConvTranspose1d(a, b, 2 * r, r, padding=(r + 1) // 2, output_padding=r % 2) for a, b, r in pairs
        )
        self.mix = nn.ModuleList(nn.ModuleList(_dilated(b, d) for d in (1, 3)) for b in widths)
        self.leave = nn.Conv1d(widths[-1], 1, 7, padding=3)

    def forward(self, mel: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            x = self.enter(mel[:, :-1].transpose(1, 2))
            for up, mix in zip(self.up, self.mix, strict=True):
                x = up(functional.leaky_relu(x, 0.1))
                for layer in mix:
                    x = x + layer(functional.leaky_relu(x, 0.1))
            x = self.leave(functional.leaky_relu(x, 0.1))
        return torch.tanh(x.float()[:, 0])

    def copy(self, wave: Tensor) -> Tensor:
        return self(self.spectra.mel(wave))


def _dilated(width: int, dilation: int) -> nn.Module:
    return nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
