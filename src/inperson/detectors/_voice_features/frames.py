"""Frames of sound, their spectra, and what all groups of numbers share."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Complex = NDArray[np.complexfloating[Any, Any]]

RATE = 16000
WINDOW, STEP, FFT = 400, 160, 512
"""25 ms Hann window every 10 ms: the common choice for speech."""
ACTIVE_DB = 40.0
BANDS = ((100, 500), (500, 1000), (1000, 2000), (2000, 3400), (3400, 5000), (5000, 6500), (6500, 7800))
"""Hz. The first four lie within telephone bandwidth."""
EPS = 1e-10


def rfft(x: Array, size: int | None = None, axis: int = -1) -> Complex:
    """In single precision where the input is (numpy before 2.0 would double it)."""
    from scipy import fft

    made: Complex = fft.rfft(x, size, axis=axis)
    return made


def irfft(x: Array | Complex, axis: int = -1) -> Array:
    from scipy import fft

    made: Array = fft.irfft(x, axis=axis)
    return made


@functools.lru_cache(maxsize=8)
def hann(length: int) -> Array:
    """Periodic Hann window."""
    return np.hanning(length + 1)[:-1].astype(np.float32)


def frames(x: Array, length: int, step: int) -> Array:
    """(samples,) -> (frames, length), a view: one every `step` samples; `length` at least must be there."""
    return np.lib.stride_tricks.sliding_window_view(x, length)[::step]


def stft(x: Array) -> tuple[Complex, Complex, NDArray[np.bool_]]:
    """Spectra, those of n * x[n] of every second frame (for the group delay), and which frames are active."""
    framed = frames(x, WINDOW, STEP) * hann(WINDOW)
    energy = np.einsum("ij,ij->i", framed, framed)
    active = energy > np.percentile(energy, 95) * 10 ** (-ACTIVE_DB / 10)
    ramp = (np.arange(WINDOW) - (WINDOW - 1) / 2).astype(np.float32)
    return rfft(framed, FFT), rfft(framed[::2] * ramp, FFT), active


def bins(band: tuple[int, int]) -> slice:
    """Of the short spectra, those between two frequencies in Hz."""
    return slice(round(band[0] * FFT / RATE), round(band[1] * FFT / RATE))


def band_levels(power: Array) -> Array:
    """(frames, bins) -> (bands, frames): logarithm of each band's mean power."""
    made: Array = np.log(np.stack([power[:, bins(band)].mean(axis=1) for band in BANDS]))
    return made


def median(x: Array) -> float:
    """Of all numbers; numpy's own spends most of its time on looking for NaN."""
    middle = x.size // 2
    parted = np.partition(x, middle, axis=None)
    upper = float(parted[middle])
    return upper if x.size % 2 else 0.5 * (upper + float(parted[:middle].max()))


def row_medians(x: Array) -> Array:
    """(n, m) -> (n,). Sorting short rows is several times faster than numpy's median of them."""
    ordered, middle = np.sort(x, axis=1), x.shape[1] // 2
    made: Array = 0.5 * (ordered[:, middle] + ordered[:, (x.shape[1] - 1) // 2])
    return made
