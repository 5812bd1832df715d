import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.optimize import brentq
from scipy.stats import binomtest, norm
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

from inperson.calibration import confidence
from inperson.errors import InputError
from inperson.evaluation import metrics
from inperson.evaluation.bootstrap import interval, share_interval

RANKED = (metrics.auc, metrics.eer, metrics.min_cllr, metrics.min_dcf, metrics.detection_rate)


def two_normals(n: int, gap: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 1, n), rng.normal(gap, 1, n)]), np.repeat([0, 1], n)


@st.composite
def sets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties, both classes present."""
    n = draw(st.integers(2, 40))
    scores = draw(arrays.arrays(float, n, elements=st.integers(-6, 6).map(lambda i: i / 4)))
    labels = draw(arrays.arrays(int, n, elements=st.integers(0, 1)))
    labels[:2] = 0, 1
    return scores, labels


# -- against scikit-learn and other definitions


@given(sets())
def test_auc_is_scikit_learns(made: tuple[np.ndarray, np.ndarray]) -> None:
    assert metrics.auc(*made) == pytest.approx(roc_auc_score(made[1], made[0]), abs=1e-12)


@given(sets())
def test_eer_is_the_crossing_of_scikit_learns_roc(made: tuple[np.ndarray, np.ndarray]) -> None:
    false_alarms, hits, _ = roc_curve(made[1], made[0], drop_intermediate=False)
    # A rising path: walk along it, one unit a segment, to where both errors are equal.
    step = np.arange(len(hits))
    at = brentq(lambda t: np.interp(t, step, false_alarms) - 1 + np.interp(t, step, hits), 0, step[-1])
    assert metrics.eer(*made) == pytest.approx(np.interp(at, step, false_alarms), abs=1e-9)


@given(sets())
def test_det_curve_is_scikit_learns_roc(made: tuple[np.ndarray, np.ndarray]) -> None:
    thresholds, false_alarms, misses = metrics.det_curve(*made)
    theirs = roc_curve(made[1], made[0], drop_intermediate=False)
    np.testing.assert_allclose(false_alarms[::-1], theirs[0], atol=1e-12)
    np.testing.assert_allclose(1 - misses[::-1], theirs[1], atol=1e-12)
    np.testing.assert_array_equal(thresholds[::-1], theirs[2])


@given(sets())
def test_rates_agree_with_the_det_curve(made: tuple[np.ndarray, np.ndarray]) -> None:
    for threshold, false_alarms, misses in zip(*metrics.det_curve(*made), strict=True):
        assert metrics.false_alarm_rate(*made, threshold) == pytest.approx(false_alarms, abs=1e-12)
        assert metrics.miss_rate(*made, threshold) == pytest.approx(misses, abs=1e-12)


@given(sets())
def test_cllr_is_scikit_learns_balanced_log_loss(made: tuple[np.ndarray, np.ndarray]) -> None:
    llr, labels = made
    weight = np.where(labels == 1, 1 / (labels == 1).sum(), 1 / (labels == 0).sum())
    posterior = [confidence(x, 0.5) for x in llr]
    expected = log_loss(labels, posterior, sample_weight=weight, labels=[0, 1]) / math.log(2)
    assert metrics.cllr(llr, labels) == pytest.approx(expected, abs=1e-9)


@given(sets())
def test_min_cllr_is_the_log_loss_of_scikit_learns_isotonic_fit(made: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = made
    weight = np.where(labels == 1, 1 / (labels == 1).sum(), 1 / (labels == 0).sum())
    posterior = IsotonicRegression().fit_transform(scores, labels, sample_weight=weight)
    right = np.where(labels == 1, posterior, 1 - posterior)
    assert metrics.min_cllr(scores, labels) == pytest.approx(-(weight * np.log2(right)).sum() / 2, abs=1e-9)


# -- worked examples


def test_cllr_by_hand() -> None:
    """Spoof at LR 3 and 1, bona fide at LR 1/7 and 1 (ASVspoof's formula with spoof as the positive class).

    Spoof: log2(1 + 1/3) = 0.415037 and log2(2) = 1, mean 0.707519. Bona fide: log2(1 + 1/7) = 0.192645 and 1, mean
    0.596323. Cllr = (0.707519 + 0.596323) / 2 = 0.651921.
    """
    llr = np.log10([3, 1, 1 / 7, 1])
    assert metrics.cllr(llr, [1, 1, 0, 0]) == pytest.approx(0.651921, abs=1e-6)


def test_saying_nothing_costs_one_bit_whatever_the_share_of_the_classes() -> None:
    assert metrics.cllr(np.zeros(100), np.arange(100) < 3) == 1.0
    assert metrics.min_cllr(np.zeros(100), np.arange(100) < 3) == pytest.approx(1.0)


def test_a_sure_and_wrong_ratio_costs_what_it_claims() -> None:
    """log2(1 + 10^50) = 50 log2(10) = 166.096 bits for the spoof, none for the bona fide: half of it."""
    assert metrics.cllr([-50, -50], [1, 0]) == pytest.approx(83.048, abs=1e-3)


def test_min_cllr_by_hand() -> None:
    """Scores in order: bona fide, spoof, bona fide, spoof. PAV pools the middle two (posterior 1/2), the ends are sure.

    One recording of two in each class costs 1 bit, the other none: (1/2 + 1/2) / 2 = 0.5 bits.
    """
    assert metrics.min_cllr([1, 2, 3, 4], [0, 1, 0, 1]) == pytest.approx(0.5)
    assert metrics.calibration_loss([0, 0, 0, 0], [0, 1, 0, 1]) == pytest.approx(0.0)


def test_detection_cost_by_hand() -> None:
    """ASVspoof 5: Pspoof 0.05; a spoof accepted costs 10, a genuine speaker rejected 1.

    Flagging none costs 10 * 0.05 = 0.5, flagging all 1 * 0.95 = 0.95: normalised by 0.5. Bayes threshold:
    log10(0.95 / 0.5) = 0.278754. Of 4 spoof one lies below it (miss 0.25), of 5 bona fide two above (false alarms 0.4):
    (0.5 * 0.25 + 0.95 * 0.4) / 0.5 = 1.01. Best threshold 2: miss 0.5 without false alarms, 0.25 / 0.5 = 0.5;
    at 1 all spoof but one, one false alarm: (0.125 + 0.19) / 0.5 = 0.63.
    """
    llr, labels = [0.2, 1, 2, 3, -1, -0.5, 0.1, 0.3, 1.0], [1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert metrics.bayes_threshold() == pytest.approx(0.278754, abs=1e-6)
    assert metrics.act_dcf(llr, labels) == pytest.approx(1.01)
    assert metrics.min_dcf(llr, labels) == pytest.approx(0.5)


def test_detection_cost_with_other_costs() -> None:
    """Prior 1/2, both costs 1: threshold 0, and the cost is twice the mean of both error rates (0.25 and 0.5)."""
    llr, labels = [-1, 1, 1, 1, 0, -1], [1, 1, 1, 1, 0, 0]
    assert metrics.act_dcf(llr, labels, prior=0.5, c_miss=1, c_fa=1) == pytest.approx(0.75)


def test_detection_rate_uses_exactly_the_allowed_false_alarms() -> None:
    """20 bona fide at 0..19: one of 20 is 5 %, so the threshold may let the score of 19 through, not 18."""
    scores, labels = [*range(20), 18.5, 18, 17, 19], [0] * 20 + [1] * 4
    assert metrics.threshold_at(scores, labels, 0.05) == 18.5
    assert metrics.detection_rate(scores, labels, 0.05) == 0.5
    assert metrics.detection_rate(scores, labels, 0.01) == 0.0
    assert metrics.false_alarm_rate(scores, labels, 18.5) == 0.05
    assert metrics.miss_rate(scores, labels, 18.5) == 0.5


def test_eer_of_two_normals() -> None:
    """Equal variances, distance d: EER = Phi(-d / 2), AUC = Phi(d / sqrt 2)."""
    scores, labels = two_normals(100_000, 1.5)
    assert metrics.eer(scores, labels) == pytest.approx(norm.cdf(-0.75), abs=0.004)
    assert metrics.auc(scores, labels) == pytest.approx(norm.cdf(1.5 / math.sqrt(2)), abs=0.003)
    assert metrics.eer(-scores, labels) == pytest.approx(1 - norm.cdf(-0.75), abs=0.004)


def test_the_true_ratio_has_nothing_to_gain_from_calibration() -> None:
    """N(0,1) against N(d,1): the natural-log ratio is d x - d^2 / 2. Twice as sure costs more, same order."""
    scores, labels = two_normals(50_000, 2.0)
    llr = (2 * scores - 2) / math.log(10)
    assert metrics.calibration_loss(llr, labels) == pytest.approx(0, abs=0.003)
    assert metrics.calibration_loss(3 * llr, labels) > 0.1
    assert metrics.min_cllr(3 * llr, labels) == pytest.approx(metrics.min_cllr(llr, labels), abs=1e-9)


# -- what must hold for any recordings


@given(sets())
def test_only_the_order_of_scores_counts(made: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = made
    for metric in RANKED:
        assert metric(np.exp(scores) * 5 - 3, labels) == pytest.approx(metric(scores, labels), abs=1e-12)


@given(sets(), st.randoms())
def test_the_order_of_rows_does_not_count(made: tuple[np.ndarray, np.ndarray], random: Random) -> None:
    scores, labels = made
    order = list(range(len(scores)))
    random.shuffle(order)
    for metric in (*RANKED, metrics.cllr, metrics.act_dcf):
        assert metric(scores[order], labels[order]) == pytest.approx(metric(scores, labels), abs=1e-12)


@given(sets())
def test_the_least_cost_is_not_above_the_actual(made: tuple[np.ndarray, np.ndarray]) -> None:
    assert metrics.min_cllr(*made) <= metrics.cllr(*made) + 1e-12
    assert metrics.min_cllr(*made) <= 1 + 1e-12
    for prior in (0.01, 0.05, 0.5):
        assert metrics.min_dcf(*made, prior=prior) <= metrics.act_dcf(*made, prior=prior) + 1e-12
        assert metrics.min_dcf(*made, prior=prior) <= 1


@given(sets())
def test_exchanging_the_classes_mirrors_every_figure(made: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = made
    assert metrics.auc(-scores, 1 - labels) == pytest.approx(metrics.auc(scores, labels))
    for metric in (metrics.eer, metrics.cllr, metrics.min_cllr):
        assert metric(-scores, 1 - labels) == pytest.approx(metric(scores, labels), abs=1e-12)
    swapped = metrics.min_dcf(-scores, 1 - labels, prior=0.95, c_miss=metrics.C_FA, c_fa=metrics.C_MISS)
    assert swapped == pytest.approx(metrics.min_dcf(scores, labels))


@pytest.mark.parametrize("metric", [*RANKED, metrics.cllr, metrics.act_dcf, metrics.calibration_loss, metrics.ece])
@pytest.mark.parametrize("labels", [[], [0, 0], [1, 1]])
def test_a_missing_class_gives_nan(metric: object, labels: list[int]) -> None:
    assert math.isnan(metric([0.5] * len(labels), labels))


def test_a_rate_needs_only_its_own_class() -> None:
    assert metrics.false_alarm_rate([1, 2], [0, 0], 2) == 0.5
    assert math.isnan(metrics.miss_rate([1, 2], [0, 0], 2))
    _, false_alarms, misses = metrics.det_curve([1, 2], [0, 0])
    assert list(false_alarms) == [1, 0.5, 0]
    assert np.isnan(misses).all()
    assert math.isnan(metrics.threshold_at([1], [1]))


@pytest.mark.parametrize(
    ("scores", "labels", "found"),
    [
        ([1, 2], [1], "found 1 and 2"),
        ([1, math.nan], [0, 1], "1 of 2"),
        ([1, 2], [0, 2], "found 2"),
        ([[1, 2]], [0, 1], r"\(1, 2\)"),
        (["a", "b"], [0, 1], "numbers"),
    ],
)
def test_unusable_input_is_named(scores: object, labels: object, found: str) -> None:
    with pytest.raises(InputError, match=found):
        metrics.auc(scores, labels)


def test_unusable_settings_are_named() -> None:
    with pytest.raises(InputError, match="prior"):
        metrics.min_dcf([1, 2], [0, 1], prior=1.0)
    with pytest.raises(InputError, match="costs"):
        metrics.act_dcf([1, 2], [0, 1], c_fa=0)
    with pytest.raises(InputError, match="false alarms"):
        metrics.detection_rate([1, 2], [0, 1], 5)
    with pytest.raises(InputError, match="confidences"):
        metrics.ece([0.2, 1.2], [0, 1])
    with pytest.raises(InputError, match="bin"):
        metrics.reliability([0.2, 0.7], [0, 1], 0)


# -- reliability


def test_reliability_weights_the_classes_to_the_prior() -> None:
    """Three bona fide and one spoof, all at 0.25; at a prior of 1/4 a quarter of the weight is spoof, at 1/2 a half."""
    assert metrics.ece([0.25] * 4, [0, 0, 0, 1], prior=0.25) == pytest.approx(0.0)
    assert metrics.ece([0.25] * 4, [0, 0, 0, 1], prior=0.5) == pytest.approx(0.25)
    (low, high) = metrics.reliability([0.25] * 4, [0, 0, 0, 1], 2, prior=0.5)
    assert (low.count, low.weight, low.confidence, low.observed) == pytest.approx((4, 1.0, 0.25, 0.5))
    assert (high.count, high.weight) == (0, 0.0)
    assert math.isnan(high.confidence)


def test_bins_are_closed_below_and_the_last_also_above() -> None:
    counts = [b.count for b in metrics.reliability([0.0, 0.5, 0.7, 1.0], [0, 0, 1, 1], 2)]
    assert counts == [1, 3]


@pytest.mark.parametrize("prior", [0.05, 0.5])
def test_a_perfect_calibration_has_a_small_ece(prior: float) -> None:
    scores, labels = two_normals(50_000, 2.0)
    sure = np.array([confidence(x, prior) for x in (2 * scores - 2) / math.log(10)])
    assert metrics.ece(sure, labels, prior=prior) < 0.01
    assert metrics.ece(sure, labels, prior=0.55 - prior) > 0.1


# -- bootstrap


def test_interval_of_a_mean_has_the_known_width() -> None:
    """Mean of 400 independent normals: standard error 1 / 20."""
    values = np.random.default_rng(0).normal(0, 1, 400)
    found = interval(np.mean, values, groups=range(400))
    assert found.value == values.mean()
    assert found.groups == 400
    assert (found.high - found.low) / (2 * 1.96 * values.std() / 20) == pytest.approx(1, rel=0.08)


def test_groups_that_agree_within_themselves_give_the_wider_interval() -> None:
    """40 persons with 25 equal recordings each: variance 1 / 40, not 1 / 1000, so 5 times as wide."""
    persons = np.repeat(np.arange(40), 25)
    values = np.random.default_rng(1).normal(0, 1, 40)[persons]
    grouped = interval(np.mean, values, groups=persons)
    alone = interval(np.mean, values, groups=range(1000))
    assert (grouped.high - grouped.low) / (alone.high - alone.low) == pytest.approx(5, rel=0.15)


def test_interval_covers_as_often_as_it_says_with_few_groups() -> None:
    """8 groups; a plain percentile interval covers about 87 % here."""
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        found = interval(np.mean, rng.normal(0, 1, 8), groups=range(8), draws=400, seed=int(rng.integers(1 << 30)))
        hits += found.low <= 0 <= found.high
    assert binomtest(hits, 200, 0.95).pvalue > 0.01


def test_every_array_is_resampled_alike_and_row_order_does_not_matter() -> None:
    scores, labels = two_normals(60, 1.0)
    groups = [f"person {i % 30}" for i in range(120)]
    made = interval(metrics.auc, scores, labels, groups=groups, draws=200)
    order = np.random.default_rng(3).permutation(120)
    again = interval(metrics.auc, scores[order], labels[order], groups=[groups[i] for i in order], draws=200)
    assert (again.low, again.high) == pytest.approx((made.low, made.high), abs=1e-12)
    assert made.low < metrics.auc(scores, labels) == made.value < made.high
    assert made != interval(metrics.auc, scores, labels, groups=groups, draws=200, seed=1)


def test_the_class_with_the_fewest_persons_decides_how_few_there_are() -> None:
    """4 persons with the signal among 54: covered 86 % of the time if all are counted, 93 % if the 4 are."""
    rng = np.random.default_rng(4)
    persons = np.repeat(np.arange(54), 5)
    labels = (persons >= 50).astype(int)
    scores = rng.normal(0, 1, 54)[persons] + rng.normal(0, 1, 270) + labels
    counted = interval(metrics.auc, scores, labels, groups=persons, labels=labels, draws=300)
    plain = interval(metrics.auc, scores, labels, groups=persons, draws=300)
    assert counted.low < plain.low < plain.high <= counted.high
    one = interval(metrics.auc, scores, persons == 53, groups=persons, labels=persons == 53, draws=300)
    assert math.isnan(one.low)


def test_draws_without_a_class_are_drawn_again() -> None:
    """One person with the signal of eight: a third of the draws lack them, the interval stands on the others."""
    scores, labels = np.array([5, 1, 2, 3, 4, 5.5, 6, 7.0]), np.array([1, 0, 0, 0, 0, 0, 0, 0])
    found = interval(metrics.auc, scores, labels, groups=range(8), draws=300)
    assert 0 <= found.low < 4 / 7 < found.high <= 1


@pytest.mark.parametrize(
    ("values", "groups"),
    [([], []), ([1.0, 2.0], ["a", "a"]), ([1.0, 1.0, 1.0], [1, 2, 3])],
)
def test_no_interval_without_spread_between_groups(values: list[float], groups: list[object]) -> None:
    found = interval(lambda v: float(v.mean()) if len(v) else math.nan, values, groups=groups)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_no_interval_where_the_metric_is_mostly_undefined() -> None:
    """At least 7 of 8 values differ in 7 % of the draws; two given ones are in 41 %, and three times as many draws are
    tried."""
    values = np.arange(8.0)
    seldom = interval(lambda v: v.mean() if len(set(v)) >= 7 else math.nan, values, groups=range(8))
    assert seldom.value == 3.5
    assert math.isnan(seldom.low)
    often = interval(lambda v: v.mean() if {0.0, 7.0} <= set(v) else math.nan, values, groups=range(8))
    assert often.low < 3.5 < often.high


def test_an_estimate_formats_itself() -> None:
    assert f"{share_interval([1, 0], [1, 2]):.1f}" == "0.5 [0.0, 1.0]"
    assert f"{interval(np.mean, [2.0], groups=[1]):.1f}" == "2.0 [no interval]"


@given(st.integers(2, 60), st.data())
@settings(max_examples=30)
def test_share_of_independent_recordings_has_scipys_exact_interval(n: int, data: st.DataObject) -> None:
    events = data.draw(st.integers(0, n))
    found = share_interval(np.arange(n) < events, range(n))
    theirs = binomtest(events, n).proportion_ci(0.95, method="exact")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_no_event_counts_persons_not_recordings() -> None:
    """0 of 5 persons: 1 - 0.025^(1/5) = 0.522."""
    assert share_interval(np.zeros(500), np.arange(500) % 5).high == pytest.approx(0.522, abs=1e-3)
    assert share_interval(np.ones(500), np.arange(500) % 5).low == pytest.approx(0.478, abs=1e-3)


def test_a_share_that_persons_decide_has_the_width_of_persons() -> None:
    """Every recording of 8 of 40 persons: as 8 of 40, not as 80 of 400."""
    persons = np.random.default_rng(5).permutation(np.arange(400) % 40)
    found = share_interval(persons < 8, persons)
    theirs = binomtest(8, 40).proportion_ci(0.95, method="exact")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_the_spread_between_few_persons_is_hardly_known() -> None:
    """All of 2 of 6 persons: 5.0 recordings by the spread, 2.9 as that is itself from 6 (t of 5 degrees of freedom)."""
    few = share_interval(np.arange(300) % 6 < 2, np.arange(300) % 6)
    assert (few.low, few.high) == pytest.approx((0.008, 0.909), abs=1e-3)


def test_shares_without_recordings_or_spread() -> None:
    assert math.isnan(share_interval([], []).value)
    assert math.isnan(share_interval([1, 0], ["a", "a"]).high)
    with pytest.raises(InputError, match="groups"):
        share_interval([1, 0], ["a"])
    with pytest.raises(InputError, match="draw"):
        interval(np.mean, [1.0], groups=[1], draws=0)
    with pytest.raises(InputError, match="level"):
        interval(np.mean, [1.0], groups=[1], level=95)
