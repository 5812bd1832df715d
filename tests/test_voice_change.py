"""Changes on the way: false ones are rare, known ones are found where they are, and a run may carry the recording."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from inperson.detectors._voice_change import LEAST_RUN, Course, course
from inperson.detectors._voice_pooling import Levels, Windows, log_ratio, pooled
from inperson.types import Span

LEVELS = Levels(means=(-2.0, 2.0), between=(1.0, 1.5), within=1.0, correlation=0.3)
STEP = 5.0


def noise(n: int, rng: np.random.Generator, correlation: float = 0.3, tails: float = math.inf) -> np.ndarray:
    """Stationary, unit variance; Student's t with `tails` degrees of freedom."""
    new = rng.standard_normal(n) if math.isinf(tails) else rng.standard_t(tails, n) / math.sqrt(tails / (tails - 2))
    for i in range(1, n):
        new[i] = correlation * new[i - 1] + math.sqrt(1 - correlation**2) * new[i]
    return new


def heard(logits: np.ndarray, levels: Levels = LEVELS) -> Course:
    spans = [Span(STEP * i, STEP * i + STEP) for i in range(len(logits))]
    return course(Windows.of(logits, spans), levels)


def stepped(n: int, edges: dict[int, float], rng: np.random.Generator) -> np.ndarray:
    level = np.zeros(n)
    for edge, value in edges.items():
        level[edge:] = value
    return level + noise(n, rng)


@pytest.mark.parametrize(("correlation", "tails"), [(0.0, math.inf), (0.3, math.inf), (0.6, math.inf), (0.3, 4.0)])
def test_stationary_sequences_rarely_change(correlation: float, tails: float) -> None:
    """At most 2 % of sequences of 60 windows: 12 of 400 allow for the draw (3 % is 2.4 standard errors above 1.3 %)."""
    rng = np.random.default_rng(1)
    levels = replace(LEVELS, correlation=correlation)
    changed = sum(bool(heard(noise(60, rng, correlation, tails), levels).changes) for _ in range(400))
    assert changed <= 8


def test_short_sequences_and_livelier_voices_than_the_cards_rarely_change() -> None:
    rng = np.random.default_rng(2)
    assert sum(bool(heard(noise(12, rng)).changes) for _ in range(400)) <= 8
    assert sum(bool(heard(1.8 * noise(60, rng)).changes) for _ in range(200)) <= 8


def test_a_known_change_is_found_within_one_window() -> None:
    rng = np.random.default_rng(3)
    near = inside = 0
    for _ in range(100):
        edge = int(rng.integers(10, 50))
        found = heard(stepped(60, {0: -2.0, edge: 2.0}, rng))
        assert len(found.runs) >= 2
        best = min(found.changes, key=lambda change: abs(change.time - STEP * edge))
        near += abs(best.time - STEP * edge) <= STEP
        inside += STEP * edge in best.within
        assert best.time in best.within
    assert near >= 95
    assert inside >= 95


def test_a_weak_change_has_a_wide_interval_that_still_holds_it() -> None:
    rng = np.random.default_rng(4)
    found = [heard(stepped(80, {0: -0.9, 40: 0.9}, rng)) for _ in range(60)]
    single = [one.changes[0] for one in found if len(one.changes) == 1]
    assert len(single) >= 40
    assert np.mean([STEP * 40 in change.within for change in single]) >= 0.85
    strong = heard(stepped(80, {0: -4.0, 40: 4.0}, rng)).changes[0]
    assert np.median([change.within.duration for change in single]) > 2 * strong.within.duration


def test_a_stretch_between_two_changes_is_a_run_of_its_own() -> None:
    found = heard(stepped(60, {0: -2.0, 25: 2.5, 37: -2.0}, np.random.default_rng(5)))
    assert [run.first for run in found.runs] == pytest.approx([0, 25, 37], abs=1)
    assert found.runs[-1].stop == 60
    assert found.carrier == found.runs[1]
    assert found.whole < 0 < found.ratio


def test_the_price_of_looking_is_the_log_of_the_runs() -> None:
    found = heard(stepped(60, {0: -2.0, 25: 2.5, 37: -2.0}, np.random.default_rng(5)))
    assert found.ratio == pytest.approx(found.runs[1].ratio - math.log(3))


def test_a_run_has_the_ratio_of_its_windows_alone() -> None:
    logits = stepped(40, {0: -2.0, 20: 2.0}, np.random.default_rng(6))
    found = heard(logits)
    first = found.runs[0]
    spans = [Span(STEP * i, STEP * i + STEP) for i in range(first.stop)]
    alone = Windows.of(logits[: first.stop], spans)
    assert first.ratio == log_ratio(pooled(alone, LEVELS), LEVELS)
    assert first.span == Span(0.0, spans[-1].end)


def test_without_a_change_the_recording_is_its_whole() -> None:
    logits = 2.0 + noise(30, np.random.default_rng(7))
    found = heard(logits)
    assert found.ratio == found.whole == pytest.approx(found.runs[0].ratio)
    assert (found.changes, found.carrier, len(found.runs)) == ((), None, 1)


def test_a_cough_is_no_change_and_carries_nothing() -> None:
    logits = -2.0 + noise(60, np.random.default_rng(8))
    logits[30:32] = 12.0
    found = heard(logits)
    assert found.carrier is None
    assert found.ratio < 0


def test_a_run_too_short_for_evidence_does_not_carry() -> None:
    """Four windows with half a second of speech each are too few seconds, however high."""
    logits = np.full(40, -2.0) + 0.1 * noise(40, np.random.default_rng(9))
    logits[20:25] = 4.0
    brief = [Span(i, i + 0.5) for i in range(40)]
    assert LEAST_RUN > 5 * 0.5
    found = course(Windows.of(logits, brief), replace(LEVELS, correlation=0.0))
    assert len(found.runs) == 3
    assert found.carrier is None
    assert heard(logits).carrier == heard(logits).runs[1]


def test_long_genuine_recordings_are_not_flagged_more_for_having_runs_looked_at() -> None:
    rng = np.random.default_rng(10)
    found = [heard(rng.normal(-2.0, 1.0) + noise(120, rng)) for _ in range(300)]
    whole, looked = (np.mean([getattr(one, name) > 0 for one in found]) for name in ("whole", "ratio"))
    assert looked <= whole + 0.01


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_windows_are_one_run(n: int) -> None:
    found = heard(np.array([-3.0, -3.0, -3.0, 3.0, 3.0][:n]))
    assert len(found.runs) == 1


def test_an_hour_of_windows_is_searched_at_once() -> None:
    found = heard(stepped(700, {0: -2.0, 500: 2.0}, np.random.default_rng(11)))
    assert found.changes[0].time == pytest.approx(STEP * 500, abs=2 * STEP)
