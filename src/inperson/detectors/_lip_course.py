"""The course of a recording: where the offset changes, where mouth and voice part, offset over time.

Every block of about a second says how much better mouth and voice fit at a lag than by chance: the log likelihood ratio
of two normal distributions of likeness, one around what chance gives, one `gain` higher. The best way through blocks
and lags, where each change of lag costs `CHANGE`, gives the offset at every moment; blocks in which the ratio along
that way adds up to less than nothing are where the mouth does not go with the voice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from inperson.lips import lag
from inperson.lips.mouth import RATE, Array, Mask
from inperson.lips.pair import PAUSE, Pair
from inperson.types import Span

CHANGE = 24.0
"""Natural log units a change of lag must be worth: five seconds of another voice at their best lag reach less."""
SLOPE = 1.5
"""The same for a step of one grid point: clocks drift."""
JUMP = 3
"""Grid points (60 ms) from which a change is told as a jump."""
WINDOW = 8.0
"""Seconds of speech for the offset over time, moved by half of it."""
CLEAR = 3.5
"""Height of a window's peak over chance, in deviations, from which its own offset is told."""
MIN_WINDOW = 3.0
"""Seconds of speech in a window below which it tells nothing."""
MIN_PART = 2.5
PARTED = 6.0
"""Seconds, and natural log units, from which a stretch is told in which mouth and voice part; chosen so that none of 15
genuine clips (training/lip_sync/evaluate.py) shows one."""
USUAL = 85
"""Percentile of likeness over stretches of three blocks that stands for mouth and voice in agreement: a recording of
which half is dubbed still shows what its other half does."""
MIN_DRIFT = 60.0
"""Seconds between the first and the last window with an offset, for a drift to be read."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of about `WINDOW` seconds of the voice.

    Attributes
    ----------
    span : Span
    likeness : float
        At the recording's offset, less what chance gives.
    over_chance : float
        The same over the deviation of chance.
    offset, low, high : float or None
        ms, with a 95 % interval; None where the window's own peak is not clear.
    seconds : float
        Of speech.
    """

    span: Span
    likeness: float
    over_chance: float
    offset: float | None
    low: float | None
    high: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Jump:
    """A sudden change of the offset: the time (s), and ms before and after."""

    time: float
    before: float
    after: float


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What `course` finds.

    Attributes
    ----------
    aligned : (b, lags, 2)
        The pair's sums with each block moved by its own lag, so that lag 0 is the way found.
    way : (b,) int
        Index of each block's lag in `inperson.lips.lag.LAGS`.
    jumps : tuple of Jump
    parted : tuple of (Span, float)
        Stretches in which mouth and voice part, and by how many natural log units.
    apart : (b,) bool
        Blocks inside them.
    windows : tuple of Window
    """

    aligned: Array
    way: lag.Index
    jumps: tuple[Jump, ...]
    parted: tuple[tuple[Span, float], ...]
    apart: Mask
    windows: tuple[Window, ...]


def course(pair: Pair, mean: float, deviation: float, least: float) -> Course:
    """The course of a pair whose likeness by chance is `mean`, with `deviation` over all of its points.

    Parameters
    ----------
    pair : Pair
    mean, deviation : float
        Of likeness by chance over the whole recording.
    least : float
        By how much mouth and voice that belong together are more alike than by chance, at the least.
    """
    gain = max(_usual(pair.sums) - mean, least)
    counts = pair.sums[..., 0]
    variance = deviation**2 * max(float(counts[:, lag.MAX_LAG].sum()), 1.0)  # of one point, as if they were independent
    ratios = gain * (pair.sums[..., 1] - mean * counts - gain * counts / 2) / variance
    way = best_way(ratios)
    aligned = _aligned(pair.sums, way)
    along = ratios[np.arange(len(way)), way]
    windows = tuple(_windows(pair, way, mean, deviation))
    parted = tuple(_parted(pair.spans, along))
    apart = np.array([any(span & part for part, _ in parted) for span in pair.spans], bool)
    return Course(aligned, way, tuple(_jumps(pair, way, windows)), parted, apart, windows)


def _usual(sums: Array) -> float:
    """Likeness at the recording's best lag where mouth and voice agree."""
    best = sums[:, lag.peak(lag.likeness(sums.sum(0))).index]
    count, total = (np.convolve(best[:, i], np.ones(3), "same") for i in (0, 1))
    return float(np.percentile(total / np.maximum(count, 1.0), USUAL))


def best_way(ratios: Array) -> lag.Index:
    """Index of the lag (b,) of each block on the way (b, lags) whose ratios add up to most, changes paid for.

    A block that fits nowhere costs the way no more than one that fits nowhere at its neighbours' lag.
    """
    blocks, lags = ratios.shape
    total, origin = ratios[0].copy(), np.zeros((blocks, lags), np.intp)
    for b in range(1, blocks):
        stay = np.arange(lags)
        best, value = stay.copy(), total.copy()
        for step in (-1, 1):
            moved = np.full(lags, -np.inf)
            moved[max(0, -step) : lags - max(0, step)] = total[max(0, step) : lags - max(0, -step)] - SLOPE
            better = moved > value
            best[better], value[better] = stay[better] + step, moved[better]
        top = int(np.argmax(total))
        better = total[top] - CHANGE > value
        best[better], value[better] = top, total[top] - CHANGE
        origin[b], total = best, value + ratios[b]
    way = np.zeros(blocks, np.intp)
    way[-1] = int(np.argmax(total))
    for b in range(blocks - 1, 0, -1):
        way[b - 1] = origin[b, way[b]]
    return way


def _aligned(sums: Array, way: lag.Index) -> Array:
    out = np.zeros_like(sums)
    for b, index in enumerate(way):
        shift = int(index) - lag.MAX_LAG
        first, last = max(0, -shift), min(len(lag.LAGS), len(lag.LAGS) - shift)
        out[b, first:last] = sums[b, first + shift : last + shift]
    return out


def _windows(pair: Pair, way: lag.Index, mean: float, deviation: float) -> list[Window]:
    total = float(pair.sums[:, lag.MAX_LAG, 0].sum())
    found = []
    for first, last in stretches(pair.spans):
        index = int(np.median(way[first:last]))
        sums = pair.sums[first:last]
        count = float(sums[:, index, 0].sum())
        if count < MIN_WINDOW * RATE:
            continue
        curve = lag.likeness(sums.sum(0))
        scatter = deviation * np.sqrt(total / count)
        own = lag.peak(curve, index, reach=JUMP)
        clear = own.height - mean >= CLEAR * scatter and own.inside
        low = high = None
        if clear:
            curves = lag.resampled(sums)
            low, high = np.percentile([lag.peak(c, own.index, reach=2 * JUMP).offset for c in curves], [2.5, 97.5])
            low, high = float(min(low, own.offset)), float(max(high, own.offset))
        found.append(
            Window(
                Span(pair.spans[first].start, pair.spans[last - 1].end),
                own.height - mean,
                (own.height - mean) / scatter,
                own.offset if clear else None,
                low,
                high,
                count / RATE,
            )
        )
    return found


def stretches(spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Windows as ``(first, last + 1)`` block: `WINDOW` seconds long, half overlapping, none across a pause."""
    edges = [0, *(i for i in range(1, len(spans)) if spans[i].start - spans[i - 1].end > PAUSE), len(spans)]
    size = max(2, round(WINDOW / max(float(np.median([span.duration for span in spans])), 1.0 / RATE)))
    out = []
    for first, last in pairwise(edges):
        step = max(1, size // 2)
        out += [(i, min(i + size, last)) for i in range(first, max(first + 1, last - step), step)]
    return out


def _jumps(pair: Pair, way: lag.Index, windows: Sequence[Window]) -> list[Jump]:
    """Changes of the way by more than `JUMP` between stretches that last `MIN_PART` seconds or more on either side."""
    edges = [0, *(np.flatnonzero(np.abs(np.diff(way)) > JUMP) + 1).tolist(), len(way)]
    found = []
    for a, b, c in zip(edges, edges[1:], edges[2:], strict=False):
        if all(sum(s.duration for s in pair.spans[x:y]) >= MIN_PART for x, y in ((a, b), (b, c))):
            before, after = (
                lag.peak(lag.likeness(pair.sums[x:y].sum(0)), int(np.median(way[x:y])), reach=JUMP).offset
                for x, y in ((a, b), (b, c))
            )
            found.append(Jump(pair.spans[b].start, before, after))
    return found


def _parted(spans: Sequence[Span], along: Array) -> list[tuple[Span, float]]:
    """Longest stretches over which the ratio `along` (b,) adds up to less than ``-PARTED``, none inside another."""
    found = []
    b = 0
    while b < len(along):
        total = best = 0.0
        end = start = b
        for i in range(b, len(along)):
            total -= float(along[i])
            if total <= 0:
                break
            if total > best:
                best, end = total, i + 1
        if best > 0:
            span = Span(spans[start].start, spans[end - 1].end)
            if best >= PARTED and sum(s.duration for s in spans[start:end]) >= MIN_PART:
                found.append((span, best))
            b = end
        else:
            b += 1
    return found


def drift(windows: Sequence[Window]) -> float | None:
    """Slope of the windows' offsets in ms a minute (Theil-Sen: one window that went astray moves nothing).

    None if fewer than four windows have one, or they lie within `MIN_DRIFT` seconds.
    """
    points = [((w.span.start + w.span.end) / 2, w.offset) for w in windows if w.offset is not None]
    if len(points) < 4 or points[-1][0] - points[0][0] < MIN_DRIFT:
        return None
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(points) for b in points[i + 1 :] if b[0] > a[0]]
    return 60.0 * float(np.median(slopes))
