"""Where a voice sounds and where it is silent; syllables; stretches of speech between pauses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._answers.sound import SECONDS, Sound
from inperson.detectors._voice_traces._blocks import Array, Mask
from inperson.types import Span

PAUSE = 0.25
"""Seconds; a shorter silence is articulation (closures of stops), a longer one a pause (Goldman-Eisler,
"Psycholinguistics", 1968; found again as the best cut for fluency by De Jong & Bosker, DiSS 2013)."""
BELOW_DB = 25.0
"""A frame this far under the voice's loud frames is silent (De Jong & Wempe, Behavior Research Methods 41, 2009)."""
ABOVE_FLOOR_DB = 6.0
"""In noise a voice must stand this far above the floor. Own choice: twice the power twice over."""
QUIET = 0.2
"""Speech probability under which a frame is silent however loud (as `_utterances.PAUSE`)."""
DIP_DB = 2.0
"""Dip in level that parts two syllables (De Jong & Wempe 2009)."""
VOICED = 0.5
"""Periodicity of a voiced frame: half of the signal repeats. Own choice."""
SHORTEST = 0.05
"""Seconds that a sound must last: shorter ones are clicks. Own choice."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """What counts as this voice's loud frames, and what as the recording's floor: dB below full scale."""

    loud: float
    floor: float

    @property
    def threshold(self) -> float:
        """dB above which this voice sounds."""
        return max(self.loud - BELOW_DB, min(self.floor + ABOVE_FLOOR_DB, self.loud - ABOVE_FLOOR_DB))

    @classmethod
    def of(cls, sound: Sound, own: Mask) -> Loudness | None:
        """Of the frames `own` (n,) in which one person speaks; None where there is no speech among them."""
        spoken = own & (sound.speech >= 0.5) & ~sound.gap
        if not spoken.any():
            return None
        loud = float(np.percentile(sound.level[spoken], 95))
        quiet = (sound.speech < QUIET) & ~sound.gap
        floor = float(np.percentile(sound.level[quiet], 20)) if quiet.sum() * SECONDS >= PAUSE else loud - 2 * BELOW_DB
        return cls(loud, floor)


def sounding(sound: Sound, loudness: Loudness) -> Mask:
    """Which frames (n,) hold voice, with closures and clicks smoothed away (`PAUSE` and `SHORTEST`)."""
    on = (smooth(sound.level) > loudness.threshold) & (sound.speech >= QUIET) & ~sound.gap
    on = without_short(on, SHORTEST)
    return ~without_short(~on, PAUSE, edges=False)


def runs(mask: Mask) -> list[tuple[int, int]]:
    """Stretches of True as (first, last + 1)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def spans(sound: Sound, mask: Mask) -> list[Span]:
    """Those stretches in seconds."""
    return [Span(sound.time(a), sound.time(b)) for a, b in runs(mask)]


def without_short(mask: Mask, seconds: float, edges: bool = True) -> Mask:
    """`mask` without stretches of True shorter than `seconds`; with ``edges=False`` those at either end stay."""
    out = mask.copy()
    for a, b in runs(mask):
        if (b - a) * SECONDS < seconds - 1e-6 and (edges or (a > 0 and b < len(mask))):
            out[a:b] = False
    return out


def smooth(level: Array) -> Array:
    """Mean over three frames (48 ms): about the window of Praat's intensity, for which `DIP_DB` is stated."""
    if not len(level):
        return level
    padded = np.pad(level, 1, mode="edge")
    made: Array = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return made


def nuclei(sound: Sound, loudness: Loudness) -> NDArray[np.intp]:
    """Frames at which syllables peak: voiced, loud, parted by dips of `DIP_DB` (De Jong & Wempe 2009)."""
    level = smooth(sound.level)
    if len(level) < 3:
        return np.zeros(0, np.intp)
    peaks = np.flatnonzero((level[1:-1] >= level[:-2]) & (level[1:-1] > level[2:])) + 1
    kept: list[int] = []
    for peak in peaks[level[peaks] > loudness.threshold]:
        if kept and level[kept[-1] : peak + 1].min() > min(level[kept[-1]], level[peak]) - DIP_DB:
            if level[peak] > level[kept[-1]]:
                kept[-1] = int(peak)
        else:
            kept.append(int(peak))
    near = np.maximum(
        np.pad(sound.periodicity, 1)[:-2], np.maximum(sound.periodicity, np.pad(sound.periodicity, 1)[2:])
    )
    return np.array([peak for peak in kept if near[peak] >= VOICED], np.intp)
