"""How well predicted and seen lips agree at each lag, and how sure that is.

Conventions
-----------
Lag and offset are positive where the sound comes late: the mouth movement seen at time t is heard at ``t + lag``.

Agreement at a lag is the mean, over the regression targets, of the correlation between what the sound predicts and what
the mouth did. Sums are kept per block of time, so that any stretch, and any resampling of stretches, costs no second
pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._lip_features import CONTEXT, LIPS, RATE, Array, Mask, context
from inperson.types import Floats

MAX_LAG = 40
"""Grid points (0.8 s): the range asked for (0.4 s), with room for a recording's own offset and for the peak's shape."""
LAGS: NDArray[np.int_] = np.arange(-MAX_LAG, MAX_LAG + 1)
LAG_MS = 1000.0 * LAGS / RATE
APART = 10
"""Grid points (0.2 s) from the peak beyond which another peak is a rival: the width of a genuine peak."""
INDEPENDENT_LAGS = 12
"""Lags out of the 81 that vary independently: 1.6 s times twice the lips' bandwidth of about 4 Hz."""
MEMORY = 50
"""Grid points (1 s) over which series are correlated with themselves when the null deviation is worked out."""
RIDGE = 0.3
"""Of the mean variance of the inputs, added to each in the within-recording fit; as in the shipped regression."""
PRIOR_FRAMES = 2000
"""Grid points (40 s) of speech at which the recording's own fit weighs as much as the shipped one."""
FOLDS = 5
RESAMPLES = 200
CLIP = 4.0
"""Standard deviations beyond which a lip movement is cut: yawns and mesh slips are no speech."""
SUMS = 1 + 5 * LIPS
SLICE = 4096
GROUP = 64
"""Points and blocks worked on at once: an hour of speech costs little more memory than a minute."""


@dataclass(frozen=True, slots=True, eq=False)
class Peak:
    """The highest point of a lag curve.

    Attributes
    ----------
    offset : float
        Milliseconds, interpolated by a parabola through three points; positive where the sound is late.
    height : float
        Agreement there, at most 1.
    width : float
        Milliseconds over which the curve stays above half the height; NaN where it does not fall below within range.
    rival : float
        The highest agreement more than `APART` away, over `height`.
    index : int
        Of the highest lag in `LAGS`.
    """

    offset: float
    height: float
    width: float
    rival: float
    index: int


def normalised(motion: Array, used: Mask) -> Array:
    """Lip motion (n, LIPS) in standard deviations over the points `used`, cut at `CLIP`."""
    scale = motion[used].std(axis=0) + 1e-9
    return np.asarray(np.clip(motion / scale, -CLIP, CLIP), np.float64)


def block_sums(
    predicted: Array, where: NDArray[np.intp], starts: NDArray[np.intp], motion: Array, measured: Mask
) -> Array:
    """Sums from which agreement is computed, per block and lag.

    Parameters
    ----------
    predicted : (m, LIPS)
        Lips that the sound at grid points `where` lets expect.
    where : (m,) int
        Rising.
    starts : (b,) int
        Index into `where` of each block's first point; the first is 0.
    motion, measured : (n, LIPS) and (n,)
        What was seen.

    Returns
    -------
    (b, lags, SUMS) float64
        Count, then per target the sums of x, y, xx, yy, xy.
    """
    out = np.zeros((len(starts), len(LAGS), SUMS))
    edges = np.append(starts, len(where))
    for first in range(0, len(starts), GROUP):
        last = min(first + GROUP, len(starts))
        rows = slice(edges[first], edges[last])
        within = starts[first:last] - edges[first]
        for i, lag in enumerate(LAGS):
            y, there = lips_at(where[rows], int(lag), motion, measured)
            weight = there.astype(np.float64)[:, None]
            x, y = predicted[rows] * weight, y * weight
            terms = np.concatenate([weight, x, y, x * x, y * y, x * y], axis=1)
            out[first:last, i] = np.add.reduceat(terms, within, axis=0)
    return out


def lips_at(where: NDArray[np.intp], shift: int, motion: Array, measured: Mask) -> tuple[Array, Mask]:
    """The mouth (m, LIPS) seen `shift` grid points before each of `where`, and whether it was measured (m,)."""
    at = where - shift
    inside = (at >= 0) & (at < len(motion))
    at = np.clip(at, 0, len(motion) - 1)
    return motion[at], inside & measured[at]


def agreement(sums: Array) -> Array:
    """Mean correlation per lag from sums (..., SUMS); 0 where a lag has fewer than 1 s of points or no movement."""
    count = sums[..., :1]
    x, y, xx, yy, xy = (sums[..., 1 + k * LIPS : 1 + (k + 1) * LIPS] for k in range(5))
    safe = np.maximum(count, 1.0)
    spread = (xx - x * x / safe) * (yy - y * y / safe)
    shared = xy - x * y / safe
    r = np.divide(shared, np.sqrt(np.maximum(spread, 0.0)), out=np.zeros_like(shared), where=spread > 1e-9)
    return np.asarray(np.where(count[..., 0] >= RATE, r.mean(axis=-1), 0.0), np.float64)


def peak(curve: Array, near: int | None = None, reach: int = MAX_LAG) -> Peak:
    """The highest point of `curve` (lags,), or of the part within `reach` grid points of index `near`."""
    first = 0 if near is None else max(0, near - reach)
    last = len(curve) if near is None else min(len(curve), near + reach + 1)
    index = first + int(np.argmax(curve[first:last]))
    height = float(curve[index])
    away = np.abs(np.arange(len(curve)) - index) > APART
    rival = float(curve[away].max()) / height if height > 0 else math.nan
    return Peak(
        float(LAG_MS[index]) + 1000.0 / RATE * _vertex(curve, index), height, _width(curve, index), rival, index
    )


def _vertex(curve: Array, index: int) -> float:
    """Where between its neighbours the top of a parabola lies, in grid points."""
    if not 0 < index < len(curve) - 1:
        return 0.0
    left, centre, right = curve[index - 1 : index + 2]
    bend = left - 2 * centre + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _width(curve: Array, index: int) -> float:
    below = np.flatnonzero(curve < curve[index] / 2)
    left, right = below[below < index], below[below > index]
    return float(right[0] - left[-1]) * 1000.0 / RATE if len(left) and len(right) else math.nan


def null_deviation(predicted: Array, motion: Array) -> float:
    """Standard deviation that `agreement` would have if sound and mouth had nothing to do with each other.

    Bartlett's formula for the correlation of two series that are each correlated with themselves, over all pairs of
    targets.

    Parameters
    ----------
    predicted, motion : (m, LIPS)
        Point by point at one lag; m at least 2.
    """
    x = (predicted - predicted.mean(0)) / (predicted.std(0) + 1e-9)
    y = (motion - motion.mean(0)) / (motion.std(0) + 1e-9)
    m = len(x)
    total = 0.0
    for lag in range(min(MEMORY, m // 3) + 1):
        product = float(((x[lag:].T @ x[: m - lag]) * (y[lag:].T @ y[: m - lag])).sum()) / m**2
        total += product if lag == 0 else 2.0 * product
    return math.sqrt(max(total, LIPS) / LIPS**2 / m)


def own_fit(
    predicted: Array, mel: Floats, where: NDArray[np.intp], seen: Array, valid: Mask, folds: NDArray[np.intp]
) -> Array:
    """Improve a prediction by what the recording itself shows, never using a point to predict itself.

    A ridge regression of what the shipped regression missed, fitted on the other folds and weighted by how much speech
    they hold.

    Parameters
    ----------
    predicted : (m, LIPS)
    mel : (n, BANDS) float32
        Levelled spectra.
    where : (m,) int
        Grid point of each row of `predicted`.
    seen : (m, LIPS)
        The mouth at the lag in question.
    valid : (m,) bool
        Where it was measured.
    folds : (m,) int
        From 0 to `FOLDS` - 1, in long stretches.

    Returns
    -------
    (m, LIPS)
        The improved prediction for every point.
    """
    size = mel.shape[1] * CONTEXT
    square, cross = np.zeros((FOLDS, size, size)), np.zeros((FOLDS, size, LIPS))
    missed = seen - predicted
    for rows in _slices(len(where)):
        x = context(mel, where[rows])
        for fold in np.unique(folds[rows]):
            chosen = (folds[rows] == fold) & valid[rows]
            square[fold] += x[chosen].T @ x[chosen]
            cross[fold] += x[chosen].T @ missed[rows][chosen]
    counts = np.bincount(folds[valid], minlength=FOLDS)
    weights = np.zeros((FOLDS, size, LIPS))
    for fold in range(FOLDS):
        others = int(counts.sum() - counts[fold])
        if others:
            inner = square.sum(0) - square[fold]
            inner[np.diag_indices(size)] += RIDGE * np.trace(inner) / size + 1e-9
            weights[fold] = others / (others + PRIOR_FRAMES) * np.linalg.solve(inner, cross.sum(0) - cross[fold])
    better = predicted.copy()
    for rows in _slices(len(where)):
        x = context(mel, where[rows])
        for fold in np.unique(folds[rows]):
            chosen = folds[rows] == fold
            better[rows][chosen] += x[chosen] @ weights[fold]
    return better


def _slices(n: int) -> Iterator[slice]:
    """Pieces of at most `SLICE`."""
    for start in range(0, n, SLICE):
        yield slice(start, min(start + SLICE, n))


def resampled(sums: Array, seed: int = 0) -> Array:
    """Lag curves (RESAMPLES, lags) of blocks (b, lags, SUMS) drawn with replacement."""
    rng = np.random.default_rng(seed)
    blocks = len(sums)
    counts = rng.multinomial(blocks, np.full(blocks, 1.0 / blocks), size=RESAMPLES).astype(np.float64)
    return agreement((counts @ sums.reshape(blocks, -1)).reshape(RESAMPLES, len(LAGS), SUMS))
