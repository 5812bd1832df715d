"""How cepstra of linear and mel filter banks move (``lfcc``, ``mfcc``)."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._voice_features.frames import EPS, FFT, RATE, Array


def cepstra(power: Array, active: NDArray[np.bool_]) -> dict[str, float]:
    """Of `power` (frames, bins), over the frames that are `active` (frames,): deviations, natural logarithms."""
    banks = {
        "lfcc": (_filters("linear", 24, 200, 3500), 16),
        "mfcc": (_filters("mel", 30, 100, 7600), 16),
    }
    out: dict[str, float] = {}
    for name, (bank, keep) in banks.items():
        logs = np.log(power @ bank.T + EPS)
        made = (logs @ dct(len(bank)).T)[:, 1:keep]
        first = _delta(made)
        second = _delta(first)
        deviation = made[active].std(axis=0) + 1e-6
        speed = np.log(first[active].std(axis=0) / deviation + 1e-6)
        change = np.log(second[active].std(axis=0) / deviation + 1e-6)
        for i in range(keep - 1):
            out[f"{name}.std{i + 1}"] = np.log(deviation[i])
            out[f"{name}.delta{i + 1}"] = speed[i]
            out[f"{name}.accel{i + 1}"] = change[i]
    return out


@functools.lru_cache(maxsize=8)
def _filters(kind: str, count: int, low: float, high: float) -> Array:
    """(count, bins) triangular filters, linear or mel spaced (mel after O'Shaughnessy: 2595 log10(1 + f / 700))."""
    if kind == "mel":
        edges = np.linspace(2595 * np.log10(1 + low / 700), 2595 * np.log10(1 + high / 700), count + 2)
        edges = 700 * (10 ** (edges / 2595) - 1)
    else:
        edges = np.linspace(low, high, count + 2)
    f = np.fft.rfftfreq(FFT, 1 / RATE)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    shape = np.clip(np.minimum((f - left) / (centre - left), (right - f) / (right - centre)), 0, None)
    made: Array = (shape / np.maximum(shape.sum(axis=1, keepdims=True), EPS)).astype(np.float32)
    return made


@functools.lru_cache(maxsize=8)
def dct(size: int) -> Array:
    """Orthonormal DCT-II, (size, size)."""
    n = np.arange(size)
    basis = np.cos(np.pi * (n[None, :] + 0.5) * n[:, None] / size) * np.sqrt(2 / size)
    basis[0] /= np.sqrt(2)
    made: Array = basis.astype(np.float32)
    return made


def _delta(series: Array) -> Array:
    """Slope over five frames (regression formula of the HTK book), along the first axis."""
    padded = np.pad(series, ((2, 2), (0, 0)), mode="edge")
    size = len(series)
    return (padded[3 : size + 3] - padded[1 : size + 1] + 2 * (padded[4 : size + 4] - padded[:size])) / 10
