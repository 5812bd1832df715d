"""The recording's one clock, and what went wrong while following it.

Raw presentation timestamps become seconds since the recording's origin. A step backwards, or forwards by more than
`Limits.jump` while no other stream goes on, is a splice: the clock of the container was reset, or one timestamp is
absurd. It is closed by a shift, and a shift made for one stream is used for the others too, so sound and picture stay
aligned across it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from inperson._media.containers import Handle, Limits

_BACKWARDS = 1.0  # s; a smaller step back is disorder within the stream, not a splice
_SAME_SPLICE = 0.5  # s; shifts of two streams that differ by less belong to one splice (streams end apart by this much)
_REMEMBERED = 64  # latest shifts kept; a file with more splices than this within one stream's lead is nonsense
_BINS = 10  # pieces into which the longest believable step is divided to see whether another stream goes on
_MOST_BINS = 100_000  # remembered at most, whatever the timestamps


class Problems:
    """Damage and oddities met while reading, counted by kind, each with the time of the first."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, float]] = {}
        self.damage = 0
        """How often content was lost or repaired; oddities of the timestamps alone are not counted."""

    def add(self, what: str, time: float, damage: bool = False) -> None:
        count, first = self._found.get(what, (0, time))
        self._found[what] = (count + 1, first)
        self.damage += damage

    def messages(self) -> tuple[str, ...]:
        """One sentence a kind, in order of first appearance; empty when all went well."""
        return tuple(
            f"{what} (at {first:.2f} s)" if count == 1 else f"{what} ({count} times, first at {first:.2f} s)"
            for what, (count, first) in self._found.items()
        )


class Splices:
    """Shifts that close discontinuities, shared by the streams of one recording."""

    def __init__(self) -> None:
        self._shifts = [0.0]

    def known(self, wanted: float) -> float | None:
        """The known shift that belongs to the same splice as `wanted`, if there is one."""
        best = min(self._shifts, key=lambda known: abs(known - wanted))
        return best if abs(best - wanted) <= _SAME_SPLICE else None

    def shift(self, wanted: float) -> float:
        """The known shift for `wanted`, else `wanted` itself, known from now on."""
        known = self.known(wanted)
        if known is not None:
            return known
        self._shifts = [0.0, *self._shifts[1:][-_REMEMBERED:], wanted]
        return wanted


class Activity:
    """When each stream has packets, coarsely and in raw time; read from the container when somebody first asks."""

    def __init__(self, path: str | os.PathLike[str], streams: Sequence[int], limits: Limits) -> None:
        self._path, self._streams, self._limits = path, streams, limits
        self._bin = limits.jump / _BINS
        self._seen: dict[int, set[int]] | None = None

    def others(self, stream: int, start: float, end: float) -> bool:
        """Whether another stream goes on through at least half of the raw time from `start` to `end` (s)."""
        first, last = int(start // self._bin) + 1, int(end // self._bin)
        if end - start > self._limits.duration or last <= first:
            return False
        if self._seen is None:
            self._seen = self._read()
        return any(
            2 * sum(k in seen for k in range(first, last)) >= last - first
            for index, seen in self._seen.items()
            if index != stream
        )

    def _read(self) -> dict[int, set[int]]:
        seen: dict[int, set[int]] = {index: set() for index in self._streams}
        try:
            with Handle(self._path, self._limits) as handle:
                for packet in handle.packets([handle.stream(index) for index in self._streams]):
                    bins = seen[packet.stream_index]
                    if packet.pts is not None and len(bins) < _MOST_BINS:
                        bins.add(int(packet.pts * packet.time_base // self._bin))
        except Exception:  # damage: what was seen up to there has to do; the reader itself counts it
            pass
        return seen


class StreamClock:
    """Turns the raw timestamps of one stream into times on the recording's clock."""

    def __init__(
        self,
        name: str,
        stream: int,
        origin: float,
        jump: float,
        splices: Splices,
        activity: Activity,
        problems: Problems,
    ) -> None:
        self.name = name
        self._stream = stream
        self._origin = origin
        self._jump = jump
        self._splices = splices
        self._activity = activity
        self._problems = problems
        self._shift = 0.0

    def time(self, raw: float, expected: float) -> float:
        """Time of what is stamped `raw` (s), when `expected` (s, on the clock) would follow on seamlessly."""
        step = raw - self._origin + self._shift - expected
        if -_BACKWARDS <= step <= _SAME_SPLICE:
            return expected + step
        known = self._splices.known(self._shift - step)
        if known is not None and known != self._shift:  # back from a splice, or another stream was here before
            self._close(known, expected)
        elif step < 0 or (step > self._jump and not self._activity.others(self._stream, raw - step, raw)):
            self._close(self._splices.shift(self._shift - step), expected)
        return raw - self._origin + self._shift

    def _close(self, shift: float, expected: float) -> None:
        self._problems.add(f"{self.name} timestamps jump; closed as a splice", expected)
        self._shift = shift
