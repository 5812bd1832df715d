"""Private folders for what must lie on a disk for a while: fetched recordings, re-encoded copies.

A process that is killed cannot clean up; whoever makes the next folder in the same place does. A folder is in use as
long as somebody holds the lock on the file `_LOCK` in it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from inperson.errors import InputError

_PREFIX = "inperson-run-"
_LOCK = "lock"
_YOUNG = 3600.0  # s; a folder without a lock file may be one that is being made


@contextmanager
def scratch(place: str | Path | None = None) -> Iterator[str]:
    """A new folder of mode 0700 in `place` (the system's folder for temporary files by default), deleted afterwards.

    Folders that killed processes of the same user left in `place` are deleted first.

    Raises
    ------
    InputError
        No folder can be made there.
    """
    root = str(tempfile.gettempdir() if place is None else place)
    sweep(root)
    try:
        folder = tempfile.mkdtemp(prefix=_PREFIX, dir=root)
        lock = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(f"cannot make a private folder in {root}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep(root: str) -> None:
    """Delete the folders in `root` that nobody uses any more."""
    for folder in Path(root).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            found = folder.lstat()
            if found.st_uid == os.geteuid() and folder.is_dir() and not folder.is_symlink() and not _used(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _used(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - folder.lstat().st_mtime < _YOUNG
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
