"""Short-time spectra, mel bands and smoothing, shared by every kind of copy. Sounds are float64, 16 kHz, mono."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, minimum_filter1d
from scipy.signal import get_window

RATE = 16000
"""Samples per second of everything here."""

Sound = NDArray[np.float64]
"""Samples, shape (n,)."""
Spectra = NDArray[np.complex128]
"""Shape (frames, n_fft // 2 + 1)."""


@lru_cache(16)
def _window(n_fft: int) -> Sound:
    return np.asarray(get_window("hann", n_fft))


def stft(x: Sound, n_fft: int, hop: int) -> Spectra:
    """Hann-windowed spectra of frames centred on multiples of `hop`; `hop` divides `n_fft`."""
    padded = np.pad(x, (n_fft // 2, n_fft))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop][: len(x) // hop + 1]
    return np.fft.rfft(frames * _window(n_fft), axis=1)


def istft(spectra: Spectra, n_fft: int, hop: int, length: int) -> Sound:
    """The least-squares inverse of `stft` (Griffin and Lim 1984), `length` samples."""
    frames = np.fft.irfft(spectra, n_fft, axis=1) * _window(n_fft)
    overlaps = n_fft // hop
    out = np.zeros((len(frames) + overlaps, hop))
    weight = np.zeros((len(frames) + overlaps, hop))
    square = _window(n_fft).reshape(overlaps, hop) ** 2
    for k in range(overlaps):
        out[k : k + len(frames)] += frames[:, k * hop : (k + 1) * hop]
        weight[k : k + len(frames)] += square[k]
    y = (out / np.maximum(weight, 1e-3)).ravel()[n_fft // 2 :][:length]
    return np.pad(y, (0, length - len(y)))


def mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """The HTK mel scale, 2595 log10(1 + f / 700)."""
    return np.asarray(2595 * np.log10(1 + np.asarray(hertz) / 700))


def hertz(mels: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Inverse of `mel`."""
    return np.asarray(700 * (10 ** (np.asarray(mels) / 2595) - 1))


@lru_cache(64)
def mel_bands(bands: int, bins: int, low: float = 0.0, high: float = RATE / 2) -> NDArray[np.float64]:
    """Triangular bands of unit sum over `bins` frequencies from 0 to 8 kHz, shape (bands, bins)."""
    edges = hertz(np.linspace(float(mel(low)), float(mel(high)), bands + 2))
    f = np.linspace(0, RATE / 2, bins)
    rise = (f - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - f) / (edges[2:] - edges[1:-1])[:, None]
    weight = np.maximum(0, np.minimum(rise, fall))
    # the lowest bands can be narrower than a bin: they take the nearest
    empty = weight.sum(axis=1) < 1e-3
    weight[empty, np.argmin(np.abs(f - edges[1:-1, None]), axis=1)[empty]] = 1
    return weight / weight.sum(axis=1, keepdims=True)


def to_mel(power: NDArray[np.float64], bands: int) -> NDArray[np.float64]:
    """Natural logarithm of mel-band powers, (frames, bands), of power spectra (frames, bins)."""
    return np.log(power @ mel_bands(bands, power.shape[1]).T + 1e-12)


def from_mel(log_mel: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Power spectra (frames, bins) that run smoothly through the bands' centres: inverse of `to_mel` for envelopes."""
    bands = log_mel.shape[1]
    position = mel(np.linspace(0, RATE / 2, bins)) / float(mel(RATE / 2)) * (bands + 1) - 1
    return np.exp(at(log_mel, np.broadcast_to(position, (len(log_mel), bins))))


def at(table: NDArray[np.float64], position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of `table` (frames, bins) read at fractional bins `position` (frames, n), linearly; held at the ends."""
    position = np.clip(position, 0, table.shape[1] - 1.0)
    left = np.minimum(position.astype(int), table.shape[1] - 2)
    part = position - left
    low = np.take_along_axis(table, left, axis=1)
    return low + part * (np.take_along_axis(table, left + 1, axis=1) - low)


def resampled(table: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of `table` at fractional row numbers `times`, linearly."""
    return np.ascontiguousarray(at(table.T, np.broadcast_to(times, (table.shape[1], len(times)))).T)


def smooth(table: NDArray[np.float64], sigma: float, axis: int = 0) -> NDArray[np.float64]:
    """Gaussian smoothing, `sigma` in steps of `axis`; 0 leaves `table` as it is."""
    return np.asarray(gaussian_filter1d(table, sigma, axis=axis, mode="nearest")) if sigma > 0 else table


def minimum_phase(log_amplitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Phase in radians of the minimum-phase response with these log amplitudes (frames, bins), by folded cepstrum."""
    bins = log_amplitude.shape[1]
    cepstrum = np.fft.irfft(log_amplitude, axis=1)
    cepstrum[:, 1 : bins - 1] *= 2
    cepstrum[:, bins:] = 0
    return np.fft.rfft(cepstrum, axis=1).imag


def background(x: Sound) -> Sound:
    """What remains of `x` when speech is taken away: its spectra times the square root of noise over all power.

    The noise in a bin is the lowest of its smoothed power within 1.5 s (minimum statistics, Martin 2001, without the
    optimal smoothing).
    """
    n_fft, hop = 512, 128
    spectra = stft(x, n_fft, hop)
    power = smooth(np.abs(spectra) ** 2, 6.0) + 1e-12
    noise = 1.5 * minimum_filter1d(power, 187, axis=0, mode="nearest")
    return istft(spectra * np.sqrt(np.minimum(noise / power, 1)), n_fft, hop, len(x))


def rms(x: Sound) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(x)) + 1e-20))


def chosen(rng: np.random.Generator, **weights: float) -> str:
    """One of the names, drawn by its weight."""
    total = sum(weights.values())
    return str(rng.choice(list(weights), p=[weight / total for weight in weights.values()]))
