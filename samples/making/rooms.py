"""Rooms: a few early reflections and a short tail, and the noise that is there when nobody speaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from .voices import RATE

Samples = NDArray[np.float64]


def reverberate(voice: Samples, seed: int, decay: float = 0.22, wet_db: float = -14.0) -> Samples:
    """Direct sound plus an exponentially decaying tail (`decay`: seconds to -60 dB), same length."""
    generator = np.random.default_rng(seed)
    length = int(decay * RATE)
    time = np.arange(length) / RATE
    tail = generator.standard_normal(length) * 10 ** (-3.0 * time / decay)
    tail[: int(0.004 * RATE)] = 0.0
    for delay in generator.uniform(0.004, 0.025, 6):
        tail[int(delay * RATE)] += generator.choice([-1.0, 1.0]) * 12.0
    tail *= 10 ** (wet_db / 20) / np.sqrt(np.sum(tail**2))
    return voice + fftconvolve(voice, tail)[: len(voice)]


def noise(length: int, seed: int, level_db: float = -62.0, hum: float = 0.0) -> Samples:
    """Room noise: pink above 60 Hz, slowly breathing, with an optional mains hum (share of the RMS)."""
    generator = np.random.default_rng(seed)
    spectrum = np.fft.rfft(generator.standard_normal(length))
    frequency = np.fft.rfftfreq(length, 1 / RATE)
    spectrum *= 1 / np.sqrt(np.maximum(frequency, 60.0)) / (1 + (frequency / 6_500.0) ** 4)
    spectrum[frequency < 40.0] = 0.0
    room = np.fft.irfft(spectrum, length)
    room /= np.sqrt(np.mean(room**2))
    time = np.arange(length) / RATE
    knots = np.arange(0, time[-1] + 3, 2.0)
    slow = np.interp(time, knots, generator.normal(0, 0.12, len(knots)))
    room = room * np.exp(slow) + hum * np.sqrt(2) * np.sin(2 * np.pi * 120.0 * time)
    return room * 10 ** (level_db / 20)
