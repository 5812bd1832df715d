import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from inperson.errors import InputError
from inperson.evaluation.metrics import auc, cllr, log_cost
from inperson.evaluation.quality import by_quality, least_quality, monotone


def signal(
    n: int, good_from: float, *, seed: int = 0, gap: float = 1.5, persons: int = 100
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """llr, labels, quality, persons: always claims N(gap, 1) against N(0, 1), which is so from a quality on."""
    rng = np.random.default_rng(seed)
    quality, labels = rng.random(n), rng.integers(0, 2, n)
    score = rng.normal(0, 1, n) + gap * labels * (quality >= good_from)
    return (gap * score - gap**2 / 2) / math.log(10), labels, quality, rng.integers(0, persons, n)


@pytest.mark.parametrize("seed", range(5))
def test_finds_the_quality_from_which_the_signal_is_true(seed: int) -> None:
    llr, labels, quality, persons = signal(1500, 0.4, seed=seed)
    found = least_quality(log_cost(llr, labels), quality, persons, labels=labels)
    assert found == pytest.approx(0.4, abs=0.06)


def test_a_lower_ceiling_asks_for_more_quality() -> None:
    """Separation grows with quality, the ratio is the true one: the cost falls all the way."""
    rng = np.random.default_rng(1)
    quality, labels, persons = rng.random(3000), rng.integers(0, 2, 3000), np.arange(3000)
    gap = 3 * quality
    llr = (gap * (rng.normal(0, 1, 3000) + gap * labels) - gap**2 / 2) / math.log(10)
    cost = log_cost(llr, labels)
    steps = [least_quality(cost, quality, persons, ceiling, labels=labels) for ceiling in (1.0, 0.7, 0.4)]
    assert steps[0] <= 0.2 < steps[1] < steps[2] < 1
    assert least_quality(cost, quality, persons, 0.01, labels=labels) is None


def test_always_true_is_zero_and_never_true_is_none() -> None:
    llr, labels, quality, persons = signal(1000, 0.0)
    assert least_quality(log_cost(llr, labels), quality, persons, labels=labels) == 0.0
    llr, labels, quality, persons = signal(1000, 1.1)
    assert least_quality(log_cost(llr, labels), quality, persons, labels=labels) is None
    assert least_quality(np.ones(100), np.linspace(0, 1, 100), range(100)) is None


def test_noise_seldom_decides() -> None:
    """Quality says nothing, and the mean cost is exactly what silence costs."""
    rng = np.random.default_rng(2)
    found = [least_quality(1 + rng.normal(0, 0.3, 150), rng.random(150), range(150), seed=i) for i in range(60)]
    assert sum(f is not None for f in found) <= 8


def test_few_persons_are_not_many_recordings() -> None:
    """Each person's recordings are right or wrong together: 6 persons with 50 each prove less than 300 persons."""
    rng = np.random.default_rng(3)
    persons = np.arange(300) % 6
    cost = np.where(np.arange(6) < 4, 0.6, 1.4)[persons] + rng.normal(0, 0.05, 300)
    assert least_quality(cost, np.full(300, 0.5), range(300)) == 0.0
    assert least_quality(cost, np.full(300, 0.5), persons) is None


def test_four_persons_need_a_clearer_difference() -> None:
    """Mean 0.92, bootstrap error 0.025, 3.2 of them: above the normal 1.96, not above what t has for 4 (3.7)."""
    cost = np.repeat([0.9, 0.95, 0.85, 0.98], 25)
    assert least_quality(cost, np.full(100, 0.5), np.repeat(range(4), 25)) is None
    assert least_quality(cost, np.full(100, 0.5), range(100)) == 0.0


def steps(*means: float, spread: float = 0.0, each: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Costs about these means, and qualities in equal steps from 0 to 1."""
    cost = np.repeat(means, each) + spread * np.tile([1, -1], len(means) * each // 2)
    return cost, np.arange(len(cost)) / len(cost)


def test_one_lucky_step_of_low_quality_does_not_decide() -> None:
    cost, quality = steps(1.4, 1.4, 0.8, 1.4, 1.4, 0.5, 0.5, 0.5, 0.5, 0.5)
    assert least_quality(cost, quality, range(200)) == 0.5


def test_a_step_within_one_standard_error_of_the_ceiling_is_left_out() -> None:
    """0.3 / sqrt(20) = 0.067 is the standard error of a step."""
    cost, quality = steps(*[0.995] * 2, *[0.5] * 8, spread=0.3)
    assert least_quality(cost, quality, range(200)) == 0.2


def test_both_classes_count_half() -> None:
    """A signal that always leans to the spoof, on recordings of which nine in ten are spoof."""
    labels = (np.arange(400) % 10 > 0).astype(int)
    cost = log_cost(np.full(400, 0.3), labels)
    quality = np.linspace(0, 1, 400)
    assert least_quality(cost, quality, range(400)) == 0.0
    assert least_quality(cost, quality, range(400), labels=labels) is None


def test_nothing_to_go_by_is_none() -> None:
    assert least_quality([], [], []) is None
    assert least_quality(np.zeros(50), np.linspace(0, 1, 50), ["one"] * 50) is None


def test_strata_hold_every_recording_once_and_their_own_figures() -> None:
    llr, labels, quality, persons = signal(600, 0.5)
    low, middle, high = by_quality(llr, labels, quality, persons, draws=200)
    assert low.high < middle.low <= middle.high < high.low
    assert sum(s.n_bonafide + s.n_spoof for s in (low, middle, high)) == 600
    best = quality >= high.low
    assert high.n_spoof == labels[best].sum()
    assert high.cllr.value == pytest.approx(cllr(llr[best], labels[best]))
    assert high.auc.value == pytest.approx(auc(llr[best], labels[best]))
    assert high.cllr.high < 1 < low.cllr.low
    assert low.auc.low < 0.5 < low.auc.high < high.auc.low


def test_equal_qualities_stay_together() -> None:
    found = by_quality([1.0, -1, 1, -1, 1, -1], [1, 0, 1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5, 1, 1], range(6), draws=50)
    assert [(s.low, s.high, s.n_spoof) for s in found] == [(0.5, 0.5, 2), (1.0, 1.0, 1)]
    assert by_quality([], [], [], []) == ()


def test_a_stratum_without_a_class_has_no_figures() -> None:
    low, high = by_quality([1.0, -1, -1, 1], [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], range(4), 2, draws=50)
    assert (low.n_bonafide, low.n_spoof, high.n_bonafide, high.n_spoof) == (2, 0, 0, 2)
    assert math.isnan(low.cllr.value)
    assert math.isnan(high.auc.value)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=30))
def test_rank_correlation_is_scipys(pairs: list[tuple[int, int]]) -> None:
    quality, cost = np.array(pairs, float).T
    found = monotone(cost, quality, range(len(cost)), draws=1).value
    if np.ptp(quality) and np.ptp(cost):
        assert found == pytest.approx(spearmanr(quality, cost).statistic, abs=1e-9)
    else:
        assert math.isnan(found)


def test_rank_correlation_tells_a_quality_that_knows_from_one_that_does_not() -> None:
    llr, labels, quality, persons = signal(800, 0.5, gap=2.5)
    cost = log_cost(llr, labels)
    knows = monotone(cost, quality, persons, draws=300)
    assert knows.value < knows.high < 0
    blind = monotone(cost, np.random.default_rng(4).random(800), persons, draws=300)
    assert blind.low < 0 < blind.high


def test_unusable_input_is_named() -> None:
    with pytest.raises(InputError, match="found 1 and 2"):
        monotone([1.0, 2.0], [0.5], [1, 2])
    with pytest.raises(InputError, match="bin"):
        by_quality([1.0], [1], [0.5], [1], 0)
    with pytest.raises(InputError, match="labels"):
        least_quality([1.0, 2.0], [0.5, 0.6], [1, 2], labels=[1])
