"""Turns from side files: each format with its known answer, and hostile files with their one clear error."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import pytest

from inperson.errors import InputError
from inperson.transcripts import MAX_BYTES, read_turns, read_words
from inperson.types import Span, Turn


def write(folder: Path, text: str, name: str = "turns.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def told(turns: tuple[Turn, ...]) -> list[tuple[float, float, str, str]]:
    return [(round(t.span.start, 3), round(t.span.end, 3), t.speaker, t.text) for t in turns]


RTTM = """\
;; made by hand
SPKR-INFO call 1 <NA> <NA> <NA> unknown bob <NA> <NA>
SPEAKER call 1 3.500 1.250 <NA> <NA> bob <NA> <NA>
SPEAKER call 1 0.25 3.0 <NA> <NA> ann <NA> <NA>
SPEAKER call 1 9 0 <NA> <NA> ann <NA> <NA>
"""

ZOOM = """\
WEBVTT

1
00:00:01.230 --> 00:00:04.000
Ann Lee: Tell me about: yourself.

2
00:00:04.500 --> 01:00:07.250
José Ruiz: Sure. Two things &amp; more

3
01:00:08.000 --> 01:00:09.000
and no name on this line
"""

TEAMS = """\
\ufeffWEBVTT - made by a meeting

NOTE a note with --> in it
00:00:00.000 --> 00:00:09.000

STYLE
::cue { color: red }

6f1e/12-0
00:02.000 --> 00:05.000 align:start position:0%
<v Ann Lee>How are
you?</v>

6f1e/13-0
00:05.000 --> 00:09.000
<v.loud Bob>Fine</v>
<v Ann Lee>Good</v>
"""

SRT = """\
1
00:00:01,000 --> 00:00:02,500
Ann: Hello

2
00:00:03,000 --> 00:00:04,000
Bob: Hi
"""

EXPECTED = [(1.0, 2.5, "A", "hello there"), (3.0, 4.25, "B", "hi")]

JSON = {
    "plain": [
        {"speaker": "A", "start": 1.0, "end": 2.5, "text": "hello there"},
        {"speaker": "B", "start": 3.0, "end": 4.25, "text": "hi"},
    ],
    "clock strings": {
        "transcript": [
            {"speakerName": "B", "startTime": "00:00:03.000", "endTime": "00:00:04.250", "spokenText": "hi"},
            {"speakerName": "A", "startTime": "00:01", "endTime": "00:02,5", "spokenText": "hello there"},
        ]
    },
    "milliseconds by name": {
        "segments": [
            {"speaker": {"id": 7, "name": "A"}, "start_ms": 1000, "end_ms": 2500, "text": "hello there"},
            {"speaker": {"id": 8, "name": "B"}, "startMs": 3000, "durationMs": 1250, "text": "hi"},
        ]
    },
    "assemblyai: bare milliseconds, words inside": {
        "id": "x",
        "audio_duration": 5,
        "utterances": [
            {
                "speaker": "A",
                "start": 1000,
                "end": 2500,
                "text": "hello there",
                "words": [{"text": "hello", "start": 1000, "end": 1600, "speaker": "A"}],
            },
            {"speaker": "B", "start": 3000, "end": 4250, "text": "hi", "words": []},
        ],
    },
    "amazon transcribe: strings, segments beside items": {
        "results": {
            "items": [
                {"start_time": "1.0", "end_time": "1.5", "speaker_label": "A", "alternatives": [{"content": "hello"}]},
            ],
            "audio_segments": [
                {"start_time": "1.0", "end_time": "2.5", "speaker_label": "A", "transcript": "hello there"},
                {"start_time": "3.0", "end_time": "4.25", "speaker_label": "B", "transcript": "hi"},
            ],
        }
    },
    "deepgram words": {
        "results": {
            "channels": [
                {
                    "alternatives": [
                        {
                            "transcript": "hello there hi",
                            "words": [
                                {"word": "hello", "start": 1.0, "end": 1.5, "speaker": "A"},
                                {"word": "there", "start": 1.9, "end": 2.5, "speaker": "A"},
                                {"word": "hi", "start": 3.0, "end": 4.25, "speaker": "B"},
                            ],
                        }
                    ]
                }
            ]
        }
    },
    "azure: ISO lengths": {
        "recognizedPhrases": [
            {"speaker": "A", "offset": "PT1S", "duration": "PT1.5S", "nBest": [{"display": "hello there"}]},
            {"speaker": "B", "offset": "PT3S", "duration": "PT1.25S", "nBest": [{"display": "hi"}]},
        ]
    },
    "google meet: clock times from the conference's start": {
        "startTime": "2026-01-01T10:00:00Z",
        "transcriptEntries": [
            {
                "name": "conferenceRecords/1/transcripts/2/entries/3",
                "participant": "A",
                "text": "hello there",
                "startTime": "2026-01-01T10:00:01.000000000Z",
                "endTime": "2026-01-01T10:00:02.5Z",
            },
            {
                "participant": "B",
                "text": "hi",
                "startTime": "2026-01-01T10:00:03Z",
                "endTime": "2026-01-01T10:00:04.250Z",
            },
        ],
    },
}


def test_rttm_is_read_sorted_without_empty_turns(tmp_path: Path) -> None:
    assert told(read_turns(write(tmp_path, RTTM))) == [(0.25, 3.25, "ann", ""), (3.5, 4.75, "bob", "")]


def test_zoom_webvtt_names_stand_before_a_colon(tmp_path: Path) -> None:
    assert told(read_turns(write(tmp_path, ZOOM))) == [
        (1.23, 4.0, "Ann Lee", "Tell me about: yourself."),
        (4.5, 3607.25, "José Ruiz", "Sure. Two things & more"),
        (3608.0, 3609.0, "unknown", "and no name on this line"),
    ]


def test_teams_webvtt_names_stand_in_voice_tags_and_share_a_cue_by_words(tmp_path: Path) -> None:
    assert told(read_turns(write(tmp_path, TEAMS))) == [
        (2.0, 5.0, "Ann Lee", "How are you?"),
        (5.0, 7.0, "Bob", "Fine"),
        (7.0, 9.0, "Ann Lee", "Good"),
    ]


def test_srt_is_read_as_webvtt(tmp_path: Path) -> None:
    assert told(read_turns(write(tmp_path, SRT))) == [(1.0, 2.5, "Ann", "Hello"), (3.0, 4.0, "Bob", "Hi")]


@pytest.mark.parametrize("shape", JSON, ids=str)
def test_json_shapes_of_the_platforms_say_the_same(tmp_path: Path, shape: str) -> None:
    assert told(read_turns(write(tmp_path, json.dumps(JSON[shape])))) == EXPECTED


def test_words_keep_the_times_that_json_gives_them(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(JSON["deepgram words"]))
    assert [(w.span.start, w.span.end, w.text) for w in read_words(path)] == [
        (1.0, 1.5, "hello"),
        (1.9, 2.5, "there"),
        (3.0, 4.25, "hi"),
    ]


def test_words_inside_turns_are_in_the_turns_own_unit(tmp_path: Path) -> None:
    said = [("A", "um", 1000, 1060), ("A", "I", 1250, 1300), ("B", "yes", 2000, 2090)]
    inside = [
        {
            "speaker": who,
            "start": min(w[2] for w in said if w[0] == who),
            "end": max(w[3] for w in said if w[0] == who) + 400,
            "text": " ".join(w[1] for w in said if w[0] == who),
            "words": [{"text": w[1], "start": w[2], "end": w[3]} for w in said if w[0] == who],
        }
        for who in ("A", "B")
    ]
    path = write(tmp_path, json.dumps({"utterances": inside}))
    assert [(w.span.start, w.span.end, w.text) for w in read_words(path)] == [
        (1.0, 1.06, "um"),
        (1.25, 1.3, "I"),
        (2.0, 2.09, "yes"),
    ]


def test_words_of_which_few_have_times_are_left_to_their_turns(tmp_path: Path) -> None:
    assert read_words(write(tmp_path, json.dumps(JSON["assemblyai: bare milliseconds, words inside"]))) == ()
    assert read_words(write(tmp_path, json.dumps(JSON["plain"]))) == ()
    assert read_words(write(tmp_path, ZOOM)) == ()


def test_utf_16_is_read(tmp_path: Path) -> None:
    path = tmp_path / "turns.vtt"
    path.write_bytes(ZOOM.encode("utf-16"))
    assert read_turns(path)[1].speaker == "José Ruiz"


def test_whole_seconds_stay_seconds(tmp_path: Path) -> None:
    turns = read_turns(
        write(tmp_path, '[{"speaker": 0, "start": 100, "end": 103}, {"speaker": 1, "start": 104, "end": 190}]')
    )
    assert told(turns) == [(100.0, 103.0, "0", ""), (104.0, 190.0, "1", "")]


def test_a_turn_is_a_plain_value() -> None:
    assert Turn(Span(0, 1), "a", "x") == Turn(Span(0, 1), "a", "y")


BAD = {
    "empty": ("", "expected RTTM, WebVTT or a JSON"),
    "prose": ("Ann said hello.", "expected RTTM, WebVTT or a JSON"),
    "rttm short": ("SPEAKER call 1 0.5 2.0", "line 1: expected at least 8 fields"),
    "rttm negative onset": ("SPEAKER c 1 -0.5 2.0 <NA> <NA> a <NA> <NA>", "line 1: expected times from 0"),
    "rttm negative duration": (
        "\nSPEAKER c 1 0.5 -2.0 <NA> <NA> a <NA> <NA>",
        "line 2: expected a duration of 0 s or more",
    ),
    "rttm nan": ("SPEAKER c 1 nan 2.0 <NA> <NA> a <NA> <NA>", "line 1: expected a time such as"),
    "rttm two recordings": (
        "SPEAKER c 1 0 2.0 <NA> <NA> a <NA> <NA>\nSPEAKER d 1 0 2.0 <NA> <NA> a <NA> <NA>",
        "line 2: expected turns of one recording",
    ),
    "rttm only empty turns": ("SPEAKER c 1 0 0 <NA> <NA> a <NA> <NA>", "at least one turn with a duration"),
    "vtt reversed": (
        "WEBVTT\n\n00:05.000 --> 00:02.000\n<v A>x",
        "line 3: expected an end after the start, found 5 to 2",
    ),
    "vtt no time": (
        "WEBVTT\n\nsoon --> later\n<v A>x",
        "line 3: expected a time such as 12.5 or 00:00:12.500, found 'soon'",
    ),
    "vtt 61 s": ("WEBVTT\n\n00:61.000 --> 02:00.000\n<v A>x", "line 3: expected a time such as"),
    "vtt no names": ("WEBVTT\n\n00:01.000 --> 00:02.000\nhello", "expected speaker labels, found none"),
    "json broken": ('[{"speaker": "A", ', "expected JSON, found something else"),
    "json no list": ('{"text": "hello"}', "expected a list of entries with speaker, start and end"),
    "json no end": ('[{"speaker": "A", "start": 1}]', "entry 1 of the list: expected an end or a duration"),
    "json negative": ('[{"speaker": "A", "start": -1, "end": 2}]', "entry 1 of the list: expected times from 0"),
    "json reversed": (
        '{"segments": [{"speaker": "A", "start": 1, "end": 2}, {"speaker": "A", "start": 4.5, "end": 2}]}',
        "entry 2 of segments: expected an end after the start",
    ),
    "json infinity": ('[{"speaker": "A", "start": 0, "end": Infinity}]', "Infinity is not a time"),
    "json overflow": ('[{"speaker": "A", "start": 0, "end": 1e999}]', "expected times from 0"),
    "json huge integer": ('[{"speaker": "A", "start": 0, "end": 1' + "0" * 400 + "}]", "integer too large"),
    "json time is a list": ('[{"speaker": "A", "start": [0], "end": 1}]', "expected a time in 'start'"),
    "json clock time": (
        '[{"speaker": "A", "start": "2026-01-01T10:00:00Z", "end": "2026-01-01T10:00:01Z"}]',
        "expected times from the start of the recording, found the clock time",
    ),
    "json nested": ("[" * 100_000, "nested too deeply"),
    "json eight days": ('[{"speaker": "A", "start": 0.5, "end": 700000.5}]', "expected times from 0 to 604800 s"),
}


@pytest.mark.parametrize("case", BAD, ids=str)
def test_what_is_wrong_is_said_once_and_where(tmp_path: Path, case: str) -> None:
    text, message = BAD[case]
    with pytest.raises(InputError) as caught:
        read_turns(write(tmp_path, text))
    assert message in str(caught.value)
    assert "turns.txt" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_missing_binary_and_oversized_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_turns(tmp_path / "absent.rttm")
    binary = tmp_path / "turns.bin"
    binary.write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match="expected UTF-8 text"):
        read_turns(binary)
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InputError, match="at most 32 MiB"):
        read_turns(large)


@pytest.mark.parametrize(
    "text",
    [
        "WEBVTT\n\n00:01.000 --> 00:02.000\n" + "<v " * 100_000,
        "WEBVTT\n\n00:01.000 --> 00:02.000\n" + "<" * 300_000,
        "WEBVTT\n\n" + "1:" * 200_000 + " --> 00:02.000\nA: x",
        '[{"speaker": "A", "start": "' + "0" * 300_000 + '", "end": 1}]',
        "SPEAKER " + "x " * 200_000,
    ],
    ids=["open voice tags", "open tags", "long clock", "long number", "many fields"],
)
def test_no_text_takes_long(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    began = time.process_time()
    with contextlib.suppress(InputError):
        read_turns(path)
    assert time.process_time() - began < 2.0
