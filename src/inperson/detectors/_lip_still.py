"""Moments in which voice and mouth contradict each other plainly: one is there and the other is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inperson.lips.mouth import POINTS, RATE, Array, Lips, Mask
from inperson.lips.pair import Heard, mask
from inperson.types import Session, Span

ABOUT = 25
"""Grid points (0.5 s) over which the mouth's movement is summed up: two to three syllables."""
LONG = 1.5
"""Seconds from which such a moment is told: longer than the consonants, breaths and pauses of speech."""
STILL = 0.25
"""Of the movement this mouth usually shows while its voice is heard: below, it is still."""
ACTIVE = 0.5
"""Likewise: above, it moves as in speech."""
JITTER = 0.006
"""Eye distances: a mouth that usually moves less than this cannot be told from the jitter of its landmarks."""
UPPER, LOWER = POINTS.index(13), POINTS.index(14)
CORNERS = (POINTS.index(78), POINTS.index(308))


@dataclass(frozen=True, slots=True)
class Moments:
    """Spans of the candidate's voice with a still mouth, and of a speaking mouth without any voice."""

    voice: tuple[Span, ...]
    mouth: tuple[Span, ...]


def movement(seen: Lips) -> Array:
    """(n,) deviation of lip opening and mouth width over `ABOUT`, in eye distances; 0 where not measured."""
    points = seen.shape.reshape(len(seen.shape), -1, 3)
    opening = points[:, LOWER, 1].astype(np.float64) - points[:, UPPER, 1]
    width = np.linalg.norm(points[:, CORNERS[0]].astype(np.float64) - points[:, CORNERS[1]], axis=1)
    total = np.zeros(len(opening))
    kernel = np.ones(ABOUT)
    count = np.maximum(np.convolve(seen.measured, kernel, "same"), 1.0)
    for series in (opening, width):
        mean = np.convolve(series, kernel, "same") / count
        total += np.maximum(np.convolve(series**2, kernel, "same") / count - mean**2, 0.0)
    return np.where(seen.measured, np.sqrt(total), 0.0)


def moments(heard: Heard, seen: Lips, origin: float, session: Session) -> Moments:
    """Where voice and mouth contradict each other; nothing where the mouth hardly moves in speech at all."""
    moving = movement(seen)
    sure = seen.measured & (np.convolve(seen.measured, np.ones(ABOUT), "same") >= ABOUT - 1)
    spoken = heard.spoken & sure
    usual = float(np.median(moving[spoken])) if spoken.any() else 0.0
    if usual < JITTER:
        return Moments((), ())
    loud = _loud(heard)
    anyone = mask([turn.span for turn in session.turns], len(moving), origin)
    return Moments(
        _spans(spoken & loud & (moving < STILL * usual), origin),
        _spans(sure & ~anyone & ~loud & (moving > ACTIVE * usual), origin),
    )


def _loud(heard: Heard) -> Mask:
    """Where there is sound of speech's level, within 0.5 s."""
    level = heard.mel.max(axis=1)
    quiet, speech = np.percentile(level, 5), np.percentile(level[heard.spoken], 75)
    near = np.convolve(level > (quiet + speech) / 2, np.ones(ABOUT), "same")
    return np.asarray(near > 0.5)


def _spans(where: Mask, origin: float) -> tuple[Span, ...]:
    edges: Sequence[int] = np.flatnonzero(np.diff(np.concatenate([[0], where.astype(int), [0]]))).tolist()
    found = (Span(origin + a / RATE, origin + b / RATE) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a)
    return tuple(span for span in found if span.duration >= LONG)
