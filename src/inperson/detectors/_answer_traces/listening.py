"""One sound, listened to as it comes: its short onsets, and a few numbers every 32 ms for whispering."""

from __future__ import annotations

from collections.abc import Iterable

from inperson.detectors._answer_traces.transients import Onset, onsets
from inperson.detectors._answer_traces.whispers import Hops
from inperson.detectors._voice_traces._blocks import Block, Blocks
from inperson.types import Chunk

MOST = 200_000
"""Onsets kept: an hour of 55 a second. A longer row of them is no typing, and memory stays bounded."""


class Ear:
    """Feed chunks to `push`; `onsets` and `hops` close it."""

    def __init__(self) -> None:
        self._blocks = Blocks()
        self._onsets: list[Onset] = []
        self._hops = Hops()

    def push(self, chunk: Chunk) -> None:
        """Take in the next chunk."""
        self._take(self._blocks.push(chunk))

    def onsets(self) -> list[Onset]:
        """All short broadband onsets so far, in order of time."""
        self._take(self._blocks.close())
        return self._onsets

    def hops(self) -> Hops:
        """What was measured every 32 ms."""
        self._take(self._blocks.close())
        return self._hops

    def _take(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            if len(self._onsets) < MOST:
                self._onsets += onsets(block)
            self._hops.push(block)
