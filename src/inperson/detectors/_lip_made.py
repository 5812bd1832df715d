"""What mouths made from the voice have in common: they fit it well, and move evenly.

Lip-sync generators follow the sound of every moment; real lips also anticipate, hold and relax, and move in bursts.
Each number is compared with genuine talking clips (the card's ``[generated]``); their mean says how unlike those this
mouth is. Measured, not scored: few generators and few genuine clips stand behind it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inperson.lips.mouth import LIPS, POINTS, RATE, Array, Lips, Mask

STEP = 2
"""Grid points between the shapes compared: 25 a second, as most cameras give."""
MIN_POINTS = 4 * RATE // STEP
"""Compared shapes in speech, 4 s, below which nothing is told."""
MIN_EYES = 45.0
MIN_RATE = 20.0
"""Pixels between the eyes and frames a second below which the jitter of landmarks hides how lips move."""
NAMES = ("likeness", "burst", "width_tails")


@dataclass(frozen=True, slots=True)
class Evenness:
    """How evenly a mouth moves in speech.

    Attributes
    ----------
    burst : float
        ln of the 95th percentile of the lips' speed over its median.
    width_tails : float
        ln of the kurtosis (normal: ln 3) of the speed at which the mouth widens and narrows.
    """

    burst: float
    width_tails: float


def evenness(seen: Lips, spoken: Mask) -> Evenness | None:
    """Measure a mouth on the grid (n,) where its owner speaks; None where that is too little or too poor to see."""
    if seen.eyes < MIN_EYES or seen.frame_rate < MIN_RATE:
        return None
    shape, there = seen.shape[::STEP], (seen.measured & spoken)[::STEP]
    both = there[1:] & there[:-1]
    if both.sum() < MIN_POINTS:
        return None
    moved = np.diff(shape.astype(np.float32).reshape(len(shape), -1, 3), axis=0)[both]
    speed = np.linalg.norm(moved[:, : len(LIPS)].reshape(len(moved), -1), axis=1)
    wider = moved[:, POINTS.index(308), 0] - moved[:, POINTS.index(78), 0]
    usual, spread = float(np.median(speed)), float(wider.var())
    if not (usual > 0 and spread > 0):
        return None
    return Evenness(math.log(float(np.percentile(speed, 95)) / usual), math.log(_fourth(wider) / spread**2))


def _fourth(values: Array | np.ndarray[Any, Any]) -> float:
    return float(((values - values.mean()) ** 4).mean())


def unlike(likeness: float, even: Evenness, genuine: Mapping[str, list[float]]) -> float:
    """Mean of the three differences from genuine clips in their deviations; 0 is usual, above 1.5 none of them was.

    Parameters
    ----------
    likeness : float
        At the peak, less what chance gives.
    even : Evenness
    genuine : mapping
        Mean and deviation of `NAMES` over genuine clips.
    """
    signs = (1.0, -1.0, -1.0)
    values = (likeness, even.burst, even.width_tails)
    parts = [
        sign * (value - genuine[name][0]) / genuine[name][1]
        for name, sign, value in zip(NAMES, signs, values, strict=True)
    ]
    return sum(parts) / len(parts)
