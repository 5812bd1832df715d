"""Reading the manifests that users write: UTF-8 CSV with the quoting of RFC 4180, faults told by their line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from inperson.errors import InputError

MAX_BYTES = 64 << 20
"""A longer manifest is refused: it is read whole."""
MAX_CELL = 4096
_UNSAFE = ("\0", "\n", "\r")


def content(path: Path) -> bytes:
    """The manifest's bytes. Raises InputError if it cannot be read or is too long."""
    try:
        with open(path, "rb") as file:
            found = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the manifest {path}: {getattr(error, 'strerror', None) or error}") from None
    if len(found) > MAX_BYTES:
        raise InputError(f"the manifest {path} is longer than {MAX_BYTES >> 20} MiB; split it")
    return found


def text(path: Path, found: bytes) -> str:
    """The manifest's text, without a byte-order mark."""
    try:
        return found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        raise fault(path, line, "expected UTF-8 text") from None


def rows(path: Path, found: bytes) -> Iterator[tuple[int, list[str]]]:
    """Each row of a CSV, cells stripped, with the line it starts on. Rows of nothing are left out."""
    reader = csv.reader(io.StringIO(text(path, found), newline=""), strict=True)
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, [cell_of(path, start, cell) for cell in cells]
            start = reader.line_num + 1
    except csv.Error as error:
        raise fault(path, start, f"no readable CSV ({error})") from None


def header_of(path: Path, cells: list[str], required: tuple[str, ...]) -> list[str]:
    """The names of the columns; each once, and the required ones among them."""
    header = [cell.strip() for cell in cells]
    missing = [name for name in required if name not in header]
    if missing:
        raise fault(path, 1, f"expected the columns {', '.join(required)}; {', '.join(missing)} missing")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or "" in header:
        raise fault(
            path, 1, f"each column needs a name of its own; found {', '.join(map(repr, twice or ['']))} twice or empty"
        )
    return header


def cell_of(path: Path, line: int, cell: str) -> str:
    """A cell's text, stripped; refused if it is long or holds a line end."""
    if len(cell) > MAX_CELL:
        raise fault(path, line, f"a cell of {len(cell)} characters; at most {MAX_CELL} are allowed")
    if any(char in cell for char in _UNSAFE):
        raise fault(path, line, "a cell holds a line end or a zero byte (an unclosed quotation mark?)")
    return cell.strip()


def track_of(path: Path, line: int, cell: str) -> int | None:
    """An audio track's number; None for an empty cell."""
    if not cell:
        return None
    if not (cell.isascii() and cell.isdigit()) or len(cell) > 4:
        raise fault(path, line, f"expected an audio_track counted from 0, found {cell!r}")
    return int(cell)


def fault(path: Path, line: int, what: str) -> InputError:
    """An error that names the line."""
    return InputError(f"the manifest {path}, line {line}: {what}")
