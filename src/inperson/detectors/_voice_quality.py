"""How much a voice's score is worth: the log cost to be expected of it, from training recordings.

Fitted by ``training/synthetic_voice/finish.py`` on recordings whose pages and systems the network had not seen: a ridge
regression of the log cost of the calibrated ratio (bits; 1 is what a coin tells) on the score's distance from 0, the
length of the speech and its distance from the background. The last has no weight as fitted: clips tell nothing of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inperson.errors import ModelError

SURE = 4.0
"""Natural log-likelihood ratio from which on a score counts as sure: e**4 is 55 to 1."""
LONG = 60.0
"""Seconds of speech from which on there is no more to gain."""
QUIET = 40.0
"""Decibels above the background, likewise."""


@dataclass(frozen=True, slots=True)
class Expected:
    """bits = bias + weights . (sureness, length, quietness), each in [0, 1]"""

    bias: float
    weights: tuple[float, float, float]

    @classmethod
    def from_card(cls, table: Mapping[str, Any], name: str = "model") -> Expected:
        """Read a card's ``[quality]`` table.

        Raises
        ------
        ModelError
            A key is missing or is no finite number.
        """
        try:
            one, two, three = (float(x) for x in table["weights"])
            made = cls(float(table["bias"]), (one, two, three))
            if not all(map(math.isfinite, (made.bias, *made.weights))):
                raise ValueError("a number that is not finite")
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"the [quality] of {name} is not usable ({error!r}); reinstall inperson") from None
        return made

    def quality(self, score: float, seconds: float, snr_db: float) -> float:
        """One minus the expected bits, in [0, 1]."""
        bits = self.bias + sum(w * x for w, x in zip(self.weights, terms(score, seconds, snr_db), strict=True))
        return min(max(1 - bits, 0.0), 1.0)


def terms(score: float, seconds: float, snr_db: float) -> tuple[float, float, float]:
    """Sureness, length and quietness, each in [0, 1]."""
    return (
        min(abs(score) / SURE, 1.0),
        math.log(min(max(seconds, 1.0), LONG)) / math.log(LONG),
        min(max(snr_db, 0.0), QUIET) / QUIET,
    )
