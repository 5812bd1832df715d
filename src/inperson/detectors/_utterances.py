"""Cut a stream of sound into utterances: stretches of speech, edges trimmed, that can be measured one at a time.

Works hop by hop (32 ms, the step of the speech probability), so the length of the chunks that bring the sound does not
matter, and holds one utterance of sound at most.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from inperson.types import Chunk, Floats, Span

RATE = 16000
HOP = 512
HOP_SECONDS = HOP / RATE

ON, OFF = 0.5, 0.35
"""Speech probability at which speech starts, and below which it ends (Silero's own defaults: 0.5 and 0.15 lower)."""
PAUSE = 0.2
"""Below this probability a hop counts as a pause, in which the noise floor can be read."""
LONGEST = 156
"""Hops (4.99 s) after which an utterance is cut: about the length of the clips that the classifier learnt from."""
SHORTEST = 32
"""Hops of speech (1.02 s) that an utterance must hold to be measured."""
END = 13
"""Hops without speech (0.42 s) that end an utterance."""
REMEMBERED = 62
"""Hops (1.98 s) of pause before an utterance that count as its background."""


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """A stretch that starts and ends in speech.

    Attributes
    ----------
    span : Span
        Where it lies, in seconds on the recording's clock.
    audio : (n,) float32
        16 kHz mono.
    speech : tuple of Span
        The parts of `span` in which there is speech.
    hop_power : (m,) float32
        Mean square of each of its hops and of the pauses up to 2 s before it.
    pause_samples, pause_zeros : int
        Samples in those pauses and between the words, and how many of them are exactly zero.
    """

    span: Span
    audio: Floats
    speech: tuple[Span, ...]
    hop_power: Floats
    pause_samples: int
    pause_zeros: int

    @property
    def speech_seconds(self) -> float:
        return sum(part.duration for part in self.speech)


class Cutter:
    """Feed chunks to `push`; take the utterances that are complete; `close` at the end gives the last one."""

    def __init__(self) -> None:
        self._start: float | None = None  # time of the first sample
        self._origin: float | None = None  # time of the first hop
        self._audio: list[Floats] = []
        self._first = 0  # sample index of the first sample held, counted from _origin
        self._end = 0  # sample index after the last one held
        self._speech: list[float] = []
        self._hop = 0  # the next hop to look at
        self._gaps: list[Span] = []
        self._pauses: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)
        self._open: _Open | None = None

    def push(self, chunk: Chunk) -> list[Utterance]:
        """Take in the next chunk; returns the utterances that it completed, in order."""
        if self._start is None:
            self._start = chunk.span.start
        if self._origin is None and len(chunk.speech):
            self._origin = chunk.speech_start
            self._first = round((self._start - self._origin) * RATE)
            self._end += self._first
        sound = np.asarray(chunk.audio, np.float32)
        self._audio.append(np.nan_to_num(sound, nan=0.0, posinf=0.0, neginf=0.0))
        self._end += len(chunk.audio)
        self._speech.extend(float(p) for p in chunk.speech)
        self._gaps.extend(chunk.gaps)
        return self._advance()

    def close(self) -> list[Utterance]:
        """The utterance still open at the end of the recording, if it is long enough."""
        made = self._finished()
        return [made] if made else []

    def _advance(self) -> list[Utterance]:
        done: list[Utterance] = []
        if self._origin is None:
            return done
        ready = min(len(self._speech), self._end // HOP - self._hop)
        if ready <= 0:
            return done
        for probability, power, zeros in zip(self._speech[:ready], *self._measured(ready), strict=True):
            made = self._step(power, zeros, probability, self._in_gap())
            self._hop += 1
            if made:
                done.append(made)
        del self._speech[:ready]
        self._drop()
        return done

    def _measured(self, count: int) -> tuple[list[float], list[int]]:
        """Mean square and number of zeros of the next hops; of what the first ones lack before the sound begins, 0."""
        begin, stop = (self._index(self._hop + i) for i in (0, count))
        lacking = count * HOP - (stop - begin)
        hops = np.pad(self._joined()[begin:stop].astype(np.float64), (lacking, 0), constant_values=np.nan)
        held = hops.reshape(count, HOP)
        present = np.maximum(np.count_nonzero(held == held, axis=1), 1)
        power = np.nansum(np.square(held), axis=1) / present
        return power.tolist(), np.count_nonzero(held == 0, axis=1).tolist()

    def _step(self, power: float, zeros: int, probability: float, gap: bool) -> Utterance | None:
        pause = probability < PAUSE and not gap
        speech = not gap and probability >= (OFF if self._open is not None and self._open.quiet == 0 else ON)
        if self._open is None:
            if speech:
                self._open = _Open(self._hop, tuple(self._pauses))
            elif pause:
                self._pauses.append((power, zeros))
        if self._open is None:
            return None
        self._open.add(self._hop, speech, pause, power, zeros)
        if self._open.quiet >= END or self._hop + 1 - self._open.start >= LONGEST:
            return self._finished()
        return None

    def _finished(self) -> Utterance | None:
        found, self._open = self._open, None
        if found is None:
            return None
        self._pauses.extend(found.pauses[len(found.pauses) - found.trailing :])
        if len(found.hops) < SHORTEST:
            return None
        assert self._origin is not None
        stop = found.hops[-1] + 1
        sound = self._joined()[self._index(found.start) : self._index(stop)].copy()
        inner = found.before + tuple(found.pauses[: len(found.pauses) - found.trailing])
        return Utterance(
            span=self._span(found.start, stop),
            audio=sound,
            speech=tuple(self._span(a, b) for a, b in _runs(found.hops)),
            hop_power=np.array([p for p, _ in found.before] + found.powers[: stop - found.start], np.float32),
            pause_samples=len(inner) * HOP,
            pause_zeros=sum(z for _, z in inner),
        )

    def _span(self, first: int, stop: int) -> Span:
        assert self._origin is not None
        return Span(self._origin + first * HOP_SECONDS, self._origin + stop * HOP_SECONDS)

    def _index(self, hop: int) -> int:
        """Where a hop's first sample lies in the sound held."""
        return max(hop * HOP - self._first, 0)

    def _in_gap(self) -> bool:
        if not self._gaps:
            return False
        here = self._span(self._hop, self._hop + 1)
        return any(gap & here for gap in self._gaps)

    def _joined(self) -> Floats:
        if len(self._audio) != 1:
            self._audio = [np.concatenate(self._audio)] if self._audio else [np.zeros(0, np.float32)]
        return self._audio[0]

    def _drop(self) -> None:
        """Forget the sound and the gaps that no open utterance needs."""
        keep = (self._open.start if self._open else self._hop) * HOP
        if keep > self._first:
            self._audio = [self._joined()[keep - self._first :]]
            self._first = keep
        assert self._origin is not None
        now = self._origin + self._hop * HOP_SECONDS
        self._gaps = [gap for gap in self._gaps if gap.end > now]


class _Open:
    """An utterance under way."""

    def __init__(self, start: int, before: tuple[tuple[float, int], ...]) -> None:
        self.start = start
        self.before = before
        self.hops: list[int] = []
        self.powers: list[float] = []
        self.pauses: list[tuple[float, int]] = []
        self.quiet = 0  # hops since the last speech
        self.trailing = 0  # pauses among them

    def add(self, hop: int, speech: bool, pause: bool, power: float, zeros: int) -> None:
        self.powers.append(power)
        if speech:
            self.hops.append(hop)
            self.quiet = self.trailing = 0
            return
        self.quiet += 1
        if pause:
            self.pauses.append((power, zeros))
            self.trailing += 1


def _runs(hops: list[int]) -> list[tuple[int, int]]:
    """Consecutive numbers as (first, last + 1)."""
    cuts = [0, *(i for i in range(1, len(hops)) if hops[i] != hops[i - 1] + 1), len(hops)]
    return [(hops[a], hops[b - 1] + 1) for a, b in pairwise(cuts)]
