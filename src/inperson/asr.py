"""Words from speech recognition: the caller's own recogniser, or faster-whisper (`inperson.whisper`).

Nothing is recognised unless the caller asks for it. A recogniser is any callable that takes mono float32 sound of at
most `LONGEST` seconds and its rate (16 000 Hz) and returns words with times in seconds from the sound's beginning. It
is called while the recording is read, on one stretch of speech after the other, so that no more than one is in memory.
Its words become the transcript: each goes to the turn in which it lies.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._voice_traces._blocks import HOP, RATE, Blocks
from inperson.errors import InpersonError
from inperson.types import Chunk, Floats, Span, Turn, Word

log = logging.getLogger("inperson")

Recogniser = Callable[[Floats, int], Iterable[Word | tuple[float, float, str]]]
"""Takes sound ``(n,)`` float32 in [-1, 1] and its rate in Hz; gives words, or ``(start, end, text)``."""


@runtime_checkable
class Prepared(Protocol):
    """What a recogniser can have besides: for the workers of a batch or a service."""

    def prepare(self) -> None:
        """Called once in a worker, before it may open nothing more: import what is needed."""

    def reads(self) -> Sequence[str]:
        """Files and folders that it opens while it recognises."""


_Flags = NDArray[np.bool_]
LONGEST = 29.0
"""Seconds of one stretch: Whisper's window is 30 s."""
ENOUGH = 15.0
"""Seconds from which a stretch ends at the next pause: recognisers gain from context. Own choice."""
PAUSE = 0.4
"""Seconds without speech that such a pause lasts: longer than the silences within words."""
SILENCE = 3.0
"""Seconds without speech that end a stretch of any length."""
LEAD = 0.2
"""Seconds before its first speech that belong to a stretch: voice activity starts late."""
SPEECH = 0.35
"""Speech probability under which a hop counts as silent (Silero's default for the end of speech)."""
SETS_IN = 0.5
"""Seconds from where speech sets in up to which the word that begins it may be put by a recogniser: Whisper puts the
first word after a pause 0.1 to 0.4 s late (docs/exchanges.md)."""
HEARD = 0.5
"""Seconds around a word in which some speech must be heard for it to count: recognisers invent words in silence. Own
choice, well above the 0.2 s by which Whisper's words lie beside their true place."""
NEAR = 0.5
"""Seconds from the nearest turn up to which a word outside all turns still goes to it."""


def named(recogniser: Recogniser) -> str:
    """What a recogniser is called where results are told apart: its `name`, or its class's or its own."""
    name = getattr(recogniser, "name", None) or getattr(recogniser, "__qualname__", None)
    return str(name or type(recogniser).__qualname__)


class Transcription:
    """Feed chunks to `update`; `finish` gives the words. Holds one stretch of sound at most."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._blocks = Blocks()
        self._hops: list[Floats] = []
        self._speech: list[bool] = []
        self._start = 0.0
        self._quiet = 0
        self._spoken = False
        self._words: list[Word] = []
        self.fault = ""
        """What went wrong, for the report's warnings; empty if nothing did."""

    def update(self, chunk: Chunk) -> None:
        """Take in the next chunk; its length does not matter."""
        for block in self._blocks.push(chunk):
            self._take(block.start, block.inner.reshape(-1, HOP), block.speech.tolist())

    def finish(self) -> tuple[Word, ...]:
        """All words, in order of time; empty after a fault. Call it once, after the last chunk."""
        for block in self._blocks.close():
            self._take(block.start, block.inner.reshape(-1, HOP), block.speech.tolist())
        self._recognise()
        return () if self.fault else tuple(sorted(self._words))

    def _take(self, start: float, hops: Floats, speech: Sequence[float]) -> None:
        step = HOP / RATE
        for i, (hop, probability) in enumerate(zip(hops, speech, strict=True)):
            self._spoken = self._spoken or probability >= SPEECH
            self._quiet = 0 if probability >= SPEECH else self._quiet + 1
            self._hops.append(hop.copy())
            self._speech.append(probability >= SPEECH)
            if not self._spoken:
                lead = slice(-round(LEAD / step), None)
                self._hops, self._speech = self._hops[lead], self._speech[lead]
            self._start = start + (i + 1 - len(self._hops)) * step
            length, quiet = len(self._hops) * step, self._quiet * step
            if length >= LONGEST or (self._spoken and ((length >= ENOUGH and quiet >= PAUSE) or quiet >= SILENCE)):
                self._recognise()

    def _recognise(self) -> None:
        hops, self._hops = self._hops, []
        speech, self._speech = np.array(self._speech, bool), []
        spoken, self._spoken = self._spoken, False
        if not spoken or self.fault:
            return
        sound = np.concatenate(hops)
        try:
            found = [_checked(one, len(sound) / RATE) for one in self._recogniser(sound, RATE)]
            self._words += [_moved(word, self._start) for word in _placed(sorted(found), speech)]
        except InpersonError:
            raise
        except Exception as error:
            self.fault = (
                f"speech recognition failed ({type(error).__name__}: {str(error)[:200]}); "
                "what needs words was not measured"
            )
            log.error("speech recognition failed", exc_info=error)


def _checked(one: Word | tuple[float, float, str], length: float) -> Word:
    begin, end, text = (one.span.start, one.span.end, one.text) if isinstance(one, Word) else one
    if not (isinstance(text, str) and math.isfinite(begin) and math.isfinite(end) and begin <= end):
        raise ValueError(f"expected words with start <= end in seconds and a text, found {one!r:.100}")
    inside = Span(min(max(float(begin), 0.0), length), min(max(float(end), 0.0), length))
    return Word(inside, " ".join(text.split()))


def _moved(word: Word, seconds: float) -> Word:
    return replace(word, span=Span(word.span.start + seconds, word.span.end + seconds))


def _placed(words: Sequence[Word], speech: _Flags) -> list[Word]:
    """The words of a stretch that lie where speech was heard, those that begin it put to where it sets in.

    ``speech`` (n,) says for every hop of the stretch whether it is speech.
    """
    times = (np.flatnonzero(speech) + 0.5) * HOP / RATE
    kept = [word for word in words if np.any((times > word.span.start - HEARD) & (times < word.span.end + HEARD))]
    for onset in _onsets(speech):
        i = min(range(len(kept)), key=lambda i: abs(kept[i].span.start - onset), default=None)
        if i is not None and abs(kept[i].span.start - onset) <= SETS_IN and kept[i].span.end > onset:
            kept[i] = replace(kept[i], span=Span(onset, kept[i].span.end))
            if i and kept[i - 1].span.end > onset:
                kept[i - 1] = replace(kept[i - 1], span=Span(min(kept[i - 1].span.start, onset), onset))
    return kept


def _onsets(speech: _Flags) -> list[float]:
    """Seconds at which speech sets in after `PAUSE` or more without."""
    step = HOP / RATE
    found, quiet = [], math.inf
    for i, one in enumerate(speech):
        if one and quiet * step >= PAUSE:
            found.append(i * step)
        quiet = 0 if one else quiet + 1
    return found


def spoken(turns: Sequence[Turn], words: Iterable[Word]) -> tuple[tuple[Turn, ...], tuple[Word, ...]]:
    """Give each word to the turn that holds most of it, or the nearest within `NEAR` seconds.

    Parameters
    ----------
    turns : sequence of Turn
    words : iterable of Word

    Returns
    -------
    turns : tuple of Turn
        With the words as their text. Turns that have a text keep it.
    words : tuple of Word
        With their speakers, in order of time. Words far from all turns, and of no text, are left out.
    """
    said: list[list[str]] = [[] for _ in turns]
    kept = []
    ahead = sorted(range(len(turns)), key=lambda i: turns[i].span.start, reverse=True)
    near: list[int] = []
    for word in sorted(words):
        while ahead and turns[ahead[-1]].span.start <= word.span.end + NEAR:
            near.append(ahead.pop())
        near = [i for i in near if turns[i].span.end >= word.span.start - NEAR]
        at = max(near, key=lambda i: _nearness(turns[i].span, word.span), default=None)
        if at is not None and word.text:
            said[at].append(word.text)
            kept.append(replace(word, speaker=turns[at].speaker))
    filled = (replace(turn, text=turn.text or " ".join(text)) for turn, text in zip(turns, said, strict=True))
    return tuple(filled), tuple(kept)


def _nearness(turn: Span, word: Span) -> float:
    """Seconds that they share; negative: seconds between them."""
    return min(turn.end, word.end) - max(turn.start, word.start)
