"""Who asked for which recording, when, and what measured it: an append-only log in which every entry holds the hash of
the one before.

>>> import tempfile, os
>>> path = os.path.join(tempfile.mkdtemp(), "audit.jsonl")
>>> with AuditLog(path) as log:
...     entry = log.append("job.accepted", key="k1", sha256="ab" * 32)
>>> verify(path).entries
2

Conventions
-----------
JSON Lines, ASCII, one entry a line in canonical form (sorted keys, no spaces)::

    {"event", "hash", "previous", "seq", "time", ...}

``hash`` is the SHA-256 of the entry's canonical form without ``hash``; ``previous`` is the hash before, 64 zeros in the
first entry; ``seq`` counts from 1; ``time`` is UTC. The first entry is ``log.started`` with a random ``log``, so that
no part of one log fits into another.

What is found: any entry altered, dropped, put in, moved, and an end cut off below a known head. A chain proves nothing
against someone who can rewrite all of it: keep a head (``inperson audit verify`` prints it) where the log's keeper
cannot write, and check against it with ``--head``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from inperson._durable import APPENDING, append, sync_folder
from inperson.errors import InputError

GENESIS = "0" * 64
_OWN = frozenset({"seq", "time", "event", "previous", "hash"})
_LINE = 1 << 20
"""Longest line read, in bytes. Own choice: an entry is a few hundred."""


class AuditError(InputError):
    """The log is not the unbroken chain that was written; the text says where."""


@dataclass(frozen=True, slots=True)
class Head:
    """A place in the chain, as text ``SEQ:HASH``: tells later that nothing up to here was cut off or rewritten."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``SEQ:HASH``.

        Raises
        ------
        InputError
            It is something else.
        """
        seq, _, digest = text.strip().partition(":")
        if not (seq.isascii() and seq.isdigit() and len(digest) == 64 and set(digest) <= set("0123456789abcdef")):
            raise InputError(f"a head is SEQ:HASH as inperson audit verify prints it, found {text!r}")
        return cls(int(seq), digest)


@dataclass(frozen=True, slots=True)
class Verified:
    """An unbroken log: how many entries, and its last place."""

    entries: int
    head: Head


def verify(path: str | Path, head: Head | None = None) -> Verified:
    """Check a whole log.

    Parameters
    ----------
    path : path
    head : Head, optional
        A place known from before; the log must still hold it.

    Raises
    ------
    AuditError
        An entry is altered, missing, out of order or incomplete, or `head` is not in the log.
    InputError
        The file cannot be read.
    """
    last, held = Head(0, GENESIS), head is None or head == Head(0, GENESIS)
    for entry in entries(path):
        last = Head(entry["seq"], entry["hash"])
        if head is not None and last.seq == head.seq:
            if last != head:
                raise AuditError(f"{path}: entry {head.seq} is not the one that the head names; the log was rewritten")
            held = True
    if not held:
        raise AuditError(
            f"{path}: ends at entry {last.seq}, the head names entry {head and head.seq}; its end was cut off"
        )
    return Verified(last.seq, last)


def entries(path: str | Path) -> Iterator[dict[str, Any]]:
    """Every entry in order, each checked against the one before. Empty for an empty file.

    Raises
    ------
    AuditError, InputError
        As `verify`.
    """
    try:
        with open(path, "rb") as file:
            yield from _chained(file, Head(0, GENESIS), str(path))
    except OSError as error:
        raise InputError(f"cannot read the audit log {path}: {error.strerror}") from None


def _chained(file: Any, last: Head, name: str) -> Iterator[dict[str, Any]]:
    """Entries of `file` from where it stands, which is after `last`."""
    while line := file.readline(_LINE):
        where = f"{name}: line {last.seq + 1}"
        if not line.endswith(b"\n"):
            raise AuditError(f"{where} is incomplete: a write was interrupted or the end was cut off")
        try:
            entry = json.loads(line)
            found, rest = entry["hash"], {key: value for key, value in entry.items() if key != "hash"}
            canonical = _canonical(entry) + b"\n" == line
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise AuditError(f"{where} is no entry of an audit log") from None
        if not canonical or found != _hash(rest):
            raise AuditError(f"{where} was altered: it does not have the hash it states")
        if entry["seq"] != last.seq + 1 or entry["previous"] != last.hash:
            raise AuditError(f"{where} does not follow the one before: entries were dropped, put in or moved")
        last = Head(entry["seq"], found)
        yield entry


class AuditLog:
    """An open log. Threads and processes may append at once.

    Parameters
    ----------
    path : path
        Made if missing, readable by its owner alone; its folder must exist. A last line that an interrupted write left
        incomplete is cut off, and an entry ``log.repaired`` says so.

    Raises
    ------
    AuditError
        What is there is no unbroken log. It is left as it is.
    InputError
        It cannot be opened.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        try:
            self._file = os.open(self.path, APPENDING, 0o600)
        except OSError as error:
            raise InputError(f"cannot open the audit log {path}: {error.strerror}") from None
        self.head = Head(0, GENESIS)
        self._size = 0
        try:
            with self._alone():
                cut = self._cut_torn()
                self._catch_up()
                if self.head.seq == 0:
                    self._write("log.started", {"log": uuid.uuid4().hex})
                    sync_folder(self.path.parent)
                if cut:
                    self._write("log.repaired", {"bytes_cut": cut})
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, -1  # a late append must not reach another file of the same number
        os.close(file)

    def append(self, event: str, **about: Any) -> Head:
        """Add an entry; it is on the disk when this returns.

        Parameters
        ----------
        event : str
            What happened, as ``noun.verb``.
        about : JSON values
            None is left out.

        Raises
        ------
        InputError
            The disk is full or fails; nothing of the entry is left.
        AuditError
            Another process left something else than entries.
        """
        with self._alone():
            self._catch_up()
            self._write(event, {key: value for key, value in about.items() if value is not None})
            return self.head

    def _alone(self) -> _Alone:
        return _Alone(self._lock, self._file)

    def _cut_torn(self) -> int:
        size = os.fstat(self._file).st_size
        back = min(size, _LINE)
        tail = os.pread(self._file, back, size - back)
        torn = len(tail) - (tail.rfind(b"\n") + 1)
        if torn and tail[-torn:][:1] in (b"{", b"\0") and (torn < back or size == back):
            os.ftruncate(self._file, size - torn)
            return torn
        return 0

    def _catch_up(self) -> None:
        """Follow the chain over what others have appended."""
        size = os.fstat(self._file).st_size
        if size == self._size:
            return
        if size < self._size:
            raise AuditError(f"{self.path}: became shorter while it was open; its end was cut off")
        with open(self._file, "rb", closefd=False) as file:
            file.seek(self._size)
            for entry in _chained(file, self.head, str(self.path)):
                self.head = Head(entry["seq"], entry["hash"])
        self._size = size

    def _write(self, event: str, about: dict[str, Any]) -> None:
        if taken := _OWN & about.keys():
            raise ValueError(f"{', '.join(sorted(taken))} cannot be given: every entry has its own")
        entry = {
            **about,
            "seq": self.head.seq + 1,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "event": event,
            "previous": self.head.hash,
        }
        entry["hash"] = _hash(entry)
        line = _canonical(entry) + b"\n"
        try:
            append(self._file, line)
        except OSError as error:
            raise InputError(f"cannot write to the audit log {self.path}: {error.strerror}") from None
        self._size += len(line)
        self.head = Head(entry["seq"], entry["hash"])


class _Alone:
    """The log to oneself, among threads and among processes."""

    def __init__(self, lock: threading.Lock, file: int) -> None:
        self._lock, self._file = lock, file

    def __enter__(self) -> None:
        self._lock.acquire()
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._lock.release()


def _canonical(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def _hash(entry: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(entry)).hexdigest()
