"""The inside of an analysis: what runs in the worker process of one job."""

from __future__ import annotations

import importlib
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inperson.report import Report
    from inperson.whisper import FasterWhisper

NOTE = "inperson-progress"
"""A file in the worker's own folder for temporary files, the one place where a confined process may write."""
_EVERY = 0.25
"""Seconds between two notes of progress."""
_UNKNOWN = 3600.0
"""Seconds that a recording counts as having for an analyser of tests."""
_BYTES = 64
_LOOKED_AT = 32

Told = Callable[[float, float | None], None]


def analyse(path: str, options: dict[str, Any], told: Told) -> Report:
    """Analyse the recording at `path`; `options` are keyword arguments of `inperson.analyze`, weights for ``asr``."""
    from inperson.analysis import analyze

    return analyze(path, **options | _recogniser(options), progress=told)


def _recogniser(options: dict[str, Any]) -> dict[str, FasterWhisper]:
    from inperson.whisper import FasterWhisper

    return {"asr": FasterWhisper(*options["asr"])} if "asr" in options else {}


@dataclass(frozen=True, slots=True)
class Work:
    """Picklable: analyses the one recording of a job and notes its progress."""

    analyse: str
    options: dict[str, Any]

    def __call__(self, path: str) -> Any:
        return self._function()(path, self.options, Note())

    def prepare(self) -> None:
        """Load what every recording needs, before the process is confined."""
        if self._function() is analyse:
            from inperson.analysis import load

            load(self.options.get("signals"))
            for recogniser in _recogniser(self.options).values():
                recogniser.prepare()

    def reads(self, path: str) -> list[str]:
        """The files that this job may open."""
        given = (self.options[name] for name in ("turns", "calibration") if name in self.options)
        return [path, *given, *self.options.get("asr", ())[:1]]

    def seconds(self, path: str) -> float:
        """How long the recording can be: what its time limit follows from."""
        from inperson.media import longest

        return longest(path) if self._function() is analyse else _UNKNOWN

    def _function(self) -> Callable[[str, dict[str, Any], Told], Any]:
        module, _, name = self.analyse.partition(":")
        function: Callable[[str, dict[str, Any], Told], Any] = getattr(importlib.import_module(module), name)
        return function


@dataclass(slots=True)
class Note:
    """Writes seconds read and duration over the same few bytes of a file. Progress is no reason to fail."""

    _last: float = field(default=-1.0)

    def __call__(self, read: float, duration: float | None) -> None:
        now = time.monotonic()
        if now - self._last < _EVERY:
            return
        self._last = now
        with suppress(OSError):
            path = os.path.join(tempfile.gettempdir(), NOTE)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                os.pwrite(file, f"{read:.1f} {duration or 0:.1f}".ljust(_BYTES).encode()[:_BYTES], 0)
            finally:
                os.close(file)


def noted(folder: Path) -> tuple[float, float | None] | None:
    """What `Note` wrote in `folder` or at most two below it, or None.

    The worker is not trusted: only the first few entries are looked at, no link is followed, anything else is None.
    """
    for place in (folder, *_below(folder), *(deeper for one in _below(folder) for deeper in _below(one))):
        with suppress(OSError, ValueError):
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            file = os.open(place / NOTE, flags)
            try:
                read, duration = (float(word) for word in os.read(file, _BYTES).decode("ascii").split())
            finally:
                os.close(file)
            if 0 <= read < 1e9 and 0 <= duration < 1e9:
                return read, duration or None
    return None


def _below(folder: Path) -> list[Path]:
    with suppress(OSError), os.scandir(folder) as found:
        return [Path(one.path) for one in islice(found, _LOOKED_AT) if one.is_dir(follow_symlinks=False)]
    return []
