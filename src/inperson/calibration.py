"""From a detector's raw score to a log-likelihood ratio, and from that to a confidence.

A `Calibration` is an affine map ``llr = slope * score + intercept`` (log10), fitted by logistic regression with both
classes weighted equally, on recordings the detector was not trained on. Three things keep it from boasting:

- it is flat outside the range of scores it was fitted on;
- it is bounded by the amount of data behind it: with one further misleading recording of either class at the extreme,
  no larger ratio could be defended (the idea of the empirical lower and upper bound, ELUB: Vergeer, van Es, de Jongh,
  Alberink & Stoel, "Numerical likelihood ratios outputted by LR systems are often based on extrapolation: When to stop
  extrapolating?", Science & Justice 56 (2016) 482-491);
- `bootstrap` holds maps fitted on resampled persons or recordings, so that the interval shows how little is known.

References
----------
Logistic-regression calibration: Brümmer & du Preez, "Application-independent evaluation of speaker detection",
Computer Speech & Language 20 (2006) 230-275.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inperson.errors import InputError, ModelError

RESAMPLES = 100
RULE_OF_THREE = math.log10(3)
"""Where none of n recordings misled, the rate of misleading ones may still be 3 / n at 95 % (Hanley & Lippman-Hand, "If
nothing goes wrong, is everything all right?", JAMA 249 (1983) 1743-1745); the bound itself stands for 1 / n."""
RIDGE = 1.0
"""L2 penalty on the standardised slope (a standard normal prior): keeps separable data from an infinite slope."""
MIN_GROUPS = 4
"""Fewest persons (or recordings) of a class that `fit` accepts."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted map from raw score to log10 likelihood ratio.

    Attributes
    ----------
    slope, intercept : float
        ``llr = slope * score + intercept``.
    score_range : (float, float)
        Scores outside are moved to the nearer end.
    llr_range : (float, float)
        No ratio outside is ever returned.
    bootstrap : tuple of (float, float)
        (slope, intercept) of the resampled fits; may be empty.
    n_bonafide, n_spoof : int
        Recordings behind it (signal absent, signal present).
    """

    slope: float
    intercept: float
    score_range: tuple[float, float]
    llr_range: tuple[float, float]
    bootstrap: tuple[tuple[float, float], ...] = ()
    n_bonafide: int = 0
    n_spoof: int = 0

    def llr(self, score: float) -> float:
        """log10 likelihood ratio of a finite `score`: above 0 speaks for the signal, below against it."""
        return self._bounded(self.slope, self.intercept, score)

    def _bounded(self, slope: float, intercept: float, score: float) -> float:
        low, high = self.score_range
        llr = slope * min(max(score, low), high) + intercept
        return min(max(llr, self.llr_range[0]), self.llr_range[1])

    def interval(self, score: float, spread: float = 0.0, level: float = 0.95) -> tuple[float, float]:
        """Interval of the log10 likelihood ratio at `level`, never narrower than the point value.

        Joins three causes: the map is fitted on a sample (`bootstrap`); the score is a mean over the recording's own
        windows with standard error `spread` (normal quantiles); and the bound is known to a factor of 3 only, so that a
        score far beyond it still has an interval (never one that reaches past a ratio of 1).
        """
        maps = self.bootstrap or ((self.slope, self.intercept),)
        quantiles = (-1.6449, -0.6745, 0.0, 0.6745, 1.6449) if spread > 0 else (0.0,)
        values = [self._bounded(a, b, score + z * spread) for a, b in maps for z in quantiles]
        tail = 50 * (1 - level)
        low, high = np.percentile(values, [tail, 100 - tail])
        point = self.llr(score)
        if point > 0:
            low = min(low, max(0.0, self.llr_range[1] - RULE_OF_THREE))
        if point < 0:
            high = max(high, min(0.0, self.llr_range[0] + RULE_OF_THREE))
        return min(float(low), point), max(float(high), point)

    def to_toml(self) -> str:
        """The card's ``[calibration]`` table."""

        def pair(values: tuple[float, float]) -> str:
            return f"[{values[0]:.6g}, {values[1]:.6g}]"

        rows = ",\n  ".join(pair(p) for p in self.bootstrap)
        return (
            "[calibration]\n"
            f"slope = {float(self.slope)!r}\nintercept = {float(self.intercept)!r}\n"
            f"score_range = {pair(self.score_range)}\nllr_range = {pair(self.llr_range)}\n"
            f"n_bonafide = {self.n_bonafide}\nn_spoof = {self.n_spoof}\n"
            f"bootstrap = [\n  {rows}\n]\n"
        )

    @classmethod
    def from_card(cls, table: Mapping[str, Any], name: str = "model") -> Calibration:
        """Read a card's ``[calibration]`` table.

        Raises
        ------
        ModelError
            A key is missing, or a value is not finite.
        """
        try:
            made = cls(
                slope=float(table["slope"]),
                intercept=float(table["intercept"]),
                score_range=_pair(table["score_range"]),
                llr_range=_pair(table["llr_range"]),
                bootstrap=tuple(_pair(row) for row in table.get("bootstrap", ())),
                n_bonafide=int(table.get("n_bonafide", 0)),
                n_spoof=int(table.get("n_spoof", 0)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"the [calibration] of {name} is not usable ({error!r}); reinstall inperson or refit it"
            ) from None
        numbers = (
            made.slope,
            made.intercept,
            *made.score_range,
            *made.llr_range,
            *(x for row in made.bootstrap for x in row),
        )
        if not all(math.isfinite(x) for x in numbers):
            raise ModelError(
                f"the [calibration] of {name} holds a number that is not finite; reinstall inperson or refit it"
            )
        return made


def _pair(values: Sequence[float]) -> tuple[float, float]:
    low, high = values
    return float(low), float(high)


def confidence(llr: float, prior: float) -> float:
    """P(signal present | evidence) for a log10 likelihood ratio at a prior probability in (0, 1).

    Raises
    ------
    InputError
        `prior` is not inside (0, 1).
    """
    if not 0 < prior < 1:
        raise InputError(f"the prior must be a probability above 0 and below 1, found {prior}")
    odds = prior / (1 - prior) * math.pow(10.0, llr)
    return odds / (1 + odds)


def fit(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[object],
    *,
    seed: int = 0,
    max_llr: float | None = None,
    neutral: float | None = None,
) -> Calibration:
    """Fit a calibration on held-out scores.

    Parameters
    ----------
    scores : (n,) array_like
        Raw scores, finite.
    labels : (n,) array_like
        1 where the signal is present, 0 where bona fide.
    groups : sequence of n hashables
        Person (or page, or recording) of each score; the bootstrap resamples these, and the bound counts these.
    seed : int
        Of the bootstrap.
    max_llr : float, optional
        A further bound on the absolute log10 likelihood ratio.
    neutral : float, optional
        The score of a recording that holds no information, where the detector's scale has one: it is then kept at a
        ratio of 1, and only the slope is fitted. Otherwise recordings that tell little (short ones) would inherit
        the middle of long ones.

    Returns
    -------
    Calibration
        With slope >= 0: a score that points the wrong way is worth nothing, not the opposite. The resampled maps keep
        their sign, so that the interval of a worthless score shows how little is known of it.

    Raises
    ------
    InputError
        Lengths differ, a value is not finite, or a class has fewer than `MIN_GROUPS` groups.
    """
    x, y = np.asarray(scores, float), np.asarray(labels, int)
    if not (x.ndim == 1 and x.shape == y.shape and len(groups) == len(x)):
        raise InputError(f"expected as many labels and groups as scores, found {x.shape}, {y.shape} and {len(groups)}")
    if not np.isfinite(x).all() or not np.isin(y, (0, 1)).all():
        raise InputError("expected finite scores and labels of 0 or 1")
    names = np.array([str(g) for g in groups])
    counts = [len(set(names[y == label])) for label in (0, 1)]
    if min(counts) < MIN_GROUPS:
        raise InputError(
            f"a calibration needs at least {MIN_GROUPS} groups of each class, found {counts[0]} and {counts[1]}"
        )
    slope, intercept = _logistic(x, y, neutral)
    if slope < 0:
        slope, intercept = 0.0, 0.0
    bound = math.log10(min(counts) + 1)
    if max_llr is not None:
        bound = min(bound, max_llr)
    return Calibration(
        slope=slope,
        intercept=intercept,
        score_range=(float(x.min()), float(x.max())),
        llr_range=_bounds(slope * x + intercept, bound),
        bootstrap=_resampled(x, y, names, seed, neutral),
        n_bonafide=int((y == 0).sum()),
        n_spoof=int((y == 1).sum()),
    )


def _logistic(x: NDArray[np.float64], y: NDArray[np.int_], neutral: float | None = None) -> tuple[float, float]:
    """Class-balanced logistic regression by Newton's method; slope and intercept in log10 units."""
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
    return slope, float(beta[1]) / math.log(10) - slope * centre


def _bounds(llr: NDArray[np.float64], bound: float) -> tuple[float, float]:
    """Largest ratios that the data can defend, and never beyond what was seen; the bound itself where all are 1."""
    if not llr.any():
        return -bound, bound
    return max(-bound, float(llr.min())), min(bound, float(llr.max()))


def _resampled(
    x: NDArray[np.float64], y: NDArray[np.int_], names: NDArray[np.str_], seed: int, neutral: float | None
) -> tuple[tuple[float, float], ...]:
    rng = np.random.default_rng(seed)
    members = {name: np.flatnonzero(names == name) for name in sorted(set(names))}
    keys = list(members)
    fits: list[tuple[float, float]] = []
    for _ in range(20 * RESAMPLES):
        picked = np.concatenate([members[keys[i]] for i in rng.integers(0, len(keys), len(keys))])
        if 0 < y[picked].sum() < len(picked):
            fits.append(_logistic(x[picked], y[picked], neutral))
        if len(fits) == RESAMPLES:
            break
    return tuple(fits)
