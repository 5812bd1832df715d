"""Whether a recording's channels or tracks hold one participant each, and then who spoke when in them.

Calls are often recorded with one participant a channel: each channel then speaks while the others are silent. A stereo
recording of one room, a panned or a doubled mono track never does: its channels speak together. The question is decided
on the whole recording, from voice activity and level every 32 ms; nothing else of the sound is kept.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inperson.types import Floats, Span, Turn
from inperson.voice_activity import HOP, RATE, RELEASE, THRESHOLD, SpeechSpans, VoiceActivity

MAX_CHANNELS = 8
GROUP = 16 * HOP
"""Samples looked at together (0.5 s): where all channels are one signal there, no voice activity is computed."""
ONE_SIGNAL = 0.9999
"""Squared correlation from which two channels are one signal at two levels."""
BLEED = 12.0
"""dB under the loudest channel at which speech in a channel is taken as another's, heard through. Levels are relative
to each channel's own speech."""
OWN_SECONDS = 1.0
EXCLUSIVE = 0.6
"""Share of speech that must come from one channel alone. Speakers overlap in 5 to 20 % of the time (AMI, primock57)."""


class Channels:
    """Voice activity and level of each channel of one recording; at most 8, further ones are ignored."""

    def __init__(self, count: int, start: float) -> None:
        self._start = start
        self._voices = [VoiceActivity() for _ in range(min(count, MAX_CHANNELS))]
        self._rest = np.zeros((0, len(self._voices)), np.float32)
        self._speech: list[NDArray[np.float16]] = []
        self._level: list[NDArray[np.float16]] = []

    def update(self, samples: Floats) -> None:
        """Take in the next samples: (n, channels) at 16 kHz; n may be 0."""
        buffer = np.concatenate([self._rest, samples[:, : len(self._voices)]])
        count = len(buffer) // GROUP
        self._rest = buffer[count * GROUP :].copy()
        for group in buffer[: count * GROUP].reshape(count, GROUP, len(self._voices)):
            self._take(group)

    def _take(self, group: Floats) -> None:
        power = np.square(group, dtype=np.float64).reshape(-1, HOP, group.shape[1]).mean(axis=1)
        self._level.append((10 * np.log10(power + 1e-12)).astype(np.float16))
        if _one_signal(group):
            self._speech.append(np.zeros(power.shape, np.float16))
            return
        values = [voice.update(np.ascontiguousarray(group[:, i])) for i, voice in enumerate(self._voices)]
        self._speech.append(np.stack(values, axis=1).astype(np.float16))

    def turns(self, bridge: float) -> tuple[Turn, ...]:
        """Turns labelled ``"channel 0"``, ``"channel 1"``, ... by column, sorted, pauses up to `bridge` s closed.

        Empty where the channels do not hold one participant each.
        """
        if len(self._rest):
            self._take(np.pad(self._rest, ((0, GROUP - len(self._rest)), (0, 0))))
            self._rest = self._rest[:0]
        if not self._speech:
            return ()
        speech, level = np.concatenate(self._speech), np.concatenate(self._level)
        own = _own_speech(speech.astype(np.float32), level.astype(np.float32))
        if not separate(own >= THRESHOLD):
            return ()
        found = [Turn(span, f"channel {i}") for i in range(own.shape[1]) for span in self._spans(own[:, i], bridge)]
        return tuple(sorted(found))

    def _spans(self, own: Floats, bridge: float) -> list[Span]:
        machine = SpeechSpans(self._start)
        spans = machine.update(own.tolist()) + machine.finish()
        if not spans:
            return []
        starts = [spans[0].start] + [b.start for a, b in pairwise(spans) if b.start - a.end > bridge]
        ends = [a.end for a, b in pairwise(spans) if b.start - a.end > bridge] + [spans[-1].end]
        return [Span(start, end) for start, end in zip(starts, ends, strict=True)]


def _one_signal(group: Floats) -> bool:
    """Whether all channels are the first at another level, or silent."""
    first = group[:, 0].astype(np.float64)
    energy = float(first @ first)
    for other in group.T[1:].astype(np.float64):
        if float(first @ other) ** 2 < ONE_SIGNAL * energy * float(other @ other):
            return False
    return True


def _own_speech(speech: Floats, level: Floats) -> Floats:
    """(n, c) speech probability, 0 where a channel only lets another be heard."""
    heard = np.where(speech >= THRESHOLD, level, np.nan)
    usual = np.full(speech.shape[1], np.inf, np.float32)
    for i in np.flatnonzero(np.isfinite(heard).any(axis=0)):
        usual[i] = np.nanpercentile(heard[:, i], 90)
    relative = level - usual
    loudest = np.where(speech >= RELEASE, relative, -np.inf).max(axis=1, keepdims=True)
    return np.where(relative >= loudest - BLEED, speech, 0.0).astype(np.float32)


def separate(active: NDArray[np.bool_]) -> bool:
    """Whether channels hold one participant each.

    Parameters
    ----------
    active : (n, c) bool
        Who speaks in each 32 ms.

    Returns
    -------
    bool
        True where at least two channels each speak alone for `OWN_SECONDS` and `EXCLUSIVE` of all speech is of one
        channel alone.
    """
    alone = active & (active.sum(axis=1, keepdims=True) == 1)
    seconds = alone.sum(axis=0) * HOP / RATE
    exclusive = float(alone.sum()) >= EXCLUSIVE * float(active.any(axis=1).sum())
    return exclusive and int(np.sum(seconds >= OWN_SECONDS)) >= 2
