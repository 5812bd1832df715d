"""Response latency: known answers, directions, abstentions, evidence, chunking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from inperson import models
from inperson.calibration import Calibration
from inperson.detectors.response_latency import (
    MAX_EXCHANGES,
    MIN_ANSWERS,
    MIN_BASELINE,
    Priors,
    ResponseLatency,
    log_ratio,
)
from inperson.media import AudioInfo, MediaInfo
from inperson.types import Abstention, Candidate, Chunk, Reading, Session, Span, Turn

CARD = models.card(ResponseLatency.model)
PRIORS = Priors.from_table(CARD.data["priors"])
HUMAN = [0.31, -0.24, 0.62, 0.05, 1.21, 0.42, -0.61, 0.88, 0.19, 0.47, 0.75, 0.10]
SMALL_TALK = [0.25, 0.02, 0.48, -0.12, 0.33, 0.21]


def call(long: Sequence[float], short: Sequence[float] = (0.25, 0.02, 0.48), question: float = 4.0) -> list[Turn]:
    """Questions of `question` s and answers of 8 s at offsets `long`, then of 1.2 and 0.9 s at offsets `short`."""
    turns, time = [], 1.0
    for i, offset in enumerate([*long, *short]):
        asked, said = (question, 8.0) if i < len(long) else (1.2, 0.9)
        answer = time + asked + offset
        turns += [Turn(Span(time, time + asked), "A"), Turn(Span(answer, answer + said), "C")]
        time = answer + said + 0.5
    return turns


def session(turns: Sequence[Turn], speaker: str | None = "C", source: str = "supplied", sound: bool = True) -> Session:
    duration = max((turn.span.end for turn in turns), default=10.0) + 1.0
    audio = (AudioInfo(0, 0, "pcm_s16le", "", 16_000, 1, "mono", "s16", 0.0, duration),) if sound else ()
    media = MediaInfo("made-up.wav", "wav", 1, duration, 0.0, None, audio)
    who = Candidate(None, speaker, "Chosen by the test.")
    return Session(media, duration, tuple(turns), source, (), who, "none")  # type: ignore[arg-type]


def read(found: Session, chunks: Sequence[Chunk] = ()) -> Reading:
    detector = ResponseLatency()
    for chunk in chunks:
        detector.update(chunk)
    reading = detector.finish(found)
    assert isinstance(reading, Reading), reading
    return reading


def value(reading: Reading | Abstention, name: str) -> float:
    return reading.measurements[name].value


# --- known answers


def test_constant_offsets_measure_as_themselves() -> None:
    reading = read(session(call([1.5] * 8, [0.2] * 4)))
    assert value(reading, "offset_median") == pytest.approx(1.5)
    assert value(reading, "offset_spread") == pytest.approx(0.0, abs=1e-9)
    assert value(reading, "offset_per_question_second") == pytest.approx(0.0, abs=1e-9)
    assert value(reading, "baseline_median") == pytest.approx(0.2)
    assert value(reading, "above_baseline") == pytest.approx(1.3)
    assert value(reading, "overlapped_share") == 0
    assert (value(reading, "exchanges"), value(reading, "answers")) == (12, 8)


def test_overlaps_are_negative_and_counted() -> None:
    reading = read(session(call([-0.5, -0.4, -0.3, 0.2, 0.3, 0.4])))
    assert value(reading, "overlapped_share") == pytest.approx(0.5)
    assert value(reading, "offset_median") == pytest.approx(-0.05)


def test_slope_is_seconds_of_offset_per_second_of_question() -> None:
    turns, time = [], 0.0
    for asked in (2.0, 4.0, 6.0, 8.0, 10.0):
        answer = time + asked + 0.1 * asked
        turns += [Turn(Span(time, time + asked), "A"), Turn(Span(answer, answer + 5), "C")]
        time = answer + 6
    turns += [Turn(Span(t.span.start + time, t.span.end + time), t.speaker) for t in call([], SMALL_TALK)]
    assert value(read(session(turns)), "offset_per_question_second") == pytest.approx(0.1)


# --- direction


def test_a_regular_wait_above_the_persons_own_level_scores_higher_than_planning() -> None:
    human = read(session(call(HUMAN, SMALL_TALK)))
    waiting = read(session(call([1.5 + 0.1 * (-1) ** i for i in range(12)], SMALL_TALK)))
    assert human.score < 0 < 1.5 < waiting.score


def test_more_exchanges_of_the_same_kind_move_the_score_further() -> None:
    few, many = (read(session(call([1.4, 1.6] * n, SMALL_TALK))).score for n in (3, 8))
    assert 0 < few < many


@pytest.mark.parametrize("delay", [0.2, 0.3, 0.77])
def test_a_constant_delay_of_the_connection_changes_next_to_nothing(delay: float) -> None:
    calibration = Calibration.from_card(CARD.calibration)
    for long in (HUMAN, [1.4, 1.6] * 5):
        here = read(session(call(long, SMALL_TALK))).score
        there = read(session(call([x + delay for x in long], [x + delay for x in SMALL_TALK]))).score
        confidence = [1 / (1 + 10 ** -calibration.llr(score)) for score in (here, there)]
        assert abs(confidence[0] - confidence[1]) < 0.05


def test_slow_but_scattered_is_no_evidence() -> None:
    slow = [1.3 + 1.3 * x for x in HUMAN]
    assert read(session(call(slow, [1.3 + x for x in SMALL_TALK]))).score < 0.3


def test_order_of_exchanges_does_not_matter() -> None:
    offsets, substantive = np.array(HUMAN + SMALL_TALK), np.arange(18) < 12
    order = np.random.default_rng(0).permutation(18)
    ratio, parts = log_ratio(offsets, substantive, PRIORS)
    shuffled, shuffled_parts = log_ratio(offsets[order], substantive[order], PRIORS)
    assert shuffled == pytest.approx(ratio)
    assert shuffled_parts == pytest.approx(parts[order])


def test_no_exchanges_are_no_evidence() -> None:
    ratio, parts = log_ratio(np.zeros(0), np.zeros(0, bool), PRIORS)
    assert (ratio, len(parts)) == (0.0, 0)


def test_the_card_never_boasts() -> None:
    calibration = Calibration.from_card(CARD.calibration)
    for score in (-1e6, -5.0, 0.0, 5.0, 1e6):
        assert abs(calibration.llr(score)) <= 0.7
    assert "SIMULATED" in CARD.data["training"]["assisted"]
    assert all(entry["source"] for entry in CARD.data["priors"].values())


# --- abstentions


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (session([], source="none"), "no turns"),
        (session(call(HUMAN), speaker=None), "not clear which voice"),
        (session(call(HUMAN), speaker="X"), "has no turn"),
        (session([Turn(Span(i, i + 0.5), "C") for i in range(20)]), "two speakers"),
        (session(call(HUMAN[: MIN_ANSWERS - 1], SMALL_TALK)), f"at least {MIN_ANSWERS} answers"),
        (session(call(HUMAN, question=1.5)), "found 0 and 15"),
        (session(call(HUMAN, SMALL_TALK[: MIN_BASELINE - 1])), f"found 12 and {MIN_BASELINE - 1}"),
    ],
    ids=[
        "no turns",
        "unclear candidate",
        "unknown label",
        "one speaker",
        "few answers",
        "short questions only",
        "no baseline",
    ],
)
def test_abstains_with_the_reason(found: Session, reason: str) -> None:
    answer = ResponseLatency().finish(found)
    assert isinstance(answer, Abstention)
    assert reason in answer.reason
    assert answer.applicable


def test_does_not_apply_without_sound() -> None:
    answer = ResponseLatency().finish(session([], source="none", sound=False))
    assert isinstance(answer, Abstention)
    assert not answer.applicable


def test_the_fewest_answers_are_enough() -> None:
    assert value(read(session(call(HUMAN[:MIN_ANSWERS]))), "answers") == MIN_ANSWERS


# --- evidence and quality


def test_evidence_lies_in_the_recording_and_speaks_of_the_person_not_of_seconds_alone() -> None:
    turns = call([1.5] * 8, [0.2] * 4)
    whole = session(turns)
    cut = turns[15].span.start + 2  # inside the last long answer: supplied turns may run past the recording
    found = Session(whole.media, cut, whole.turns, "supplied", (), whole.candidate, "none")
    reading = read(found)
    assert 0 < len(reading.evidence) <= 8
    assert reading.evidence[-1].span.end == cut
    for one in reading.evidence:
        assert 0 <= one.span.start < one.span.end <= found.duration
        assert one.score > 0
        assert one.speaker == "C"
        assert "1.3 s later than this person's typical short reply" in one.note
        assert "scatter by 0.0 s" in one.note
    assert list(reading.evidence) == sorted(reading.evidence, key=lambda e: e.span)


def test_the_odd_answers_out_carry_the_evidence() -> None:
    long = [0.3, 1.5, 0.1, 1.5, 1.45, 0.4, 1.55, 1.5]
    evidence = read(session(call(long, SMALL_TALK))).evidence
    answers = [turn.span.start for turn in call(long, []) if turn.speaker == "C"]
    late = {round(start, 3) for start, offset in zip(answers, long, strict=True) if offset > 1}
    shown = {round(turn, 3) for turn in answers for one in evidence if turn in one.span}
    assert shown
    assert shown <= late


def test_diarized_turns_are_worth_less_and_more_answers_are_worth_more() -> None:
    qualities = [
        read(session(call(HUMAN * n), source=s)).quality for n, s in ((1, "diarized"), (1, "supplied"), (2, "supplied"))
    ]
    assert qualities == sorted(qualities)
    assert qualities[0] < qualities[1] < qualities[2] < 1


def test_says_what_else_it_may_be() -> None:
    said = " ".join(read(session(call(HUMAN))).alternatives)
    for words in ("network", "second language", "interpreter", "notes", "stammering", "thinking", "push-to-talk"):
        assert words in said


# --- voice activity


def chunks(found: Session, seconds: float, shift: float = 0.0) -> list[Chunk]:
    """Speech probability of the session's turns, `shift` s later for the candidate, in chunks of `seconds`."""
    n = int(found.duration / 0.032)
    times = np.arange(n) * 0.032
    speech = np.zeros(n, np.float32)
    for turn in found.turns:
        late = shift if turn.speaker == "C" else 0.0
        speech[(times >= turn.span.start + late) & (times < turn.span.end)] = 0.9
    step = max(1, round(seconds / 0.032))
    return [
        Chunk(Span(i * 0.032, (i + step) * 0.032), speech=speech[i : i + step], speech_start=i * 0.032)
        for i in range(0, n, step)
    ]


@pytest.mark.parametrize("source", ["diarized", "supplied"])
def test_voice_activity_sharpens_coarse_turns(source: str) -> None:
    found = session(call([1.0] * 8), source=source)
    assert value(read(found, chunks(found, 0.5, shift=0.25)), "offset_median") == pytest.approx(1.25, abs=0.035)


def test_turns_from_channels_are_left_alone() -> None:
    found = session(call([1.0] * 8), source="channels")
    assert value(read(found, chunks(found, 0.5, shift=0.25)), "offset_median") == pytest.approx(1.0)


@pytest.mark.parametrize("seconds", [0.032, 0.1, 2.3, 1000.0])
def test_chunk_length_changes_nothing(seconds: float) -> None:
    found = session(call(HUMAN, SMALL_TALK), source="diarized")
    whole, cut = read(found, chunks(found, 0.5)), read(found, chunks(found, seconds))
    assert cut.score == pytest.approx(whole.score)
    assert (
        cut.evidence == pytest.approx(whole.evidence)
        if not whole.evidence
        else len(cut.evidence) == len(whole.evidence)
    )


def test_a_hole_in_the_speech_track_ends_the_speech() -> None:
    detector = ResponseLatency()
    loud = np.full(31, 0.9, np.float32)
    detector.update(Chunk(Span(0, 1), speech=loud, speech_start=0.0))
    detector.update(Chunk(Span(5, 6), speech=loud, speech_start=5.0))
    detector.finish(session([], source="none"))
    assert [(round(s.start, 3), round(s.end, 3)) for s in detector._speech] == [(0.0, 0.992), (5.0, 5.992)]


def test_a_flood_of_turns_ends_in_bounded_work() -> None:
    reading = read(session(call(HUMAN * 50, SMALL_TALK * 50)))
    assert value(reading, "exchanges") == MAX_EXCHANGES
