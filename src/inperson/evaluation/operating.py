"""Where a threshold on the score puts the errors: DET curve, AUC, EER, rates and detection costs.

A recording is flagged where its score is at or above the threshold. Its two errors are the *false alarm* (bona fide,
flagged) and the *miss* (signal present, not flagged). Every rate of a class without recordings is NaN.

The detection cost is normalised as in the ASVspoof 5 evaluation plan (X. Wang et al., "ASVspoof 5: crowdsourced speech
data, deepfakes, and adversarial attacks at scale", ASVspoof Workshop 2024): 1 is the cost of the better of flagging
all and flagging none. Their positive class is bona fide, so their miss is our false alarm: their ``Cmiss = 1`` (a
genuine speaker rejected) is `C_FA` here, their ``Cfa = 10`` (a spoof accepted) is `C_MISS`, and their ``Pspoof = 0.05``
is `PRIOR`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from inperson.errors import InputError
from inperson.evaluation._arrays import Flags, Floats, probability, scored

PRIOR = 0.05
"""P(signal present) of ASVspoof 5, track 1."""
C_MISS = 10.0
"""Cost of a recording with the signal that is not flagged (ASVspoof 5: of accepting a spoof)."""
C_FA = 1.0
"""Cost of a bona fide recording that is flagged (ASVspoof 5: of rejecting a genuine speaker)."""


def det_curve(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Every pair of error rates that a threshold can reach.

    Parameters
    ----------
    scores : (n,) array_like
        Finite; higher speaks for the signal. n may be 0.
    labels : (n,) array_like
        1 where the signal is present, 0 where bona fide.

    Returns
    -------
    thresholds, false_alarms, misses : (k + 1,) ndarrays
        The k distinct scores in rising order, then infinity. Equal scores are one step, so their order does not matter.
        False alarms fall from 1 to 0, misses rise from 0 to 1.

    Raises
    ------
    InputError
        Lengths differ, a score is not finite, or a label is neither 0 nor 1.
    """
    x, spoof = scored(scores, labels)
    return _curve(x, spoof)


def _curve(x: Floats, spoof: Flags) -> tuple[Floats, Floats, Floats]:
    order = np.argsort(x)
    ordered, hits = x[order], np.cumsum(spoof[order])
    first = np.flatnonzero(np.concatenate([np.ones(min(len(x), 1), bool), ordered[1:] != ordered[:-1]]))
    thresholds = np.append(ordered[first], math.inf)
    below = np.append(first, len(x))
    spoof_below = np.concatenate([np.zeros(1, int), hits])[below]
    n_spoof = int(spoof.sum())
    misses = _share(spoof_below, n_spoof)
    n_bonafide = len(x) - n_spoof
    false_alarms = _share(n_bonafide - (below - spoof_below), n_bonafide)
    return thresholds, false_alarms, misses


def _share(counts: np.ndarray[tuple[int], np.dtype[np.int_]], total: int) -> Floats:
    return counts / total if total else np.full(counts.shape, math.nan)


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Probability that a recording with the signal scores above a bona fide one; ties count half.

    NaN where a class has no recordings. Parameters and errors: `det_curve`.

    Examples
    --------
    >>> auc([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1])
    0.875
    """
    _, false_alarms, misses = det_curve(scores, labels)
    if math.isnan(false_alarms[0]) or math.isnan(misses[0]):
        return math.nan
    widths = false_alarms[:-1] - false_alarms[1:]
    return float((widths * (2 - misses[:-1] - misses[1:])).sum() / 2)


def eer(scores: ArrayLike, labels: ArrayLike) -> float:
    """Equal error rate: where the straight-line ROC crosses ``false alarms = misses``; in [0, 1].

    Recordings with equal scores are one straight segment, so neither their order nor a rising transform of the scores
    matters. It is not the EER of the ROC's convex hull, which is never above one half and so hides a score that points
    the wrong way. NaN where a class has no recordings. Parameters and errors: `det_curve`.

    Examples
    --------
    >>> eer([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1])
    0.25
    """
    _, false_alarms, misses = det_curve(scores, labels)
    gap = false_alarms - misses
    if math.isnan(gap[0]):
        return math.nan
    i = int(np.argmax(gap <= 0))
    part = gap[i - 1] / (gap[i - 1] - gap[i])
    return float(false_alarms[i - 1] + part * (false_alarms[i] - false_alarms[i - 1]))


def false_alarm_rate(scores: ArrayLike, labels: ArrayLike, threshold: float) -> float:
    """Share of bona fide recordings at or above `threshold`; NaN where there are none. Errors: `det_curve`."""
    x, spoof = scored(scores, labels)
    return float((x[~spoof] >= threshold).mean()) if not spoof.all() else math.nan


def miss_rate(scores: ArrayLike, labels: ArrayLike, threshold: float) -> float:
    """Share of recordings with the signal below `threshold`; NaN where there are none. Errors: `det_curve`."""
    x, spoof = scored(scores, labels)
    return float((x[spoof] < threshold).mean()) if spoof.any() else math.nan


def threshold_at(scores: ArrayLike, labels: ArrayLike, false_alarms: float = 0.05) -> float:
    """Lowest of the scores (or infinity) at which no more than `false_alarms` of the bona fide are flagged.

    With fewer than ``1 / false_alarms`` bona fide recordings it lies above all of them. NaN without any.

    Raises
    ------
    InputError
        `false_alarms` is not in (0, 1); else as `det_curve`.
    """
    allowed = probability(false_alarms, "rate of false alarms")
    thresholds, rates, _ = det_curve(scores, labels)
    return float(thresholds[np.argmax(rates <= allowed)]) if not math.isnan(rates[0]) else math.nan


def detection_rate(scores: ArrayLike, labels: ArrayLike, false_alarms: float = 0.05) -> float:
    """Share of recordings with the signal that are flagged at `threshold_at` `false_alarms` of the same recordings.

    The threshold is chosen on the recordings it is judged on: an optimistic figure when there are few bona fide ones.
    NaN where a class has no recordings. Errors: `threshold_at`.

    Examples
    --------
    >>> detection_rate([0, 1, 2, 3, 2.5, 2.5, 4, 5], [0, 0, 0, 0, 1, 1, 1, 1], 0.25)
    1.0
    """
    threshold = threshold_at(scores, labels, false_alarms)
    x, spoof = scored(scores, labels)
    return float((x[spoof] >= threshold).mean()) if spoof.any() and not spoof.all() else math.nan


def bayes_threshold(prior: float = PRIOR, c_miss: float = C_MISS, c_fa: float = C_FA) -> float:
    """log10 likelihood ratio from which on flagging is the cheaper decision.

    ``log10(c_fa * (1 - prior) / (c_miss * prior))``; 0.28 with the defaults.

    Raises
    ------
    InputError
        The prior is not in (0, 1), or a cost is not above 0.
    """
    flag, keep = _weights(prior, c_miss, c_fa)
    return math.log10(keep / flag)


def _weights(prior: float, c_miss: float, c_fa: float) -> tuple[float, float]:
    """Expected cost of flagging none, and of flagging all."""
    if not (0 < c_miss < math.inf and 0 < c_fa < math.inf):
        raise InputError(f"expected costs above 0, found c_miss {c_miss} and c_fa {c_fa}")
    prior = probability(prior, "prior")
    return c_miss * prior, c_fa * (1 - prior)


def act_dcf(
    llr: ArrayLike, labels: ArrayLike, *, prior: float = PRIOR, c_miss: float = C_MISS, c_fa: float = C_FA
) -> float:
    """Actual detection cost: of deciding by the likelihood ratio as it is, at `bayes_threshold`.

    Parameters
    ----------
    llr : (n,) array_like
        log10 likelihood ratios, finite, above 0 for the signal.
    labels : (n,) array_like
        1 where the signal is present, 0 where bona fide.
    prior, c_miss, c_fa : float
        P(signal present), cost of a miss, cost of a false alarm.

    Returns
    -------
    float
        0 without errors, 1 as good as deciding without listening, above 1 worse than that; NaN without a class.

    Raises
    ------
    InputError
        As `det_curve` and `bayes_threshold`.
    """
    threshold = bayes_threshold(prior, c_miss, c_fa)
    none, every = _weights(prior, c_miss, c_fa)
    cost = none * miss_rate(llr, labels, threshold) + every * false_alarm_rate(llr, labels, threshold)
    return cost / min(none, every)


def min_dcf(
    scores: ArrayLike, labels: ArrayLike, *, prior: float = PRIOR, c_miss: float = C_MISS, c_fa: float = C_FA
) -> float:
    """Detection cost at the threshold that is best on these very recordings; in [0, 1], NaN where a class is missing.

    What is left of `act_dcf` if calibration were perfect at this operating point. Parameters and errors: `act_dcf`.
    """
    none, every = _weights(prior, c_miss, c_fa)
    _, false_alarms, misses = det_curve(scores, labels)
    return float((none * misses + every * false_alarms).min() / min(none, every))
