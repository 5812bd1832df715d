"""Pooling of window logits: known answers, limits, robustness, the interviewer as reference, kinds told apart."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from inperson.detectors._voice_pooling import (
    LAG,
    OUTLYING,
    KindBand,
    Levels,
    Pooled,
    Windows,
    beside,
    kind,
    log_ratio,
    pooled,
    spread,
)
from inperson.errors import InputError, ModelError
from inperson.evaluation.metrics import cllr
from inperson.types import Span

LEVELS = Levels(means=(-2.0, 1.5), between=(1.0, 1.6), within=1.2, correlation=0.3)
CARD = {"means": [-2.0, 1.5], "between": [1.0, 1.6], "within": 1.2, "correlation": 0.3}
BAND = KindBand({"generated": 0.5, "converted": 1.0, "codec": 0.0}, lead=0.7)


def windows(logits: list[float] | np.ndarray, step: float = LAG) -> Windows:
    return Windows.of(logits, [Span(step * i, step * i + LAG) for i in range(len(logits))])


def recording(label: int, n: int, rng: np.random.Generator, levels: Levels = LEVELS) -> Windows:
    """Drawn from the model itself."""
    e = rng.standard_normal(n)
    for i in range(1, n):
        e[i] = levels.correlation * e[i - 1] + math.sqrt(1 - levels.correlation**2) * e[i]
    return windows(rng.normal(levels.means[label], levels.between[label]) + levels.within * e)


def test_one_window_gives_the_plain_gaussian_ratio() -> None:
    for x in (-1.0, 0.3, 4.0):
        spreads = [math.hypot(b, LEVELS.within) for b in LEVELS.between]
        expected = norm.logpdf(x, 1.5, spreads[1]) - norm.logpdf(x, -2.0, spreads[0])
        assert log_ratio(pooled(windows([x]), LEVELS), LEVELS) == pytest.approx(expected)


def test_the_mean_of_three_has_the_variance_of_its_correlations() -> None:
    """1, r, r^2: the variance of the mean is within^2 (3 + 4 r + 2 r^2) / 9."""
    found = pooled(windows([0.0, 0.3, 0.6]), LEVELS)
    assert found.mean == pytest.approx(0.3)
    assert found.variance == pytest.approx(1.44 * (3 + 4 * 0.3 + 2 * 0.09) / 9)


def test_windows_far_apart_in_time_count_as_independent() -> None:
    assert pooled(windows([0.0, 0.0], step=1000.0), LEVELS).variance == pytest.approx(0.72)


def test_more_windows_make_more_certain_but_never_beyond_the_recordings_own_deviation() -> None:
    ratios = [log_ratio(pooled(windows([1.5] * n), LEVELS), LEVELS) for n in (1, 2, 5, 20, 1000)]
    limit = norm.logpdf(1.5, 1.5, 1.6) - norm.logpdf(1.5, -2.0, 1.0)
    assert ratios == sorted(ratios)
    assert ratios[-1] < limit
    assert ratios[-1] == pytest.approx(limit, rel=0.01)


def test_perfectly_correlated_windows_count_as_one() -> None:
    levels = replace(LEVELS, correlation=1.0)
    many, one = pooled(windows([0.7] * 50), levels), pooled(windows([0.7]), levels)
    assert (many.mean, many.variance) == pytest.approx((one.mean, one.variance))


def test_uncorrelated_windows_halve_the_error_at_four() -> None:
    assert pooled(windows([0.0] * 4), replace(LEVELS, correlation=0.0)).variance == pytest.approx(0.36)


def test_the_ratio_is_calibrated_at_every_length_and_gains_by_it() -> None:
    """On data drawn from the model: Cllr falls with length, and no scaling of the log ratio would lower it."""
    rng = np.random.default_rng(0)
    labels = np.arange(1600) % 2
    costs = []
    for n in (1, 4, 30):
        logs = np.array([log_ratio(pooled(recording(y, n, rng), LEVELS), LEVELS) for y in labels]) / math.log(10)
        scaled = [cllr(a * logs, labels) for a in (0.75, 1.0, 1.3)]
        assert scaled[1] < min(scaled[0], scaled[2]) + 0.002
        costs.append(scaled[1])
    assert costs[0] > costs[1] + 0.02 > costs[2] + 0.02
    assert costs[0] == pytest.approx(0.5, abs=0.1)


def test_a_burst_moves_the_level_no_further_than_its_share() -> None:
    calm = [0.0] * 18
    for burst in (8.0, 1000.0):
        found = pooled(windows([*calm, burst, burst]), LEVELS)
        assert found.mean == pytest.approx(0.1 * OUTLYING * LEVELS.within)


def test_doubtful_windows_weigh_less() -> None:
    spans = [Span(0, 5), Span(500, 505)]
    found = pooled(Windows.of([0.0, 1.0], spans, [0.75, 0.0]), LEVELS)
    assert found.mean == pytest.approx(0.8)
    assert found.variance == pytest.approx(1.44 * (0.04 + 0.64))
    assert pooled(Windows.of([0.0, 1.0], spans, [1.0, 1.0]), LEVELS).mean == pytest.approx(0.5)


def test_short_windows_weigh_less() -> None:
    """A window of a sixteenth of the length has twice the deviation, and a quarter of the weight."""
    far = 10000.0
    found = pooled(Windows.of([0.0, 1.0], [Span(0, LAG / 16), Span(far, far + LAG)]), LEVELS)
    assert found.mean == pytest.approx(0.8)
    assert found.variance == pytest.approx(1.44 / (1 / 4 + 1))


def test_the_order_of_the_windows_does_not_matter() -> None:
    spans = [Span(10, 14), Span(0, 4), Span(5, 9)]
    sorted_spans = sorted(spans)
    assert pooled(Windows.of([3.0, 1.0, 2.0], spans), LEVELS) == pooled(Windows.of([1, 2, 3], sorted_spans), LEVELS)


@pytest.mark.parametrize("between", [(1.0, 1.6), (1.6, 1.0), (1.2, 1.2)])
def test_a_higher_level_never_gives_a_lower_ratio(between: tuple[float, float]) -> None:
    levels = replace(LEVELS, between=between)
    ratios = [log_ratio(Pooled(x, 0.1), levels) for x in np.linspace(-60, 60, 500)]
    assert np.all(np.diff(ratios) >= 0)
    assert ratios[0] < 0 < ratios[-1]


def test_the_spread_is_the_levels_error_times_the_slope() -> None:
    """Alike deviations b: the ratio is a line of slope (difference of means) / (b^2 + v)."""
    levels = replace(LEVELS, between=(1.2, 1.2))
    assert spread(Pooled(0.4, 0.25), levels) == pytest.approx(0.5 * 3.5 / (1.44 + 0.25))
    assert spread(Pooled(0.4, 0.0), levels) == 0


def test_without_a_fitted_reference_the_interviewer_changes_nothing() -> None:
    candidate = Pooled(1.0, 0.2)
    assert beside(candidate, Pooled(0.0, 0.1), LEVELS) == candidate


def test_the_interviewers_excess_is_taken_off_by_regression() -> None:
    """reference r, excess e, interviewer's error v: r / (1 + v / between^2) of e."""
    levels = replace(LEVELS, reference=0.5)
    found = beside(Pooled(1.0, 0.2), Pooled(-1.0, 0.25), levels)
    assert found.mean == pytest.approx(1.0 - 0.5 / 1.25 * 1.0)
    assert found.variance == 0.2


def test_the_interviewer_never_adds_suspicion_and_may_be_a_machine() -> None:
    levels = replace(LEVELS, reference=0.5)
    candidate = Pooled(1.0, 0.2)
    assert beside(candidate, Pooled(-6.0, 0.1), levels) == candidate
    assert beside(candidate, Pooled(2.1, 0.1), levels) == candidate
    lowered = [beside(candidate, Pooled(-2.0 + x, 0.1), levels).mean for x in (1.0, 2.0, 3.0)]
    assert lowered[1] < lowered[0] == pytest.approx(lowered[2])


def test_the_reference_helps_where_the_channel_is_shared() -> None:
    """Half of the genuine deviation is the channel's: fewer genuine candidates over one threshold, few attacks lost."""
    levels, rng = replace(LEVELS, reference=0.5), np.random.default_rng(1)
    over = {0: np.zeros(2), 1: np.zeros(2)}
    for i in range(4000):
        label = i % 2
        channel = rng.normal(0, math.sqrt(0.5))
        own = math.sqrt(levels.between[label] ** 2 - 0.5)
        candidate = Pooled(levels.means[label] + channel + rng.normal(0, own), 0.1)
        interviewer = Pooled(levels.means[0] + channel + rng.normal(0, math.sqrt(0.5)), 0.05)
        both = (candidate, beside(candidate, interviewer, levels))
        over[label] += [log_ratio(one, levels) > 0.5 for one in both]
    assert over[0][1] < 0.75 * over[0][0]
    assert over[1][1] > 0.9 * over[1][0]


def test_the_card_is_read() -> None:
    assert Levels.from_card(CARD) == LEVELS
    assert Levels.from_card({**CARD, "reference": 0.2}).reference == 0.2


@pytest.mark.parametrize(
    "change",
    [
        {"means": [1.0, 1.0]},
        {"means": [1.0]},
        {"between": [0.0, 1.0]},
        {"within": math.nan},
        {"correlation": 1.1},
        {"reference": 1.0},
        {"within": "wide"},
    ],
)
def test_a_card_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ModelError, match=r"\[utterances\] of voice-1"):
        Levels.from_card({**CARD, **change}, "voice-1")


def test_a_card_without_the_constants_is_refused() -> None:
    with pytest.raises(ModelError, match="correlation"):
        Levels.from_card({key: value for key, value in CARD.items() if key != "correlation"})


@pytest.mark.parametrize(
    ("logits", "count", "doubts"), [([], 0, None), ([1.0], 2, None), ([math.inf], 1, None), ([1.0], 1, [0.1, 0.2])]
)
def test_windows_that_do_not_go_together_are_refused(
    logits: list[float], count: int, doubts: list[float] | None
) -> None:
    with pytest.raises(InputError, match=r"go together|not finite"):
        Windows.of(logits, [Span(i, i + 1) for i in range(count)], doubts)


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        ((3.0, 0.0, 0.0), "generated"),
        ((0.0, 3.0, 0.0), "converted"),
        ((-1.0, -1.0, 0.1), "codec"),
        ((3.0, 2.5, 0.0), "cannot_tell"),
        ((-1.0, 0.9, -3.0), "cannot_tell"),
        ((-3.0, -3.0, -3.0), "cannot_tell"),
        ((math.nan, 3.0, 0.0), "cannot_tell"),
        ((math.inf, 0.0, 0.0), "cannot_tell"),
    ],
)
def test_a_kind_is_named_only_with_a_lead(heads: tuple[float, float, float], expected: str) -> None:
    assert kind(*heads, BAND) == expected


def test_the_kinds_band_is_read_from_a_card() -> None:
    table = {"generated": 0.5, "converted": 1, "codec": 0.0, "lead": 0.7}
    assert KindBand.from_card(table) == BAND
    for bad in ({**table, "lead": -1}, {**table, "codec": math.inf}, {"lead": 1}):
        with pytest.raises(ModelError, match=r"\[kinds\]"):
            KindBand.from_card(bad)
