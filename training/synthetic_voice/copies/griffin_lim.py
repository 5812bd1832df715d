"""Copies from mel bands by Griffin-Lim, plain or fast.

Griffin and Lim (IEEE TASSP 1984); fast: Perraudin, Balazs, Sondergaard (WASPAA 2013). Frames of 32 to 64 ms in steps of
8 to 16 ms and 40 to 100 bands are what text-to-speech with this vocoder used (Tacotron: 50 and 12.5 ms, 80 bands,
amplitudes raised to 1.2 to 1.5 first).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from spectrum import Sound, Spectra, istft, mel_bands, smooth, stft

SIZES = ((512, 128), (640, 160), (800, 200), (1024, 256), (1024, 128), (960, 240))
"""(frame, hop) in samples."""


@lru_cache(64)
def _inverse(bands: int, bins: int) -> NDArray[np.float64]:
    return np.asarray(np.linalg.pinv(mel_bands(bands, bins)))


def spectrum_of(mels: NDArray[np.float64], bins: int, rounds: int) -> NDArray[np.float64]:
    """Non-negative amplitudes (frames, bins) whose bands are near `mels`: pseudo-inverse, then multiplicative steps.

    The steps are those of non-negative least squares (Lee and Seung 2001).
    """
    bands = mel_bands(mels.shape[1], bins)
    amplitude = np.maximum(mels @ _inverse(mels.shape[1], bins).T, 1e-5 * mels.max(axis=1, keepdims=True) + 1e-9)
    for _ in range(rounds):
        amplitude *= (mels @ bands) / (amplitude @ bands.T @ bands + 1e-12)
    return amplitude


def inverted(
    amplitude: NDArray[np.float64], phase: Spectra, n_fft: int, hop: int, length: int, rounds: int, momentum: float
) -> Sound:
    """Samples whose spectra have nearly these amplitudes; `phase` (unit complex numbers) is where it starts."""
    guess = amplitude * phase
    before = np.zeros_like(guess)
    for _ in range(rounds):
        rebuilt = stft(istft(guess, n_fft, hop, length), n_fft, hop)
        ahead = rebuilt + momentum * (rebuilt - before)
        before = rebuilt
        guess = amplitude * ahead / np.maximum(np.abs(ahead), 1e-12)
    return istft(guess, n_fft, hop, length)


def copy(x: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    """A copy of `x` through mel bands and Griffin-Lim, and the system's name."""
    n_fft, hop = SIZES[int(rng.integers(len(SIZES)))]
    bands = int(rng.integers(40, 101))
    amplitude = np.abs(stft(x, n_fft, hop))
    mels = amplitude @ mel_bands(bands, amplitude.shape[1]).T
    if rng.random() < 0.4:
        # an acoustic model's bands: smoother, rounded
        step = rng.uniform(0.02, 0.3)
        mels = np.exp(np.round(smooth(np.log(mels + 1e-6), rng.uniform(0, 1)) / step) * step)
    amplitude = spectrum_of(mels, amplitude.shape[1], int(rng.integers(0, 12)))
    power = rng.uniform(1.05, 1.5) if rng.random() < 0.4 else 1.0
    amplitude = amplitude**power
    start = np.exp(2j * np.pi * rng.random(amplitude.shape)) if rng.random() < 0.7 else np.ones_like(amplitude) + 0j
    fast = bool(rng.random() < 0.5)
    rounds = int(np.exp(rng.uniform(np.log(8), np.log(48))))
    y = inverted(amplitude, start, n_fft, hop, len(x), rounds, rng.uniform(0.9, 1.0) if fast else 0.0)
    return y, "fast Griffin-Lim" if fast else "Griffin-Lim"
