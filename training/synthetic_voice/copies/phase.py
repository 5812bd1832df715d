"""The original's amplitudes with other phases: what vocoders do to phase, without what they do to the envelope.

Random, zero, minimum, rounded or smoothed phases; original phase only below a frequency; phases rebuilt from spectral
peaks in one pass (Beauregard, Harish, Wyse: single pass spectrogram inversion, DSP 2015).
"""

from __future__ import annotations

import numpy as np
from griffin_lim import inverted
from numpy.typing import NDArray
from spectrum import RATE, Sound, Spectra, chosen, istft, minimum_phase, smooth, stft

SIZES = ((256, 64), (512, 128), (512, 64), (640, 160), (1024, 256), (1024, 128))
"""(frame, hop) in samples."""


def peaks(amplitude: NDArray[np.float64], hop: int) -> NDArray[np.float64]:
    """Phases (radians) that run on from frame to frame at the frequencies of the peaks, alike around each peak."""
    n_fft = 2 * (amplitude.shape[1] - 1)
    bins = np.arange(amplitude.shape[1])
    angle = np.zeros(amplitude.shape)
    for t in range(1, len(amplitude)):
        row = np.log(amplitude[t] + 1e-9)
        top = np.flatnonzero((row[1:-1] > row[:-2]) & (row[1:-1] >= row[2:])) + 1
        if not len(top):
            angle[t] = angle[t - 1]
            continue
        bend = row[top - 1] - 2 * row[top] + row[top + 1]
        centre = top + 0.5 * (row[top - 1] - row[top + 1]) / np.minimum(bend, -1e-9)
        advanced = angle[t - 1, top] + 2 * np.pi * hop * centre / n_fft
        nearest = np.searchsorted((top[1:] + top[:-1]) / 2, bins)
        # neighbours of a peak alternate in sign under a window that starts at the frame's edge
        angle[t] = advanced[nearest] + np.pi * ((bins - top[nearest]) % 2)
    return angle


def _angles(spectra: Spectra, hop: int, how: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """New phases in radians."""
    amplitude, angle = np.abs(spectra), np.angle(spectra)
    anew = rng.uniform(-np.pi, np.pi, spectra.shape)
    if how == "random":
        return angle + rng.uniform(0.4, 1.0) * anew
    if how == "minimum":
        return minimum_phase(np.log(amplitude + 1e-6)) + np.cumsum(rng.normal(0, 0.3, (len(spectra), 1)), axis=0)
    if how == "rounded":
        step = 2 * np.pi / rng.integers(2, 9)
        return np.round(angle / step) * step
    if how == "smoothed":
        # of the departure from a steady tone in each bin's middle, as unit vectors
        frames, bins = spectra.shape
        steady = np.pi * hop / (bins - 1) * np.outer(np.arange(frames), np.arange(bins))
        unit = np.exp(1j * (angle - steady))
        width = rng.uniform(0.7, 2.5)
        axis = int(rng.integers(2))
        return np.angle(smooth(unit.real, width, axis) + 1j * smooth(unit.imag, width, axis)) + steady
    if how == "upper":
        cut = rng.uniform(800, 4000)
        return np.where(np.linspace(0, RATE / 2, spectra.shape[1]) < cut, angle, anew)
    return peaks(amplitude, hop)


def copy(x: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    """`x` with its amplitudes and other phases, and the system's name."""
    how = chosen(rng, random=0.2, minimum=0.1, rounded=0.15, smoothed=0.15, upper=0.15, peaks=0.25)
    n_fft, hop = SIZES[int(rng.integers(len(SIZES)))]
    spectra = stft(x, n_fft, hop)
    angle = _angles(spectra, hop, how, rng)
    if rng.random() < 0.4:
        rounds = int(rng.integers(1, 6))
        return inverted(np.abs(spectra), np.exp(1j * angle), n_fft, hop, len(x), rounds, 0.0), f"phase {how}"
    return istft(np.abs(spectra) * np.exp(1j * angle), n_fft, hop, len(x)), f"phase {how}"
