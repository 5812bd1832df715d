"""WORLD copies: pitch, envelope and aperiodicity measured, coded as an acoustic model would give them, and vocoded.

Morise, Yokomori, Ozawa: WORLD (IEICE Trans. 2016), by `pyworld`: DIO with StoneMask (Harvest is ten times slower),
CheapTrick, D4C. Orders, frame periods and band aperiodicity are those of statistical parametric synthesis
(Merlin: 60 coefficients, 5 ms) and of mel-cepstral voice conversion (24 to 36 coefficients).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyworld
from numpy.typing import NDArray
from spectrum import RATE, Sound, chosen, smooth

FLOOR, CEILING = 60.0, 600.0
"""Hz: the pitches looked for."""


@dataclass(frozen=True)
class Frames:
    """Speech as a source and a filter: a row every `period` seconds."""

    f0: NDArray[np.float64]
    """Hz, (frames,); 0 where unvoiced."""
    envelope: NDArray[np.float64]
    """Power spectrum, (frames, bins)."""
    aperiodicity: NDArray[np.float64]
    """0 (periodic) to 1 (noise), (frames, bins)."""
    period: float

    @property
    def voiced(self) -> NDArray[np.bool_]:
        return self.f0 > 0


def pitch(x: Sound, period: float) -> NDArray[np.float64]:
    """F0 in Hz every `period` seconds, 0 where unvoiced."""
    f0, times = pyworld.dio(x, RATE, f0_floor=FLOOR, f0_ceil=CEILING, frame_period=1000 * period, speed=4)
    return np.asarray(pyworld.stonemask(x, f0, times, RATE))


def analyse(x: Sound, period: float, aperiodicity: bool = True) -> Frames:
    """WORLD's parameters; without `aperiodicity` 0.001 where voiced and 1 where not (D4C is half of the time)."""
    f0 = pitch(x, period)
    times = np.arange(len(f0)) * period
    envelope = pyworld.cheaptrick(x, f0, times, RATE)
    if aperiodicity:
        noise = pyworld.d4c(x, f0, times, RATE)
    else:
        noise = np.broadcast_to(np.where(f0 > 0, 0.001, 1.0)[:, None], envelope.shape).copy()
    return Frames(f0, envelope, noise, period)


def synthesise(frames: Frames, length: int) -> Sound:
    """WORLD's own synthesis, `length` samples."""
    y = pyworld.synthesize(
        np.ascontiguousarray(frames.f0),
        np.ascontiguousarray(frames.envelope),
        np.ascontiguousarray(np.clip(frames.aperiodicity, 0.001, 0.999)),
        RATE,
        1000 * frames.period,
    )[:length]
    return np.pad(y, (0, length - len(y)))


def modelled_aperiodicity(frames: Frames, rng: np.random.Generator) -> Frames:
    """Aperiodicity by a rule instead of a measurement: noise rises over frequency round a centre of 2 to 6.5 kHz."""
    f = np.linspace(0, RATE / 2, frames.envelope.shape[1])
    centre, slope, low = rng.uniform(2000, 6500), rng.uniform(300, 1500), rng.uniform(0.001, 0.15)
    curve = low + (rng.uniform(0.5, 0.99) - low) / (1 + np.exp(-(f - centre) / slope))
    amount = smooth(frames.voiced.astype(float), rng.uniform(0, 2))[:, None]
    return replace(frames, aperiodicity=amount * curve + (1 - amount))


def coded(frames: Frames, rng: np.random.Generator) -> Frames:
    """Through mel-cepstra: truncated, smoothed over time, with less variance, rounded."""
    order = int(rng.integers(24, 61))
    cepstra = pyworld.code_spectral_envelope(frames.envelope, RATE, order)
    cepstra = smooth(cepstra, chosen_width(rng))
    mean = cepstra.mean(axis=0)
    shrink = rng.uniform(0.8, 1.0) if rng.random() < 0.5 else 1.0
    cepstra[:, 1:] = mean[1:] + shrink * (cepstra - mean)[:, 1:]
    if rng.random() < 0.6:
        step = rng.uniform(0.01, 0.15)
        cepstra = np.round(cepstra / step) * step
    size = 2 * (frames.envelope.shape[1] - 1)
    envelope = pyworld.decode_spectral_envelope(np.ascontiguousarray(cepstra), RATE, size)
    return replace(frames, envelope=envelope)


def chosen_width(rng: np.random.Generator) -> float:
    """Frames (standard deviation) of smoothing over time: none in two fifths."""
    return 0.0 if rng.random() < 0.4 else float(rng.uniform(0.5, 2.0))


def smoothed_pitch(f0: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Log pitch smoothed over `sigma` frames, without the unvoiced ones."""
    voiced = f0 > 0
    if sigma <= 0 or not voiced.any():
        return f0
    weight = smooth(voiced.astype(float), sigma)
    level = smooth(np.where(voiced, np.log(np.maximum(f0, 1)), 0.0), sigma)
    return np.where(voiced, np.exp(level / np.maximum(weight, 1e-6)), 0.0)


def copy(x: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    """A WORLD copy of `x` and the system's name."""
    period = float(rng.choice([0.005, 0.005, 0.008, 0.01, 0.0125]))
    how = chosen(rng, measured=0.5, coded=0.25, model=0.25)
    frames = analyse(x, period, aperiodicity=how != "model")
    if how == "coded":
        bands = pyworld.code_aperiodicity(frames.aperiodicity, RATE)
        bands = np.ascontiguousarray(smooth(bands, rng.uniform(0.5, 3)))
        size = 2 * (frames.envelope.shape[1] - 1)
        frames = replace(frames, aperiodicity=pyworld.decode_aperiodicity(bands, RATE, size))
    elif how == "model":
        frames = modelled_aperiodicity(frames, rng)
    f0 = smoothed_pitch(frames.f0, chosen_width(rng))
    if rng.random() < 0.3:
        grid = rng.uniform(0.005, 0.05)
        f0 = np.where(f0 > 0, np.exp(np.round(np.log(np.maximum(f0, 1)) / grid) * grid), 0)
    return synthesise(coded(replace(frames, f0=f0), rng), len(x)), "WORLD"
