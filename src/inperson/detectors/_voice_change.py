"""Does the voice change on the way: synthesis or conversion that starts or stops midway?

The windows' logits are cut into at most three runs of constant level by exact search: the runs' squared deviations over
the long-run variance, plus `PENALTY` times log n for each change (the form of the Bayesian information criterion:
Yao, "Estimating the number of change-points via Schwarz' criterion", Statistics & Probability Letters 6 (1988)
181-189; its own constant of 1 a change and log n would find changes in a few percent of sequences without any).

What the recording carries is its whole ratio, or, where a change was found, that of its most suspicious run of at least
`LEAST_RUN` seconds less the log of the number of runs: the price of having looked at each (a Bonferroni bound on the
likelihood ratio). A long genuine recording is thereby not flagged more often than its whole is, but for the rare
sequence in which a change is found that is not there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from inperson.detectors._voice_pooling import LAG, Array, Levels, Pooled, Windows, log_ratio, pooled
from inperson.types import Span

PENALTY = 3.0
"""Cost of a change, in units of log n on the scale of -2 log likelihood. By simulation (tests) it keeps false changes
to 1 % of stationary sequences of 60 windows, uncorrelated or correlated as the model says."""
FEWEST = 20
"""Windows for which the price is reckoned at least: log n alone is too cheap for short sequences (same simulation)."""
SHORTEST = 3
"""Windows in a run: fewer cannot be told from a cough."""
LEAST_RUN = 12.0
"""Seconds of speech in a run that may carry the recording's score."""
NEIGHBOURS = 2
"""Windows on either side whose median an outlying window is clipped towards: a step passes, a burst does not."""
CLIPPED = 2.0
"""Deviations from that median."""
PRIOR_WINDOWS = 4
"""As many windows' worth the card's deviation counts beside the recording's own."""
QUARTILE = 0.6745
"""Median absolute value of a standard normal."""
LEVEL = 0.95
"""Probability that the stated interval of a change's time holds."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive windows of one level: ``first <= i < stop``; `ratio` is its natural log-likelihood ratio alone."""

    first: int
    stop: int
    span: Span
    seconds: float
    level: Pooled
    ratio: float


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level: the likeliest time, between two windows, and the interval of probability `LEVEL`."""

    time: float
    within: Span


@dataclass(frozen=True, slots=True)
class Course:
    """What a voice's windows say over time.

    Attributes
    ----------
    runs : tuple of 1 to 3 Run
    changes : tuple of Change
        One fewer than `runs`.
    whole : float
        Natural log-likelihood ratio of all windows together.
    ratio : float
        That of the recording: `whole`, or the best run's less the price of looking.
    carrier : Run or None
        The run that `ratio` comes from; None where it is `whole`.
    """

    runs: tuple[Run, ...]
    changes: tuple[Change, ...]
    whole: float
    ratio: float
    carrier: Run | None


def course(windows: Windows, levels: Levels) -> Course:
    """Runs, changes and the recording's log-likelihood ratio."""
    edges, changes = _segmented(windows, levels)
    runs = tuple(_run(windows, a, b, levels) for a, b in pairwise(edges))
    whole = log_ratio(pooled(windows, levels), levels)
    long = [run for run in runs if run.seconds >= LEAST_RUN]
    best = max(long, key=lambda run: run.ratio, default=None) if changes else None
    if best is None or best.ratio - math.log(len(runs)) <= whole:
        return Course(runs, changes, whole, whole, None)
    return Course(runs, changes, whole, best.ratio - math.log(len(runs)), best)


def _run(windows: Windows, first: int, stop: int, levels: Levels) -> Run:
    part = windows.part(first, stop)
    level = pooled(part, levels)
    span = Span(float(part.starts[0]), float(part.ends.max()))
    return Run(first, stop, span, part.seconds, level, log_ratio(level, levels))


def _segmented(windows: Windows, levels: Levels) -> tuple[list[int], tuple[Change, ...]]:
    """Edges of the runs, 0 and n included, and the changes at the inner ones."""
    n = len(windows)
    if n < 2 * SHORTEST:
        return [0, n], ()
    cost = _costs(windows, levels)
    price = PENALTY * math.log(max(n, FEWEST))
    found: list[list[int]] = [[]]
    totals = [cost[0, n]]
    at = np.arange(SHORTEST, n - SHORTEST + 1)
    once = cost[0, at] + cost[at, n]
    found.append([int(at[np.argmin(once)])])
    totals.append(float(once.min()) + price)
    twice = cost[0, at][:, None] + cost[np.ix_(at, at)] + cost[at, n]
    if np.isfinite(twice).any():
        i, j = np.unravel_index(int(np.argmin(twice)), twice.shape)
        found.append([int(at[i]), int(at[j])])
        totals.append(float(twice[i, j]) + 2 * price)
    edges = [0, *found[int(np.argmin(totals))], n]
    return edges, tuple(_change(windows, cost, *edges[i - 1 : i + 2]) for i in range(1, len(edges) - 1))


def _costs(windows: Windows, levels: Levels) -> Array:
    """(n + 1, n + 1): weighted squares of windows i <= k < j around their mean, over the long-run variance.

    Infinite where a run would be shorter than `SHORTEST`.
    """
    x, variance = _calmed(windows, levels)
    n, weight = len(x), windows.scales**-2
    x = x - x.mean()
    mass, sums, squares = (np.concatenate([[0.0], np.cumsum(weight * y)]) for y in (np.ones(n), x, x**2))
    long = np.arange(n + 1) - np.arange(n + 1)[:, None] >= SHORTEST
    masses = np.where(long, mass - mass[:, None], 1.0)
    total = (squares - squares[:, None]) - (sums - sums[:, None]) ** 2 / masses
    cost: Array = np.where(long, total / variance, np.inf)
    return cost


def _calmed(windows: Windows, levels: Levels) -> tuple[Array, float]:
    """Logits with bursts clipped, and the variance of a window times how many correlated ones tell as much as one.

    The recording's own variance is read from the differences of neighbours, which a change or two hardly touch; it can
    only raise the card's: a lively voice must not have its scatter cut into runs.
    """
    scale, alike = windows.scales, levels.correlation ** (np.diff(windows.middles) / LAG)
    steps = scale[1:] ** 2 + scale[:-1] ** 2 - 2 * alike * scale[1:] * scale[:-1]
    steps = np.maximum(steps, 0.1)  # variance of a difference, in variances of a window of LAG seconds
    own = float(np.median(np.abs(np.diff(windows.logits)) / np.sqrt(steps))) / QUARTILE
    x = _clipped(windows.logits, max(own, levels.within) * scale)
    squares = float(np.sum(np.diff(x) ** 2 / steps))
    variance = (PRIOR_WINDOWS * levels.within**2 + squares) / (PRIOR_WINDOWS + len(x) - 1)
    typical = float(np.median(alike))
    return x, max(variance, levels.within**2) * (1 + typical) / max(1 - typical, 0.02)


def _clipped(x: Array, deviation: Array) -> Array:
    """Each window no further than `CLIPPED` of its deviations from its neighbourhood's median."""
    n = len(x)
    near = [float(np.median(x[max(i - NEIGHBOURS, 0) : min(i + NEIGHBOURS + 1, n)])) for i in range(n)]
    middle = np.array(near)
    made: Array = np.clip(x, middle - CLIPPED * deviation, middle + CLIPPED * deviation)
    return made


def _change(windows: Windows, cost: Array, before: int, edge: int, after: int) -> Change:
    """Time of the change at `edge` between the runs that start at `before` and end at `after`."""
    at = np.arange(before + SHORTEST, after - SHORTEST + 1)
    total = cost[before, at] + cost[at, after]
    weight = np.exp(-0.5 * (total - total.min()))
    likeliest = np.argsort(-weight, kind="stable")
    needed = int(np.searchsorted(np.cumsum(weight[likeliest]), LEVEL * weight.sum())) + 1
    held = at[likeliest[: min(needed, len(at))]]
    time = 0.5 * float(windows.ends[edge - 1] + windows.starts[edge])
    earliest, latest = float(windows.starts[held.min() - 1]), float(windows.ends[held.max()])
    return Change(time, Span(min(earliest, time), max(latest, time)))
