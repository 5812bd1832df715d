"""Whether a confidence of 70 % is right in 70 % of the cases."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from inperson.errors import InputError
from inperson.evaluation._arrays import Floats, probability, scored


@dataclass(frozen=True, slots=True)
class Bin:
    """Recordings whose confidence lies in [low, high), or [low, 1] in the last bin.

    Attributes
    ----------
    low, high : float
        Edges, in [0, 1].
    count : int
        Recordings.
    weight : float
        Their share of all recordings at the prior; 0 where there are none.
    confidence : float
        Mean confidence at the prior; NaN where there are none.
    observed : float
        Share with the signal at the prior; NaN where there are none.
    """

    low: float
    high: float
    count: int
    weight: float
    confidence: float
    observed: float


def reliability(confidence: ArrayLike, labels: ArrayLike, bins: int = 10, *, prior: float = 0.5) -> tuple[Bin, ...]:
    """Confidence beside what was true, in bins of equal width.

    A set of recordings holds the signal in whatever share it was put together with; a confidence is stated for a prior.
    So each class is weighted to its share under that prior before anything is averaged.

    Parameters
    ----------
    confidence : (n,) array_like
        P(signal present) in [0, 1], at `prior`.
    labels : (n,) array_like
        1 where the signal is present, 0 where bona fide.
    bins : int
        Number of bins, at least 1.
    prior : float
        P(signal present) that the confidences were computed for, in (0, 1).

    Returns
    -------
    tuple of Bin
        `bins` of them, also the empty ones; all empty where a class has no recordings.

    Raises
    ------
    InputError
        Lengths differ, a confidence is outside [0, 1], a label is neither 0 nor 1, or `bins` or `prior` is not as
        stated.
    """
    p, spoof = scored(confidence, labels, "confidences")
    if len(p) and not (p.min() >= 0 and p.max() <= 1):
        raise InputError(f"expected confidences from 0 to 1, found {p.min():g} to {p.max():g}")
    if bins < 1:
        raise InputError(f"expected at least 1 bin, found {bins}")
    weight = _weight(spoof, probability(prior, "prior"))
    if not weight.any():
        p, spoof, weight = p[:0], spoof[:0], weight[:0]
    edges = np.linspace(0, 1, bins + 1)
    which = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, bins - 1)
    count = np.bincount(which, minlength=bins)
    total, sure, true = (np.bincount(which, weight * v, minlength=bins) for v in (np.ones(len(p)), p, spoof))
    return tuple(
        Bin(float(edges[i]), float(edges[i + 1]), int(count[i]), float(total[i]), *_means(total[i], sure[i], true[i]))
        for i in range(bins)
    )


def _means(total: float, sure: float, true: float) -> tuple[float, float]:
    return (float(sure / total), float(true / total)) if total else (math.nan, math.nan)


def _weight(spoof: np.ndarray[tuple[int], np.dtype[np.bool_]], prior: float) -> Floats:
    """Weights that sum to `prior` over the signal and to 1 in all; zeros where a class is missing."""
    present, absent = int(spoof.sum()), int((~spoof).sum())
    if not present or not absent:
        return np.zeros(len(spoof))
    return np.where(spoof, prior / present, (1 - prior) / absent)


def ece(confidence: ArrayLike, labels: ArrayLike, bins: int = 10, *, prior: float = 0.5) -> float:
    """Expected calibration error: mean distance of confidence and observed share over the `reliability` bins, weighted.

    In [0, 1]; NaN where a class has no recordings. With few recordings it is above 0 for a perfect calibration too, and
    it depends on the bins (Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
    binning", AAAI 2015). Parameters and errors: `reliability`.
    """
    filled = [b for b in reliability(confidence, labels, bins, prior=prior) if b.count]
    return float(sum(b.weight * abs(b.confidence - b.observed) for b in filled)) if filled else math.nan
