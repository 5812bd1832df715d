"""Files that are only appended to: a write that fails half-way leaves nothing of itself."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inperson._durable import APPENDING, append


@contextmanager
def at_most_100_bytes() -> Iterator[None]:
    """A file size limit stands in for the full disk: the kernel cuts the write the same way.

    For as short as can be: what the tests print goes to a file, too.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_what_fits_is_there_and_of_what_does_not_nothing_is(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    file = os.open(path, APPENDING, 0o600)
    with at_most_100_bytes():
        begun = [append(file, b"a" * 60), append(file, b"b" * 30)]
        with pytest.raises(OSError, match="File too large"):
            append(file, b"c" * 20)
        begun.append(append(file, b"d" * 10))
    os.close(file)
    assert begun == [0, 60, 90]
    assert path.read_bytes() == b"a" * 60 + b"b" * 30 + b"d" * 10
