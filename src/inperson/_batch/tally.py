"""How far a batch has come."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Tally:
    """How far a batch has come.

    Attributes
    ----------
    total : int
        Recordings asked for, each counted once.
    skipped : int
        Of these, done already.
    analysed : int
        Reports written in this run.
    same : int
        Recordings whose content has its row already, under another name.
    errors : dict of str to int
        Errors written in this run, by type.
    seconds : float
        Seconds of recording analysed in this run.
    started : float
        When it began, on the monotonic clock.
    """

    total: int = 0
    skipped: int = 0
    analysed: int = 0
    same: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    seconds: float = field(default=0.0, compare=False, repr=False)
    started: float = field(default_factory=time.monotonic, compare=False, repr=False)

    def count(self, line: dict[str, Any] | None) -> None:
        """Add a line of this run; None for a recording that needed none."""
        if line is None:
            self.skipped += 1
        elif "error" in line:
            kind = line["error"]["type"]
            self.errors[kind] = self.errors.get(kind, 0) + 1
        elif "report" in line:
            self.analysed += 1
            self.seconds += line["report"].get("media", {}).get("duration", 0.0)
        else:
            self.same += 1

    @property
    def failed(self) -> int:
        """Errors written in this run."""
        return sum(self.errors.values())

    @property
    def finished(self) -> int:
        """Recordings that are settled, now or before."""
        return self.skipped + self.analysed + self.same + self.failed

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.started

    @property
    def speed(self) -> float:
        """Hours of recording analysed in an hour."""
        return self.seconds / max(self.elapsed, 1e-9)

    @property
    def remaining(self) -> float | None:
        """Seconds that the rest will take at the pace of this run; None before there is one."""
        done = self.finished - self.skipped
        return None if not done else self.elapsed / done * (self.total - self.finished)
