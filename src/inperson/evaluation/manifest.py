"""The manifest of an evaluation: a CSV that says which recordings there are and what is true of them.

One row is one recording looked at for one signal::

    path,signal,label,person,generator
    calls/17.mp4,face_swap,bonafide,p03,
    calls/18.mp4,face_swap,spoof,p03,DeepFaceLive

Conventions
-----------
`REQUIRED` columns must be there. `OPTIONAL` ones have a meaning of their own; every other column is something to break
figures down by, as text, an empty cell meaning that it is not known. A path is taken from the manifest's folder unless
it is absolute. The file is UTF-8 (a byte-order mark is allowed), with the quoting of RFC 4180.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inperson import _tables
from inperson.errors import InputError

REQUIRED = ("path", "signal", "label")
OPTIONAL = ("person", "turns", "candidate", "audio_track", "split")
LABELS = {"bonafide": 0, "0": 0, "spoof": 1, "1": 1}
_SHOWN = 10  # missing files named in one error


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a manifest.

    Attributes
    ----------
    line : int
        Where it starts in the file, from 1; the header is line 1.
    path : str
        As written.
    file : Path
        The recording.
    signal : str
    label : int
        1 where the signal is present (spoof), 0 where bona fide.
    person : str
        Empty where not known.
    turns : Path or None
    candidate : str or None
    audio_track : int or None
        Options of the analysis, as in `inperson.analyze`.
    split : str
    columns : dict of str to str
        Every other column.
    """

    line: int
    path: str
    file: Path
    signal: str
    label: int
    person: str = ""
    turns: Path | None = None
    candidate: str | None = None
    audio_track: int | None = None
    split: str = ""
    columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as read.

    Attributes
    ----------
    path : Path
    sha256 : str
        Of the file.
    entries : tuple of Entry
        At least one.
    columns : tuple of str
        Names of the columns to break down by, in the order of the file.
    """

    path: Path
    sha256: str
    entries: tuple[Entry, ...]
    columns: tuple[str, ...]


def read(path: str | Path, *, split: str | None = None, signals: tuple[str, ...] | None = None) -> Manifest:
    """Read a manifest.

    Parameters
    ----------
    path : path
    split : str, optional
        Keep only rows whose ``split`` is this.
    signals : tuple of str, optional
        Keep only rows of these signals.

    Raises
    ------
    InputError
        It cannot be read, is no such table (the text names the line), says two things of one recording, or has no row
        that is asked for.
    """
    path = Path(path)
    content = _tables.content(path)
    header, rows = _table(path, content)
    entries = [_entry(path, line, dict(zip(header, cells, strict=True))) for line, cells in rows]
    _refuse_repeated(path, entries)
    kept = tuple(
        entry
        for entry in entries
        if (split is None or entry.split == split) and (signals is None or entry.signal in signals)
    )
    if not kept:
        asked = [f"split {split!r}"] * (split is not None) + [f"signals {', '.join(signals or ())}"] * (
            signals is not None
        )
        raise InputError(
            f"the manifest {path} has no row" + (f" of {' and '.join(asked)}" if asked else " below its header")
        )
    columns = tuple(name for name in header if name not in REQUIRED + OPTIONAL)
    return Manifest(path, hashlib.sha256(content).hexdigest(), kept, columns)


def require_files(manifest: Manifest) -> None:
    """Find out now which recordings and turns files are missing.

    Raises
    ------
    InputError
        Some are; the text names the first ones with their lines.
    """
    missing = [
        f"{os.fspath(file)} (line {entry.line})"
        for entry in manifest.entries
        for file in (entry.file, entry.turns)
        if file is not None and not _readable(file)
    ]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        noun = "file" if len(missing) == 1 else "files"
        raise InputError(
            f"{len(missing)} {noun} of {manifest.path} cannot be read: {', '.join(missing[:_SHOWN])}{more}; "
            "paths are taken from the manifest's folder"
        )


def _readable(file: Path) -> bool:
    try:
        return file.is_file() and os.access(file, os.R_OK)
    except (OSError, ValueError):  # a name too long, or not one at all
        return False


def _table(path: Path, content: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and each row with the line it starts on. Rows of nothing are left out."""
    rows = list(_tables.rows(path, content))
    if not rows:
        raise InputError(f"the manifest {path} is empty; its first line must name the columns {', '.join(REQUIRED)}")
    header = _tables.header_of(path, rows[0][1], REQUIRED)
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            raise _tables.fault(path, line, f"expected {len(header)} cells as in the header, found {len(cells)}")
    return header, rows[1:]


def _entry(path: Path, line: int, row: Mapping[str, str]) -> Entry:
    def file(name: str) -> Path:
        return path.parent / row[name]

    for name in ("path", "signal"):
        if not row[name]:
            raise _tables.fault(path, line, f"the {name} is empty")
    if row["label"].lower() not in LABELS:
        raise _tables.fault(path, line, f"expected a label of {', '.join(LABELS)}; found {row['label']!r}")
    return Entry(
        line=line,
        path=row["path"],
        file=file("path"),
        signal=row["signal"],
        label=LABELS[row["label"].lower()],
        person=row.get("person", ""),
        turns=file("turns") if row.get("turns") else None,
        candidate=row.get("candidate") or None,
        audio_track=_tables.track_of(path, line, row.get("audio_track", "")),
        split=row.get("split", ""),
        columns={name: cell for name, cell in row.items() if name not in REQUIRED + OPTIONAL},
    )


def _refuse_repeated(path: Path, entries: list[Entry]) -> None:
    """A recording measured twice would count twice; one with two labels is a mistake of whoever wrote it down."""
    seen: dict[tuple[object, ...], Entry] = {}
    for entry in entries:
        key = (os.path.normpath(entry.file), entry.signal, entry.turns, entry.candidate, entry.audio_track)
        first = seen.setdefault(key, entry)
        if first is not entry:
            what = "with the other label" if first.label != entry.label else "again"
            raise _tables.fault(
                path, entry.line, f"{entry.path!r} for {entry.signal} stands in line {first.line} already, here {what}"
            )


def require_known(manifest: Manifest, names: tuple[str, ...]) -> None:
    """Refuse signals that no detector is known for.

    Raises
    ------
    InputError
        Naming the line of the first.
    """
    for entry in manifest.entries:
        if entry.signal not in names:
            raise _tables.fault(
                manifest.path, entry.line, f"expected a signal of {', '.join(names)}; found {entry.signal!r}"
            )
