"""Linear-prediction vocoders: pulses or noise, mixed excitation, a baseband residual, or the residual's phase made up.

LPC-10 (Tremain 1982: order 10, pulse or hiss), mixed excitation (McCree and Barnwell 1995), residual-excited prediction
with a regenerated upper band (Un and Magill 1975). Frames of 20 to 32 ms, log-area ratios rounded as in LPC-10.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from spectrum import RATE, Sound, chosen, istft, smooth, stft
from world import pitch


def predictors(x: Sound, n_fft: int, hop: int, order: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Reflection coefficients (frames, order) and residual powers (frames,), by Levinson and Durbin's recursion."""
    power = np.abs(stft(x, n_fft, hop)) ** 2
    r = np.fft.irfft(power, axis=1)[:, : order + 1]
    r[:, 0] = 1.0001 * r[:, 0] + 1e-9
    a = np.zeros_like(r)
    a[:, 0] = 1
    error = r[:, 0].copy()
    reflections = np.zeros((len(r), order))
    for i in range(1, order + 1):
        k = -np.sum(a[:, :i] * r[:, i:0:-1], axis=1) / error
        reflections[:, i - 1] = k
        a[:, 1 : i + 1] += k[:, None] * a[:, i - 1 :: -1]
        error *= 1 - k**2
    return reflections, error / n_fft


def polynomial(reflections: NDArray[np.float64]) -> NDArray[np.float64]:
    """The prediction polynomials (frames, order + 1) with these reflection coefficients."""
    a = np.zeros((len(reflections), reflections.shape[1] + 1))
    a[:, 0] = 1
    for i in range(1, a.shape[1]):
        a[:, 1 : i + 1] += reflections[:, i - 1 : i] * a[:, i - 1 :: -1]
    return a


def pulses(f0: NDArray[np.float64], period: float, length: int, rng: np.random.Generator) -> Sound:
    """A pulse of power 1 per sample, on average, at every pitch period where voiced; 0 where not."""
    times = np.arange(length) / RATE / period
    track = np.interp(times, np.arange(len(f0)), f0)
    track[f0[np.minimum(np.round(times).astype(int), len(f0) - 1)] <= 0] = 0
    jitter = rng.uniform(0, 0.03)
    turns = np.cumsum(track / RATE)
    at = np.flatnonzero(np.diff(np.floor(turns)) > 0)
    at = np.clip(at + np.round(jitter * rng.standard_normal(len(at)) * RATE / np.maximum(track[at], 60)), 0, length - 1)
    y = np.zeros(length)
    at = at.astype(int)
    y[at] = np.sqrt(RATE / np.maximum(track[at], 60))
    return y


def _excitation(x: Sound, residual: Sound, hop: int, how: str, rng: np.random.Generator) -> Sound:
    """What drives the filters, flat in spectrum, about 1 in power before the frames' gains."""
    noise = rng.standard_normal(len(x))
    if how == "residual":
        return _regenerated(residual, rng)
    if how == "phase":
        spectra = stft(residual, 512, 128)
        angle = rng.uniform(0.3, 1.0) * np.pi * rng.uniform(-1, 1, spectra.shape)
        return istft(spectra * np.exp(1j * angle), 512, 128, len(x))
    f0 = pitch(x, hop / RATE)
    pulse = pulses(f0, hop / RATE, len(x), rng)
    frames = np.interp(np.arange(len(x)) / hop, np.arange(len(f0)), smooth((f0 > 0).astype(float), 1.0))
    if how == "pulse":
        return np.where(frames > 0.5, pulse, noise)
    cut, slope = rng.uniform(1500, 6000), rng.uniform(100, 1000)
    f = np.linspace(0, RATE / 2, 257)
    high = 1 / (1 + np.exp(-(f - cut) / slope))
    low_part = istft(stft(pulse, 512, 128) * np.sqrt(1 - 0.95 * high), 512, 128, len(x))
    high_part = istft(stft(noise, 512, 128) * np.sqrt(0.05 + 0.95 * high), 512, 128, len(x))
    return frames * (low_part + high_part) + (1 - frames) * noise


def _regenerated(residual: Sound, rng: np.random.Generator) -> Sound:
    """The residual below 0.8 to 2 kHz, its copies above: spectral folding, every `factor`-th sample kept."""
    factor = int(rng.integers(4, 11))
    spectra = stft(residual, 512, 128)
    spectra[:, np.linspace(0, RATE / 2, 257) > RATE / 2 / factor] = 0
    base = istft(spectra, 512, 128, len(residual))
    folded = np.zeros_like(base)
    folded[::factor] = factor * base[::factor]
    return folded


def copy(x: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    """A linear-prediction copy of `x` and the system's name."""
    how = chosen(rng, pulse=0.25, mixed=0.35, residual=0.15, phase=0.25)
    n_fft, hop = ((320, 80), (480, 160), (512, 128), (480, 120))[int(rng.integers(4))]
    order = int(rng.integers(10, 25))
    emphasis = rng.uniform(0.8, 0.97)
    flat = np.append(x[:1], x[1:] - emphasis * x[:-1])
    reflections, power = predictors(flat, n_fft, hop, order)
    ratios = 2 * np.arctanh(np.clip(reflections, -0.9999, 0.9999))
    ratios = smooth(ratios, rng.choice([0.0, 0.7, 1.5]))
    if rng.random() < 0.6:
        step = rng.uniform(0.05, 0.4)
        ratios = np.round(ratios / step) * step
    a = polynomial(np.tanh(ratios / 2)) * rng.uniform(0.985, 1.0) ** np.arange(order + 1)
    response = np.fft.rfft(a, n_fft, axis=1)
    residual = istft(stft(flat, n_fft, hop) * response, n_fft, hop, len(x))
    drive = stft(_excitation(x, residual, hop, how, rng), n_fft, hop)
    # each frame's power is that of the original's residual, rounded to 1.5 dB as coders do
    wanted = np.exp(np.round(np.log(power + 1e-12) / 0.345) * 0.345)
    given = np.mean(np.abs(drive) ** 2, axis=1) / n_fft
    gain = np.sqrt(wanted / (smooth(given, 1.0) + 1e-9))
    y = istft(drive * gain[:, None] / response, n_fft, hop, len(x))
    return np.asarray(lfilter([1], [1, -emphasis], y)), f"LPC {how}"
