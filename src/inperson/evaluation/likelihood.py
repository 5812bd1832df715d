"""What a likelihood ratio costs whoever believes it: Cllr, its minimum, and the share lost to calibration.

`llr` are log10 likelihood ratios, as everywhere in `inperson`; costs are in bits. The log cost of one recording is
``log2(1 / P(truth))`` at a prior of one half: 0 for a sure and right ratio, 1 for a ratio of 1, without limit for a
sure and wrong one.

References
----------
Brümmer & du Preez, "Application-independent evaluation of speaker detection", Computer Speech & Language 20 (2006)
230-275: Cllr, and its minimum by pool-adjacent-violators.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from inperson.evaluation._arrays import Floats, scored


def log_cost(llr: ArrayLike, labels: ArrayLike) -> Floats:
    """Log cost of every recording.

    Parameters
    ----------
    llr : (n,) array_like
        log10 likelihood ratios, finite, above 0 for the signal.
    labels : (n,) array_like
        1 where the signal is present, 0 where bona fide.

    Returns
    -------
    (n,) ndarray
        Bits, at least 0.

    Raises
    ------
    InputError
        Lengths differ, a ratio is not finite, or a label is neither 0 nor 1.
    """
    x, spoof = scored(llr, labels, "log-likelihood ratios")
    return np.logaddexp2(0, np.where(spoof, -x, x) * math.log2(10))


def cllr(llr: ArrayLike, labels: ArrayLike) -> float:
    """Cost of the log-likelihood ratios in bits: mean `log_cost`, each class counting half.

    0 is perfect, 1 is what saying nothing costs, above 1 misleads. NaN where a class has no recordings. Parameters and
    errors: `log_cost`.

    Examples
    --------
    >>> cllr([0.0, 0.0, 0.0], [0, 1, 1])
    1.0
    """
    cost, spoof = log_cost(llr, labels), np.asarray(labels) == 1
    if not spoof.any() or spoof.all():
        return math.nan
    return float((cost[spoof].mean() + cost[~spoof].mean()) / 2)


def min_cllr(scores: ArrayLike, labels: ArrayLike) -> float:
    """The least Cllr that any rising map from these scores to likelihood ratios has on these very recordings.

    In [0, 1]: what is lost because the classes overlap, whatever the calibration. On few recordings it is optimistic.
    NaN where a class has no recordings. Errors: `log_cost`.
    """
    x, spoof = scored(scores, labels)
    if not spoof.any() or spoof.all():
        return math.nan
    share, weight = _by_score(x, spoof)
    fitted = rising(share, weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.where(share > 0, share * np.log2(fitted), 0) + np.where(
            share < 1, (1 - share) * np.log2(1 - fitted), 0
        )
    return max(0.0, float(-(weight * bits).sum()))


def calibration_loss(llr: ArrayLike, labels: ArrayLike) -> float:
    """`cllr` less `min_cllr`, in bits: what a better map from score to ratio could save. NaN without a class."""
    return cllr(llr, labels) - min_cllr(llr, labels)


def _by_score(x: Floats, spoof: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[Floats, Floats]:
    """For each distinct score in rising order: share of the signal at a prior of one half, and weight (sum 1)."""
    _, which = np.unique(x, return_inverse=True)
    present = np.bincount(which, spoof) / (2 * spoof.sum())
    absent = np.bincount(which, ~spoof) / (2 * (~spoof).sum())
    return present / (present + absent), present + absent


def rising(values: Floats, weights: Floats) -> Floats:
    """Least-squares fit that never falls, by pool-adjacent-violators; (n,) in, (n,) out, n of at least 1."""
    from scipy.optimize import isotonic_regression

    return np.asarray(isotonic_regression(values, weights=weights).x, float)
