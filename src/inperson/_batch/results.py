"""What a batch's results file says: rows, which of them count, and what is known already.

A line is an object with ``key``, ``sha256``, ``path``, ``stamp``, ``for`` and one of

``report``
    the analysis of a content;
``error``
    ``{"type", "message"}``: why there is none;
``same``
    true: this path holds a content that has its row already.

``key`` is what a row is known by: the content's SHA-256, with a digest of the recording's own options behind it where
it has any; for a recording that could not be read, a digest of its name. A name (``path`` and ``for``, the digest of
its options) belongs to the last line that has it. A line counts as long as it is the last full one of its key and a
name belongs to it. So the file is only ever appended to, and `Ledger.compact` drops what no longer counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from inperson._batch.journal import Journal
from inperson.errors import InputError

if TYPE_CHECKING:
    from inperson.report import Report

Name = tuple[str, str]
"""A path as text, and the digest of the recording's own options."""
UNREAD = "unread-"


def entry(line: dict[str, Any]) -> dict[str, Any]:
    """A line as described above; a bare report, as inperson wrote it once, is taken for a row.

    Raises
    ------
    KeyError, TypeError
        It is no result.
    """
    if "findings" in line:
        media = line["media"]
        line = {"key": media["sha256"], "sha256": media["sha256"], "path": media["path"], "report": line}
    elif "key" not in line:
        line = {"key": unread(str(line["path"]), ""), "sha256": None, "path": line["path"], "error": line["error"]}
    line = {"stamp": "", "for": "", **line}
    for name in ("key", "path", "stamp", "for"):
        if not isinstance(line[name], str):
            raise TypeError(name)
    if not ("report" in line or "error" in line or line["same"]):
        raise KeyError("report")
    return line


def unread(path: str, options: str) -> str:
    """The key of a recording that could not be read."""
    return UNREAD + hashlib.sha256(f"{options} {path}".encode()).hexdigest()[:32]


def digest(values: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits of plain values; empty for none."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12] if values else ""


@dataclass(slots=True)
class Index:
    """Which lines count. `add` them in order."""

    rows: dict[str, int] = field(default_factory=dict)
    owners: dict[Name, str] = field(default_factory=dict)
    aliases: dict[Name, int] = field(default_factory=dict)

    def add(self, number: int, line: dict[str, Any]) -> None:
        name = line["path"], line["for"]
        self.owners[name] = line["key"]
        if "report" in line or "error" in line:
            self.rows[line["key"]] = number
            self.aliases.pop(name, None)
        else:
            self.aliases[name] = number

    def names(self) -> dict[str, list[Name]]:
        """The names that belong to each row."""
        found: dict[str, list[Name]] = {}
        for name, key in self.owners.items():
            if key in self.rows:
                found.setdefault(key, []).append(name)
        return found

    def counting(self) -> set[int]:
        """Numbers of the lines that count."""
        owned = self.names()
        also = {number for name, number in self.aliases.items() if self.owners[name] in owned}
        return {number for key, number in self.rows.items() if key in owned} | also


@dataclass(frozen=True, slots=True)
class Known:
    """What a ledger knows of a row: whether it is an error, and of a report its signals and the inperson it is of."""

    failed: bool
    signals: frozenset[str] = frozenset()
    version: str = ""


class Ledger:
    """An open results file of a batch, and what it knows.

    Parameters
    ----------
    path : path
    settings : mapping
        What the analyses of this batch have in common. Results made with others are refused.

    Raises
    ------
    InputError
        As `Journal`; or the results were made with other settings.
    """

    def __init__(self, path: str | Path, settings: Mapping[str, Any]) -> None:
        self.rows: dict[str, Known] = {}
        self.names: dict[Name, tuple[str, str]] = {}
        """Stamp and key of every name."""
        self._settings = dict(settings)
        self._other: dict[str, Any] | None = None
        self._index = Index()
        self._count = 0
        self._journal = Journal(path, key=self._note)
        if self._other is not None:
            self.close()
            raise InputError(f"the results in {path} were made with {_difference(self._other, self._settings)}")

    def _note(self, raw: dict[str, Any]) -> str:
        line = entry(raw)
        if self._settings != line.get("settings", self._settings):
            self._other = line["settings"]
        self._index.add(self._count, line)
        self._count += 1
        self.names[line["path"], line["for"]] = line["stamp"], line["key"]
        if "report" in line:
            signals = frozenset(str(finding["signal"]) for finding in line["report"]["findings"])
            self.rows[line["key"]] = Known(False, signals, str(line["report"]["version"]))
        elif "error" in line:
            self.rows[line["key"]] = Known(True)
        return str(line["key"]) if "same" not in line else f"{line['path']} {line['for']} {line['key']}"

    def append(self, line: dict[str, Any]) -> None:
        """Write a line; it is on the disk when this returns."""
        self._journal.append(line if "same" in line else {**line, "settings": self._settings})

    def report(self, key: str) -> dict[str, Any]:
        """The report of a row."""
        report: dict[str, Any] = entry(self._journal.line(key))["report"]
        return report

    def compact(self) -> None:
        """Drop the lines that no longer count, all at once."""
        counting = self._index.counting()
        if len(counting) < self._count:
            self._journal.keep(counting)

    def close(self) -> None:
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _difference(found: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    names = sorted(name for name in {*found, *asked} if found.get(name) != asked.get(name))
    parts = [f"{name} {found.get(name)!r}, not {asked.get(name)!r}" for name in names]
    return f"other options: {'; '.join(parts)}. Give --out another file"


@dataclass(frozen=True, slots=True)
class Result:
    """One row of a batch's results.

    Attributes
    ----------
    key : str
        The content's SHA-256, with a digest of the recording's own options behind it where it has any.
    sha256 : str or None
        Of the content; None where it could not be read.
    paths : tuple of str
        Every name under which the content was found.
    id : str
        As in the manifest.
    options : dict
        The recording's own options.
    report : Report or None
    error : dict or None
        ``type`` and ``message``. One of `report` and `error` is set.
    """

    key: str
    sha256: str | None
    paths: tuple[str, ...]
    id: str
    options: dict[str, Any]
    report: Report | None
    error: dict[str, str] | None


def read(path: str | Path) -> Iterator[Result]:
    """The rows of a results file, one a content, in the order of their last line. A batch may be writing it.

    Raises
    ------
    InputError
        The file cannot be read, or a line is no result.
    """
    from pydantic import ValidationError

    from inperson.report import Report

    index = Index()
    for number, line in _lines(path):
        index.add(number, line)
    rows, owned = {number: key for key, number in index.rows.items()}, index.names()
    for number, line in _lines(path):
        names = owned.get(line["key"]) if number in rows else None
        if not names:
            continue
        try:
            report = Report.model_validate(line["report"]) if "report" in line else None
            error = None if report else {name: str(line["error"][name]) for name in ("type", "message")}
        except (ValidationError, KeyError, TypeError):
            raise _foreign(path, number) from None
        paths = tuple(name for name, _ in names)
        yield Result(line["key"], line["sha256"], paths, line.get("id", ""), line.get("options", {}), report, error)


def _lines(path: str | Path) -> Iterable[tuple[int, dict[str, Any]]]:
    try:
        with open(path, "rb") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.endswith(b"\n") and not _whole(raw):
                    return  # a batch is writing it, or was interrupted
                try:
                    yield number, entry(json.loads(raw))
                except (ValueError, KeyError, TypeError, RecursionError):
                    raise _foreign(path, number) from None
    except OSError as error:
        raise InputError(f"cannot read the results {path}: {error.strerror}") from None


def _whole(raw: bytes) -> bool:
    return not raw.startswith(b'{"key":') or raw.endswith(b"}")


def _foreign(path: str | Path, number: int) -> InputError:
    return InputError(f"line {number} of {path} is no result of inperson batch")
