"""Gaze on an even grid, and what can be said of it without asking what it means: noise and blinks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inperson.types import Span

Series = NDArray[np.float64]
Mask = NDArray[np.bool_]

RATE = 25.0
"""Hz of the grid."""
MAX_GAP = 0.25
"""Seconds without a measured face that are bridged; a blink lasts 0.1 to 0.4 s."""
BLINK = 0.55
"""Lids closer than this share of their median count as a blink: the iris is hidden."""
LONGEST_BLINK = 0.5
"""Seconds; eyes closed for longer are no blink (Schiffman, Sensation and Perception, 2000: 0.1 to 0.4 s)."""


def steady(rows: Series) -> tuple[Series, Series, Series, float]:
    """Put gaze on an even grid.

    Parameters
    ----------
    rows : (n, 5)
        Time (s), across (deg), down (deg), lid opening, eye distance (px); sorted by time.

    Returns
    -------
    times, across, down : (m,)
        Every 40 ms; NaN where no open eye was measured within `MAX_GAP`. All empty for n < 2.
    noise : float
        Standard deviation (deg) of what cannot be eye movement: second differences of single frames, by their median.
    """
    if len(rows) < 2:
        return np.zeros(0), np.zeros(0), np.zeros(0), 0.0
    rows = rows[rows[:, 3] >= BLINK * np.median(rows[:, 3])]
    source = rows[:, 0]
    times = np.arange(math.ceil(source[0] * RATE), math.floor(source[-1] * RATE) + 1) / RATE
    after = np.clip(np.searchsorted(source, times), 1, len(source) - 1)
    hole = source[after] - source[after - 1] > MAX_GAP
    out = []
    for column in (1, 2):
        values = np.interp(times, source, rows[:, column])
        values[hole] = np.nan
        out.append(values)
    second = np.abs(np.diff(rows[:, 1], 2))
    # the median absolute second difference of white noise of deviation s is 0.6745 * sqrt(6) * s
    noise = float(np.median(second) / (0.6745 * math.sqrt(6))) if len(second) else 0.0
    return times, out[0], out[1], noise


def blinks(rows: Series, spans: Sequence[Span]) -> float:
    """Blinks a minute in the spans; NaN where the lids were measured for less than 20 s of them.

    `rows` as for `steady`, at their own times. Blinks shorter than a frame are missed, so only rates of one recording
    compare.
    """
    times, lids = rows[:, 0], rows[:, 3]
    inside = np.zeros(len(rows), bool)
    for span in spans:
        inside |= (times >= span.start) & (times < span.end)
    steps = np.minimum(np.diff(times, append=times[-1:]), MAX_GAP)
    seconds = float(steps[inside].sum())
    if seconds < 20:
        return math.nan
    closed = lids < BLINK * np.median(lids)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(int)))
    count: int = sum(
        bool(inside[first]) and times[min(last, len(times) - 1)] - times[first] <= LONGEST_BLINK
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    )
    return 60.0 * count / seconds


def within(times: Series, spans: Sequence[Span]) -> Mask:
    """(m,) whether each time lies in one of the spans."""
    inside = np.zeros(len(times), bool)
    for span in spans:
        inside |= (times >= span.start) & (times < span.end)
    return inside
