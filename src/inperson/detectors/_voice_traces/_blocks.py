"""Sound and speech probability in blocks of fixed length on one grid, however the chunks were cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from inperson.types import Chunk, Floats, Span

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
T = TypeVar("T", bound=np.generic)

RATE = 16000
HOP = 512
HOP_SECONDS = HOP / RATE
HOPS = 64
"""Hops in a block (2.048 s): long enough that the cost of calls does not count, short enough to be seconds of state."""
MARGIN = 1536
"""Samples of context (96 ms) before and after a block, so that frames at its edges are whole."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A piece of the recording.

    Attributes
    ----------
    start : float
        Time of its first hop in seconds.
    sound : (MARGIN + n * HOP + MARGIN,) float32
        16 kHz mono with context; zeros beyond either end of the recording.
    speech : (n,) float32
        Speech probability of its hops.
    gap : (n,) bool
        Hops in which sound is missing or not finite.
    """

    start: float
    sound: Floats
    speech: Floats
    gap: Mask

    @property
    def inner(self) -> Floats:
        """The sound without the context."""
        return self.sound[MARGIN : len(self.sound) - MARGIN]


class Blocks:
    """Feed chunks to `push`, take whole blocks; `close` gives the rest, possibly shorter."""

    def __init__(self) -> None:
        self._start: float | None = None
        self._origin: float | None = None
        self._sound: Floats = np.zeros(0, np.float32)
        self._bad: NDArray[np.bool_] = np.zeros(0, bool)
        self._first = 0  # sample index of the first sample held, counted from _origin
        self._speech: Floats = np.zeros(0, np.float32)
        self._hop = 0  # the first hop of the next block
        self._gaps: list[Span] = []

    def push(self, chunk: Chunk) -> list[Block]:
        """Take in the next chunk; returns the blocks that it completed."""
        if self._start is None:
            self._start = chunk.span.start
        if self._origin is None and len(chunk.speech):
            self._origin = chunk.speech_start
            self._first = round((self._start - self._origin) * RATE)
        sound = np.asarray(chunk.audio, np.float32)
        bad = ~np.isfinite(sound)
        self._sound = np.concatenate([self._sound, np.where(bad, np.float32(0), sound)])
        self._bad = np.concatenate([self._bad, bad])
        self._speech = np.concatenate([self._speech, np.asarray(chunk.speech, np.float32)])
        self._gaps.extend(chunk.gaps)
        done = []
        while self._origin is not None and len(self._speech) >= HOPS and self._end >= self._last(HOPS) + MARGIN:
            done.append(self._cut(HOPS))
        return done

    def close(self) -> list[Block]:
        """What is left, in whole hops; empty if that is nothing."""
        count = min(len(self._speech), self._end // HOP - self._hop)
        return [self._cut(count)] if self._origin is not None and count > 0 else []

    @property
    def _end(self) -> int:
        return self._first + len(self._sound)

    def _last(self, count: int) -> int:
        return (self._hop + count) * HOP

    def _cut(self, count: int) -> Block:
        assert self._origin is not None
        low, high = self._hop * HOP - MARGIN, self._last(count) + MARGIN
        sound = _padded(self._sound, self._first, low, high)
        bad: Mask = np.any(_padded(self._bad, self._first, low, high)[MARGIN:-MARGIN].reshape(count, HOP), axis=1)
        start = self._origin + self._hop * HOP_SECONDS
        for gap in self._gaps:
            first = int(np.floor((gap.start - start) / HOP_SECONDS + 1e-6))
            bad[max(first, 0) : max(int(np.ceil((gap.end - start) / HOP_SECONDS - 1e-6)), 0)] = True
        made = Block(start, sound, self._speech[:count], bad)
        self._speech = self._speech[count:]
        self._hop += count
        kept = max(self._hop * HOP - MARGIN - self._first, 0)
        self._sound, self._bad = self._sound[kept:].copy(), self._bad[kept:].copy()
        self._first += kept
        end = start + count * HOP_SECONDS
        self._gaps = [gap for gap in self._gaps if gap.end > end]
        return made


def _padded(held: NDArray[T], first: int, low: int, high: int) -> NDArray[T]:
    """Samples `low` to `high` of a stream whose sample `first` is ``held[0]``; zero where there is none."""
    out = np.zeros(high - low, held.dtype)
    a, b = max(low, first), min(high, first + len(held))
    if b > a:
        out[a - low : b - low] = held[a - first : b - first]
    return out
