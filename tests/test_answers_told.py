"""What the report says of answers beside the score: measurements, places to look at, and that the score stays."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

import answering
import pytest
from answering import held, mixed, spoken

from inperson import analyze_turns
from inperson.detectors.response_latency import ResponseLatency
from inperson.media import AudioInfo, MediaInfo
from inperson.types import Candidate, Chunk, Reading, Session, Span, Turn, Word

OFFSETS = (0.5, 0.9, 0.4, 1.1, 0.7, 0.6)
STALL = 1.5
"""Seconds from the filled pause to the fluent part of the two answers that begin with one."""
STALLED = (1, 4)


def call() -> tuple[list[Turn], list[answering.Placed], list[Span]]:
    """Six questions of 3 s with answers of 4 s, the second and fifth behind a filled pause; four short replies."""
    turns, parts, voice, time = [], [], [], 1.0
    for i, offset in enumerate(OFFSETS):
        asked = Span(time, time + 3.0)
        start = asked.end + offset
        wait = STALL if i in STALLED else 0.0
        if wait:
            parts.append((start, held(0.5)))
            voice.append(Span(start, start + 0.5))
        parts.append((start + wait, spoken(20, seed=i, slope=-3.0)))
        voice += [asked, Span(start + wait, start + wait + 4.0)]
        turns += [Turn(asked, "A"), Turn(Span(start, start + wait + 4.0), "C")]
        time = turns[-1].span.end + 0.6
    for i in range(4):
        asked, answer = Span(time, time + 1.2), Span(time + 1.5, time + 2.3)
        parts.append((answer.start, spoken(4, seed=i)))
        voice += [asked, answer]
        turns += [Turn(asked, "A"), Turn(answer, "C")]
        time = answer.end + 0.6
    return turns, parts, voice


def session(turns: list[Turn], words: tuple[Word, ...] = ()) -> Session:
    seconds = turns[-1].span.end + 1.0
    audio = (AudioInfo(0, 0, "pcm_s16le", "", 16_000, 1, "mono", "s16", 0.0, seconds),)
    media = MediaInfo("made-up.wav", "wav", 1, seconds, 0.0, None, audio)
    who = Candidate(None, "C", "Chosen by the test.")
    # as of channels, which voice activity does not refine: the turns here are exact
    return Session(media, seconds, tuple(turns), "channels", (), who, "none", words=words)


def read(chunks: list[Chunk], known: Session) -> Reading:
    detector = ResponseLatency()
    for chunk in chunks:
        detector.update(chunk)
    found = detector.finish(known)
    assert isinstance(found, Reading)
    return found


@pytest.fixture(scope="module")
def made() -> tuple[list[Chunk], Session]:
    turns, parts, voice = call()
    known = session(turns)
    return list(answering.chunks(mixed(known.duration, parts), voice)), known


@pytest.fixture(scope="module")
def reading(made: tuple[list[Chunk], Session]) -> Reading:
    return read(*made)


def value(found: Reading, name: str) -> float:
    return found.measurements[name].value


def test_first_sounds_and_fluent_parts_are_measured_from_the_questions_end(reading: Reading) -> None:
    assert value(reading, "first_sound_median") == pytest.approx(0.65, abs=0.05)
    fluent = sorted([0.5, 0.9 + STALL, 0.4, 1.1, 0.7 + STALL, 0.6])
    assert value(reading, "fluent_onset_median") == pytest.approx((fluent[2] + fluent[3]) / 2, abs=0.1)
    assert value(reading, "fluent_above_baseline") == pytest.approx((fluent[2] + fluent[3]) / 2 - 0.3, abs=0.1)
    assert value(reading, "hesitant_starts") == pytest.approx(2 / 6)
    assert value(reading, "filled_starts") == pytest.approx(2 / 6)


def test_answers_that_become_fluent_late_are_places_to_look_at(reading: Reading) -> None:
    places = [one for one in reading.evidence if one.kind == "second_onset"]
    turns, _, _ = call()
    answers = [turn.span for turn in turns if turn.speaker == "C"]
    assert [one.span.end for one in places] == pytest.approx([answers[i].start + STALL for i in STALLED], abs=0.1)
    for one in places:
        assert "1.5 s later after its first sound than this person's short replies" in one.note
        assert "a filled pause" in one.note


def test_delivery_is_given_where_it_could_be_read(reading: Reading) -> None:
    assert value(reading, "pitch_fall") == pytest.approx(3.0, abs=0.6)
    assert value(reading, "rate_unevenness") < 0.1
    assert "pitch_fall_baseline" not in reading.measurements


def test_nothing_heard_moves_the_score(made: tuple[list[Chunk], Session], reading: Reading) -> None:
    _, known = made
    silent = read([], known)
    assert (silent.score, silent.spread, silent.quality) == (reading.score, reading.spread, reading.quality)
    assert "fluent_onset_median" not in silent.measurements


def test_recognised_words_move_the_fluent_part_behind_stalling_phrases(made: tuple[list[Chunk], Session]) -> None:
    chunks, known = made
    answers = [turn.span for turn in known.turns if turn.speaker == "C"]
    first, others = answers[0], answers[2:4]
    phrase = ["that", "is", "a", "very", "good", "question"]
    spans = [Span(first.start + 0.3 * i, first.start + 0.3 * i + 0.25) for i in range(7)]
    words = tuple(Word(span, text, "C") for span, text in zip(spans, [*phrase, "caches"], strict=True))
    words += tuple(Word(Span(span.start, span.start + 0.2), "caches", "C") for span in others)
    found = read(chunks, replace(known, words=words))
    places = [one for one in found.evidence if one.kind == "second_onset"]
    assert places[0].span.end == pytest.approx(first.start + 1.8, abs=0.05)
    assert "a stalling phrase" in places[0].note
    assert value(found, "stalling_openings") == pytest.approx(1 / 3)


def test_fillers_are_counted_only_where_somebodys_were_written_down(made: tuple[list[Chunk], Session]) -> None:
    chunks, known = made
    answers = [turn.span for turn in known.turns if turn.speaker == "C"][:4]
    words = tuple(
        Word(Span(span.start + i / 2, span.start + i / 2 + 0.4), "word", "C") for span in answers for i in (0, 1)
    )
    tidy = read(chunks, replace(known, words=words))
    assert value(tidy, "answer_words_median") == 2
    assert "fillers_per_100_words" not in tidy.measurements
    asked = (*words, Word(Span(1.0, 1.3), "Uh,", "A"))
    assert value(read(chunks, replace(known, words=asked)), "fillers_per_100_words") == 0
    own = (*words, Word(Span(answers[0].start + 1.0, answers[0].start + 1.3), "um", "C"))
    assert value(read(chunks, replace(known, words=own)), "fillers_per_100_words") == pytest.approx(100 / 9)


def test_lengths_of_answers_and_how_unlike_they_are() -> None:
    turns, _, _ = call()
    found = analyze_turns(turns, candidate="C").finding("response_latency").measurements
    assert found["answer_length_median"].value == pytest.approx(4.0)
    lengths = [4.0, 4.0 + STALL] * 2 + [4.0, 4.0]
    assert found["answer_length_spread"].value == pytest.approx(statistics.stdev(map(math.log, lengths)))
    fewer = analyze_turns(turns[2:], candidate="C").finding("response_latency").measurements
    assert "answer_length_spread" not in fewer


def test_turns_alone_tell_kinds_of_exchanges_and_bound_the_delay() -> None:
    turns, _, _ = call()
    found = analyze_turns(turns, candidate="C").finding("response_latency").measurements
    assert found["network_delay_at_most"].value == pytest.approx(0.6)
    assert (found["interruptions"].value, found["backchannels"].value, found["questions_asked_again"].value) == (
        0,
        0,
        0,
    )
    assert "first_sound_median" not in found
