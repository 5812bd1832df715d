"""Turns from side files: RTTM, WebVTT (and SRT), and JSON transcripts.

The format is told by the content, never by the file name. All of it is hostile input: the size is bounded, a file that
is not as expected is one `InputError` that names the line or entry, what was expected and what was found.

WebVTT
    Speakers as ``<v Name>text`` (Teams; the WebVTT standard) or ``Name: text`` (Zoom, Meet captions).
JSON
    A list of entries, or an object that holds one at any depth. The entry's speaker, start and end (or duration) and
    text are found under the names that Zoom, Teams, Meet, Amazon Transcribe, AssemblyAI, Azure, Deepgram, Google,
    pyannote and Whisper tools write; see `docs/speech.md`. Lists of words are joined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import NamedTuple

from inperson import transcript_json
from inperson.errors import InputError
from inperson.transcript_times import UNKNOWN, checked, seconds
from inperson.types import Turn, Word

MAX_BYTES = 32 * 1024 * 1024


def read_turns(path: str | Path) -> tuple[Turn, ...]:
    """Read who spoke when.

    Parameters
    ----------
    path : str or Path
        An RTTM, WebVTT, SRT or JSON file of at most 32 MiB.

    Returns
    -------
    tuple of Turn
        Sorted by start, on the recording's clock (0 is its beginning), one per entry of the file; entries of no
        duration are left out.

    Raises
    ------
    InputError
        Unreadable, of no known format, without any turn, without any speaker label, or with a time that is not a
        number, negative, reversed or beyond 7 days.
    """
    source = Path(path)
    text = _text(source)
    start = text.lstrip()[:6]
    if start.startswith("WEBVTT") or "-->" in text[:2000]:
        turns = list(_webvtt(text, source.name))
    elif start[:1] in ("{", "["):
        turns = transcript_json.entries(text, source.name)
    elif _looks_like_rttm(text):
        turns = list(_rttm(text, source.name))
    else:
        raise InputError(
            f"{source.name}: expected RTTM, WebVTT or a JSON transcript, found {text.strip()[:40]!r}; "
            "export one of these from the platform"
        )
    if not turns:
        raise InputError(f"{source.name}: expected at least one turn with a duration, found none")
    if all(turn.speaker == UNKNOWN for turn in turns):
        raise InputError(f"{source.name}: expected speaker labels, found none; export it with speaker names")
    return tuple(sorted(turns))


def read_words(path: str | Path) -> tuple[Word, ...]:
    """Read when each word was said, where the file says so.

    Parameters
    ----------
    path : str or Path
        A file that `read_turns` reads.

    Returns
    -------
    tuple of Word
        Sorted by start, without speakers (`inperson.asr.spoken` gives them). Empty for what is no JSON, and for JSON
        whose words have no times.

    Raises
    ------
    InputError
        As `read_turns`.
    """
    source = Path(path)
    text = _text(source)
    return tuple(sorted(transcript_json.words(text, source.name))) if text.lstrip()[:1] in ("{", "[") else ()


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path.name}: the turns file cannot be read ({error.strerror})") from None
    if len(content) > MAX_BYTES:
        raise InputError(f"{path.name}: expected a turns file of at most {MAX_BYTES // 2**20} MiB, found a larger one")
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: expected UTF-8 text, found byte {error.start} that is not") from None


# RTTM


_RTTM_TYPES = {"SPEAKER", "SPKR-INFO", "LEXEME", "SEGMENT", "NOSCORE", "NO_RT_METADATA", "NON-LEX", "NON-SPEECH", "SU"}


def _looks_like_rttm(text: str) -> bool:
    for line in text.splitlines()[:200]:
        if line.strip() and not line.startswith(";;"):
            return line.split(maxsplit=1)[0] in _RTTM_TYPES
    return False


def _rttm(text: str, name: str) -> Iterator[Turn]:
    """``SPEAKER <file> <channel> <onset> <duration> <NA> <NA> <speaker> ...``; other line types are passed over."""
    recording = None
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        where = f"{name}, line {number}"
        if len(fields) < 8:
            raise InputError(f"{where}: expected at least 8 fields after SPEAKER's format, found {len(fields)}")
        recording = recording or fields[1]
        if fields[1] != recording:
            raise InputError(f"{where}: expected turns of one recording ({recording}), found another ({fields[1]})")
        onset, duration = (seconds(field, where) for field in fields[3:5])
        if duration < 0:
            raise InputError(f"{where}: expected a duration of 0 s or more, found {duration:.12g}")
        if turn := checked(onset, onset + duration, fields[7], "", where):
            yield turn


# WebVTT


class _Cue(NamedTuple):
    begin: float
    end: float
    payload: str
    where: str


_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^>]{1,400})>")
_TAG = re.compile(r"<[^<>]{0,400}>")


def _webvtt(text: str, name: str) -> Iterator[Turn]:
    cues = list(_cues(text, name))
    if any(_VOICE.search(cue.payload) for cue in cues):
        for cue in cues:
            yield from _voices(cue)
        return
    named = [_name_and_words(_plain(cue.payload)) for cue in cues]
    labelled = sum(bool(speaker) for speaker, _ in named) * 2 >= len(cues)
    for cue, (speaker, words) in zip(cues, named, strict=True):
        if not labelled:
            speaker, words = "", _plain(cue.payload)
        if turn := checked(cue.begin, cue.end, speaker or UNKNOWN, words, cue.where):
            yield turn


def _cues(text: str, name: str) -> Iterator[_Cue]:
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if "-->" not in lines[at] or lines[at].startswith("NOTE"):
            at = _end_of_block(lines, at) if lines[at].startswith(("NOTE", "STYLE", "REGION")) else at + 1
            continue
        where, last = f"{name}, line {at + 1}", _end_of_block(lines, at)
        left, _, right = lines[at].partition("-->")
        right = right.split(maxsplit=1)[0] if right.split() else right
        yield _Cue(seconds(left, where), seconds(right, where), "\n".join(lines[at + 1 : last]), where)
        at = last


def _end_of_block(lines: list[str], at: int) -> int:
    while at < len(lines) and lines[at].strip():
        at += 1
    return at


def _plain(payload: str) -> str:
    return " ".join(unescape(_TAG.sub("", payload)).split())


def _voices(cue: _Cue) -> Iterator[Turn]:
    """One turn a voice of the cue; several share its time in proportion to their words."""
    parts = _VOICE.split(cue.payload)
    names = [unescape(name).strip() or UNKNOWN for name in parts[1::2]]
    spoken = [(name, _plain(words)) for name, words in zip(names, parts[2::2], strict=True)]
    if before := _plain(parts[0]):
        spoken.insert(0, (UNKNOWN, before))
    total = sum(len(words) + 1 for _, words in spoken)
    begin = cue.begin
    for i, (who, words) in enumerate(spoken, 1):
        end = cue.end if i == len(spoken) else begin + (cue.end - cue.begin) * (len(words) + 1) / total
        if turn := checked(begin, end, who, words, cue.where):
            yield turn
        begin = end


def _name_and_words(line: str) -> tuple[str, str]:
    """``Name: words``; an empty name where the line does not begin with what could be one."""
    name, colon, words = line.partition(":")
    could_be = bool(colon) and 0 < len(name) <= 80 and len(name.split()) <= 8 and not name.isdigit()
    if not could_be or any(mark in name for mark in "?!,;") or words.startswith("//"):
        return "", line
    return name.strip(), words.strip()
