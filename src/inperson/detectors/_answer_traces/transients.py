"""Short broadband onsets: what a key, a click or a knock leaves in the sound, and a voice hardly does.

A keystroke is two or three impacts within a tenth of a second: within a few milliseconds all bands rise together, and
a few tens of milliseconds later they have fallen again. A vowel rises more slowly and stays; a tone rises in few
bands. Levels are in dB over the 40 ms before, so that nothing depends on gain.

Every constant without a source is an own choice on keystrokes of some keyboards mixed into training speech
(training/answer_traces/typing.py), and was not looked at on others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._voice_traces._blocks import HOP, HOP_SECONDS, MARGIN, RATE, Array, Block, Mask

STEP = 64
"""Samples from frame to frame (4 ms)."""
FRAME = 128
"""Samples of a frame (8 ms): shorter than any keystroke, long enough for bands of 125 Hz."""
EDGES = (300, 700, 1200, 1800, 2500, 3300, 4500, 6000, 7500)
"""Hz. Telephone speech holds the first five bands, wideband codecs all."""
DEAD_DB = -95.0
"""dB of full scale (power in a band) under which a band carries nothing: coded away, or digital silence."""
BEFORE = 10
"""Frames (40 ms) before an onset to whose mean level it is held."""
GUARD = 2
"""Frames left out between the two: the frame's own rise."""
RISE_DB = 6.0
"""Rise of a band that counts."""
BROAD = 0.7
"""Share of the living bands that must rise together."""
STRONG_DB = 9.0
"""Mean rise over the living bands."""
AFTER = (13, 22)
"""Frames (52 to 88 ms) after an onset in which its sound must have fallen."""
FALL = 0.45
"""Share of the rise that must be gone by then: a voiced sound keeps its level, an impact does not."""
STRUCK = 4
"""Frames (20 ms) from an onset on over which its level is taken: shorter spectra differ by chance."""
APART = 10
"""Frames (40 ms) within which only the strongest onset counts: one impact, not its ringing."""


@dataclass(frozen=True, slots=True)
class Onset:
    """When (s), how far over the sound before it (dB, mean over bands), and its level (dB) in each pair of bands."""

    time: float
    rise: float
    level: Array


def onsets(block: Block) -> list[Onset]:
    """The short broadband onsets of a block, in order of time.

    None where sound is missing within 0.1 s. Empty for silence, and for a sound that changes slowly or in few bands
    only.
    """
    level = _levels(block.sound)
    first = MARGIN // STEP
    count = len(block.speech) * (HOP // STEP)
    rise, broad, fallen = _rise(level, first, count)
    candidate = (rise >= STRONG_DB) & broad & fallen & _whole(block)
    found = []
    for frame in np.flatnonzero(candidate).tolist():
        low, high = max(frame - APART, 0), frame + APART + 1
        here = np.where(candidate[low:high], rise[low:high], -np.inf)
        if int(here.argmax()) + low == frame:
            time = block.start + (frame * STEP + FRAME / 2) / RATE
            found.append(Onset(float(time), float(rise[frame]), _timbre(level[first + frame :][:STRUCK])))
    return found


def _levels(sound: Array) -> Array:
    """(frames, bands) in dB."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[::STEP] * np.hanning(FRAME).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2 / FRAME**2
    bins = np.round(np.array(EDGES) * FRAME / RATE).astype(int)
    bands = np.add.reduceat(power[:, : bins[-1]], bins[:-1], axis=1)
    return np.asarray(10 * np.log10(bands + 1e-13))


def _timbre(level: Array) -> Array:
    """(frames, bands) in dB to the mean level of each pair of bands."""
    pairs = (10 ** (level / 10)).mean(axis=0).reshape(-1, 2).sum(axis=1)
    return np.asarray(10 * np.log10(pairs))


def _rise(level: Array, first: int, count: int) -> tuple[Array, Mask, Mask]:
    """For each of `count` frames from `first` on: mean rise, whether it is broad, whether it falls again."""
    total = np.concatenate([np.zeros((1, level.shape[1])), np.cumsum(level, axis=0)])

    def mean(low: int, high: int) -> Array:
        """Over the frames `low` to `high` (exclusive) relative to each frame."""
        at = np.arange(first, first + count)
        a, b = np.clip(at + low, 0, len(level)), np.clip(at + high, 0, len(level))
        return np.asarray((total[b] - total[a]) / np.maximum(b - a, 1)[:, None])

    now = level[first : first + count]
    # The loudest of two frames: the impact may lie between them.
    top = np.maximum(now, level[first + 1 : first + 1 + count])
    before = np.maximum(mean(-BEFORE - GUARD, -GUARD), DEAD_DB)
    gain = top - before
    living = top > DEAD_DB + STRONG_DB
    alive = living.sum(axis=1)
    enough = alive >= 3
    share = ((gain >= RISE_DB) & living).sum(axis=1) / np.maximum(alive, 1)
    rise = np.where(living, gain, 0).sum(axis=1) / np.maximum(alive, 1)
    left = np.where(living, mean(*AFTER) - before, 0).sum(axis=1) / np.maximum(alive, 1)
    return rise, enough & (share >= BROAD), left <= (1 - FALL) * rise


def _whole(block: Block) -> NDArray[np.bool_]:
    """Frames without missing sound within 0.1 s."""
    reach = int(np.ceil(0.1 / HOP_SECONDS))
    near = np.convolve(block.gap, np.ones(2 * reach + 1), mode="same") > 0
    return np.repeat(~near[: len(block.gap)], HOP // STEP)
