"""From a detector's raw score to a log-likelihood ratio, and from that to a confidence.

A `Calibration` is a piecewise-linear map from score to log10 likelihood ratio, fitted with both classes weighted
equally on recordings the detector was not trained on: a straight line by logistic regression, or steps by isotonic
regression, whichever does better on held-out persons (`inperson._score_maps`). Three things keep it from boasting:

- it is flat outside the range of scores it was fitted on;
- it is bounded by the amount of data behind it: with one further misleading recording of either class at the extreme,
  no larger ratio could be defended (the idea of the empirical lower and upper bound, ELUB: Vergeer, van Es, de Jongh,
  Alberink & Stoel, "Numerical likelihood ratios outputted by LR systems are often based on extrapolation: When to stop
  extrapolating?", Science & Justice 56 (2016) 482-491);
- `bootstrap` holds maps fitted on resampled persons or recordings, so that the interval shows how little is known.

What a platform's own genuine recordings add to it is in `inperson.site`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from inperson import _score_maps as maps
from inperson.errors import InputError, ModelError

Method = Literal["auto", "logistic", "isotonic"]

RESAMPLES = 100
RULE_OF_THREE = math.log10(3)
"""Where none of n recordings misled, the rate of misleading ones may still be 3 / n at 95 % (Hanley & Lippman-Hand, "If
nothing goes wrong, is everything all right?", JAMA 249 (1983) 1743-1745); the bound itself stands for 1 / n."""
MIN_GROUPS = 4
"""Fewest persons (or recordings) of a class that `fit` accepts."""
NOMINAL = (0.01, 0.05)
"""False-alarm rates whose raw-score thresholds a calibration names."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted map from raw score to log10 likelihood ratio, linear between knots and flat beyond the first and last.

    Attributes
    ----------
    scores : tuple of k floats
        Knots, ascending; k >= 1. The ends are the lowest and highest score fitted on.
    llrs : tuple of k floats
        log10 likelihood ratio at each knot, before `llr_range`.
    llr_range : (float, float)
        No ratio outside is ever returned.
    bootstrap : tuple of tuples of k floats
        Ratios of the resampled fits at the same knots; may be empty.
    n_bonafide, n_spoof : int
        Recordings behind it (signal absent, signal present).
    method : str
        ``"logistic"`` (two knots) or ``"isotonic"``.
    nominal : mapping of float to float
        False-alarm rate to the lowest raw score that no more than this share of the bona fide recordings behind the
        calibration reached; empty where unknown.
    """

    scores: tuple[float, ...]
    llrs: tuple[float, ...]
    llr_range: tuple[float, float]
    bootstrap: tuple[tuple[float, ...], ...] = ()
    n_bonafide: int = 0
    n_spoof: int = 0
    method: str = "logistic"
    nominal: Mapping[float, float] = field(default_factory=dict, hash=False)

    @property
    def flat(self) -> bool:
        """Whether every score gets the same ratio: it tells nothing."""
        return len({self._bounded(llr) for llr in self.llrs}) == 1

    def llr(self, score: float) -> float:
        """log10 likelihood ratio of a finite `score`: above 0 speaks for the signal, below against it."""
        return self._bounded(float(np.interp(score, self.scores, self.llrs)))

    def _bounded(self, llr: float) -> float:
        return min(max(llr, self.llr_range[0]), self.llr_range[1])

    def interval(self, score: float, spread: float = 0.0, level: float = 0.95) -> tuple[float, float]:
        """Interval of the log10 likelihood ratio at `level`, never narrower than the point value.

        Joins three causes: the map is fitted on a sample (`bootstrap`); the score is a mean over the recording's own
        windows with standard error `spread` (normal quantiles); and the bound is known to a factor of 3 only, so that a
        score far beyond it still has an interval (never one that reaches past a ratio of 1).
        """
        quantiles = (-1.6449, -0.6745, 0.0, 0.6745, 1.6449) if spread > 0 else (0.0,)
        at = score + spread * np.array(quantiles)
        values = [np.interp(at, self.scores, row) for row in self.bootstrap or (self.llrs,)]
        tail = 50 * (1 - level)
        low, high = np.percentile(np.clip(values, *self.llr_range), [tail, 100 - tail])
        point = self.llr(score)
        if point > 0:
            low = min(low, max(0.0, self.llr_range[1] - RULE_OF_THREE))
        if point < 0:
            high = max(high, min(0.0, self.llr_range[0] + RULE_OF_THREE))
        return min(float(low), point), max(float(high), point)

    def to_toml(self) -> str:
        """The card's ``[calibration]`` table. Resampled ratios are rounded to four digits, nothing else is."""
        rows = ["[" + ", ".join(f"{x:.4f}".rstrip("0").rstrip(".") for x in row) + "]" for row in self.bootstrap]
        nominal = ", ".join(f'"{rate:g}" = {float(at)!r}' for rate, at in self.nominal.items())
        lines = [
            "[calibration]",
            f'method = "{self.method}"',
            f"scores = {_list(self.scores)}",
            f"llrs = {_list(self.llrs)}",
            f"llr_range = {_list(self.llr_range)}",
            f"nominal = {{ {nominal} }}" if nominal else "nominal = {}",
            f"n_bonafide = {self.n_bonafide}",
            f"n_spoof = {self.n_spoof}",
            "bootstrap = [",
            *_filled(rows),
            "]",
        ]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_card(cls, table: Mapping[str, Any], name: str = "model") -> Calibration:
        """Read a card's ``[calibration]`` table.

        Raises
        ------
        ModelError
            A key is missing, a value is not finite, or knots and ratios do not go together.
        """
        if "slope" in table and "scores" not in table:
            raise ModelError(
                f"the [calibration] of {name} is of an older form (slope, intercept) than this inperson reads (scores, "
                "llrs); install the model that came with this version, or refit it with inperson.calibration.fit"
            )
        try:
            made = cls(
                scores=_floats(table["scores"]),
                llrs=_floats(table["llrs"]),
                llr_range=_pair(table["llr_range"]),
                bootstrap=tuple(_floats(row) for row in table.get("bootstrap", ())),
                n_bonafide=int(table.get("n_bonafide", 0)),
                n_spoof=int(table.get("n_spoof", 0)),
                method=str(table.get("method", "logistic")),
                nominal={float(rate): float(at) for rate, at in dict(table.get("nominal", {})).items()},
            )
            _check(made)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(
                f"the [calibration] of {name} is not usable ({error!r}); reinstall inperson or refit it"
            ) from None
        return made


def _check(made: Calibration) -> None:
    rows = (made.llrs, *made.bootstrap)
    numbers = [*made.scores, *made.llr_range, *(x for row in rows for x in row), *made.nominal, *made.nominal.values()]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a number that is not finite")
    if not made.scores or list(made.scores) != sorted(set(made.scores)):
        raise ValueError("scores must ascend strictly")
    if any(len(row) != len(made.scores) for row in rows):
        raise ValueError(f"expected {len(made.scores)} ratios, one a score")
    if made.llr_range[0] > made.llr_range[1]:
        raise ValueError("llr_range must ascend")


def _floats(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(map(float, values))


def _pair(values: Sequence[float]) -> tuple[float, float]:
    low, high = values
    return float(low), float(high)


def _list(values: Sequence[float]) -> str:
    return "[" + ", ".join(repr(float(x)) for x in values) + "]"


def _filled(cells: Sequence[str], width: int = 118) -> list[str]:
    """Cells joined by commas, on indented lines of at most `width` characters where that can be."""
    lines: list[str] = []
    for cell in cells:
        if lines and len(lines[-1]) + len(cell) + 2 <= width:
            lines[-1] += f" {cell},"
        else:
            lines.append(f"  {cell},")
    return lines


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
    method: Method = "auto",
) -> Calibration:
    """Fit a calibration on held-out scores.

    Parameters
    ----------
    scores : (n,) array_like
        Raw scores, finite.
    labels : (n,) array_like
        1 where the signal is present, 0 where bona fide.
    groups : sequence of n hashables
        Person (or page, or recording) of each score; the bootstrap and the choice of the method resample these, and
        the bound counts these.
    seed : int
        Of the bootstrap and of the folds.
    max_llr : float, optional
        A further bound on the absolute log10 likelihood ratio.
    neutral : float, optional
        The score of a recording that holds no information, where the detector's scale has one: it is then kept at a
        ratio of 1, and only the slope is fitted. Otherwise recordings that tell little (short ones) would inherit
        the middle of long ones. Logistic only.
    method : str
        ``"auto"``: isotonic where each class has 40 groups or more and isotonic has the lower Cllr in 5-fold
        cross-validation over groups by more than one standard error; logistic otherwise.

    Returns
    -------
    Calibration
        That never falls: a score that points the wrong way is worth nothing, not the opposite. Resampled logistic maps
        keep their sign, so that the interval of a worthless score shows how little is known of it.

    Raises
    ------
    InputError
        Lengths differ, a value is not finite, a class has fewer than `MIN_GROUPS` groups, or isotonic was asked for
        where it cannot be had.
    """
    x, y, names = _checked(scores, labels, groups)
    chosen = _chosen(x, y, names, seed, neutral, method)
    curve = _fitted(chosen, x, y, names, neutral)
    bound = math.log10(maps.smallest_class(y, names) + 1)
    if max_llr is not None:
        bound = min(bound, max_llr)
    return Calibration(
        scores=_floats(curve.scores),
        llrs=_floats(curve.llrs),
        llr_range=maps.bounds(curve.llrs, bound),
        bootstrap=_resampled(chosen, curve, x, y, names, seed, neutral),
        n_bonafide=int((y == 0).sum()),
        n_spoof=int((y == 1).sum()),
        method=chosen,
        nominal={rate: _threshold(x[y == 0], names[y == 0], rate) for rate in NOMINAL},
    )


def _checked(
    scores: ArrayLike, labels: ArrayLike, groups: Sequence[object]
) -> tuple[maps.Array, maps.Labels, maps.Names]:
    x, y = np.asarray(scores, float), np.asarray(labels, int)
    if not (x.ndim == 1 and x.shape == y.shape and len(groups) == len(x)):
        raise InputError(f"expected as many labels and groups as scores, found {x.shape}, {y.shape} and {len(groups)}")
    if not np.isfinite(x).all() or not np.isin(y, (0, 1)).all():
        raise InputError("expected finite scores and labels of 0 or 1")
    names = np.unique([str(g) for g in groups], return_inverse=True)[1]
    counts = [len(np.unique(names[y == label])) for label in (0, 1)]
    if min(counts) < MIN_GROUPS:
        raise InputError(
            f"a calibration needs at least {MIN_GROUPS} groups of each class, found {counts[0]} and {counts[1]}"
        )
    return x, y, names


def _chosen(
    x: maps.Array, y: maps.Labels, names: maps.Names, seed: int, neutral: float | None, method: Method
) -> Literal["logistic", "isotonic"]:
    if method == "auto":
        return "isotonic" if neutral is None and maps.prefers_isotonic(x, y, names, seed) else "logistic"
    if method == "isotonic" and neutral is not None:
        raise InputError("a neutral score can be kept by a logistic fit only; leave method or neutral out")
    if method not in ("logistic", "isotonic"):
        raise InputError(f"expected the method auto, logistic or isotonic, found {method!r}")
    return method


def _fitted(method: str, x: maps.Array, y: maps.Labels, names: maps.Names, neutral: float | None) -> maps.Curve:
    if method == "isotonic":
        return maps.thinned(maps.isotonic(x, y, names))
    return maps.rising(maps.logistic(x, y, neutral))


def _threshold(bonafide: maps.Array, names: maps.Names, rate: float) -> float:
    """The lowest score that no more than `rate` of the bona fide recordings reach: just above one of theirs.

    Fewer groups than ``1 / rate`` cannot show such a rate, however often each was recorded: then just above the
    highest.
    """
    enough = len(np.unique(names)) >= 1 / rate - 1e-9
    reached = math.floor(rate * len(bonafide) + 1e-9) if enough else 0
    return float(np.nextafter(np.sort(bonafide)[::-1][reached], math.inf))


def _resampled(
    method: str, curve: maps.Curve, x: maps.Array, y: maps.Labels, names: maps.Names, seed: int, neutral: float | None
) -> tuple[tuple[float, ...], ...]:
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(names == name) for name in np.unique(names)]
    rows: list[tuple[float, ...]] = []
    for _ in range(20 * RESAMPLES):
        picked = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        if 0 < y[picked].sum() < len(picked):
            if method == "isotonic":
                again = maps.isotonic(x[picked], y[picked], names[picked])
            else:
                again = maps.logistic(x[picked], y[picked], neutral, curve.scores)
            rows.append(_floats(again.at(curve.scores)))
        if len(rows) == RESAMPLES:
            break
    return tuple(rows)
