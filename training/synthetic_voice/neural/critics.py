"""Small discriminators: on complex spectra at three resolutions, and on samples folded by three periods.

After UnivNet (Jang et al. 2021) and HiFi-GAN (Kong et al. 2020), at a hundredth of their size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WINDOWS = (256, 512, 1024)
PERIODS = (3, 5, 7)


def _stack(given: int, widths: tuple[int, ...], kernel: tuple[int, int], stride: tuple[int, int]) -> nn.ModuleList:
    pad = (kernel[0] // 2, kernel[1] // 2)
    layers = [nn.Conv2d(a, b, kernel, stride, pad) for a, b in zip((given, *widths[:-1]), widths, strict=True)]
    return nn.ModuleList([*layers, nn.Conv2d(widths[-1], 1, (3, 3), 1, 1)])


class Critics(nn.Module):
    """(batch, samples) to, for each critic, the outputs of all its layers; the last is the verdict."""

    def __init__(self) -> None:
        super().__init__()
        self.spectral = nn.ModuleList(_stack(2, (12, 16, 24, 24), (7, 3), (3, 1)) for _ in WINDOWS)
        self.folded = nn.ModuleList(_stack(1, (8, 16, 32, 32), (5, 1), (3, 1)) for _ in PERIODS)

    def forward(self, wave: Tensor) -> list[list[Tensor]]:
        views = [_spectrum(wave, size) for size in WINDOWS] + [_fold(wave, period) for period in PERIODS]
        return [_through(x, stack) for x, stack in zip(views, [*self.spectral, *self.folded], strict=True)]


def _spectrum(wave: Tensor, size: int) -> Tensor:
    out = torch.stft(wave, size, size // 2, window=torch.hann_window(size), return_complex=True)
    held = torch.stack([out.real, out.imag], 1)
    return held / (held.square().sum(1, keepdim=True) + 1e-4) ** 0.35  # loudness compressed, phase kept


def _fold(wave: Tensor, period: int) -> Tensor:
    wave = functional.pad(wave, (0, -wave.shape[1] % period))
    return wave.view(wave.shape[0], 1, -1, period) * 5


def _through(x: Tensor, stack: nn.Module) -> list[Tensor]:
    layers = list(stack.children())
    outs = []
    with torch.autocast("cpu", torch.bfloat16):
        x = x.contiguous(memory_format=torch.channels_last)
        for layer in layers:
            x = layer(x)
            outs.append(x.float())
            x = functional.leaky_relu(x, 0.1)
    return outs


def critic_loss(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """Least squares: real to one, made to zero."""
    return sum((1 - r[-1]).square().mean() + m[-1].square().mean() for r, m in zip(real, made, strict=True)) / len(real)


def generator_loss(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """Least squares towards one, and feature matching."""
    total = made[0][-1].new_zeros(())
    for r, m in zip(real, made, strict=True):
        pairs = zip(r[:-1], m[:-1], strict=True)
        match = sum((a.detach() - b).abs().mean() / (a.detach().abs().mean() + 1e-3) for a, b in pairs)
        total = total + (1 - m[-1]).square().mean() + match / 2
    return total / len(real)
