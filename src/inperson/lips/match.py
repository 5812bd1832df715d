"""How probable a likeness of mouth and voice is by chance, and with one's own voice."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inperson.lips import lag
from inperson.lips.mouth import RATE, Array

HIGHEST = (2.15, 0.48)
"""Mean and deviation of the highest of 40 independent normal values: other people's voices reach their best of the 91
lags that high (training/lip_sync/evaluate.py)."""
OWN_CHANCE = 0.3
"""Chosen on genuine clips and swapped voices that the measurement does not use; 0.2 to 0.4 do as well."""
LIMIT = 3.0
"""log10 to which a ratio is cut."""


@dataclass(frozen=True, slots=True)
class Chance:
    """Likeness of a mouth and a voice that have nothing to do with each other.

    Attributes
    ----------
    mean, deviation : float
        Expected for this recording, and how far values over all of its speech scatter.
    here : float
        Mean over displacements of this recording's own sound: what its lag curve falls to away from a peak.
    """

    mean: float
    here: float
    deviation: float


def by_chance(sums: Array, seconds: float, match: dict[str, float]) -> Chance:
    """Likeness by chance over `seconds` of speech.

    A mouth and a voice are somewhat alike whatever is said, and by how much differs from recording to recording. What
    this recording shows of it counts for `OWN_CHANCE`, the card's mean for the rest. Few displacements of a short
    recording say little of the deviation: the card's, of one second of speech, counts as much as five of them.
    """
    usual = match["chance_deviation"] / math.sqrt(seconds)
    mean, deviation = lag.chance(sums.sum(0))
    if math.isnan(mean):
        return Chance(match["chance_mean"], match["chance_mean"], usual)
    independent = min(sums.shape[1], seconds * RATE / (2 * lag.APART))
    weight = independent / (independent + 5.0)
    return Chance(
        OWN_CHANCE * mean + (1 - OWN_CHANCE) * match["chance_mean"],
        weight * mean + (1 - weight) * match["chance_mean"],
        math.sqrt(weight * deviation**2 + (1 - weight) * usual**2),
    )


def ratio(height: float, deviation: float, match: dict[str, float], known: bool = False) -> float:
    """log10 of how probable a peak this high is by chance over how probable it is for a mouth with its own voice.

    Both are taken as normal. By chance: around the mean of the highest of many values of `deviation` (`HIGHEST`), or
    around 0 where the lag is `known` beforehand; what differs from pair to pair (the card's ``chance_spread``) comes on
    top. With its own voice: around the heights of genuine clips (``mean``), their deviation and chance's joined. Less
    than chance gives is no sign of a match, more than usual none of a mismatch: heights are cut to what lies between.

    Parameters
    ----------
    height : float
        Likeness at the peak, less its mean by chance.
    deviation : float
        Of likeness by chance.
    match : mapping
        The card's ``[match]``.
    """
    low, width = (0.0, 1.0) if known else HIGHEST
    low = low * deviation
    high = max(match["mean"], low)
    height = min(max(height, low), high)
    chance = math.hypot(width * deviation, match["chance_spread"])
    own = math.hypot(deviation, match["deviation"])
    units = math.log(own / chance) + (((height - high) / own) ** 2 - ((height - low) / chance) ** 2) / 2
    return float(np.clip(units / math.log(10), -LIMIT, LIMIT))
