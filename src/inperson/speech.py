"""Speech in a recording: when someone speaks, and who.

`Listener` hears the recording once, chunk by chunk: it fills in each chunk's speech probability and keeps, in small
arrays, what is needed to say at the end who spoke when. Turns come from, in this order:

1. the caller (`inperson.transcripts.read_turns`);
2. channels or tracks that hold one participant each (`inperson.channels`);
3. diarization of the mix (`inperson.diarization`).

Embeddings stay inside and are forgotten with the listener.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inperson.channels import Channels
from inperson.diarization import BRIDGE, diarize
from inperson.speaker_embedding import FRAMES, RATE, STEP, MelFrames, embed, window
from inperson.types import Chunk, Floats, Span, Turn, TurnsSource
from inperson.voice_activity import HOP, SpeechSpans, VoiceActivity, speech_spans

__all__ = ["Listener", "speech_spans"]

STRIDE = 40
"""Mel frames (of 10 ms) between windows within one span: 0.4 s."""
MARGIN = 10
"""A last window that would end less than this many frames after the one before it is left out."""
SHORTEST = 40
"""Spans with fewer frames are not embedded; they go to the voice around them."""
BATCH = 16
"""Windows embedded in one call: 3 times cheaper a window than one by one; more gains nothing."""


class Listener:
    """Hears one recording.

    Parameters
    ----------
    speakers : bool
        Whether turns are wanted. Without, only the speech probability is computed, and `finish` returns what is
        supplied or nothing.

    Memory: a minute of speech leaves about 60 embeddings of 512 bytes and a few bytes per 32 ms.
    """

    def __init__(self, speakers: bool = True) -> None:
        self._speakers = speakers
        self._origin: float | None = None
        self._count = 0
        self._activity = VoiceActivity()
        self._spans = SpeechSpans()
        self._speech: list[Span] = []
        self._windows = _Windows()
        self._channels: Channels | None = None

    def update(self, chunk: Chunk) -> Chunk:
        """Take in the next chunk; return it with `speech` and `speech_start` filled.

        Chunks are consecutive and of any length; their length changes no value, only when it comes out. Without sound
        the chunk comes back with empty `speech`.
        """
        if self._origin is None:
            self._origin = chunk.span.start
            self._spans = SpeechSpans(chunk.span.start)
        values = self._activity.update(chunk.audio)
        start = self._origin + self._count * HOP / RATE
        self._count += len(values)
        self._hear(values, chunk.audio)
        if self._speakers and chunk.channels.shape[1] > 1:
            self._channels = self._channels or Channels(chunk.channels.shape[1], chunk.span.start)
            self._channels.update(chunk.channels)
        return replace(chunk, speech=values, speech_start=start)

    def _hear(self, values: Floats, samples: Floats) -> None:
        ended = self._spans.update(values.tolist())
        self._speech += ended
        if self._speakers:
            self._windows.update(samples)
            for span in ended:
                self._windows.close(self._ahead(span))
            if self._spans.opened is not None:
                so_far = Span(self._spans.opened, max(self._spans.opened, self._spans.settled))
                self._windows.follow(self._ahead(so_far))
            self._windows.forget(self._spans.opened is None)

    def _ahead(self, span: Span) -> Span:
        """The span counted from the first sample heard."""
        origin = self._origin or 0.0
        return Span(span.start - origin, span.end - origin)

    def finish(self, supplied: tuple[Turn, ...] | None = None) -> tuple[tuple[Turn, ...], TurnsSource]:
        """Say who spoke when. Call it once, after the last chunk.

        Parameters
        ----------
        supplied : tuple of Turn or None
            The caller's turns; returned sorted, in place of anything heard.

        Returns
        -------
        turns : tuple of Turn
            Sorted by start. Empty where nobody speaks.
        source : str
            ``"supplied"``, ``"channels"`` (labels ``"channel 0"``, ...), ``"diarized"`` (labels ``"S1"``, ...) or
            ``"none"``.
        """
        last = self._spans.update(self._activity.finish().tolist()) + self._spans.finish()
        self._speech += last
        if supplied is not None:
            return tuple(sorted(supplied)), "supplied"
        if not self._speakers:
            return (), "none"
        if self._channels is not None and (turns := self._channels.turns(BRIDGE)):
            return turns, "channels"
        self._windows.finish([self._ahead(span) for span in last])
        origin = self._origin or 0.0
        windows = [Span(origin + span.start, origin + span.end) for span in self._windows.spans]
        turns = diarize(self._speech, windows, self._windows.embeddings)
        return turns, "diarized" if turns else "none"

    @property
    def speech(self) -> tuple[Span, ...]:
        """Where someone speaks, as far as it is decided; complete after `finish`."""
        return tuple(self._speech)


class _Windows:
    """Embeds windows of 1.6 s within spans of speech, in batches, from a buffer of a few seconds of mel frames.

    A window never crosses a pause: a turn most often begins after one, so most windows hold one voice.
    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._mel = MelFrames()
        self._frames = np.zeros((0, 40), np.float32)
        self._power = np.zeros(0, np.float32)
        self._first = 0
        self._next: int | None = None
        self._waiting: list[Floats] = []
        self._done: list[NDArray[np.float16]] = []

    def update(self, samples: Floats) -> None:
        self._append(*self._mel.update(samples))

    def follow(self, span: Span) -> None:
        """Embed the full windows in a span that is still open, up to its end so far."""
        begin, end = round(span.start * RATE / STEP), round(span.end * RATE / STEP)
        if self._next is None or self._next < begin:  # a new span; the one before may have been too short to end
            self._next = begin
        while self._next + FRAMES <= min(end, self._first + len(self._frames)):
            self._take(self._next, self._next + FRAMES)
            self._next += STRIDE

    def close(self, span: Span) -> None:
        """Embed what is left of a span that ended: full windows, and the last one flush with its end."""
        self.follow(span)
        begin, end = round(span.start * RATE / STEP), round(span.end * RATE / STEP)
        end = min(end, self._first + len(self._frames))
        covered = -1 if self._next is None or self._next == begin else self._next - STRIDE + FRAMES
        self._next = None
        if end > covered + MARGIN and end - begin >= SHORTEST:
            self._take(max(begin, end - FRAMES), end)

    def forget(self, silent: bool) -> None:
        """Drop frames that no window can ask for any more."""
        keep = self._first + len(self._frames) - 2 * FRAMES
        if not silent and self._next is not None:
            keep = min(keep, self._next)
        drop = keep - self._first
        if drop > 0:
            self._frames, self._power, self._first = self._frames[drop:].copy(), self._power[drop:].copy(), keep

    def finish(self, spans: list[Span]) -> None:
        self._append(*self._mel.finish())
        for span in spans:
            self.close(span)
        self._flush()

    @property
    def embeddings(self) -> Floats:
        """(n, 256) float32, one row for each of `spans`."""
        return np.concatenate([*self._done, np.zeros((0, 256), np.float16)]).astype(np.float32)

    def _append(self, mel: Floats, power: Floats) -> None:
        self._frames = np.concatenate([self._frames, mel])
        self._power = np.concatenate([self._power, power])

    def _take(self, begin: int, end: int) -> None:
        part = slice(begin - self._first, end - self._first)
        self.spans.append(Span(begin * STEP / RATE, end * STEP / RATE))
        self._waiting.append(window(self._frames[part], self._power[part]))
        if len(self._waiting) == BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._done.append(embed(np.stack(self._waiting)).astype(np.float16))
            self._waiting = []
