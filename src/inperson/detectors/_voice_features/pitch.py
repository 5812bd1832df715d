"""Pitch and periodicity (``pitch``), and the harmonics that follow it."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._voice_features.frames import BANDS, EPS, RATE, STEP, Array, frames, hann, irfft, rfft
from inperson.detectors._voice_features.phase import harmonic_phase

PITCH_RANGE = (60.0, 400.0)
"""Hz; speech of adults, children and most intonation."""
LONG, LONG_FFT = 640, 1024
"""40 ms: two periods of the lowest pitch."""


def pitch_and_phase(x: Array) -> dict[str, float]:
    """Of the utterance `x` (samples,); 0 where fewer than ten frames are voiced."""
    framed = frames(x, LONG, STEP)
    window = hann(LONG)
    windowed = framed * window
    power = np.abs(rfft(windowed, LONG_FFT)) ** 2
    own = irfft(np.abs(rfft(window, LONG_FFT)) ** 2)
    energy = power.sum(axis=1)
    loud = energy > np.percentile(energy, 95) * 1e-3
    lags = np.arange(int(RATE / PITCH_RANGE[1]), int(RATE / PITCH_RANGE[0]) + 1)
    # The pitch is sought below 2 kHz, where voices are periodic; the best lag is refined by a parabola.
    low = power[:, :128]
    correlation = (2 * low) @ _cosines()[: lags[-1] + 2, :128].T - low[:, :1]  # the constant has no second half
    correlation = correlation / (correlation[:, :1] + LONG_FFT * EPS) / (own[: lags[-1] + 2] / own[0])
    sought = correlation[:, lags] - 0.0002 * lags  # prefer the shorter of equal lags
    best = lags[np.argmax(sought, axis=1)]
    rows = np.arange(len(best))
    before, here, after = correlation[rows, best - 1], correlation[rows, best], correlation[rows, best + 1]
    bend = before - 2 * here + after
    shift = np.where(np.abs(bend) > 1e-9, 0.5 * (before - after) / np.where(np.abs(bend) > 1e-9, bend, 1), 0.0)
    f0 = RATE / (best + np.clip(shift, -0.5, 0.5))
    voiced = loud & (here > 0.6)
    out = _pitch(f0, here, voiced, loud)
    out.update(_periodicity(power, best, voiced, own))
    out.update(harmonic_phase(windowed, f0, voiced))
    return out


def _pitch(f0: Array, strength: Array, voiced: NDArray[np.bool_], loud: NDArray[np.bool_]) -> dict[str, float]:
    names = ("spread", "range", "step", "step_p90", "accel", "share", "flips", "strength", "strength_std", "weak")
    if voiced.sum() < 10:
        return {f"pitch.{name}": 0.0 for name in names}
    semitones = 12 * np.log2(f0)
    p10, p90 = np.percentile(semitones[voiced], [10, 90])
    pair = voiced[1:] & voiced[:-1]
    step = np.abs(np.diff(semitones))[pair]
    step = step[step < 3] if (step < 3).any() else np.ones(1)  # octave errors are not intonation
    triple = voiced[2:] & voiced[1:-1] & voiced[:-2]
    accel = np.abs(np.diff(semitones, n=2))[triple]
    accel = accel[accel < 3] if (accel < 3).any() else np.ones(1)
    return {
        "pitch.spread": np.log(semitones[voiced].std() + 0.05),
        "pitch.range": np.log(p90 - p10 + 0.1),
        "pitch.step": np.log(np.median(step) + 1e-3),
        "pitch.step_p90": np.log(np.percentile(step, 90) + 1e-3),
        "pitch.accel": np.log(np.median(accel) + 1e-3),
        "pitch.share": float(voiced.sum() / max(loud.sum(), 1)),
        "pitch.flips": float(np.count_nonzero(np.diff(voiced.astype(int))) / len(voiced)),
        "pitch.strength": strength[voiced].mean(),
        "pitch.strength_std": strength[voiced].std(),
        "pitch.weak": np.percentile(strength[loud], 20),
    }


def _periodicity(power: Array, best: NDArray[np.int_], voiced: NDArray[np.bool_], own: Array) -> dict[str, float]:
    """Autocorrelation at the pitch period, one frequency band at a time: how much is voice, how much breath."""
    out: dict[str, float] = {}
    rows = np.flatnonzero(voiced)
    lag = best[rows]
    # Above 1 kHz the band's own ripple hides the exact lag: take the best of seven around it.
    turns = _cosines()[lag[:, None] + np.arange(-3, 4)]
    for band in BANDS:
        name = f"pitch.{band[0]}"
        if len(rows) < 10:
            out[f"{name}.mean"] = out[f"{name}.std"] = out[f"{name}.p90"] = 0.0
            continue
        part = slice(round(band[0] * LONG_FFT / RATE), round(band[1] * LONG_FFT / RATE))
        own_power = power[rows, part]
        around = np.matmul(turns[:, :, part], own_power[:, :, None])[:, :, 0] / (LONG_FFT / 2)
        total = own_power.sum(axis=1) / (LONG_FFT / 2)
        ratio = around.max(axis=1) / (total + EPS) / (own[lag] / own[0])
        out[f"{name}.mean"] = ratio.mean()
        out[f"{name}.std"] = ratio.std()
        out[f"{name}.p90"] = np.percentile(ratio, 90)
    return out


@functools.lru_cache(maxsize=1)
def _cosines() -> Array:
    """(lags, bins): what each bin's power adds to the autocorrelation, but for a factor."""
    lags, bins = np.arange(int(RATE / PITCH_RANGE[0]) + 4)[:, None], np.arange(LONG_FFT // 2 + 1)
    made: Array = np.cos(2 * np.pi / LONG_FFT * (lags * bins % LONG_FFT)).astype(np.float32)
    return made
