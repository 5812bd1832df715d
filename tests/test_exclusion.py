"""Spans left out of an analysis: nothing in them is measured, everything else is as before."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import inperson
from inperson._exclusion import spans, without
from inperson.cli.options import spans as given
from inperson.detectors.response_latency import ResponseLatency
from inperson.errors import InputError
from inperson.media import MediaInfo
from inperson.types import Candidate, Chunk, Frame, Session, Span, Turn

SAMPLES = Path(__file__).parents[1] / "samples"


def test_spans_are_joined_and_checked():
    assert spans([(3, 4), Span(1.0, 2.0), (1.5, 2.5)]) == (Span(1.0, 2.5), Span(3.0, 4.0))
    assert spans([]) == ()
    for bad in ((-1, 2), (2, 2), (3, 1), (0, float("nan")), (0, float("inf"))):
        with pytest.raises(InputError, match="0 <= start < end"):
            spans([bad])


def test_a_chunk_loses_what_lies_in_the_span_and_nothing_else():
    chunk = Chunk(
        Span(10.0, 11.0),
        frames=tuple(Frame(10 + i / 10, None, (4, 4)) for i in range(10)),
        audio=np.ones(16000, np.float32),
        channels=np.ones((16000, 2), np.float32),
        native=np.ones((8000, 1), np.float32),
        native_rate=8000,
        gaps=(Span(10.9, 11.0),),
        speech=np.ones(31, np.float32),
        speech_start=10.0,
    )
    kept = without(chunk, (Span(10.25, 10.55),))
    assert [round(frame.time, 1) for frame in kept.frames] == [10.0, 10.1, 10.2, 10.6, 10.7, 10.8, 10.9]
    assert np.flatnonzero(kept.audio == 0)[[0, -1]].tolist() == [4000, 8799]
    assert (kept.channels == 0).sum() == 2 * 4800
    assert (kept.native == 0).sum() == 2400
    assert kept.gaps == (Span(10.25, 10.55), Span(10.9, 11.0))
    assert np.flatnonzero(kept.speech == 0)[[0, -1]].tolist() == [7, 17]
    assert chunk.audio.all()
    assert without(chunk, (Span(11.0, 12.0),)) is chunk


def test_what_is_left_out_is_not_measured():
    options = {"signals": ["face_swap", "lip_sync"], "recheck": False}
    whole = inperson.analyze(SAMPLES / "candidate_only.mp4", **options)
    part = inperson.analyze(SAMPLES / "candidate_only.mp4", exclude=[(0, 7.5)], **options)
    assert part.excluded == ((0.0, 7.5),)
    assert whole.excluded == ()
    assert part.media.duration == whole.media.duration
    assert part.timeline == whole.timeline
    for report, least in ((whole, 0.0), (part, 7.4)):
        starts = [moment.start for one in report.findings for moment in one.evidence]
        starts += [point.start for one in report.findings if one.curve for point in one.curve.points]
        assert starts
        assert min(starts) >= least
    frames = [one.finding("face_swap").measurements["measured"].value for one in (whole, part)]
    assert frames[1] == pytest.approx(frames[0] / 2, abs=2)
    speech = [one.finding("lip_sync").measurements["speech_with_face"].value for one in (whole, part)]
    assert 0.3 < speech[1] / speech[0] < 0.7


def test_an_exchange_is_left_out_with_its_change_of_speakers_and_makes_no_new_one():
    turns, at = [], 0.0
    for i in range(12):
        asked, answered = (3.0, 4.0) if i % 2 else (0.8, 0.7)
        turns.append(Turn(Span(at, at + asked), "Ann"))
        turns.append(Turn(Span(at + asked + 0.4, at + asked + 0.4 + answered), "Bo"))
        at += asked + answered + 1.0
    media = MediaInfo("x", "turns", 0, at, 0.0, None, ())
    session = Session(media, at, tuple(turns), "supplied", (), Candidate(None, "Bo", ""), "none")

    def offsets(*excluded: Span) -> list[float]:
        part = Session(media, at, tuple(turns), "supplied", (), Candidate(None, "Bo", ""), "none", excluded)
        reading = ResponseLatency().finish(part)
        return [round(point.value, 2) for point in reading.curve.points]

    answer = turns[5].span  # to the third question
    assert offsets() == [0.4] * 12
    assert offsets(Span(answer.start - 0.2, answer.start + 0.2)) == [0.4] * 11
    assert offsets(Span(answer.start + 0.3, answer.end)) == [0.4] * 12
    assert session.spoken_by("Bo")[2] == answer


def test_the_command_takes_times_or_a_review(tmp_path):
    assert given("12.5-30, 61-64") == [(12.5, 30.0), (61.0, 64.0)]
    assert given(None) == []
    review = tmp_path / "review.json"
    review.write_text(json.dumps({"schema": "inperson/review/1", "excluded": [{"start": 1, "end": 2.5}]}))
    assert given(str(review)) == [(1.0, 2.5)]
    review.write_text("[]")
    with pytest.raises(InputError, match="no review saved by"):
        given(str(review))
    for bad in ("12", "a-b", "5-", ""):
        with pytest.raises(InputError, match="seconds such as"):
            given(bad)
