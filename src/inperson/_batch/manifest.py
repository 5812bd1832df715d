"""A batch's manifest: which recordings, and what is special about each.

CSV with a header, or JSON Lines (by the file's name)::

    path,candidate,turns,audio_track,calibration,id
    calls/17.mp4,Bo,calls/17.vtt,,,req-881

Only ``path`` is needed. Paths are taken from the manifest's folder unless they are absolute or URLs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inperson import _tables
from inperson.errors import InputError

COLUMNS = ("path", "turns", "candidate", "audio_track", "calibration", "id")


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording to analyse, and how it differs from the rest of its batch.

    Attributes
    ----------
    path : str
        A local file, or a URL (`inperson.batch.run`).
    options : dict
        Fields of the analyser to be different for it: ``turns``, ``candidate``, ``audio_track``, ``calibration``.
    id : str
        The caller's own name for it, copied into its row.
    """

    path: str
    options: dict[str, Any] = field(default_factory=dict)
    id: str = ""


def manifest(path: str | Path) -> list[Recording]:
    """Read a manifest.

    Raises
    ------
    InputError
        It cannot be read or is not as described; the text names the line. No recording, or a missing turns or
        calibration file.
    """
    path = Path(path)
    found = _tables.content(path)
    lines = _json_lines(path, found) if path.suffix.lower() in (".jsonl", ".ndjson") else _csv_lines(path, found)
    recordings = [_recording(path, number, line) for number, line in lines]
    if not recordings:
        raise InputError(f"the manifest {path} names no recording")
    return recordings


def is_url(path: str) -> bool:
    """Whether a path names something on another machine: ``scheme://``."""
    scheme, mark, _ = path.partition("://")
    return bool(mark) and scheme.isalnum()


def _csv_lines(path: Path, found: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    rows = list(_tables.rows(path, found))
    if not rows:
        return
    header = _tables.header_of(path, rows[0][1], ("path",))
    _require_known(path, 1, header)
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            raise _tables.fault(path, line, f"expected {len(header)} cells as in the header, found {len(cells)}")
        yield line, {name: cell for name, cell in zip(header, cells, strict=True) if cell}


def _json_lines(path: Path, found: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(_tables.text(path, found).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            raise _tables.fault(path, number, "no readable JSON") from None
        plain = isinstance(values, dict) and all(isinstance(v, str | int | None) for v in values.values())
        if not plain:
            raise _tables.fault(path, number, "expected an object of texts and numbers")
        _require_known(path, number, list(values))
        yield number, {k: _tables.cell_of(path, number, str(v)) for k, v in values.items() if v is not None}


def _require_known(path: Path, line: int, names: list[str]) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise _tables.fault(path, line, f"expected columns of {', '.join(COLUMNS)}; found {', '.join(unknown)}")


def _recording(path: Path, line: int, row: dict[str, str]) -> Recording:
    if not row.get("path"):
        raise _tables.fault(path, line, "the path is empty")
    options: dict[str, Any] = {"candidate": row["candidate"]} if row.get("candidate") else {}
    track = _tables.track_of(path, line, row.get("audio_track", ""))
    if track is not None:
        options["audio_track"] = track
    for name in ("turns", "calibration"):
        if row.get(name):
            options[name] = os.path.abspath(path.parent / row[name])
            if not os.path.isfile(options[name]):
                raise _tables.fault(path, line, f"the {name} file {row[name]} is missing")
    name = row["path"] if is_url(row["path"]) else os.path.abspath(path.parent / row["path"])
    return Recording(name, options, row.get("id", ""))
