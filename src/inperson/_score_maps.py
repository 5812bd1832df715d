"""Two ways to turn raw scores into log10 likelihood ratios, and which one to keep: the fitting behind `calibration`.

Both give a curve: knots on the score axis and the ratio at each. Classes always weigh the same, so that the ratio does
not depend on how many recordings of each there happened to be.

References
----------
Logistic regression: Brümmer & du Preez, "Application-independent evaluation of speaker detection", Computer Speech &
Language 20 (2006) 230-275.
Isotonic regression: Zadrozny & Elkan, "Transforming classifier scores into accurate multiclass probability estimates",
KDD (2002) 694-699; pool adjacent violators: Ayer et al., Annals of Mathematical Statistics 26 (1955) 641-647.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int_]
Names = NDArray[np.int_]
"""Which group each score belongs to, as numbers: the ranks of their names."""

RIDGE = 1.0
"""L2 penalty on the standardised slope (a standard normal prior): keeps separable data from an infinite slope."""
FOLDS = 5
KNOTS = 16
"""Most knots of an isotonic curve; own choice: small in the card, and finer steps would be noise."""
ISOTONIC_GROUPS = 40
"""Fewest groups of each class for an isotonic fit. Own choice: below it a step rests on a handful of persons."""


class Curve(NamedTuple):
    """A piecewise-linear map, flat beyond its ends. `scores` ascend strictly."""

    scores: Array
    llrs: Array

    def at(self, x: Array) -> Array:
        """Ratios of scores `x`, any number of them."""
        return np.interp(x, self.scores, self.llrs)


Fit = Callable[[Array, Labels, Names], Curve]


def logistic(x: Array, y: Labels, neutral: float | None = None, knots: Array | None = None) -> Curve:
    """Class-balanced ridge logistic regression by Newton's method: a straight line over the range of `x`, or `knots`.

    Its slope may be negative. `neutral` is the score kept at a ratio of 1, if there is one.
    """
    scale = float(x.std()) or 1.0
    centre = float(x.mean()) if neutral is None else neutral
    design = np.stack([(x - centre) / scale, np.full_like(x, neutral is None)], axis=1)
    weight = np.where(y == 1, 0.5 / max((y == 1).sum(), 1), 0.5 / max((y == 0).sum(), 1)) * len(x)
    penalty = np.diag([RIDGE, 1e-9])
    beta = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (weight * (p - y)) + penalty @ beta
        hessian = (design * (weight * p * (1 - p))[:, None]).T @ design + penalty
        step = np.linalg.solve(hessian, gradient)
        beta = beta - step
        if np.abs(step).max() < 1e-9:
            break
    slope = float(beta[0]) / scale / math.log(10)
    at = np.unique([x.min(), x.max()]) if knots is None else knots
    return Curve(at, slope * (at - centre) + float(beta[1]) / math.log(10))


def rising(curve: Curve) -> Curve:
    """The curve, or one that says nothing where it falls: a score that points the wrong way is worth nothing."""
    return curve if curve.llrs[-1] >= curve.llrs[0] else Curve(curve.scores, np.zeros_like(curve.llrs))


def isotonic(x: Array, y: Labels, names: Names) -> Curve:
    """Class-balanced isotonic regression by pooling adjacent violators.

    One further person of each class misleads, beyond either end (the idea of ELUB, see `inperson.calibration`); so no
    ratio is infinite, and none is larger than the number of persons of a class.
    """
    from scipy.optimize import isotonic_regression

    at, where = np.unique(x, return_inverse=True)
    weights = [np.bincount(where, y == label, len(at)) / (y == label).sum() for label in (0, 1)]
    one = [1 / len(np.unique(names[y == label])) for label in (0, 1)]
    bonafide = np.concatenate([[0.0], weights[0], [one[0]]]) / (1 + one[0])
    spoof = np.concatenate([[one[1]], weights[1], [0.0]]) / (1 + one[1])
    total = bonafide + spoof
    share = isotonic_regression(spoof / total, weights=total).x[1:-1]
    return Curve(at, np.log10(share / (1 - share)))


def thinned(curve: Curve, most: int = KNOTS) -> Curve:
    """At most `most` of the curve's knots: those between equal neighbours go first, then those that bend it least."""
    x, y = curve
    keep = np.ones(len(x), bool)
    keep[1:-1] = (y[1:-1] != y[:-2]) | (y[1:-1] != y[2:])
    x, y = x[keep], y[keep]
    while len(x) > most:
        line = y[:-2] + (y[2:] - y[:-2]) * (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
        least = 1 + int(np.argmin(np.abs(y[1:-1] - line)))
        x, y = np.delete(x, least), np.delete(y, least)
    return Curve(x, y)


def bounds(llrs: Array, bound: float) -> tuple[float, float]:
    """Largest ratios that the data can defend, and never beyond what was seen; the bound itself where all are 1."""
    if not llrs.any():
        return -bound, bound
    return max(-bound, float(llrs.min())), min(bound, float(llrs.max()))


def smallest_class(y: Labels, names: Names) -> int:
    """Groups of the class that has fewer."""
    return min(len(np.unique(names[y == label])) for label in (0, 1))


def prefers_isotonic(x: Array, y: Labels, names: Names, seed: int) -> bool:
    """Whether isotonic has the lower cross-validated Cllr by more than noise.

    Both are fitted on four fifths of the groups and tried on the rest, groups kept whole. Isotonic is kept if the mean
    difference of Cllr exceeds one standard error over groups: the one-standard-error rule in favour of the simpler
    model (Breiman, Friedman, Olshen & Stone, *Classification and Regression Trees*, 1984, section 3.4.3).
    """
    if smallest_class(y, names) < ISOTONIC_GROUPS:
        return False
    fold = _folds(y, names, seed)
    straight = _held_out(lambda a, b, _: rising(logistic(a, b)), x, y, names, fold)
    stepped = _held_out(lambda a, b, c: thinned(isotonic(a, b, c)), x, y, names, fold)
    gain = _costs(straight, y) - _costs(stepped, y)
    by_group = np.bincount(np.unique(names, return_inverse=True)[1], gain)
    count = len(by_group)
    error = math.sqrt(count / (count - 1) * float(((by_group - by_group.mean()) ** 2).sum()))
    return float(gain.sum()) > error


def _folds(y: Labels, names: Names, seed: int) -> NDArray[np.int_]:
    """A fold for every score: groups whole, and both classes spread over all folds."""
    rng = np.random.default_rng(seed)
    of_group: dict[int, int] = {}
    for kind in ({0}, {1}, {0, 1}):
        alike = [name for name in np.unique(names).tolist() if set(y[names == name].tolist()) == kind]
        of_group |= {alike[i]: rank % FOLDS for rank, i in enumerate(rng.permutation(len(alike)))}
    return np.array([of_group[name] for name in names.tolist()])


def _held_out(fit: Fit, x: Array, y: Labels, names: Names, fold: NDArray[np.int_]) -> Array:
    """Ratios of every score by a fit that saw neither it nor its group, bounded as they would be."""
    llr = np.zeros(len(x))
    for held in (fold == i for i in range(FOLDS)):
        rest = ~held
        curve = fit(x[rest], y[rest], names[rest])
        low, high = bounds(curve.llrs, math.log10(smallest_class(y[rest], names[rest]) + 1))
        llr[held] = np.clip(curve.at(x[held]), low, high)
    return llr


def _costs(llr: Array, y: Labels) -> Array:
    """What each recording adds to Cllr (Brümmer & du Preez 2006, in bits): the sum is Cllr."""
    natural = np.where(y == 1, -llr, llr) * math.log(10)
    count = np.where(y == 1, (y == 1).sum(), (y == 0).sum())
    return np.asarray(np.logaddexp(0, natural) / math.log(2) / (2 * count))
