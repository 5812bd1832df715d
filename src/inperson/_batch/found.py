"""Recordings named by files, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath

from inperson._batch.manifest import is_url
from inperson.errors import InputError

SUFFIXES = frozenset(
    f".{word}"
    for word in (
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "3gp", "ogv"),
        *("wav", "flac", "mp3", "m4a", "aac", "ogg", "oga", "opus", "mka"),
    )
)
"""What counts as a recording inside a folder. A file named outright is tried whatever it is called."""


def find(inputs: Iterable[str | Path] = (), listing: Iterable[str] = (), schemes: Iterable[str] = ()) -> list[str]:
    """Recordings named by files, folders, patterns and URLs.

    Parameters
    ----------
    inputs : iterable of path
        A file is taken whatever its name; a folder is searched to the bottom for names ending in `SUFFIXES`, without
        following links to folders and without hidden files; ``*``, ``?``, ``[...]`` and one ``**`` (any folders, links
        not followed) are patterns unless a file of that very name exists. A path that names nothing is kept: it will
        get an error line.
    listing : iterable of str
        The same, one path an item, without patterns.
    schemes : iterable of str
        URLs of these are looked into: one that ends in ``/`` is a folder, and one with ``*`` a pattern, except of
        ``http`` and ``https``. Other URLs are kept as they are.

    Returns
    -------
    list of str
        As found, sorted within each folder and pattern; may name a recording twice.

    Raises
    ------
    InputError
        A pattern matches nothing, or a scheme needs a package that is not installed.
    StorageError
        A storage fails.
    """
    remote = _remote(frozenset(schemes))
    found: list[str] = []
    for name in (os.fspath(one) for one in inputs):
        if is_url(name):
            found.extend(remote(name))
            continue
        matches = [name]
        if glob.has_magic(name) and not os.path.lexists(name):
            matches = _matches(name)
            if not matches:
                raise InputError(f"no file matches the pattern {name!r}")
        found.extend(path for match in matches for path in _within(match))
    for name in listing:
        found.extend([name] if is_url(name) else _within(name))
    return found


def is_recording(name: str) -> bool:
    """Whether a file's name ends as recordings' do."""
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _remote(schemes: frozenset[str]) -> Callable[[str], list[str]]:
    if not schemes:
        return lambda url: [url]
    from inperson._batch.storage import Storage

    storage = Storage(schemes, folder="")
    return lambda url: storage.listed(url, is_recording)


def _within(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    for found in _files(path):
        if is_recording(found):
            yield found


def _matches(pattern: str) -> list[str]:
    head, stars, rest = pattern.partition("**")
    if not stars:
        return sorted(glob.glob(pattern))
    # Not glob's own **: it follows links to folders, round in circles where there are any.
    roots = sorted(glob.glob(head)) if head else [os.curdir]
    below = rest.lstrip("/") or "*"
    return [os.path.normpath(path) for root in roots for path in _files(root) if PurePath(path).match(below)]


def _files(folder: str) -> Iterator[str]:
    """Regular files under a folder, without hidden ones and links to folders."""
    for here, below, files in os.walk(folder):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(here, name)
            if not name.startswith(".") and os.path.isfile(path):
                yield path
