"""The text view: what is in a report is shown, at 80 columns, and nothing in it can act on the terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from inperson.bench import Bench, Stage
from inperson.render import MOMENTS, bench_table, clock, plain, text, view
from inperson.report import AudioStream, Finding, Media, Moment, Quantity, Report, Subject, VideoStream

EVIL = "[red]x\x1b[31m\u202egpj\x9b2J\r\n\u2028:smile:.mp4"
HARMLESS = "[red]x\\x1b[31m\\u202egpj\\x9b2J\\r\\n\\u2028:smile:.mp4"


def report(name: str = "interview.mp4", moments: int = 2) -> Report:
    evidence = tuple(
        Moment(start=10.0 * i, end=10.0 * i + 2.5, score=i / 10, note=f"moment {i} of {name}", track=0, speaker=name)
        for i in range(moments)
    )
    return Report(
        version="0.1.0",
        media=Media(
            path=f"/data/{name}",
            sha256="ab" * 32,
            size_bytes=3,
            container="mov,mp4",
            duration=3725.25,
            codecs=("h264", "aac"),
            video=VideoStream(codec="h264", width=1280, height=720, rate=29.97, constant_rate=True, rotation=0),
            audio=(AudioStream(codec="aac", rate=48000, channels=2),),
        ),
        candidate=Subject(track=0, speaker=name, how=f"the lips of face 0 move with the voice of {name}"),
        prior=0.25,
        findings=(
            Finding(
                signal="lip_sync",
                status="scored",
                confidence=0.534,
                llr=0.055,
                interval=(0.31, 0.74),
                quality=0.8,
                model="lip_sync-0.1.0",
                evidence=evidence,
                measurements={
                    "offset": Quantity(value=43.21, unit="ms"),
                    "peak_sharpness": Quantity(value=2.0, unit="1"),
                },
                alternatives=("a Bluetooth headset delays the sound", f"{name} explains it"),
            ),
            Finding(signal="response_latency", status="abstained", reason=f"8 answers are needed, 2 found in {name}"),
            Finding(signal="face_swap", status="not_applicable", reason="the recording has no picture"),
        ),
        warnings=(f"{name} has 3 gaps in the sound", "the index is damaged"),
    )


def test_everything_that_matters_is_shown():
    shown = text(report())
    words = " ".join(shown.split())
    for expected in (
        "/data/interview.mp4",
        "1280x720 at 29.97/s, 1:02:05.2",
        "ab" * 32,
        "face 0, speaker interview.mp4: the lips of face 0 move",
        "P at prior 0.25",
        "lip_sync scored 0.53 0.31 to 0.74 +0.06 0.80",
        "response_latency abstained",
        "Reason 8 answers are needed, 2 found",
        "face_swap not applicable",
        "offset 43.2 ms; peak sharpness 2",
        "00:10.0 to 00:12.5 0.1 moment 1 of interview.mp4 (face 0, speaker interview.mp4)",
        "Also fits - a Bluetooth headset delays the sound - interview.mp4 explains it",
        "Warning interview.mp4 has 3 gaps in the sound the index is damaged",
        "evidence for a person to weigh, not a verdict",
        "lip_sync-0.1.0",
    ):
        assert expected in words


@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_fits_the_width_and_cuts_nothing(width):
    shown = text(report(), width)
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    squeezed = re.sub(r"\s", "", shown)
    for expected in ("ab" * 32, "interview.mp4explainsit", "+0.06"):
        assert expected in squeezed


def test_the_strongest_moments_are_shown_in_order_of_time():
    shown = text(report(moments=MOMENTS + 3))
    assert re.findall(r"moment (\d+) of", shown) == [str(i) for i in range(3, MOMENTS + 3)]
    assert "and 3 weaker moments in the JSON" in shown
    assert "weaker moments" not in text(report(moments=MOMENTS))


def test_names_cannot_act_on_the_terminal():
    shown = text(report(EVIL), width=200)
    assert HARMLESS in shown
    assert not set(shown) & set("\x1b\x9b\r\u202e\u2028\x07")
    colour = io.StringIO()
    Console(file=colour, force_terminal=True, color_system="truecolor", width=200).print(view(report(EVIL)))
    assert HARMLESS in colour.getvalue()
    assert set(re.findall(r"\x1b\[[\d;]*m", colour.getvalue())) == set(re.findall(r"\x1b[^m]*m", colour.getvalue()))
    assert "\x1b[31m" not in colour.getvalue()


def test_plain_escapes_what_acts_and_keeps_what_reads():
    assert plain("Zoë 李雷 😀 [bold] :x: C:\\a") == "Zoë 李雷 😀 [bold] :x: C:\\a"
    assert plain("\t\x00\x7f\x85\u200b\u2066\ufeff\udcff\U000e0041") == (
        "\\t\\x00\\x7f\\x85\\u200b\\u2066\\ufeff\\udcff\\U000e0041"
    )
    assert plain("") == ""


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "00:00.0"), (75.25, "01:15.2"), (59.96, "01:00.0"), (3599.96, "1:00:00.0"), (36061.0, "10:01:01.0")],
)
def test_clock(seconds, shown):
    assert clock(seconds) == shown


def test_bench_table_shows_each_stage_against_decoding():
    result = Bench(
        path=EVIL,
        duration=60.0,
        decode=Stage("decode only", 2.0, 2.5),
        stages=(Stage("faces", 5.0, 4.0), Stage("decode", 3.0, 5.0)),
        total=Stage("total", 8.0, 10.0),
        peak_memory=300 << 20,
        cores=2,
    )
    out = io.StringIO()
    Console(file=out, width=100).print(bench_table(result))
    rows = [line.split() for line in out.getvalue().splitlines()]
    assert rows[1:5] == [
        ["decode", "only", "2.00", "2.50", "1.00"],
        ["decode", "3.00", "5.00", "2.00"],
        ["faces", "5.00", "4.00", "1.60"],
        ["total", "8.00", "10.00", "4.00"],
    ]
    words = " ".join(out.getvalue().split())
    assert "4.00 times decoding in CPU seconds, 4.00 in seconds" in words
    assert "7.50 s of recording a second, on 2 cores" in words
    assert "300 MiB" in words
    assert HARMLESS in words


def test_bare_latencies_are_in_the_json_alone():
    base = report()
    measured = {
        "offset_median": Quantity(value=1.234, unit="s"),
        "above_baseline": Quantity(value=0.51, unit="s"),
        "baseline_median": Quantity(value=0.724, unit="s"),
    }
    timed = base.findings[0].model_copy(update={"signal": "response_latency", "measurements": measured})
    shown = text(base.model_copy(update={"findings": (timed,)}))
    assert "above baseline 0.51 s" in shown
    assert "1.23" not in shown
    assert "0.724" not in shown
