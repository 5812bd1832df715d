"""From a voice to the mouth that says it: jaw, lip width and lip closure, from loudness, formants and friction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.ndimage import gaussian_filter1d, percentile_filter
from scipy.signal import resample_poly

from .voices import RATE

Samples = NDArray[np.float64]
STEP = 0.01  # s between articulation frames
_LOW_RATE = 8_000


@dataclass(frozen=True, slots=True)
class Articulation:
    """100 values a second, aligned with the voice (smoothing is symmetric, so there is no lag)."""

    open: Samples
    width: Samples
    press: Samples
    stress: Samples  # slow loudness, for head and brows


def articulate(voice: Samples) -> Articulation:
    """Articulation of a clean voice at 48 kHz (no room, exact silence where nobody speaks)."""
    low = resample_poly(voice, 1, RATE // _LOW_RATE)
    hop, window = int(STEP * _LOW_RATE), int(0.025 * _LOW_RATE)
    count = len(voice) // int(STEP * RATE)
    padded = np.pad(low, (window // 2, window + hop))
    frames = np.stack([padded[i * hop : i * hop + window] for i in range(count)]) * np.hamming(window)
    power_db = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-9)
    first, second = _formants(frames, power_db > -52)
    high = np.diff(resample_poly(voice, 1, 3))  # friction: what a first difference at 16 kHz leaves
    block = len(high) // count
    friction = np.sqrt(np.mean(high[: count * block].reshape(count, block) ** 2, axis=1))
    share = friction / (friction + np.sqrt(np.mean(frames**2, axis=1)) + 1e-4)
    loud = np.clip((power_db + 50) / 30, 0, 1)
    vowel = np.clip((first - 280) / 480, 0, 1)
    jaw = loud**1.3 * (0.22 + 0.78 * vowel) * (1 - 0.75 * np.clip((share - 0.45) / 0.3, 0, 1))
    width = loud * np.clip((second - 1_550) / 750, -1, 1) + 0.25 * np.clip((share - 0.45) / 0.3, 0, 1) * loud
    speaking = gaussian_filter1d((power_db > -46).astype(float), 8) > 0.25
    peak = percentile_filter(power_db, 90, size=25)
    dip = np.clip((peak - power_db - 9) / 12, 0, 1) * speaking  # closures inside speech
    press = gaussian_filter1d(dip, 2.0)
    opened = gaussian_filter1d(jaw * (1 - 0.75 * dip), 3.2)
    return Articulation(
        open=np.clip(1.4 * opened, 0, 1),
        width=np.clip(gaussian_filter1d(width, 4.5), -1, 1),
        press=np.clip(press, 0, 1),
        stress=gaussian_filter1d(loud, 12),
    )


def _formants(frames: Samples, voiced: NDArray[np.bool_]) -> tuple[Samples, Samples]:
    """First and second formant, Hz, by linear prediction; unvoiced frames hold the running median."""
    first, second = np.full(len(frames), np.nan), np.full(len(frames), np.nan)
    emphasised = np.diff(frames, axis=1)
    for index in np.flatnonzero(voiced):
        correlation = np.correlate(emphasised[index], emphasised[index], "full")[frames.shape[1] - 2 :][:11]
        if correlation[0] <= 0:
            continue
        correlation[0] *= 1.0001
        predictor = solve_toeplitz(correlation[:10], correlation[1:11])
        roots = np.roots(np.concatenate([[1.0], -predictor]))
        roots = roots[np.imag(roots) > 0.01]
        frequency = np.angle(roots) * _LOW_RATE / (2 * np.pi)
        bandwidth = -np.log(np.abs(roots)) * _LOW_RATE / np.pi
        found = np.sort(frequency[(bandwidth < 500) & (frequency > 200) & (frequency < 3_200)])
        if len(found) > 1:
            first[index], second[index] = min(found[0], 900), found[1]
    return _fill(first, 450.0), _fill(second, 1_550.0)


def _fill(track: Samples, default: float) -> Samples:
    known = np.flatnonzero(~np.isnan(track))
    if len(known) == 0:
        return np.full(len(track), default)
    filled = np.interp(np.arange(len(track)), known, track[known])
    smooth: Samples = gaussian_filter1d(filled, 2.0)
    return smooth
