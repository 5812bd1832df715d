"""Spectral distances between a wave and its copy (multi-resolution STFT, Yamamoto et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor

WINDOWS = (256, 512, 1024)


def spectral(made: Tensor, real: Tensor) -> Tensor:
    """Mean over windows of log-magnitude distance and spectral convergence; waves are (batch, samples)."""
    total = made.new_zeros(())
    for size in WINDOWS:
        window = torch.hann_window(size)
        a, b = (torch.stft(x, size, size // 4, window=window, return_complex=True) for x in (made, real))
        a, b = (x.real**2 + x.imag**2 for x in (a, b))
        far = (torch.log(a + 1e-5) - torch.log(b + 1e-5)).abs().mean() / 2
        a, b = (torch.sqrt(x + 1e-7) for x in (a, b))
        total = total + far + (a - b).norm() / (b.norm() + 1e-3)
    return total / len(WINDOWS)
