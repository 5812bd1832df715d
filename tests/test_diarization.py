"""Voices from embeddings with known owners, and the error measure against examples worked by hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from inperson.diarization import BRIDGE, MAX_SPEAKERS, _turns, _viterbi, diarize
from inperson.types import Floats, Span, Turn

SCRIPT = Path(__file__).parents[1] / "training" / "speech" / "diarization_error.py"


def unit(vectors: Floats) -> Floats:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def recording(
    order: str, seconds: float = 4.0, pause: float = 0.3, spread: float = 0.5, seed: int = 0
) -> tuple[list[Span], list[Span], Floats, list[tuple[float, float, str]]]:
    """Spans of speech by the voices named in `order`, windows of 1.6 s every 0.4 s inside them, and their embeddings.

    Windows of one voice have a cosine of about ``1 / (1 + spread**2)``, those of two about 0.4 times that.
    """
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal(64)
    centres = {
        who: unit(np.sqrt(0.4) * unit(shared) + np.sqrt(0.6) * unit(rng.standard_normal(64)))
        for who in sorted(set(order))
    }
    speech, windows, vectors, truth, at = [], [], [], [], 0.5
    for who in order:
        speech.append(Span(at, at + seconds))
        truth.append((at, at + seconds, who))
        for start in np.arange(at, at + seconds - 1.6 + 1e-6, 0.4):
            windows.append(Span(float(start), float(start) + 1.6))
            vectors.append(centres[who] + spread / 8 * rng.standard_normal(64))
        at += seconds + pause
    return speech, windows, unit(np.array(vectors)), truth


@pytest.fixture(scope="module")
def measure() -> ModuleType:
    spec = importlib.util.spec_from_file_location("diarization_error", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def told(turns: tuple[Turn, ...]) -> list[tuple[float, float, str]]:
    return [(turn.span.start, turn.span.end, turn.speaker) for turn in turns]


@pytest.mark.parametrize("order", ["AAAA", "ABABAB", "ABBA", "ABCABC", "ABCDABCD"])
def test_each_voice_gets_its_turns(order: str, measure: ModuleType) -> None:
    speech, windows, embeddings, truth = recording(order)
    turns = diarize(speech, windows, embeddings)
    assert len({turn.speaker for turn in turns}) == len(set(order))
    names = ["S1", "S2", "S3", "S4"]
    expected = {who: names[i] for i, who in enumerate(dict.fromkeys(order))}
    error = measure.diarization_error([(start, end, expected[who]) for start, end, who in truth], told(turns))
    assert error.confused == 0
    assert error.missed == 0


def test_labels_follow_first_appearance() -> None:
    speech, windows, embeddings, _ = recording("BABA")
    assert [turn.speaker for turn in diarize(speech, windows, embeddings)] == ["S1", "S2", "S1", "S2"]


def test_never_more_voices_than_the_limit() -> None:
    speech, windows, embeddings, _ = recording("ABCDEFABCDEF")
    assert len({turn.speaker for turn in diarize(speech, windows, embeddings)}) <= MAX_SPEAKERS


def test_a_change_of_voice_without_a_pause_is_found() -> None:
    speech, windows, embeddings, _ = recording("AB", pause=0.0)
    (first, second) = diarize([Span(speech[0].start, speech[1].end)], windows, embeddings)
    assert first.span.end == second.span.start == pytest.approx(4.5, abs=0.3)


def test_a_noise_taken_for_speech_makes_no_voice() -> None:
    speech, windows, embeddings, _ = recording("ABAB")
    speech.append(Span(20.0, 21.6))
    odd = unit(np.random.default_rng(9).standard_normal(64))
    turns = diarize(speech, [*windows, Span(20.0, 21.6)], np.vstack([embeddings, odd]))
    assert {turn.speaker for turn in turns} == {"S1", "S2"}


def test_speech_too_short_to_embed_goes_to_the_voice_around_it() -> None:
    speech, windows, embeddings, _ = recording("AB", pause=1.2)
    speech.insert(1, Span(4.7, 5.0))
    turns = diarize(speech, windows, embeddings)
    assert told(turns) == [(0.5, 5.0, "S1"), (pytest.approx(5.7), pytest.approx(9.7), "S2")]


def test_nothing_said_and_nothing_embedded() -> None:
    none = np.zeros((0, 64), np.float32)
    assert diarize([], [], none) == ()
    assert told(diarize([Span(1, 1.3)], [], none)) == [(1, 1.3, "S1")]
    one = unit(np.ones((1, 64), np.float32))
    assert told(diarize([Span(1, 3)], [Span(1, 2.6)], one)) == [(1, 3, "S1")]


def test_long_recordings_are_clustered_from_a_sample_of_windows() -> None:
    speech, windows, embeddings, _ = recording("AB" * 120, seconds=6.0)
    assert len(windows) > 1500
    assert len(diarize(speech, windows, embeddings)) == 240


def test_viterbi_takes_the_best_path_worked_by_hand() -> None:
    evidence = np.array([[1.0, 0.0], [0.0, 0.6], [1.0, 0.0], [0.0, 3.0], [0.0, 3.0]])
    assert _viterbi(evidence, np.full(5, 1.0)).tolist() == [0, 0, 0, 1, 1]
    assert _viterbi(evidence, np.full(5, 0.1)).tolist() == [0, 1, 0, 1, 1]
    assert _viterbi(evidence, np.full(5, 9.0)).tolist() == [1, 1, 1, 1, 1]


def test_pauses_of_one_voice_are_bridged_up_to_the_limit() -> None:
    speech = [Span(0, 1), Span(1 + BRIDGE - 0.01, 3), Span(3 + BRIDGE + 0.01, 5)]
    frames = np.array([[s.start, s.end] for s in speech])
    assert [turn.span for turn in _turns(frames, np.zeros(3, np.int64))] == [Span(0, 3), speech[2]]
    assert len(_turns(frames, np.array([0, 1, 0]))) == 3


WORKED = [
    # reference, hypothesis, missed, false alarm, confused, in s
    ([(0, 10, "a")], [(0, 10, "x")], 0, 0, 0),
    ([(0, 10, "a")], [], 10, 0, 0),
    ([(0, 10, "a")], [(2, 12, "x")], 2, 2, 0),
    ([(0, 5, "a"), (5, 10, "b")], [(0, 10, "x")], 0, 0, 5),
    ([(0, 5, "a"), (5, 10, "b")], [(0, 6, "x"), (6, 10, "y")], 0, 0, 1),
    ([(0, 6, "a"), (4, 10, "b")], [(0, 5, "x"), (5, 10, "y")], 2, 0, 0),
    ([(0, 6, "a"), (4, 10, "b")], [(0, 6, "y"), (4, 10, "x")], 0, 0, 0),
    ([(0, 4, "a")], [(0, 4, "x"), (1, 2, "y")], 0, 1, 0),
    ([(0, 4, "a"), (4, 6, "b"), (6, 7, "c")], [(0, 4, "x"), (4, 7, "y")], 0, 0, 1),
    ([(0, 2, "a"), (1, 3, "a")], [(0, 3, "x")], 0, 0, 0),
]


@pytest.mark.parametrize("case", WORKED, ids=range(len(WORKED)))
def test_diarization_error_of_examples_worked_by_hand(case: tuple[object, ...], measure: ModuleType) -> None:
    reference, hypothesis, missed, false_alarm, confused = case
    error = measure.diarization_error(reference, hypothesis)
    assert (error.missed, error.false_alarm, error.confused) == pytest.approx((missed, false_alarm, confused))
    assert error.rate == pytest.approx((missed + false_alarm + confused) / error.speech)


def test_error_without_reference_speech(measure: ModuleType) -> None:
    assert measure.diarization_error([], []).rate == 0
    assert measure.diarization_error([], [(0, 1, "x")]).rate == float("inf")


def test_a_speaker_of_single_words_is_a_voice_where_they_are_much_of_the_speech() -> None:
    speech, windows, embeddings, _ = recording("AAAA", pause=1.5)
    odd = unit(np.random.default_rng(9).standard_normal((4, 64)) * 0.05 + np.random.default_rng(8).standard_normal(64))
    short = [Span(span.end + 0.3, span.end + 1.1) for span in speech]
    words = sorted([*speech, *short])
    turns = diarize(words, [*windows, *short], np.vstack([embeddings, odd]))
    assert [turn.speaker for turn in turns] == ["S1", "S2"] * 4
    few = diarize(words[:6], [*windows, *short[:3]], np.vstack([embeddings, embeddings[:3]]))
    assert {turn.speaker for turn in few} == {"S1"}
