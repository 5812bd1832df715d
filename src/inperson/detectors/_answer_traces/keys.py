"""Typing: many short broadband onsets in a row, as irregular as fingers are, while nobody speaks.

What it must not take for typing, and why it does not: a mouse (two or four onsets, then nothing), lips and plosives
(few, and beside speech), clicks of a codec and of packets (as regular as their frames), clocks, metronomes and most
music (regular, or on a common beat). Drums played freely, a rattling desk and crackling food can pass.

Fingers: expert typists' intervals have a median of 100 to 140 ms, slow ones' 200 to 350 ms, and vary by a fifth to a
half from one to the next (Dhakal, Feit, Kristensson & Oulasvirta, "Observations on typing from 136 million
keystrokes", CHI 2018: mean 239 ms, sd 112 ms over people). A keystroke sounds at the press and again at the release
about 0.1 s later, so onsets come at twice that rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._answer_traces.transients import Onset
from inperson.detectors._voice_traces._blocks import Array, Mask
from inperson.types import Span

MARGIN = 0.12
"""Seconds around speech in which an onset is taken for a plosive, a lip or a breath."""
LINK = 0.6
"""Longest seconds from one onset to the next within a burst: a slow typist's key, or a look at the screen."""
FEWEST = 8
"""Onsets of a burst: four keystrokes with their releases, or a word. A double click has four."""
SHORTEST = 1.0
"""Seconds from the first onset to the last."""
SLOWEST, FASTEST = 3.0, 16.0
"""Onsets a second: from slow typists, of whom only presses are heard, to fast ones' presses and releases."""
IRREGULAR = 0.18
"""Least coefficient of variation of the intervals; a clock's is under 0.05."""
ON_BEAT = 0.93
"""Mean resultant length from which the onsets keep to one beat: normal jitter of 6 % of the period."""
ALIKE_DB = 3.9
"""Most by which the onsets' spectra differ from their middle one (dB, root mean square over four bands, level taken
out). The keys of one board on one microphone sound alike: in nine of ten mixtures under 3.1 clean, 3.2 on a telephone,
3.8 over Bluetooth; noise suppression spreads them (half under 3.6). Paper, cups, chairs and lips differ more."""
BEATS = np.geomspace(0.1, 1.2, 160)
"""Periods (s) of a beat that are tried."""
BAR = 10
"""Onsets within which a beat must hold."""

INNOCENT = (
    "Taking notes, a chat with the interviewer, a task that asks for typing, or somebody else in the room explain it."
)


@dataclass(frozen=True, slots=True)
class Burst:
    """A stretch of typing, and how many onsets it holds."""

    span: Span
    onsets: int


def bursts(found: Sequence[Onset], spoken: Sequence[Span]) -> list[Burst]:
    """Stretches that sound like typing, in order of time.

    Parameters
    ----------
    found : sequence of Onset
        In order of time.
    spoken : sequence of Span
        Where there is speech in this sound: sorted, without overlap. Onsets there, or within `MARGIN`, do not count.

    Returns
    -------
    list of Burst
        Empty where nothing qualifies.
    """
    if not found:
        return []
    times = np.array([one.time for one in found])
    quiet = np.flatnonzero(~_near(times, spoken))
    level = np.array([one.level for one in found])
    return [
        Burst(Span(float(times[run[0]]), float(times[run[-1]])), len(run))
        for run in _runs(times, quiet)
        if _is_typing(times[run]) and _unlike(level[run]) <= ALIKE_DB
    ]


def _near(times: Array, spoken: Sequence[Span]) -> Mask:
    if not spoken:
        return np.zeros(len(times), bool)
    starts = np.array([span.start for span in spoken]) - MARGIN
    ends = np.array([span.end for span in spoken]) + MARGIN
    at = np.searchsorted(starts, times, side="right") - 1
    return np.asarray((at >= 0) & (times <= ends[np.maximum(at, 0)]))


def _runs(times: Array, kept: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """The `kept` onsets in runs without a longer silence than `LINK`."""
    return np.split(kept, np.flatnonzero(np.diff(times[kept]) > LINK) + 1) if len(kept) else []


def _is_typing(run: Array) -> bool:
    if len(run) < FEWEST or run[-1] - run[0] < SHORTEST:
        return False
    intervals = np.diff(run)
    rate = len(intervals) / float(run[-1] - run[0])
    varies = float(intervals.std() / intervals.mean())
    return SLOWEST <= rate <= FASTEST and varies >= IRREGULAR and on_beat(run) < ON_BEAT


def _unlike(level: Array) -> float:
    """How far the onsets' spectra lie from their middle one in dB: the median over the onsets."""
    apart = level - np.median(level, axis=0)
    shape = apart - apart.mean(axis=1, keepdims=True)
    return float(np.median(np.sqrt(np.mean(shape**2, axis=1))))


def on_beat(times: Array) -> float:
    """How well the onsets keep to a beat: the largest mean resultant length over all beats tried; 1 where they keep to
    one.

    Each `BAR` onsets have a beat of their own, so that a slow drift does not hide it; the middle of them counts. Beats
    shorter than most intervals are not tried: anything keeps to a fine enough grid.
    """
    least = 0.9 * float(np.median(np.diff(times)))
    periods = BEATS[least <= BEATS]
    if not len(periods):
        return 0.0
    bars = np.array_split(times, max(1, len(times) // BAR))
    best = [np.abs(np.exp(2j * np.pi * bar[None] / periods[:, None]).mean(axis=1)).max() for bar in bars]
    return float(np.median(best))
