"""Harmonics and noise: sums of sinusoids at multiples of the pitch, and shaped noise above and between.

McAulay and Quatieri (IEEE TASSP 1986); harmonic plus noise model, Stylianou (IEEE TSAP 2001): harmonics up to a maximum
voiced frequency, noise over it. Phases are not kept: they run on from the pitch, from zero, minimum phase or at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from spectrum import RATE, Sound, at, chosen, istft, minimum_phase, smooth, stft
from world import Frames, pitch, smoothed_pitch


@dataclass(frozen=True)
class Style:
    """How harmonics are drawn."""

    phase: str = "zero"
    """zero | random (one offset a harmonic) | minimum (from the envelope)."""
    hold: bool = False
    """Pitch in steps of a frame, as the nearest-neighbour upsampling of neural source filters gives it."""
    top: float = RATE / 2 - 200
    """Hz: the highest harmonic."""


def _samples(rows: NDArray[np.float64], hop: int, length: int) -> NDArray[np.float64]:
    """A row of numbers, one every `hop` samples, as samples, linearly."""
    after = np.append(rows[1:], rows[-1:])
    weight = np.arange(hop) / hop
    y = (rows[:, None] * (1 - weight) + after[:, None] * weight).ravel()[:length]
    return np.pad(y, (0, length - len(y)), mode="edge")


def harmonics(
    f0: NDArray[np.float64],
    amplitude: NDArray[np.float64],
    hop: int,
    length: int,
    style: Style,
    rng: np.random.Generator,
) -> Sound:
    """Cosines at multiples of `f0` (frames,) whose amplitudes follow `amplitude` (frames, bins to 8 kHz)."""
    voiced = f0 > 0
    if not voiced.any():
        return np.zeros(length)
    steps = np.arange(len(f0))
    track = np.interp(steps, steps[voiced], f0[voiced])
    f = np.repeat(track, hop)[:length] if style.hold else _samples(track, hop, length)
    f = np.pad(f, (0, length - len(f)), mode="edge")
    where = np.flatnonzero(_samples(voiced.astype(float), hop, length) > 0)
    turn = np.exp(1j * (2 * np.pi * np.cumsum(f)[where] / RATE + rng.uniform(0, 2 * np.pi)))
    angle = minimum_phase(np.log(amplitude + 1e-6)) if style.phase == "minimum" else None
    wave = np.ones_like(turn)
    y = np.zeros(len(where))
    scale = (amplitude.shape[1] - 1) / (RATE / 2)
    for h in range(1, int(style.top / track[voiced].min()) + 1):
        wave *= turn
        inside = voiced & (h * track < style.top)
        position = (h * track * scale)[:, None]
        size = np.where(inside, at(amplitude, position)[:, 0], 0.0)
        offset = rng.uniform(0, 2 * np.pi) if style.phase == "random" else 0.0
        theta = at(angle, position)[:, 0] if angle is not None else np.full(len(f0), offset)
        y += _samples(size * np.cos(theta), hop, length)[where] * wave.real
        y -= _samples(size * np.sin(theta), hop, length)[where] * wave.imag
    out = np.zeros(length)
    out[where] = y
    return out


def noise(power: NDArray[np.float64], hop: int, length: int, rng: np.random.Generator) -> Sound:
    """Gaussian noise with these power spectra (frames, bins), one every `hop` samples."""
    frame = 4 * hop
    white = stft(rng.standard_normal(length), frame, hop)
    gain = np.sqrt(power[np.minimum(np.arange(len(white)), len(power) - 1)])
    position = np.linspace(0, power.shape[1] - 1, white.shape[1])
    return istft(white * at(gain, np.broadcast_to(position, white.shape)), frame, hop, length)


def synthesise(frames: Frames, length: int, style: Style, rng: np.random.Generator) -> Sound:
    """Speech from WORLD-like parameters by harmonics and noise."""
    hop = round(frames.period * RATE)
    periodic = frames.envelope * (1 - np.clip(frames.aperiodicity, 0, 1) ** 2) * frames.voiced[:, None]
    # a pulse of power `envelope` per sample, every 1 / f0, has lines of this height
    amplitude = 2 * np.sqrt(periodic * np.maximum(frames.f0, 1)[:, None] / RATE)
    rest = frames.envelope * np.where(frames.voiced[:, None], np.clip(frames.aperiodicity, 0, 1) ** 2, 1.0)
    return harmonics(frames.f0, amplitude, hop, length, style, rng) + noise(rest, hop, length, rng)


def copy(x: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    """A harmonic-plus-noise copy of `x` and the system's name."""
    hop = int(rng.choice([64, 80, 128, 160]))
    n_fft = 8 * hop if hop < 100 else 4 * hop
    f0 = smoothed_pitch(pitch(x, hop / RATE), rng.choice([0.0, 1.0, 2.0]))
    amplitude = np.abs(stft(x, n_fft, hop))
    f0 = np.resize(np.pad(f0, (0, max(0, len(amplitude) - len(f0)))), len(amplitude))
    # a sinusoid of amplitude 1 reads n_fft / 4 in a Hann window; the strongest bin near each harmonic counts
    lines = np.maximum(amplitude, np.maximum(np.roll(amplitude, 1, 1), np.roll(amplitude, -1, 1))) / (n_fft / 4)
    if rng.random() < 0.5:
        step = rng.uniform(0.5, 3) / 8.686
        lines = np.exp(np.round(np.log(lines + 1e-7) / step) * step)
    lines = smooth(lines, rng.choice([0.0, 0.5, 1.0]))
    style = Style(
        chosen(rng, zero=0.3, random=0.3, minimum=0.4), bool(rng.random() < 0.2), float(rng.uniform(2500, 7800))
    )
    y = harmonics(f0, lines, hop, len(x), style, rng)
    f = np.linspace(0, RATE / 2, amplitude.shape[1])
    over = 1 / (1 + np.exp(-(f - style.top) / rng.uniform(50, 400)))
    floor = rng.uniform(0.0, 0.1)
    share = np.where((f0 > 0)[:, None], floor + (1 - floor) * over, 1.0)
    # the power of Hann-windowed noise of unit variance is 3 n_fft / 8
    power = smooth(amplitude**2, rng.uniform(0.5, 2)) * share / (0.375 * n_fft)
    return y + noise(power, hop, len(x), rng), "harmonic + noise"
