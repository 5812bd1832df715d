"""Late sound and block seams, side by side."""

from __future__ import annotations

import pytest

from inperson._together import together
from inperson.report import Finding, Quantity


def finding(signal: str, status: str = "scored", **numbers: tuple[float, str]) -> Finding:
    scored = {"score": 0.0, "confidence": 0.5, "llr": 0.0, "interval": (0.4, 0.6), "quality": 1.0}
    measurements = {name: Quantity(value=value, unit=unit) for name, (value, unit) in numbers.items()}
    more = scored if status == "scored" else {"reason": "this is a test"}
    return Finding.model_validate(
        {"signal": signal, "status": status, "measurements": measurements, "model": "x-1"} | more
    )


SEAMS = finding("synthetic_voice", block_period=(250.0, "ms"))
LATE = finding("lip_sync", offset=(240.0, "ms"))


def test_both_are_stated_side_by_side_and_no_score_changes() -> None:
    lips, voice = together([LATE, SEAMS], 60.0)
    assert voice is SEAMS
    assert (lips.llr, lips.score, lips.confidence) == (LATE.llr, LATE.score, LATE.confidence)
    (moment,) = lips.evidence
    assert (moment.start, moment.end, moment.score) == (0.0, 60.0, 0.0)
    assert "240 ms late" in moment.note
    assert "every 250 ms" in moment.note
    assert "headset" in moment.note


@pytest.mark.parametrize(
    "findings",
    [
        [LATE, finding("synthetic_voice")],
        [finding("lip_sync"), SEAMS],
        [finding("lip_sync", offset=(60.0, "ms")), SEAMS],
        [finding("lip_sync", offset=(-240.0, "ms")), SEAMS],
        [finding("lip_sync", offset=(240.0, "ms"), interviewer_offset=(200.0, "ms")), SEAMS],
        [finding("lip_sync", "abstained", offset=(240.0, "ms")), SEAMS],
        [LATE],
        [SEAMS],
        [],
    ],
)
def test_one_alone_says_nothing_more(findings: list[Finding]) -> None:
    assert together(findings, 60.0) == findings


def test_the_candidate_beside_an_interviewer_in_time_is_late() -> None:
    lips, _ = together([finding("lip_sync", offset=(110.0, "ms"), interviewer_offset=(-10.0, "ms")), SEAMS], 60.0)
    assert len(lips.evidence) == 1
