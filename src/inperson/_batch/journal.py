"""A results file, of a batch or an evaluation: JSON Lines that survive ``kill -9``.

One line is one ``write`` to a file opened for appending, followed by ``fsync``; so only the last line can be torn, and
a torn line is cut off when the file is opened again. While it is open the file is locked: two batches never share one.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from inperson._durable import APPENDING, append, sync_folder, write_all
from inperson.errors import InputError

_BLOCK = 1 << 16


class Journal:
    """An open results file.

    Parameters
    ----------
    path : Path
        Made if missing; its folder must exist.
    retry : container of str
        Keys of recordings whose error lines are taken out first, so that they can be tried again.
    key : callable
        What a line is about, called once for every line in order; raises KeyError or TypeError for a line of something
        else.
    owner : str
        Whose results these are, for messages.

    Raises
    ------
    InputError
        The file cannot be opened or locked, another batch has it open, or it holds something else than results. It is
        left as it was.
    """

    def __init__(
        self,
        path: str | Path,
        retry: Container[str] = (),
        *,
        key: Callable[[dict[str, Any]], str],
        owner: str = "inperson batch",
    ) -> None:
        self.path = Path(os.path.realpath(path))
        self._key = key
        self._owner = owner
        self._file = _locked(self.path)
        try:
            self.where: dict[str, int] = {}
            """Where in the file the last line of each key begins, in bytes."""
            self.done: dict[str, bool] = self._read()
            """Key of every recording in the file, and whether its line is an error."""
            again = {key for key, failed in self.done.items() if failed and key in retry}
            if again:
                self._drop(again)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close and unlock the file."""
        os.close(self._file)

    def append(self, line: dict[str, Any]) -> None:
        """Write one line; it is on the disk when this returns.

        Raises
        ------
        InputError
            The disk is full or fails. What was written of the line is cut off again.
        """
        try:
            begins = append(self._file, _encoded(line))
        except OSError as error:
            raise InputError(f"cannot write to {self.path}: {error.strerror}") from None
        key = self._key(line)
        self.done[key], self.where[key] = "error" in line, begins

    def line(self, key: str) -> dict[str, Any]:
        """The last line of `key`. Raises KeyError if there is none."""
        with open(self._file, "rb", buffering=_BLOCK, closefd=False) as file:
            file.seek(self.where[key])
            found: dict[str, Any] = json.loads(file.readline())
        return found

    def keep(self, numbers: Container[int]) -> None:
        """Drop all lines but these, counted from 0, at once. What `done` and `where` tell is not true afterwards."""
        self._replace(raw for number, raw in enumerate(self._lines()) if number in numbers)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every line, in the order they were written. Of two with one key the later one counts."""
        return map(json.loads, self._lines())

    def _read(self) -> dict[str, bool]:
        done: dict[str, bool] = {}
        end = 0
        for number, raw in enumerate(self._lines(), start=1):
            if not raw.endswith(b"\n"):
                if raw.strip(b"\0") and raw[:2] not in (b"{", b'{"'):
                    raise self._foreign(number)
                os.ftruncate(self._file, end)
                break
            try:
                line = json.loads(raw)
                key = self._key(line)
                done[key], self.where[key] = "error" in line, end
            except (ValueError, KeyError, TypeError, RecursionError):
                raise self._foreign(number) from None
            end += len(raw)
        return done

    def _lines(self) -> Iterator[bytes]:
        """Lines with their ends; stops early at a first line that is none of ours, however long."""
        if os.pread(self._file, 2, 0) not in (b"", b"{", b'{"', b"\0\0"):
            raise self._foreign(1)
        with open(self._file, "rb", buffering=_BLOCK, closefd=False) as file:
            file.seek(0)
            yield from file

    def _foreign(self, number: int) -> InputError:
        return InputError(f"line {number} of {self.path} is no result of {self._owner}; give --out another file")

    def _drop(self, keys: set[str]) -> None:
        """Take the lines of `keys` out."""
        self._replace(raw for raw in self._lines() if self._key(json.loads(raw)) not in keys)
        for key in keys:
            del self.done[key]

    def _replace(self, lines: Iterable[bytes]) -> None:
        """Replace the file by one with these lines, at once: a crash leaves the old one or the new one."""
        fresh_path = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        fresh = os.open(fresh_path, APPENDING | os.O_TRUNC, 0o666)
        try:
            fcntl.flock(fresh, fcntl.LOCK_EX | fcntl.LOCK_NB)  # before it has the name that others open
            for raw in lines:
                write_all(fresh, raw)
            os.fchmod(fresh, os.fstat(self._file).st_mode & 0o777)
            os.fsync(fresh)
            os.replace(fresh_path, self.path)
            sync_folder(self.path.parent)
        except BaseException as error:
            os.close(fresh)
            with suppress(OSError):
                fresh_path.unlink()
            if isinstance(error, OSError):
                raise InputError(f"cannot rewrite {self.path}: {error.strerror}") from None
            raise
        old, self._file = self._file, fresh
        os.close(old)


def _locked(path: Path) -> int:
    while True:
        try:
            file = os.open(path, APPENDING, 0o666)
        except OSError as error:
            raise InputError(f"cannot open {path} for results: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise InputError(f"cannot write results to {path}: it is no regular file, so a batch could not be resumed")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _same(file, path):  # else another batch replaced it between the two calls
                sync_folder(path.parent)
                return file
        except BlockingIOError:
            os.close(file)
            raise InputError(f"another batch is writing to {path}; wait for it or give --out another file") from None
        except OSError as error:
            os.close(file)
            raise InputError(f"cannot lock {path}: {error.strerror}; choose a folder on a local disk") from None
        os.close(file)


def _same(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def _encoded(line: dict[str, Any]) -> bytes:
    # Escaped to ASCII: no name can hold a line separator that some reader takes for the end of a line.
    return json.dumps(line, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode() + b"\n"
