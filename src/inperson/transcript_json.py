"""JSON transcripts: the one list of entries in them, under whatever names their makers gave it.

Names are compared without case, underscores and hyphens, so ``startTime``, ``start_time`` and ``StartTime`` are one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from inperson.errors import InputError
from inperson.transcript_times import UNKNOWN, checked, moment, seconds
from inperson.types import Span, Turn, Word

MAX_ENTRIES = 500_000
MAX_DEPTH = 12
WORD_GAP = 0.6
"""Words of one speaker at most this far apart, in s, are one turn."""
MOST = 0.9
"""Share of the words that must have times for them to be used: half a transcript is worse than one without times."""
MILLISECONDS_FROM = 100
"""Whole numbers with a median duration from this are milliseconds: nobody's usual turn lasts 100 s. AssemblyAI writes
milliseconds under the plain names ``start`` and ``end``."""

_SPEAKER = """speaker speakername speakerlabel speakerid speakertag participant participantname displayname username
    user fromname name spk""".split()  # noqa: SIM905
_TEXT = "text transcript content spokentext caption sentence display punctuatedword word value".split()  # noqa: SIM905
_SECONDS = {
    "begin": "start starttime starts startseconds starttimeseconds startdatetime begin begintime from offset ts",
    "end": "end endtime ends endseconds endtimeseconds enddatetime stop to te",
    "length": "duration dur durations durationseconds",
}
_MILLISECONDS = {
    "begin": "startms startmillis starttimems beginms offsetms offsetmilliseconds",
    "end": "endms endmillis endtimems",
    "length": "durationms durationmillis durationmilliseconds",
}
_UNITS = {
    what: {**dict.fromkeys(names.split(), 1.0), **dict.fromkeys(_MILLISECONDS[what].split(), 1e-3)}
    for what, names in _SECONDS.items()
}
_RECORDING_START = ("recordingstart", "recordingstarttime", "starttime", "startdatetime")
_WORD_LISTS = {"words", "items", "wordtimestamps", "elements"}

Fields = Mapping[str, Any]


class _List(NamedTuple):
    """A list of entries; those that sort first are preferred: turns before words, then the shallowest."""

    of_words: bool
    depth: int
    key: str
    entries: list[tuple[int, Fields]]


class _Time(NamedTuple):
    """Seconds; `bare` where written as a whole number under a name without a unit, which may mean milliseconds."""

    value: float
    bare: bool


def entries(text: str, name: str) -> list[Turn]:
    """The turns of a JSON transcript, unsorted; `name` is the file's, for messages.

    Raises
    ------
    InputError
        Not JSON, no list of entries with speaker and times in it, or an entry that is not as expected.
    """
    document = _document(text, name)
    found = _best(document, name)
    turns = _turns(found, name, _origin(document))
    return _joined(sorted(turns)) if found.of_words else turns


def words(text: str, name: str) -> list[Word]:
    """The words of a JSON transcript that have times of their own, unsorted; none where turns alone, or few words have.

    Raises
    ------
    InputError
        As `entries`.
    """
    document = _document(text, name)
    found, origin = _best(document, name), _origin(document)
    unit = _unit(_read(found, name, origin))
    apart = min((one for one in _lists(document, "", 0) if one.of_words), key=lambda one: one[:2], default=None)
    said = _turns(apart or _inner(found), name, origin, unit)
    if sum(len(one.text.split()) for one in said) < MOST * sum(
        len(_words(entry).split()) for _, entry in found.entries
    ):
        return []
    return [Word(word.span, word.text) for word in said if word.text]


def _document(text: str, name: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise InputError(f"{name}: expected a transcript, found JSON nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{name}: expected JSON, found something else ({str(error)[:120]})") from None


def _best(document: Any, name: str) -> _List:
    found = min(_lists(document, "", 0), key=lambda one: one[:2], default=None)
    if found is None:
        raise InputError(
            f"{name}: expected a list of entries with speaker, start and end, found none; "
            'for example [{"speaker": "A", "start": 0.0, "end": 2.5, "text": "..."}]'
        )
    if len(found.entries) > MAX_ENTRIES:
        raise InputError(f"{name}: expected at most {MAX_ENTRIES} entries, found {len(found.entries)}")
    return found


def _inner(turns: _List) -> _List:
    """The words that lie in the turns' own lists, as one list."""
    lists = [entry[key] for _, entry in turns.entries for key in _WORD_LISTS if isinstance(entry.get(key), list)]
    timed = [_fields(word) for one in lists for word in one[:MAX_ENTRIES] if isinstance(word, dict)]
    kept = [(i, word) for i, word in enumerate(timed[:MAX_ENTRIES], 1) if _key(word, "begin")]
    return _List(True, turns.depth + 1, "words", kept)


def _no_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not a time")


def _fields(entry: Mapping[str, Any]) -> Fields:
    return {key.replace("_", "").replace("-", "").lower(): value for key, value in entry.items()}


def _lists(node: Any, key: str, depth: int) -> Iterator[_List]:
    """Every list with entries that have a speaker and a start."""
    if depth > MAX_DEPTH or not isinstance(node, dict | list):
        return
    if isinstance(node, list):
        timed = [(i, _fields(entry)) for i, entry in enumerate(node, 1) if isinstance(entry, dict)]
        timed = [(i, entry) for i, entry in timed if _key(entry, "begin")]
        if any(_speaker(entry) != UNKNOWN for _, entry in timed):
            yield _List(key in _WORD_LISTS, depth, key, timed)
            return
    for name, child in node.items() if isinstance(node, dict) else ((key, child) for child in node):
        yield from _lists(child, name.replace("_", "").lower(), depth + 1)


def _key(entry: Fields, what: str) -> str | None:
    """The name under which the entry has its begin, end or length."""
    return next((key for key in _UNITS[what] if entry.get(key) is not None), None)


def _speaker(entry: Fields) -> str:
    for key in _SPEAKER:
        value = entry.get(key)
        if isinstance(value, dict):
            inner = _fields(value)
            value = next((inner[k] for k in ("displayname", "name", "label", "id") if inner.get(k)), None)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return UNKNOWN


def _words(entry: Fields) -> str:
    inner = [one for key in ("alternatives", "nbest") for one in entry.get(key) or () if isinstance(one, dict)]
    for source in (entry, *map(_fields, inner[:1])):
        for key in _TEXT:
            if isinstance(source.get(key), str):
                return " ".join(source[key].split())
    return ""


def _origin(document: Any) -> datetime | None:
    """When the recording began, where the top of the document says so: clock times in entries count from it."""
    top = _fields(document) if isinstance(document, dict) else {}
    moments = (moment(top[key]) for key in _RECORDING_START if isinstance(top.get(key), str))
    return next((one for one in moments if one), None)


_Entry = tuple[_Time, _Time, str, str, str]
"""Begin, end, speaker, text, and where it stands."""


def _read(found: _List, name: str, origin: datetime | None) -> list[_Entry]:
    read = []
    for number, entry in found.entries:
        where = f"{name}, entry {number} of {found.key or 'the list'}"
        begin = _time(entry, "begin", where, origin)
        if _key(entry, "end"):
            end = _time(entry, "end", where, origin)
        elif _key(entry, "length"):
            length = _time(entry, "length", where, None)
            end = _Time(begin.value + length.value, length.bare)
        else:
            raise InputError(f"{where}: expected an end or a duration beside the start, found {sorted(entry)[:12]}")
        read.append((begin, end, _speaker(entry), _words(entry), where))
    return read


def _unit(read: list[_Entry]) -> float:
    """Seconds that a bare number stands for."""
    lengths = sorted(end.value - begin.value for begin, end, *_ in read)
    bare = all(begin.bare and end.bare for begin, end, *_ in read)
    return 1e-3 if bare and lengths and lengths[len(lengths) // 2] >= MILLISECONDS_FROM else 1.0


def _turns(found: _List, name: str, origin: datetime | None, unit: float | None = None) -> list[Turn]:
    """The entries as turns; `unit` where it is known from others of the same file."""
    read = _read(found, name, origin)
    unit = _unit(read) if unit is None else unit
    turns = (checked(begin.value * unit, end.value * unit, who, words, where) for begin, end, who, words, where in read)
    return [turn for turn in turns if turn]


def _time(entry: Fields, what: str, where: str, origin: datetime | None) -> _Time:
    key = _key(entry, what)
    assert key is not None
    value, unit = entry[key], _UNITS[what][key]
    if isinstance(value, str):
        found = moment(value)
        return _Time(_since(origin, found, where) if found else seconds(value, where) * unit, False)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: expected a time in {key!r}, found {str(value)[:40]!r}")
    try:
        return _Time(float(value) * unit, isinstance(value, int) and unit == 1.0)
    except OverflowError:
        raise InputError(f"{where}: expected a time in {key!r}, found an integer too large for one") from None


def _since(origin: datetime | None, found: datetime, where: str) -> float:
    if origin is None:
        raise InputError(
            f"{where}: expected times from the start of the recording, found the clock time {found.isoformat()}; "
            'subtract the start, or give it as "recordingStart" at the top of the document'
        )
    try:
        return (found - origin).total_seconds()
    except TypeError:
        raise InputError(f"{where}: expected all clock times with or all without a zone, found both") from None


def _joined(words: list[Turn]) -> list[Turn]:
    """Words of one speaker with no long pause and nobody between them as one turn."""
    breaks = [b.speaker != a.speaker or b.span.start - a.span.end > WORD_GAP for a, b in pairwise(words)]
    edges = [0, *(i for i, apart in enumerate(breaks, 1) if apart), len(words)]
    runs = [words[first:last] for first, last in pairwise(edges) if last > first]
    return [
        Turn(
            Span(run[0].span.start, max(word.span.end for word in run)),
            run[0].speaker,
            " ".join(word.text for word in run if word.text),
        )
        for run in runs
    ]
