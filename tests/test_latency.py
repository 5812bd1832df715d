"""`inperson latency` and `analyze_turns`: the timing of answers where there are turns and no recording."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import inperson
from inperson.cli import main
from inperson.types import Span, Turn

SAMPLE = Path(__file__).parents[1] / "samples" / "interview.rttm"


def conversation(long: list[float], short: list[float], extra: tuple[Turn, ...] = ()) -> tuple[Turn, ...]:
    """An interview in which answers to long questions begin `long` seconds after them, and to short ones `short`."""
    turns: list[Turn] = list(extra)
    time = 0.0
    for i, offset in enumerate([x for pair in zip(long, short, strict=True) for x in pair]):
        asked, answered = (4.0, 6.0) if i % 2 == 0 else (1.0, 0.6)
        turns.append(Turn(Span(time, time + asked), "Ann"))
        start = time + asked + offset
        turns.append(Turn(Span(start, start + answered), "Bo"))
        time = start + answered + 0.4
    return tuple(sorted(turns))


def scattered(count: int, middle: float, spread: float, seed: int) -> list[float]:
    return (middle + spread * np.random.default_rng(seed).standard_t(5, count)).clip(-0.3, 6.0).tolist()


def confidence(turns: tuple[Turn, ...]) -> float:
    finding = inperson.analyze_turns(turns, candidate="Bo").finding("response_latency")
    assert finding.status == "scored"
    assert finding.confidence is not None
    return finding.confidence


HUMAN = conversation(scattered(12, 0.6, 0.45, 1), scattered(12, 0.4, 0.3, 2))


def test_offsets_are_those_of_the_turns() -> None:
    turns = conversation([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], [0.2] * 7)
    report = inperson.analyze_turns(turns, candidate="Bo")
    numbers = {name: one.value for name, one in report.finding("response_latency").measurements.items()}
    assert numbers["exchanges"] == 14
    assert numbers["answers"] == 7
    assert numbers["offset_median"] == pytest.approx(0.7)
    assert numbers["baseline_median"] == pytest.approx(0.2)
    assert numbers["overlapped_share"] == 0
    assert (report.media.container, report.media.codecs) == ("turns", ())
    assert report.media.duration == pytest.approx(turns[-1].span.end)


def test_late_and_regular_answers_raise_the_confidence_and_human_ones_do_not() -> None:
    assisted = conversation(scattered(12, 1.6, 0.25, 3), scattered(12, 0.4, 0.3, 2))
    assert confidence(HUMAN) < 0.5
    assert confidence(assisted) > 0.7


def test_a_slow_person_who_varies_as_slow_people_do_is_not_flagged() -> None:
    assert confidence(conversation(scattered(12, 1.6, 0.8, 4), scattered(12, 1.3, 0.7, 5))) < 0.5


def test_a_constant_delay_changes_the_confidence_by_less_than_5_percent() -> None:
    later = conversation([x + 0.3 for x in scattered(12, 0.6, 0.45, 1)], [x + 0.3 for x in scattered(12, 0.4, 0.3, 2)])
    assert confidence(later) == pytest.approx(confidence(HUMAN), abs=0.05)


def test_with_an_interviewer_named_a_third_voice_is_left_out() -> None:
    third = tuple(Turn(Span(t, t + 1.5), "Cy") for t in (8.0, 40.0, 90.0))
    alone = inperson.analyze_turns(HUMAN, candidate="Bo", interviewer="Ann")
    among = inperson.analyze_turns(tuple(sorted((*HUMAN, *third))), candidate="Bo", interviewer="Ann")
    assert among.finding("response_latency") == alone.finding("response_latency")
    assert inperson.analyze_turns(HUMAN, interviewer="Ann").candidate.speaker == "Bo"


def test_a_file_is_read_and_named() -> None:
    report = inperson.analyze_turns(SAMPLE)
    assert report.candidate.speaker == "candidate"
    assert report.media.path == str(SAMPLE)
    assert report.media.sha256 == hashlib.sha256(SAMPLE.read_bytes()).hexdigest()


def test_too_few_answers_abstain() -> None:
    finding = inperson.analyze_turns(HUMAN[:8], candidate="Bo").finding("response_latency")
    assert finding.status == "abstained"
    assert "at least 5 answers" in (finding.reason or "")
    assert inperson.analyze_turns(()).finding("response_latency").status in ("abstained", "not_applicable")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidate": "Dee"}, "'speaker:Dee' is nobody"),
        ({"interviewer": "Dee"}, "interviewer 'Dee' is nobody"),
        ({"candidate": "Bo", "interviewer": "Bo"}, "cannot be both"),
        ({"prior": 1.5}, "prior"),
    ],
)
def test_what_is_wrong_is_said(options: dict[str, object], message: str) -> None:
    with pytest.raises(inperson.InputError, match=message):
        inperson.analyze_turns(HUMAN, **options)  # type: ignore[arg-type]


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(one) for one in arguments])
    return int(left.value.code or 0)


def test_the_command_says_the_same_as_python(tmp_path: Path, capfd) -> None:
    assert run("latency", SAMPLE, "--interviewer", "interviewer", "--json", "-") == 0
    told = json.loads(capfd.readouterr().out)
    assert told == json.loads(inperson.analyze_turns(SAMPLE, interviewer="interviewer").to_json())
    assert run("latency", SAMPLE) == 0
    assert "not a verdict" in capfd.readouterr().out
    assert run("latency", tmp_path / "gone.rttm") == 2
    assert "gone.rttm" in capfd.readouterr().err
    assert run("latency", SAMPLE, "--candidate", "nobody") == 2
    assert "nobody" in capfd.readouterr().err
