"""Who says what and when: utterances laid on a time line with known gaps, one dry voice per party."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .voices import RATE

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Utterance:
    """`gap`: seconds after the end of what was said before (negative: overlap).

    A back-channel is placed `gap` seconds after the *start* of what was said before and does not move the floor.
    """

    who: str
    voice: Samples
    gap: float
    back_channel: bool = False


@dataclass(frozen=True, slots=True)
class TimeLine:
    """Dry voices by party, all of one length, and the true turns (start, end, who), seconds."""

    voices: dict[str, Samples]
    turns: list[tuple[float, float, str]]
    duration: float


def lay(utterances: list[Utterance], lead: float = 1.2, tail: float = 1.3) -> TimeLine:
    """Lay utterances one after the other; `lead` and `tail` seconds of nobody around them."""
    floor, previous = lead, lead
    placed: list[tuple[float, Utterance]] = []
    for utterance in utterances:
        start = (previous if utterance.back_channel else floor) + (utterance.gap if placed else 0.0)
        placed.append((start, utterance))
        if not utterance.back_channel:
            previous, floor = start, start + len(utterance.voice) / RATE
    duration = np.ceil((floor + tail) * 30) / 30
    voices = {u.who: np.zeros(round(duration * RATE)) for u in utterances}
    turns: list[tuple[float, float, str]] = []
    for start, u in placed:
        at = round(start * RATE)
        voices[u.who][at : at + len(u.voice)] += u.voice
        turns += [(at / RATE + a, at / RATE + b, u.who) for a, b in _spoken(u.voice)]
    return TimeLine(voices, sorted(turns), float(duration))


def _spoken(voice: Samples, pause: float = 0.30, floor_db: float = -40.0) -> list[tuple[float, float]]:
    """Stretches of speech inside one utterance: 10 ms blocks, pauses under `pause` bridged."""
    block = RATE // 100
    power = np.mean(voice[: len(voice) // block * block].reshape(-1, block) ** 2, axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (floor_db / 10))
    spans: list[tuple[float, float]] = []
    for index in loud:
        start, end = index / 100, (index + 1) / 100
        if spans and start - spans[-1][1] < pause:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans
