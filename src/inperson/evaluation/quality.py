"""Whether a signal's own quality measure knows when the signal is wrong, and below which quality it tells nothing.

The error of one recording is its log cost in bits (`inperson.evaluation.metrics.log_cost`): 1 bit is what saying
nothing costs. Where the expected cost at some quality is not under 1 bit, the signal should abstain there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inperson.errors import InputError
from inperson.evaluation._arrays import Floats, finite, scored
from inperson.evaluation.bootstrap import Estimate, few_groups, interval
from inperson.evaluation.likelihood import cllr, rising
from inperson.evaluation.operating import auc

BLOCK = 10
"""Fewest recordings whose mean cost is looked at."""
BLOCKS = 10
"""Most steps of quality that `least_quality` tells apart."""
DRAWS = 500
EVIDENCE = 0.975
"""Confidence with which some range of qualities must be under the ceiling. Of 300 simulated signals whose mean cost is
exactly the ceiling, 3 to 6 in a hundred passed where costs were normal; where they were as skewed as log costs are, 6
to 8 with 200 recordings and 13 with 60. (A signal that tells nothing and does not say so costs more than that.)"""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Recordings of similar quality, from `low` to `high`, both met in it."""

    low: float
    high: float
    n_bonafide: int
    n_spoof: int
    cllr: Estimate
    auc: Estimate


def by_quality(
    llr: ArrayLike,
    labels: ArrayLike,
    quality: ArrayLike,
    groups: Sequence[object] | NDArray[Any],
    bins: int = 3,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[Stratum, ...]:
    """How good the signal is on its worst, middling and best recordings by its own quality measure.

    Parameters
    ----------
    llr : (n,) array_like
        log10 likelihood ratios.
    labels : (n,) array_like
        1 where the signal is present, 0 where bona fide.
    quality : (n,) array_like
        `Reading.quality` of each.
    groups : sequence of n hashables
        Person, page or recording of each.
    bins : int
        Strata of about equal size, at least 1. Recordings of equal quality stay together, so there may be fewer.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    tuple of Stratum
        By rising quality; empty for n = 0. Figures that lack a class are NaN.

    Raises
    ------
    InputError
        Lengths differ, a number is not finite, a label is neither 0 nor 1, or `bins` is under 1.
    """
    x, spoof = scored(llr, labels, "log-likelihood ratios")
    q, names = _along(quality, groups, len(x))
    if bins < 1:
        raise InputError(f"expected at least 1 bin, found {bins}")
    which = _steps(q, bins)
    made = []
    for step in np.unique(which):
        here = which == step
        rows, y, g = x[here], spoof[here], names[here]
        both = [interval(m, rows, y, groups=g, labels=y, draws=draws, seed=seed) for m in (cllr, auc)]
        made.append(Stratum(float(q[here].min()), float(q[here].max()), int((~y).sum()), int(y.sum()), *both))
    return tuple(made)


def monotone(
    cost: ArrayLike,
    quality: ArrayLike,
    groups: Sequence[object] | NDArray[Any],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Spearman's rank correlation of quality and cost, with its interval over groups.

    Below 0 where better quality means a smaller error, as it should. NaN where either is the same throughout.

    Parameters
    ----------
    cost : (n,) array_like
        `inperson.evaluation.metrics.log_cost` of each recording, in bits.
    quality, groups, draws, seed
        As in `by_quality`.

    Raises
    ------
    InputError
        Lengths differ, or a number is not finite.
    """
    bits = finite(cost, "costs")
    q, names = _along(quality, groups, len(bits))
    return interval(_spearman, q, bits, groups=names, draws=draws, seed=seed)


def least_quality(
    cost: ArrayLike,
    quality: ArrayLike,
    groups: Sequence[object] | NDArray[Any],
    ceiling: float = 1.0,
    *,
    labels: ArrayLike | None = None,
    seed: int = 0,
) -> float | None:
    """The smallest quality from which on the signal tells anything: what the abstention rule may use.

    Recordings are cut into steps of rising quality, and the mean cost of each is fitted by a curve that never rises
    with quality (pool-adjacent-violators). The first step is taken at which the curve lies below the ceiling by at
    least one bootstrap standard error (over groups), so that doubt means abstention. And only if there is a quality
    above which the mean cost is under the ceiling with confidence `EVIDENCE`, all such ranges tried at once (the
    maximum of their studentised deviations in the bootstrap): the lowest of ten noisy means is always low.

    Parameters
    ----------
    cost : (n,) array_like
        `inperson.evaluation.metrics.log_cost` of each recording, in bits.
    quality, groups, seed
        As in `by_quality`.
    ceiling : float
        Expected cost to stay under, in bits.
    labels : (n,) array_like, optional
        1 where the signal is present, 0 where bona fide: both classes then count half, as in Cllr. Without them every
        recording counts alike, which flatters a signal that leans towards the larger class.

    Returns
    -------
    float or None
        0.0 where the lowest step already qualifies; None where none does, or with fewer than two groups.

    Raises
    ------
    InputError
        Lengths differ, a number is not finite, or a label is neither 0 nor 1.
    """
    bits = finite(cost, "costs")
    q, names = _along(quality, groups, len(bits))
    group = np.unique(names, return_inverse=True)[1]
    if not len(bits) or group.max() < 1:
        return None
    which = _steps(q, min(BLOCKS, max(1, len(bits) // BLOCK)))
    table = _Costs.of(bits, _balanced(labels, bits), which, group)
    drawn = np.random.default_rng(seed).multinomial(
        group.max() + 1, np.full(group.max() + 1, 1 / (group.max() + 1)), DRAWS
    )
    low_enough = np.flatnonzero(table.curve() + table.error(drawn) < ceiling - 1e-9)
    if not len(low_enough) or not (table.ranges(drawn) < ceiling - 1e-9).any():
        return None
    return float(q[which == low_enough[0]].min()) if low_enough[0] else 0.0


@dataclass(frozen=True, slots=True)
class _Costs:
    """Weight and weighted cost of every group (rows) in every step of quality (columns)."""

    weight: Floats
    cost: Floats

    @classmethod
    def of(cls, bits: Floats, weight: Floats, which: NDArray[np.intp], group: NDArray[np.intp]) -> _Costs:
        shape = (int(group.max()) + 1, int(which.max()) + 1)
        total, cost = np.zeros(shape), np.zeros(shape)
        np.add.at(total, (group, which), weight)
        np.add.at(cost, (group, which), weight * bits)
        return cls(total, cost)

    def curve(self) -> Floats:
        """Cost at each step, never rising with quality."""
        return _falling(self.cost.sum(0), self.weight.sum(0))

    def error(self, drawn: NDArray[np.int64]) -> Floats:
        """Standard error of `curve` at each step; a step that was not drawn keeps its mean at next to no weight."""
        spare = 1e-9
        costs, weights = drawn @ self.cost + spare * self.cost.sum(0), drawn @ self.weight + spare * self.weight.sum(0)
        return np.asarray(np.std([_falling(c, w) for c, w in zip(costs, weights, strict=True)], axis=0))

    def ranges(self, drawn: NDArray[np.int64]) -> Floats:
        """Upper confidence bound of the mean cost from each step upwards, holding for all of them together."""
        cost, weight = (np.cumsum(v[:, ::-1], axis=1)[:, ::-1] for v in (self.cost, self.weight))
        mean = cost.sum(0) / weight.sum(0)
        deviation = drawn @ ((cost - mean * weight) / weight.sum(0))
        error = deviation.std(axis=0) + 1e-12
        beyond = np.quantile((-deviation / error).max(axis=1), EVIDENCE) * few_groups(len(cost), EVIDENCE)
        return np.asarray(mean + beyond * error)


def _falling(cost: Floats, weight: Floats) -> Floats:
    return np.asarray(-rising(-cost / weight, weight))


def _balanced(labels: ArrayLike | None, bits: Floats) -> Floats:
    if labels is None:
        return np.ones(len(bits))
    _, spoof = scored(bits, labels, "costs")
    return np.asarray(np.where(spoof, 1 / max(spoof.sum(), 1), 1 / max((~spoof).sum(), 1)), dtype=np.float64)


def _along(
    quality: ArrayLike, groups: Sequence[object] | NDArray[Any], n: int
) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.str_]]]:
    q = finite(quality, "qualities")
    if not len(q) == len(groups) == n:
        raise InputError(f"expected {n} qualities and groups, one a recording, found {len(q)} and {len(groups)}")
    return q, np.asarray([str(g) for g in groups], dtype=np.str_)


def _steps(quality: Floats, bins: int) -> NDArray[np.intp]:
    """Step of each recording, 0 the lowest quality; about equal sizes, equal qualities together, none empty."""
    if not len(quality):
        return np.zeros(0, np.intp)
    edges = np.quantile(quality, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    return np.asarray(np.unique(np.searchsorted(edges, quality), return_inverse=True)[1])


def _spearman(x: Floats, y: Floats) -> float:
    a, b = _ranks(x), _ranks(y)
    spread = math.sqrt(float((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / spread) if spread > 0 else math.nan


def _ranks(values: Floats) -> Floats:
    """Ranks about their mean; equal values share the mean of their ranks."""
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2
    return np.asarray(middle[which] - (len(values) + 1) / 2)
