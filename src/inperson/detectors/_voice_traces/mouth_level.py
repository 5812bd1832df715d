"""Does the voice's level follow the mouth's opening and the distance of the face?

The loudness that a converter gives comes from its model, not from the room. Pure functions over two time series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inperson.detectors._voice_traces._blocks import Array, Mask

RATE = 25.0
"""Points a second of the common grid: the usual frame rate."""
MAX_GAP = 0.25
"""Seconds between frames over which the mouth is interpolated."""
MIN_SECONDS = 5.0
"""Seconds of speech with the mouth measured below which nothing is read."""
MAX_LAG = 0.5
"""Seconds by which the sound may be early or late (headsets, capture cards, converters)."""
FAR = (2.0, 6.0)
"""Seconds of lag from which the correlation that comes by chance is read."""
SLOW = 4.0
"""Seconds: the distance is compared with the level's mean over this long, the words' own rise and fall averaged out."""
MIN_DISTANCE_DB = 1.0
"""Deviation of 20 log10 of the face's size below which it did not move enough to be heard."""
MIN_SLOW_SECONDS = 20.0
INNOCENT = (
    "Automatic gain and noise suppression of calls and headsets, a microphone that is not near the face, speech with "
    "little movement of the lips, and a poor picture decouple them too."
)


@dataclass(frozen=True, slots=True)
class Following:
    """How the level follows the face.

    Attributes
    ----------
    mouth : float
        Correlation of the level in dB with the lip opening at the best lag.
    chance : float
        95th percentile of the correlation's size at lags where it means nothing; NaN if there are none.
    lag : float
        Seconds; positive where the sound is late.
    distance : float
        dB of level per dB of face size (1 is a free field); NaN where the face did not move enough.
    seconds : float
    """

    mouth: float
    chance: float
    lag: float
    distance: float
    seconds: float


def following(
    times: Array, opening: Array, size: Array, level_db: Array, speech: Mask, start: float, step: float
) -> Following | None:
    """Compare a mouth with a voice.

    Parameters
    ----------
    times, opening, size : (m,) arrays
        Seconds, rising; lip opening over the distance of the eyes (any unit); the face's size in pixels. Values that
        are not finite are left out.
    level_db : (n,) array
        The voice's level; point i is at ``start + i * step`` seconds.
    speech : (n,) bool
        Where the voice speaks.
    start, step : float

    Returns
    -------
    Following or None
        None where there is no face, or too little speech with one.
    """
    fine = np.isfinite(opening) & np.isfinite(size) & (size > 0)
    times, opening, size = times[fine], opening[fine], size[fine]
    if len(times) < 2 or not len(level_db):
        return None
    grid = np.arange(start, start + len(level_db) * step, 1 / RATE)
    after = np.clip(np.searchsorted(times, grid), 1, len(times) - 1)
    seen = (times[after] - times[after - 1] <= MAX_GAP) & (grid >= times[0]) & (grid <= times[-1])
    lips, face = np.interp(grid, times, opening), 20 * np.log10(np.interp(grid, times, size))
    level, talking = _resampled(level_db, speech, start, step, grid)
    if (seen & talking).sum() / RATE < MIN_SECONDS:
        return None
    lags = np.arange(-round(FAR[1] * RATE), round(FAR[1] * RATE) + 1)
    found = np.array([_correlation(lips, level, seen, talking, int(lag)) for lag in lags])
    near = np.abs(lags) <= MAX_LAG * RATE
    if not np.isfinite(found[near]).any():
        return None
    best = int(np.nanargmax(np.where(near, found, np.nan)))
    far = np.abs(found[(np.abs(lags) >= FAR[0] * RATE) & np.isfinite(found)])
    chance = float(np.percentile(far, 95)) if len(far) >= 20 else float("nan")
    distance = _distance(face, level, seen & talking)
    return Following(
        float(found[best]), chance, float(lags[best] / RATE), distance, float((seen & talking).sum() / RATE)
    )


def _resampled(level_db: Array, speech: Mask, start: float, step: float, grid: Array) -> tuple[Array, Mask]:
    """Mean level and speech around each point of the grid."""
    index = np.clip(np.round((start + np.arange(len(level_db)) * step - grid[0]) * RATE).astype(int), 0, len(grid) - 1)
    count = np.bincount(index, minlength=len(grid))
    mean = np.bincount(index, np.asarray(level_db, np.float64), len(grid)) / np.maximum(count, 1)
    share = np.bincount(index, speech.astype(float), len(grid)) / np.maximum(count, 1)
    return mean, share > 0.5


def _correlation(lips: Array, level: Array, seen: Mask, talking: Mask, lag: int) -> float:
    """Correlation of the lips at i with the level at i + lag, over points where both are there; NaN if too few."""
    n = len(lips)
    a, b = slice(max(-lag, 0), n - max(lag, 0)), slice(max(lag, 0), n - max(-lag, 0))
    both = seen[a] & talking[b]
    if both.sum() < MIN_SECONDS * RATE:
        return float("nan")
    x, y = lips[a][both], level[b][both]
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y / size) if size > 1e-12 else float("nan")


def _distance(face: Array, level: Array, both: Mask) -> float:
    """Slope of the slow level over the slow face size, both in dB."""
    width = round(SLOW * RATE)
    kernel = np.ones(width)
    weight = np.convolve(both, kernel, mode="same")
    enough = both & (weight >= width / 4)
    if enough.sum() < MIN_SLOW_SECONDS * RATE:
        return float("nan")
    x, y = (np.convolve(np.where(both, s, 0.0), kernel, mode="same") / np.maximum(weight, 1) for s in (face, level))
    x, y = x[enough] - x[enough].mean(), y[enough] - y[enough].mean()
    if float(np.sqrt(np.mean(x * x))) < MIN_DISTANCE_DB:
        return float("nan")
    return float(x @ y / (x @ x))
