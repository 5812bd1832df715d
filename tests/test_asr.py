"""Speech recognition: stretches of sound, times, turns, faults, and the adapter of faster-whisper."""

from __future__ import annotations

import pickle
from pathlib import Path

import answering
import numpy as np
import pytest
from answering import mixed, spoken

from inperson import Analyzer, analyze
from inperson._batch.rows import settings
from inperson.asr import LONGEST, Prepared, Transcription
from inperson.asr import spoken as attributed
from inperson.cli.options import recogniser
from inperson.errors import InputError
from inperson.types import Span, Turn, Word
from inperson.whisper import FILES, VOCABULARY, FasterWhisper

VOICE = Path(__file__).parents[1] / "samples" / "genuine_voice.flac"
TURNS = (Turn(Span(0.2, 5.0), "A"), Turn(Span(5.4, 12.0), "C"))
Heard = list[tuple[float, int]]


def listener(stretches: Heard, text: str = "word"):  # type: ignore[no-untyped-def]
    """A recogniser that notes each stretch's length and hears one word, a second in."""

    def recognise(sound: np.ndarray, rate: int) -> list[tuple[float, float, str]]:
        stretches.append((len(sound) / rate, rate))
        return [(1.0, 1.4, text)]

    return recognise


def transcribed(audio: np.ndarray, voice: list[Span], stretches: Heard, step: float = 0.5) -> tuple[Word, ...]:
    transcription = Transcription(listener(stretches))
    for chunk in answering.chunks(audio, voice, step):
        transcription.update(chunk)
    return transcription.finish()


def test_a_stretch_begins_just_before_speech_and_words_lie_on_the_recordings_clock() -> None:
    stretches: Heard = []
    (word,) = transcribed(mixed(12.0, [(5.0, spoken(15))]), [Span(5.0, 8.0)], stretches)
    assert word.span.start == pytest.approx(5.0 - 0.2 + 1.0, abs=0.05)
    assert stretches[0][1] == 16_000


def test_no_stretch_exceeds_the_window_and_all_speech_is_in_one() -> None:
    stretches: Heard = []
    voice = [Span(1.0, 40.0), Span(41.0, 58.0), Span(58.6, 70.0)]
    transcribed(mixed(75.0, []), voice, stretches)
    assert max(length for length, _ in stretches) <= LONGEST + 0.04
    assert sum(length for length, _ in stretches) >= sum(span.duration for span in voice)
    assert len(stretches) == 3


def test_a_long_stretch_ends_at_the_first_pause_so_no_word_is_cut() -> None:
    stretches: Heard = []
    transcribed(mixed(40.0, []), [Span(1.0, 20.0), Span(21.0, 38.0)], stretches)
    assert [length for length, _ in stretches] == pytest.approx([19.6, 17.7], abs=0.4)


def test_silence_is_never_recognised() -> None:
    stretches: Heard = []
    assert transcribed(mixed(20.0, []), [], stretches) == ()
    assert stretches == []


def heard(words: list[tuple[float, float, str]], voice: list[Span], length: float = 12.0) -> list[tuple[float, str]]:
    """Where words end up that a recogniser hears at these times of its one stretch of sound, which begins at 0."""
    transcription = Transcription(lambda sound, rate: words)
    for chunk in answering.chunks(mixed(length, []), voice):
        transcription.update(chunk)
    return [(word.span.start, word.text) for word in transcription.finish()]


def test_the_first_word_after_a_pause_begins_where_speech_sets_in() -> None:
    late = [(0.4, 0.6, "Well"), (0.7, 1.9, "yes"), (4.3, 4.6, "because"), (4.6, 5.0, "it")]
    placed = heard(late, [Span(0.1, 2.0), Span(4.0, 6.0)])
    assert [text for _, text in placed] == ["Well", "yes", "because", "it"]
    assert [start for start, _ in placed] == pytest.approx([0.1, 0.7, 4.0, 4.6], abs=0.05)


def test_a_word_far_from_where_speech_sets_in_stays_where_it_was_heard() -> None:
    assert heard([(1.2, 1.5, "later")], [Span(0.1, 3.0)]) == [(pytest.approx(1.2), "later")]


def test_a_word_invented_in_silence_is_left_out() -> None:
    words = [(0.2, 0.6, "Yes"), (3.4, 3.9, "Thank"), (3.9, 4.4, "you"), (5.1, 5.5, "No")]
    assert [text for _, text in heard(words, [Span(0.1, 2.4), Span(5.0, 6.0)])] == ["Yes", "No"]


def test_the_length_of_chunks_changes_no_stretch() -> None:
    one: Heard = []
    other: Heard = []
    audio, voice = mixed(40.0, []), [Span(2.0, 19.0), Span(20.0, 35.0)]
    assert transcribed(audio, voice, one, 0.11) == transcribed(audio, voice, other, 7.0)
    assert one == other != []


def test_a_word_goes_to_the_turn_that_holds_it_or_the_nearest() -> None:
    words = [
        Word(Span(0.0, 0.1), "Hi"),
        Word(Span(4.9, 5.5), "there"),
        Word(Span(5.2, 5.9), "well"),
        Word(Span(14, 15), "far"),
    ]
    turns, known = attributed(TURNS, words)
    assert [turn.text for turn in turns] == ["Hi there", "well"]
    assert [(word.text, word.speaker) for word in known] == [("Hi", "A"), ("there", "A"), ("well", "C")]


def test_an_analysis_puts_the_words_into_its_transcript() -> None:
    report = analyze(VOICE, signals=["response_latency"], turns=TURNS, candidate="C", asr=listener([], "hello"))
    assert report.timeline is not None
    assert [turn.text for turn in report.timeline.turns] == ["hello", ""]


def test_turns_that_have_words_are_not_recognised_again() -> None:
    stretches: Heard = []
    turns = (Turn(Span(0.2, 5.0), "A", "A question?"), TURNS[1])
    analyze(VOICE, signals=["response_latency"], turns=turns, candidate="C", asr=listener(stretches))
    assert stretches == []


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ([(2.0, 1.0, "late")], "expected words with start <= end"),
        ([(0.0, float("nan"), "x")], "expected words"),
        (7, ""),
    ],
)
def test_a_fault_of_recognition_is_a_warning_and_no_word_is_kept(made: object, says: str) -> None:
    report = analyze(
        VOICE,
        signals=["response_latency"],
        turns=TURNS,
        candidate="C",
        asr=lambda sound, rate: made,  # type: ignore[arg-type, return-value]
    )
    (warning,) = [one for one in report.warnings if "speech recognition" in one]
    assert says in warning
    assert report.timeline is not None
    assert not any(turn.text for turn in report.timeline.turns)


# --- faster-whisper


def weights(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*FILES, VOCABULARY[0]):
        (folder / name).write_text("{}", encoding="utf-8")
    return folder


def test_a_folder_without_weights_is_refused_by_the_files_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"")
    missing = r"found no config.json, tokenizer.json, vocabulary.json or vocabulary.txt; nothing is downloaded"
    with pytest.raises(InputError, match=missing):
        FasterWhisper(tmp_path)


def test_an_installed_package_of_weights_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = weights(tmp_path / "packaged_weights" / "model")
    (tmp_path / "packaged_weights" / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    adapter = FasterWhisper("packaged_weights")
    assert adapter.reads() == [str(folder)]
    assert adapter.name == "faster-whisper packaged_weights"
    with pytest.raises(InputError, match="no_such_weights: expected a folder"):
        FasterWhisper("no_such_weights")


def test_weights_that_are_none_and_a_missing_package_are_one_clear_message(tmp_path: Path) -> None:
    adapter = FasterWhisper(weights(tmp_path))
    with pytest.raises(InputError, match=r"pip install 'inperson\[asr\]'|cannot read these weights"):
        adapter(np.zeros(16_000, np.float32), 16_000)


def test_an_analyzer_with_it_can_be_sent_to_a_worker_which_may_read_its_folder(tmp_path: Path) -> None:
    adapter = FasterWhisper(weights(tmp_path), language="en")
    assert isinstance(adapter, Prepared)
    sent = pickle.loads(pickle.dumps(Analyzer(asr=adapter)))  # noqa: S301
    assert sent.asr.language == "en"
    assert sent.reads("call.mp4") == ["call.mp4", str(tmp_path)]


def test_results_of_another_recogniser_are_told_apart_and_those_without_any_stay_as_they_were(tmp_path: Path) -> None:
    folder = weights(tmp_path / "small.en")
    assert settings(Analyzer(asr=FasterWhisper(folder, "en")))["asr"] == "faster-whisper small.en en"
    assert "asr" not in settings(Analyzer())


def test_a_language_without_weights_is_a_mistake_of_the_caller() -> None:
    assert recogniser(None, None) is None
    with pytest.raises(InputError, match="there is no --asr"):
        recogniser(None, "en")
