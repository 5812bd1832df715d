"""How alike voice and mouth are at each lag, and how alike they would be by chance.

Conventions
-----------
Lag and offset are positive where the sound comes late: the mouth movement seen at time t is heard at ``t + lag``.

Likeness at a lag is the mean, over the grid points where the voice speaks and the mouth was measured, of the inner
product of the two embeddings, between -1 and 1. Sums are kept per block of time, so that any stretch, and any
resampling of stretches, costs no second pass.

Chance is measured on the recording itself: the same mouth against the same voice of other moments, seconds away. It
knows how alike this person's mouth and voice are whatever is said, and how much that varies.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inperson.lips.mouth import RATE, Array, Mask
from inperson.types import Floats

MAX_LAG = 45
"""Grid points (0.9 s): voice changers leave up to 0.5 s, recordings a few tens of ms of their own, a peak has width."""
LAGS: NDArray[np.int_] = np.arange(-MAX_LAG, MAX_LAG + 1)
LAG_MS = 1000.0 * LAGS / RATE
APART = 10
"""Grid points (0.2 s) from the peak beyond which another peak is a rival: the width of a genuine peak."""
AWAY = MAX_LAG + 25
"""Grid points of displacement from which two moments have nothing to do with each other."""
DISPLACED = 64
"""Displacements at which chance is measured, evenly spread over what the recording has."""
RIDGE = 0.02
PRIOR_FRAMES = 2000
"""Grid points (40 s) of speech at which the recording's own fit weighs as much as the shipped one."""
FOLDS = 5
AROUND, NEAR = 31, 10
"""Blocks of about a second, and grid points: over what a clock's drift is followed for the recording's own fit."""
RESAMPLES = 200

GROUP, SLICE = 64, 4096
"""Blocks, and points, worked on at once: an hour of speech costs little more memory than a minute."""

Index = NDArray[np.intp]
Embedding = NDArray[Any]
"""Kept in 16 bits, 256 bytes a grid point; worked on in 32 and 64."""


@dataclass(frozen=True, slots=True, eq=False)
class Peak:
    """The highest point of a lag curve.

    Attributes
    ----------
    offset : float
        Milliseconds, interpolated by a parabola through three points; positive where the sound is late.
    height : float
        Likeness there.
    width : float
        Milliseconds over which the curve stays above half way from its median to the peak; NaN where it does not fall
        below within range.
    rival : float
        The highest likeness more than `APART` away over the peak's, both above the curve's median; NaN if flat.
    index : int
        Of the highest lag in `LAGS`.
    """

    offset: float
    height: float
    width: float
    rival: float
    index: int

    @property
    def inside(self) -> bool:
        """Whether it is a peak, not the end of a slope that leads out of the range."""
        return 0 < self.index < len(LAGS) - 1


def lips_at(where: Index, shift: int | NDArray[np.int_], mouth: Embedding, measured: Mask) -> tuple[Embedding, Mask]:
    """The mouth (m, d) seen `shift` grid points (one, or one each) before `where`, and whether it was measured (m,)."""
    at = where - shift
    inside = (at >= 0) & (at < len(mouth))
    at = np.clip(at, 0, len(mouth) - 1)
    return mouth[at], inside & measured[at]


def block_sums(voice: Embedding, where: Index, starts: Index, mouth: Embedding, measured: Mask) -> Array:
    """Sums from which likeness is computed, per block and lag.

    Parameters
    ----------
    voice : (m, d)
        Embedding at the grid points `where`.
    where : (m,) int
        Rising.
    starts : (b,) int
        Index into `where` of each block's first point; the first is 0.
    mouth, measured : (n, d) and (n,)
        Embedding of the mouth on the whole grid, and where there is one.

    Returns
    -------
    (b, lags, 2) float64
        Count and sum of inner products.
    """
    out = np.zeros((len(starts), len(LAGS), 2))
    for blocks, rows, within in _groups(starts, len(where)):
        heard = voice[rows].astype(np.float32)
        for i, lag in enumerate(LAGS):
            out[blocks, i] = _summed(heard, *lips_at(where[rows], int(lag), mouth, measured), within)
    return out


def chance_sums(voice: Embedding, where: Index, starts: Index, mouth: Embedding, measured: Mask, lag: int) -> Array:
    """The same as `block_sums` at displacements where nothing is shared; the sound is taken round in a circle.

    Returns
    -------
    (b, k, 2) float64
        k is at most `DISPLACED`; 0 for less than `AWAY` points on either side.
    """
    m = len(where)
    last = m - AWAY
    if last <= AWAY:
        return np.zeros((len(starts), 0, 2))
    moves = np.unique(np.linspace(AWAY, last, DISPLACED).astype(int))
    out = np.zeros((len(starts), len(moves), 2))
    for blocks, rows, within in _groups(starts, m):
        seen, there = lips_at(where[rows], lag, mouth, measured)
        points = np.arange(rows.start, rows.stop)
        for i, move in enumerate(moves):
            out[blocks, i] = _summed(voice[(points - move) % m].astype(np.float32), seen, there, within)
    return out


def _groups(starts: Index, m: int) -> Iterator[tuple[slice, slice, Index]]:
    """Blocks worked on together: which, their points, and where in these each block begins."""
    edges = np.append(starts, m)
    for first in range(0, len(starts), GROUP):
        last = min(first + GROUP, len(starts))
        yield slice(first, last), slice(int(edges[first]), int(edges[last])), starts[first:last] - starts[first]


def _summed(heard: Floats, seen: Embedding, there: Mask, within: Index) -> Array:
    """Count and sum of inner products (b, 2) where the mouth is there."""
    product = np.einsum("md,md->m", heard, seen.astype(np.float32)) * there
    counted = np.add.reduceat(there.astype(np.float64), within)
    return np.stack([counted, np.add.reduceat(product.astype(np.float64), within)], axis=1)


def likeness(sums: Array) -> Array:
    """Mean inner product (...,) from sums (..., 2); 0 where there is less than 1 s."""
    count = sums[..., 0]
    mean = np.divide(sums[..., 1], count, out=np.zeros_like(count), where=count > 0)
    return np.asarray(np.where(count >= RATE, mean, 0.0), np.float64)


def chance(sums: Array) -> tuple[float, float]:
    """Mean and standard deviation of likeness by chance from `chance_sums` of one stretch (k, 2); NaN below three."""
    values = likeness(sums)
    if len(values) < 3:
        return math.nan, math.nan
    return float(values.mean()), float(values.std(ddof=1))


def peak(curve: Array, near: int | None = None, reach: int = MAX_LAG) -> Peak:
    """The highest point of `curve` (lags,), or of the part within `reach` grid points of index `near`."""
    first = 0 if near is None else max(0, near - reach)
    last = len(curve) if near is None else min(len(curve), near + reach + 1)
    index = first + int(np.argmax(curve[first:last]))
    height, floor = float(curve[index]), float(np.median(curve))
    away = np.abs(np.arange(len(curve)) - index) > APART
    rival = (float(curve[away].max()) - floor) / (height - floor) if height > floor else math.nan
    offset = float(LAG_MS[index]) + 1000.0 / RATE * _vertex(curve, index)
    return Peak(offset, height, _width(curve, index, (height + floor) / 2), rival, index)


def _vertex(curve: Array, index: int) -> float:
    """Where between its neighbours the top of a parabola lies, in grid points."""
    if not 0 < index < len(curve) - 1:
        return 0.0
    left, centre, right = curve[index - 1 : index + 2]
    bend = left - 2 * centre + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _width(curve: Array, index: int, level: float) -> float:
    below = np.flatnonzero(curve < level)
    left, right = below[below < index], below[below > index]
    return float(right[0] - left[-1]) * 1000.0 / RATE if len(left) and len(right) else math.nan


def local_lags(sums: Array, index: int) -> NDArray[np.int_]:
    """Lag (b,) in grid points of each block's surroundings, within `NEAR` of the recording's, `index` in `LAGS`."""
    kernel = np.ones(min(AROUND, len(sums)))
    first = max(0, index - NEAR)
    part = sums[:, first : index + NEAR + 1]
    near = np.apply_along_axis(np.convolve, 0, part, kernel, "same")
    return np.asarray(LAGS[first + likeness(near).argmax(axis=1)])


def own_fit(voice: Embedding, seen: Embedding, valid: Mask, folds: Index) -> Embedding:
    """Turn the voice's embedding towards what this mouth does with this voice, never using a point to predict itself.

    A ridge regression of what the shipped embeddings leave open, fitted on the other folds and weighted by how much
    speech they hold.

    Parameters
    ----------
    voice, seen : (m, d)
        Embeddings of the voice, and of the mouth at the lag in question.
    valid : (m,) bool
        Where the mouth was measured.
    folds : (m,) int
        From 0 to `FOLDS` - 1, in long stretches.

    Returns
    -------
    (m, d)
        The voice's embedding, turned.
    """
    size = voice.shape[1]
    middle, expected = (_mean(one, valid) for one in (voice, seen))
    square, cross, count = np.zeros((FOLDS, size, size)), np.zeros((FOLDS, size, size)), np.zeros(FOLDS)
    for rows in _slices(len(voice)):
        centred = voice[rows] - middle
        missed = seen[rows] - expected - centred
        for fold in np.unique(folds[rows]):
            chosen = (folds[rows] == fold) & valid[rows]
            square[fold] += centred[chosen].T @ centred[chosen]
            cross[fold] += centred[chosen].T @ missed[chosen]
            count[fold] += chosen.sum()
    weights = np.zeros((FOLDS, size, size))
    for fold in range(FOLDS):
        others = float(count.sum() - count[fold])
        if others:
            inner = (square.sum(0) - square[fold]) / others + RIDGE * np.eye(size) / size
            solved = np.linalg.solve(inner, (cross.sum(0) - cross[fold]) / others)
            weights[fold] = others / (others + PRIOR_FRAMES) * solved
    better = voice.copy()
    for rows in _slices(len(voice)):
        for fold in np.unique(folds[rows]):
            chosen = np.flatnonzero(folds[rows] == fold) + rows.start
            better[chosen] += ((voice[chosen] - middle) @ weights[fold]).astype(voice.dtype)
    return better


def _mean(values: Embedding, valid: Mask) -> Array:
    total = np.zeros(values.shape[1])
    for rows in _slices(len(values)):
        total += values[rows][valid[rows]].sum(axis=0, dtype=np.float64)
    return total / max(int(valid.sum()), 1)


def _slices(n: int) -> Iterator[slice]:
    """Pieces of at most `SLICE`."""
    for start in range(0, n, SLICE):
        yield slice(start, min(start + SLICE, n))


def resampled(sums: Array, seed: int = 0) -> Array:
    """Lag curves (RESAMPLES, lags) of blocks (b, lags, 2) drawn with replacement."""
    rng = np.random.default_rng(seed)
    blocks = len(sums)
    counts = rng.multinomial(blocks, np.full(blocks, 1.0 / blocks), size=RESAMPLES).astype(np.float64)
    return likeness((counts @ sums.reshape(blocks, -1)).reshape(RESAMPLES, len(LAGS), 2))
