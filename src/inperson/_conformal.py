"""How unusual a score is among genuine ones, with a guaranteed rate of false alarms.

With n genuine scores, of which k are as high as the new one or higher, the marginal conformal p-value is
``(k + 1) / (n + 1)`` (Vovk, Gammerman & Shafer, *Algorithmic Learning in a Random World*, 2005): over calibration sets,
"p <= a" happens to at most a share `a` of genuine recordings. One platform calibrates once, however, so it needs the
rate to hold for the set that it has. The share of genuine recordings that score as high as this one is, at assurance
g, at most the Clopper-Pearson limit ``BetaInv(g; k + 1, n - k)``; so the rule "p <= a" with that p-value has a rate of
false alarms above `a` with a probability of at most 1 - g over calibration sets (Vovk, "Conditional validity of
inductive conformal predictors", ACML 2012; Bates, Candès, Lei, Romano & Sesia, "Testing for outliers with conformal
p-values", Annals of Statistics 51 (2023) 149-178). Both hold if the new genuine recording comes from where the others
came from, and recordings are independent; nothing is assumed of the detector or of the shape of its scores.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence

from inperson.errors import InputError

ASSURANCE = 0.8
"""Default probability that the rate of false alarms holds for the calibration set at hand."""


def p_value(score: float, genuine: Sequence[float], assurance: float = ASSURANCE) -> float:
    """Upper limit of the share of genuine recordings that score as high as `score` or higher.

    Parameters
    ----------
    score : float
        Of the new recording; larger is more like the signal.
    genuine : sequence of n floats
        Scores of genuine recordings, ascending. Equal ones count as higher. 1 where there are none.
    assurance : float
        g, in [0.5, 1).

    Returns
    -------
    float
        The larger of the conditional and the marginal p-value (see the module), in (0, 1]. The marginal one is larger
        only for an assurance near 0.5.
    """
    count = len(genuine)
    as_high = count - bisect.bisect_left(genuine, score)
    return max(limit(as_high, count, assurance), (as_high + 1) / (count + 1))


def limit(hits: int, count: int, assurance: float) -> float:
    """Clopper & Pearson's one-sided upper limit of a rate, after `hits` in `count` trials (Biometrika 26, 1934)."""
    from scipy.special import betaincinv

    return 1.0 if hits >= count else float(betaincinv(hits + 1, count - hits, assurance))


def most_llr(p: float) -> float:
    """Largest log10 likelihood ratio against "genuine" that a p-value can stand for.

    ``log10(-1 / (e p ln p))`` for p < 1/e, else 0: no alternative of a wide class makes the evidence stronger (Sellke,
    Bayarri & Berger, "Calibration of p values for testing precise null hypotheses", The American Statistician 55 (2001)
    62-71).
    """
    return -math.log10(-math.e * p * math.log(p)) if p < 1 / math.e else 0.0


def needed(rate: float, assurance: float = ASSURANCE) -> int:
    """Fewest genuine recordings of which the most unusual score can reach a p-value of `rate` (above 0, below 1).

    >>> needed(0.05), needed(0.01), needed(0.05, 0.9), needed(0.01, 0.9)
    (32, 161, 45, 230)
    """
    conditional = math.log(1 - assurance) / math.log(1 - rate)
    return math.ceil(max(conditional, 1 / rate - 1) - 1e-9)


def require_assurance(assurance: float) -> None:
    """Refuse an assurance that is none.

    Raises
    ------
    InputError
        It is not in [0.5, 1).
    """
    if not 0.5 <= assurance < 1:
        raise InputError(f"the assurance must be a probability from 0.5 to below 1, found {assurance}")
