"""From recordings to jobs: fetched if need be, known by their content, and only what is not done yet.

Local files are hashed and remote ones fetched in threads, a few ahead of the workers and no more, so that a batch of
any length holds few recordings on its disk. Everything that is decided is decided in the thread that calls `take`.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from inperson._batch.manifest import Recording, is_url
from inperson._batch.results import Ledger, digest, unread
from inperson._isolated.supervisor import Job
from inperson._media.containers import reason, regular_file
from inperson.errors import InpersonError, InputError, MediaError

_AHEAD = 2  # recordings made ready beyond those in work
_AT_ONCE = 200  # recordings settled without work in one call of `take`
_BLOCK = 1 << 20
_SOON = 0.005  # s that a call waits for a file to be hashed


@dataclass(frozen=True, slots=True)
class Ready:
    """A recording made ready.

    `stamp` changes when the file does; `key` is that of its row. `local` is where its content lies, `fetched` whether
    that is a copy of ours to delete. `known` says that name and stamp are in the ledger: nothing was read.
    """

    recording: Recording
    path: str
    options: str
    stamp: str
    key: str
    sha256: str | None = None
    local: str = ""
    fetched: bool = False
    known: bool = False
    error: dict[str, str] | None = None
    signals: tuple[str, ...] | None = None


class Store(Protocol):
    """Where recordings that are named by a URL come from."""

    def name(self, url: str) -> str:
        """The URL as results show it: without secrets."""

    def stamp(self, url: str) -> str:
        """What changes when the object does."""

    def fetch(self, url: str) -> tuple[str, str]:
        """A local copy, and its SHA-256."""

    def close(self) -> None:
        """The batch is over."""


class Intake:
    """Jobs for `inperson._isolated.supervisor.outcomes`, and the lines of recordings that need none.

    Parameters
    ----------
    recordings : sequence of Recording
    ledger : Ledger
    wanted : callable
        The signals that a row must have, as a set; None where any report will do.
    version : str
        Reports of another inperson are not added to but made again.
    store : Store or None
    workers : int
    retry : bool
        Try rows again that are errors.
    told : callable
        Called with each line that is written here, and with None for a recording that is done already.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        ledger: Ledger,
        *,
        wanted: tuple[str, ...] | None,
        version: str,
        store: Store | None,
        workers: int,
        retry: bool,
        told: Callable[[dict[str, Any] | None], None],
    ) -> None:
        self._todo = deque(recordings)
        self._ledger, self._wanted, self._version, self._store = ledger, wanted, version, store
        self._retry, self._told = retry, told
        self._pool = ThreadPoolExecutor(max_workers=workers + 1, thread_name_prefix="inperson-intake")
        self._room = workers + _AHEAD
        self._coming: deque[tuple[Recording, Future[Ready]]] = deque()
        self._again: deque[Ready] = deque()
        self._twins: dict[str, list[Ready]] = {}
        """By key: recordings of the same content as one that is in work."""

    def left(self) -> int:
        return len(self._todo) + len(self._coming) + len(self._again)

    def take(self) -> Job | None:
        for _ in range(_AT_ONCE):
            ready = self._next()
            if ready is None:
                return None
            if (job := self._job(ready)) is not None:
                return job
        return None

    def _next(self) -> Ready | None:
        if self._again:
            return self._again.popleft()
        while self._todo and len(self._coming) < self._room:
            recording = self._todo.popleft()
            self._coming.append((recording, self._pool.submit(self._made_ready, recording)))
        for place, (recording, coming) in enumerate(self._coming):
            if not is_url(recording.path):
                wait((coming,), timeout=_SOON)
            if coming.done():
                del self._coming[place]
                return coming.result()
            if not is_url(recording.path):
                return None  # in the order asked for; only a fetch is overtaken
        return None

    def _job(self, ready: Ready) -> Job | None:
        """The work that a recording needs; None if it needs none and is settled."""
        if ready.error is not None:
            known = self._ledger.rows.get(ready.key)
            if known is not None and known.failed and not self._retry:
                self._told(None)
            else:
                self._write(ready, {"error": ready.error})
            return None
        if ready.key in self._twins:
            self._twins[ready.key].append(ready)
            return None
        if not self._needed(ready.key):
            if ready.known or self._ledger.names.get((ready.path, ready.options)) == (ready.stamp, ready.key):
                self._told(None)
            else:
                self._write(ready, {"same": True})
            self._forget(ready)
            return None
        if not ready.local:  # known by its name, so not fetched, but needed now
            del self._ledger.names[ready.path, ready.options]
            self._todo.appendleft(ready.recording)
            return None
        self._twins[ready.key] = []
        options = dict(ready.recording.options)
        missing = ready.signals or self._missing(ready.key)
        if missing is not None:
            options["signals"] = missing
            ready = replace(ready, signals=missing)
        return Job(ready, ready.local, options)

    def _needed(self, key: str) -> bool:
        known = self._ledger.rows.get(key)
        if known is None:
            return True
        if known.failed:
            return self._retry
        return self._wanted is not None and not known.signals.issuperset(self._wanted)

    def _missing(self, key: str) -> tuple[str, ...] | None:
        """The signals to add to a row; None to make all of it."""
        known = self._ledger.rows.get(key)
        if known is None or known.failed or self._wanted is None:
            return None
        if known.version != self._version:
            return tuple(sorted({*self._wanted, *known.signals}))
        return tuple(signal for signal in self._wanted if signal not in known.signals)

    def settle(self, ready: Ready, line: dict[str, Any]) -> None:
        """Write the row of a recording that was in work, and settle the others of its content."""
        self._write(ready, line)
        for twin in self._twins.pop(ready.key, []):
            self._write(twin, {"same": True})
            self._forget(twin)
        self._forget(ready)

    def redo(self, ready: Ready, signals: tuple[str, ...]) -> None:
        """Give a recording out again, for these signals."""
        twins = self._twins.pop(ready.key, [])
        self._again.extend([replace(ready, signals=signals), *twins])

    def _write(self, ready: Ready, line: dict[str, Any]) -> None:
        about: dict[str, Any] = {
            "key": ready.key,
            "sha256": ready.sha256,
            "path": ready.path,
            "stamp": ready.stamp,
            "for": ready.options,
        }
        if ready.recording.id:
            about["id"] = ready.recording.id
        if ready.recording.options:
            about["options"] = ready.recording.options
        whole = {**about, **line}
        self._ledger.append(whole)
        self._told(whole)

    def _made_ready(self, recording: Recording) -> Ready:
        """Stamp and content of a recording. Runs in a thread; only reads the ledger."""
        options = _options(recording.options)
        remote = is_url(recording.path)
        path = self._store.name(recording.path) if remote and self._store else text_of(recording.path)
        stamp = ""
        try:
            stamp = self._stamp(recording.path, remote)
            before = self._ledger.names.get((path, options))
            if before is not None and before[0] == stamp and stamp:
                here = "" if remote else recording.path
                return Ready(recording, path, options, stamp, before[1], _sha256(before[1]), here, known=True)
            local, sha256 = recording.path, ""
            if remote and self._store:
                local, sha256 = self._store.fetch(recording.path)
            else:
                sha256 = content_of(recording.path)
        except InpersonError as error:
            told = {"type": type(error).__name__, "message": str(error)}
            return Ready(recording, path, options, stamp, unread(path, options), error=told)
        key = f"{sha256}-{options}" if options else sha256
        return Ready(recording, path, options, stamp, key, sha256, local, fetched=remote)

    def _stamp(self, path: str, remote: bool) -> str:
        if not remote:
            found = os.stat(path) if os.path.exists(path) else None
            return "" if found is None else f"{found.st_size}-{found.st_mtime_ns}"
        if self._store is None:
            scheme = path.partition("://")[0]
            raise InputError(f"{scheme}:// was not allowed; allow it by name, with --allow-scheme {scheme}")
        return self._store.stamp(path)

    def _forget(self, ready: Ready) -> None:
        if ready.fetched:
            with suppress(OSError):
                os.unlink(ready.local)

    def close(self) -> None:
        """End the threads; what they are fetching is waited for, what they have fetched lies in a private folder."""
        self._todo.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._store is not None:
            self._store.close()


def content_of(path: str) -> str:
    """SHA-256 of a file. Raises MediaError if it cannot be read."""
    found = hashlib.sha256()
    try:
        with regular_file(path) as file:
            for block in _blocks(file):
                found.update(block)
    except OSError as error:
        raise MediaError(f"{text_of(os.path.basename(path))}: cannot be read: {reason(error)}") from None
    return found.hexdigest()


def _blocks(file: Any) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _options(options: Mapping[str, Any]) -> str:
    """Digest of what a recording's own options say, files by their content."""
    values = dict(options)
    for name in ("turns", "calibration"):
        if name in values:
            try:
                values[name] = hashlib.sha256(Path(values[name]).read_bytes()).hexdigest()
            except OSError:
                values[name] = "unreadable"
    return digest(values)


def _sha256(key: str) -> str | None:
    found = key.partition("-")[0]
    return found if len(found) == 64 else None


def text_of(path: str) -> str:
    """A path as text that any JSON reader takes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
