"""One score of what the pictures of a face tell: pasted into each frame, or one picture that is moved.

Each measurement is given as standard deviations from genuine recordings. They speak for two attacks, and the score is
the logarithm of the sum of both: a pasted face shows in the frame model's logit and, less, in detail that does not
change; an animated head in that detail and in eyes that hardly close, while nothing looks pasted. The weights are own
choices among a few of one size, on public recordings that are no part of any figure (training/face_swap/README.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._face_skin import PARTS, kept

LOGIT = (-1.5, 1.5)
CHANGE = {"skin": (-0.04, 0.36), "face": (0.78, 0.19), "eyes": (0.72, 0.26), "mouth": (0.07, 0.37)}
LIDS = (0.38, 0.28)
"""Mean and standard deviation in 38 genuine recordings of public repositories, 7 s long or longer: of the frame model's
mean logit, of the median of `kept` for each part, of `least`."""
TOGETHER = 3.0
"""Standard deviation of the sum of the parts' deviations there: they go together, else it would be 2."""
PASTED, ANIMATED = 1.05, 1.8
"""How much `stuck` counts for either attack; the logit counts 1.5 and open eyes 1."""
WIDEST = 2.5
"""Deviations that count: beyond, it is a fault of the measurement as often as anything else."""
ENOUGH = 8
"""Comparisons, and `SEEN` seconds of frames, below which nothing is made of them: 2 s of looks, a blink or two."""
SEEN = 6.0
USUAL = 1.1
"""The score's mean in those genuine recordings before it is taken off."""


@dataclass(frozen=True, slots=True)
class Moving:
    """What a face's movement showed, in deviations from genuine recordings; 0 where there was too little of it.

    Attributes
    ----------
    stuck : float
        How little the detail of `PARTS` changes.
    open_eyed : float
        How little the eyes close.
    error : float
        Standard error of `stuck`.
    """

    stuck: float = 0.0
    open_eyed: float = 0.0
    error: float = 0.0


def moving(table: NDArray[np.float64], least: float, seconds: float) -> Moving:
    """What a recording's movement shows.

    Parameters
    ----------
    table : (n, 2 + 4) float64
        `Skin.table`; fewer than `ENOUGH` rows say nothing.
    least : float
        `_face_lids.least`, in [0, 1].
    seconds : float
        In which the eyes were seen; fewer than `SEEN` say nothing.
    """
    eyes = _deviation(least, LIDS) if seconds >= SEEN else 0.0
    if len(table) < ENOUGH:
        return Moving(open_eyed=eyes)
    blocks = np.array_split(kept(table), max(1, min(20, len(table) // (2 * ENOUGH))))
    each = [stuck(np.median(block, axis=0)) for block in blocks]
    error = float(np.std(each, ddof=1) / math.sqrt(len(each))) if len(each) > 2 else 0.0
    return Moving(stuck(np.median(kept(table), axis=0)), eyes, error)


def stuck(changes: NDArray[np.float64]) -> float:
    """From the (4,) medians of `kept`."""
    parts = [_deviation(float(value), CHANGE[part]) for value, part in zip(changes, PARTS, strict=True)]
    return -sum(parts) / TOGETHER


def joined(logit: float, seen: Moving) -> float:
    """The score: about 0 for the usual genuine recording, above where either attack fits better."""
    pasted = 1.5 * _deviation(logit, LOGIT) + PASTED * seen.stuck
    animated = ANIMATED * seen.stuck + seen.open_eyed
    return float(np.logaddexp(pasted, animated)) - USUAL


def _deviation(value: float, usual: tuple[float, float]) -> float:
    mean, deviation = usual
    return float(np.clip((value - mean) / deviation, -WIDEST, WIDEST))
