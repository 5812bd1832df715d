"""The index of a batch with a page for each of its recordings in a folder beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from inperson.errors import InputError
from inperson.page.build import page
from inperson.page.index import Row, index, read
from inperson.report import Report

VIEWING = "mild-a"
"""Preset of `inperson.degradation` that changes nothing but the encoding."""


def write_index(
    results: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    pages: bool = True,
    pictures: bool = False,
    write: Callable[[str, str], None],
) -> int:
    """Write the index of a results file, and a page a recording into ``<out without .html>-pages/``.

    Parameters
    ----------
    results : path
        JSON Lines of `inperson batch`.
    out : path
        The index.
    pages : bool
        Also write the recordings' pages; one plays its recording where that still lies at its path.
    pictures : bool
        Put small pictures into them: takes seconds a recording, and puts faces into the pages.
    write : callable
        Called with target and text; replaces a file at once or not at all.

    Returns
    -------
    int
        Recordings in the index.

    Raises
    ------
    InputError
        The results cannot be read, or the folder cannot be made.
    """
    target = Path(os.path.realpath(out))
    rows = read(results, _paged(target.with_name(f"{target.stem}-pages"), pictures, write)) if pages else read(results)
    write(str(out), index(rows, title=Path(results).name))
    return len(rows)


def viewing_copy(media: str | os.PathLike[str], out: str | os.PathLike[str]) -> Path:
    """Encode a recording again, with the same times, as H.264 and AAC, which every browser plays.

    Beside the page `out`, as ``<its name>-viewing.mp4`` (``.m4a`` without picture).

    Raises
    ------
    MediaError, InputError
        The recording cannot be read, or the copy cannot be written.
    """
    from inperson.degradation import PRESETS, degrade
    from inperson.media import probe

    target = Path(os.path.realpath(out))
    copy = target.with_name(f"{target.stem}-viewing{PRESETS[VIEWING].suffix(probe(media).video is not None)}")
    degrade(media, copy, VIEWING)
    return copy


def linked(report: Report) -> str | None:
    """The recording at the report's own path, if a file of that size is there."""
    path = report.media.path
    return path if os.path.isfile(path) and os.path.getsize(path) == report.media.size_bytes else None


def _paged(folder: Path, pictures: bool, write: Callable[[str, str], None]) -> Callable[[int, Row], Row]:
    """Writes the page of a row, and returns the row with its link."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from None

    def paged(number: int, row: Row) -> Row:
        if row.report is None:
            return row
        file = folder / f"{number:04d}-{row.report.media.sha256[:12]}.html"
        write(str(file), page(row.report, media=linked(row.report), out=file, pictures=pictures))
        return replace(row, link=f"./{quote(folder.name)}/{quote(file.name)}")

    return paged
