"""The inside of an analysis: what runs in the worker process of one job."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inperson.report import Report

_EVERY = 0.25
"""Seconds between two notes of progress."""
NOTE_BYTES = 64

Told = Callable[[float, float | None], None]


def analyse(path: str, options: dict[str, Any], told: Told) -> Report:
    """Analyse the recording at `path`; `options` are keyword arguments of `inperson.analyze`."""
    from inperson.analysis import analyze

    return analyze(path, **options, progress=told)


@dataclass(frozen=True, slots=True)
class Work:
    """Picklable: analyses the one recording of a job and notes its progress in a file."""

    analyse: str
    options: dict[str, Any]
    note: str

    def __call__(self, path: str) -> Any:
        module, _, name = self.analyse.partition(":")
        function = getattr(importlib.import_module(module), name)
        return function(path, self.options, Note(self.note))


@dataclass(slots=True)
class Note:
    """Writes seconds read and duration over the same few bytes of a file. Progress is no reason to fail."""

    path: str
    _last: float = field(default=-1.0)

    def __call__(self, read: float, duration: float | None) -> None:
        now = time.monotonic()
        if now - self._last < _EVERY:
            return
        self._last = now
        with suppress(OSError):
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                os.pwrite(file, f"{read:.1f} {duration or 0:.1f}".ljust(NOTE_BYTES).encode()[:NOTE_BYTES], 0)
            finally:
                os.close(file)


def noted(path: str | os.PathLike[str]) -> tuple[float, float | None] | None:
    """What `Note` wrote, or None. The worker is not trusted: anything else is None too."""
    with suppress(OSError, ValueError):
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            read, duration = (float(word) for word in os.read(file, NOTE_BYTES).decode("ascii").split())
        finally:
            os.close(file)
        if 0 <= read < 1e9 and 0 <= duration < 1e9:
            return read, duration or None
    return None
