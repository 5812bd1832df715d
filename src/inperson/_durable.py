"""Files that are only appended to and survive ``kill -9`` and a power cut: whole writes, on the disk, or nothing.

Both the results of a batch and the audit log are such files. Each has its own rules for who may write and for what an
interrupted write has left.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

APPENDING = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
"""How such a file is opened."""


def append(file: int, content: bytes) -> int:
    """Write `content` at the end of a file; it is on the disk when this returns.

    Returns
    -------
    int
        Where in the file it begins, in bytes.

    Raises
    ------
    OSError
        The disk is full or fails. What was written of it is cut off again.
    """
    size = os.fstat(file).st_size
    try:
        write_all(file, content)
        os.fsync(file)
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, size)
        raise
    return size


def write_all(file: int, content: bytes) -> None:
    """`os.write` until nothing is left."""
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder as durable as the files."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
