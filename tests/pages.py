"""Reports with known content for the tests of the reviewer's page, and the browser that opens it."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import clips

from inperson._over_time import Curve, Point, Seen, Spoken, Timeline
from inperson.report import AudioStream, Finding, Media, Moment, Quantity, Report, Subject, VideoStream

EVIL = '<script>window.pwned = 1</script><img src=x onerror="window.pwned=2">\'"`${7*7}{{ 7*7 }}'
"""Runs where it is not escaped: in text, in an attribute, in a template."""
SIGNALS = ("face_swap", "lip_sync", "synthetic_voice", "response_latency", "reading")


def chromium() -> str | None:
    """The browser to test in; None where there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def film(path: Path, seconds: float = 12.0) -> Path:
    """A recording that any browser plays: a flash and a beep 0.2 s after each second."""
    clips.write(path, *clips.flash_and_beep(seconds=seconds, at=[k + 0.2 for k in range(int(seconds))]))
    return path


def finding(
    signal: str, moments: tuple[Moment, ...], llr: float = 0.4, points: int = 6, seconds: float = 12.0
) -> Finding:
    step = seconds / points
    kinds = ("answer", "short") if signal == "response_latency" else (None,)
    return Finding(
        signal=signal,
        status="scored",
        score=1.0,
        confidence=0.7,
        llr=llr,
        interval=(0.4, 0.9),
        quality=0.8,
        evidence=moments,
        measurements={"offset": Quantity(value=43.2, unit="ms")},
        model=f"{signal}-0.1.0",
        alternatives=("a Bluetooth headset",),
        curve=Curve(
            name="what was measured",
            unit="1",
            reference=0.0,
            points=tuple(
                Point(start=i * step, end=(i + 0.8) * step, value=(i % 5) / 5, kind=kinds[i % len(kinds)])
                for i in range(points)
            ),
        ),
    )


def report(media: Path | None = None, name: str = "", seconds: float = 12.0, evil: str = "") -> Report:
    """Three measured signals with moments, one that cannot tell, one that does not apply; `evil` in every free text."""
    content = media.read_bytes() if media else b""
    said = evil or "what was said"
    speaker = evil or "Bo"
    moments = (
        Moment(start=2.0, end=4.5, score=2.0, note=f"strongest {evil}", track=0, speaker=speaker),
        Moment(start=6.2, end=6.3, score=1.0, note=f"short {evil}", track=0),
        Moment(start=8.0, end=9.0, score=0.1, note=f"turned away {evil}", kind="profile"),
    )
    return Report(
        version="0.1.0",
        media=Media(
            path=name or (os.fspath(media) if media else f"{evil or 'interview'}.mp4"),
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            container="mov,mp4",
            duration=seconds,
            codecs=("h264", "aac"),
            video=VideoStream(codec="h264", width=320, height=240, rate=25.0, constant_rate=True, rotation=0),
            audio=(AudioStream(codec="aac", rate=48000, channels=1),),
            encoder=evil or None,
        ),
        candidate=Subject(track=0, speaker=speaker, how=f"the only one {evil}"),
        prior=0.5,
        findings=(
            finding("face_swap", moments, llr=0.1, seconds=seconds),
            finding("lip_sync", moments[:1], llr=-0.5, seconds=seconds),
            finding("response_latency", (moments[0].model_copy(update={"start": 3.0}),), llr=0.9, seconds=seconds),
            Finding(signal="synthetic_voice", status="abstained", reason=f"too little speech {evil}"),
            Finding(signal="reading", status="not_applicable", reason=f"no eyes {evil}"),
        ),
        warnings=(f"one frame was damaged {evil}",),
        timeline=Timeline(
            turns=(
                Spoken(start=0.0, end=2.5, speaker="Ann", text=said),
                Spoken(start=3.0, end=9.0, speaker=speaker, text=said),
            ),
            turns_source="supplied",
            tracks=(
                Seen(track=0, candidate=True, spans=((0.0, 5.0), (7.0, seconds)), box=(100.0, 50.0, 200.0, 180.0)),
            ),
        ),
    )


def hour() -> Report:
    """An hour of interview, as full as a report gets."""
    seconds = 3600.0
    moments = tuple(
        Moment(start=40.0 * i, end=40.0 * i + 6, score=i / 10, note=f"moment {i} of a long interview")
        for i in range(20)
    )
    base = report(seconds=seconds)
    turns = tuple(
        Spoken(start=5.0 * i, end=5.0 * i + 4, speaker=("Ann", "Bo")[i % 2], text="some words that were said then")
        for i in range(720)
    )
    spans = tuple((10.0 * i, 10.0 * i + 9) for i in range(360))
    track = Seen(track=0, candidate=True, spans=spans, box=(100.0, 50.0, 200.0, 180.0))
    return base.model_copy(
        update={
            "findings": tuple(finding(signal, moments, points=720, seconds=seconds) for signal in SIGNALS),
            "timeline": Timeline(turns=turns, turns_source="supplied", tracks=(track,)),
        }
    )
