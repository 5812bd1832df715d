"""Does the speaker breathe, and does the room answer?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inperson.detectors._voice_traces._blocks import Array, Mask
from inperson.detectors._voice_traces._frames import STEP_SECONDS

PHRASE = 0.25
"""Seconds without speech before an onset for it to start a phrase: time to breathe in."""
LOOK_BACK = 1.2
"""Seconds before a phrase in which its breath is sought."""
BREATH = (0.1, 0.6)
"""Seconds that an audible in-breath of speech lasts (Fukuda, Ichikawa & Nishimura, "Detecting breathing sounds in
realistic Japanese telephone conversations", Speech Communication 98, 2018)."""
OVER_FLOOR = 6.0
"""dB by which a breath stands above the pause's floor in the breath band."""
UNDER_SPEECH = (6.0, 50.0)
"""dB by which it lies below the speech's level there."""
BREATH_PERIODIC = 0.5
"""Periodicity above which a sound is voiced, hence no breath."""
MIN_PHRASES = 3
DECAY = 0.35
"""Seconds after an offset in which the decay is read."""
RANGE = (3.0, 18.0)
"""dB below the offset's level between which the decay's slope is read; T60 is extrapolated (as T15)."""
ABOVE_FLOOR = 6.0
"""dB that the decay must keep above the floor of the pause, so that the floor is not read as reverberation."""
MIN_OFFSETS = 3
QUANTILE = 25
"""Percent: of the decays found, the fast ones tell the room, since a voice also fades by itself (after Ratnam et al.,
"Blind estimation of reverberation time", JASA 114, 2003)."""
BREATHLESS = (
    "A far or noisy microphone, noise suppression, editing that cuts breaths, a gate and a quiet breather also leave "
    "none."
)
DRY = "A close headset, a furnished or treated room and dereverberation in calls are as dry."


@dataclass(frozen=True, slots=True)
class Breaths:
    """Phrases that start after a pause, and in how many of them a breath is heard before."""

    phrases: int
    heard: int


@dataclass(frozen=True, slots=True)
class Room:
    """Seconds for 60 dB of decay after speech, from how many offsets; and the floor (dB) below the speech."""

    decay: float
    offsets: int
    floor_below: float


def breaths(level_db: Array, periodicity: Array, speech: Mask, usable: Mask) -> Breaths:
    """Look for a breath before each phrase.

    Parameters
    ----------
    level_db : (n,) array
        Level in the breath band every 8 ms.
    periodicity : (n,) array
        In [0, 1].
    speech, usable : (n,) bool
        Where there is speech; where the sound belongs to the recording and to this voice.
    """
    if not (speech & usable).any():
        return Breaths(0, 0)
    loud = float(np.percentile(level_db[speech & usable], 75))
    phrases = heard = 0
    for onset in np.flatnonzero(speech[1:] & ~speech[:-1]) + 1:
        before = ~speech[max(onset - round(LOOK_BACK / STEP_SECONDS), 0) : onset]
        length = len(before) if before.all() else int(np.argmax(~before[::-1]))
        pause = slice(onset - length, onset)
        if length * STEP_SECONDS < PHRASE or not usable[pause].all() or not usable[onset]:
            continue
        phrases += 1
        heard += has_breath(level_db[pause], periodicity[pause], loud)
    return Breaths(phrases, heard)


def has_breath(level_db: Array, periodicity: Array, speech_db: float) -> bool:
    """Whether a pause (n,) of 8 ms frames holds a noise burst as long and as loud as a breath."""
    smooth = np.convolve(np.pad(level_db, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    floor = float(np.percentile(smooth, 10))
    up = (smooth > floor + OVER_FLOOR) & (smooth > speech_db - UNDER_SPEECH[1]) & (smooth < speech_db - UNDER_SPEECH[0])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], up, [False]]).astype(int)))
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        # A word's own end and beginning touch the pause's edges.
        inside = a > 1 and b < len(level_db) - 1
        long_enough = BREATH[0] <= (b - a) * STEP_SECONDS <= BREATH[1]
        if inside and long_enough and float(np.median(periodicity[a:b])) < BREATH_PERIODIC:
            return True
    return False


def room(level_db: Array, speech: Mask, usable: Mask) -> Room | None:
    """Read the decay after speech from the level (n,) in dB every 8 ms.

    Returns None where fewer than `MIN_OFFSETS` offsets fall far enough above the floor.
    """
    if not (speech & usable).any() or not (~speech & usable).any():
        return None
    floor = float(np.percentile(level_db[~speech & usable], 20))
    loud = float(np.percentile(level_db[speech & usable], 75))
    slopes = []
    reach = round(DECAY / STEP_SECONDS)
    for stop in np.flatnonzero(~speech[1:] & speech[:-1]) + 1:
        # The speech probability ends late: start from the last loud frame before.
        first = max(stop - round(0.25 / STEP_SECONDS), 0)
        part = level_db[first : stop + reach]
        if not usable[first : stop + reach].all() or len(part) < reach:
            continue
        slope = decay_slope(np.asarray(part, np.float64), floor)
        if slope is not None:
            slopes.append(slope)
    if len(slopes) < MIN_OFFSETS:
        return None
    times = 60 / np.array(slopes)
    return Room(float(np.percentile(times, QUANTILE)), len(slopes), loud - floor)


def decay_slope(level_db: Array, floor: float) -> float | None:
    """Slope (dB/s, positive) of the fall in `level_db` (n,), steepest stretch of `RANGE`; None if it cannot be read."""
    loud = np.flatnonzero(level_db >= level_db.max() - 6.0)
    tail = level_db[loud[-1] :]
    top = tail[0]
    below = np.flatnonzero(tail <= top - RANGE[1])
    if not len(below) or top - RANGE[1] < floor + ABOVE_FLOOR:
        return None
    last = int(below[0]) + 1
    starts = np.flatnonzero(tail[:last] >= top - RANGE[0])
    first = int(starts[-1])
    part = tail[first:last]
    if len(part) < 3:
        return (RANGE[1] - RANGE[0]) / STEP_SECONDS / 2
    time = (np.arange(len(part)) - (len(part) - 1) / 2) * STEP_SECONDS
    slope = -float(time @ part / (time @ time))
    return slope if slope > 0 else None
