import math
import tomllib

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from inperson import _score_maps as maps
from inperson.calibration import Calibration, confidence, fit
from inperson.errors import InputError, ModelError

TABLE = {"scores": [0, 1], "llrs": [-1, 1], "llr_range": [-1, 1]}


def normal_scores(n: int, gap: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 1, n), rng.normal(gap, 1, n)]), np.repeat([0, 1], n)


def stepped_scores(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores from 0 to 10 that tell nothing below 7; above, three of four are spoofs: no straight line fits."""
    rng = np.random.default_rng(seed)
    share = {0: 0.15, 1: 0.45}
    labels = np.repeat([0, 1], n)
    high = rng.random(2 * n) < np.where(labels == 1, share[1], share[0])
    return np.where(high, rng.uniform(7, 10, 2 * n), rng.uniform(0, 7, 2 * n)), labels


def slope(made: Calibration) -> float:
    return (made.llrs[-1] - made.llrs[0]) / (made.scores[-1] - made.scores[0])


def test_recovers_the_true_ratio_of_two_normals() -> None:
    """N(0,1) against N(2,1): the natural-log ratio is 2x - 2."""
    scores, labels = normal_scores(20_000, 2.0)
    fitted = fit(scores, labels, np.arange(40_000) % 50)
    assert slope(fitted) * math.log(10) == pytest.approx(2.0, rel=0.12)
    assert fitted.llr(1.0) == pytest.approx(0.0, abs=0.03)


def test_agrees_with_scikit_learn() -> None:
    scores, labels = normal_scores(300, 1.0)
    fitted = fit(scores, labels, range(len(scores)), method="logistic")
    reference = LogisticRegression(C=1e6, class_weight="balanced").fit(scores[:, None], labels)
    assert slope(fitted) * math.log(10) == pytest.approx(reference.coef_[0, 0], rel=0.05)


def test_the_isotonic_fit_agrees_with_scikit_learn() -> None:
    """The same pooling, with one misleading recording of each class beyond the ends."""
    scores, labels = stepped_scores(60)
    curve = maps.isotonic(scores, labels, np.arange(120).astype(str))
    x = np.concatenate([[-1.0], scores, [11.0]])
    reference = IsotonicRegression().fit(x, np.concatenate([[1], labels, [0]]))
    share = reference.predict(curve.scores)
    assert curve.llrs == pytest.approx(np.log10(share / (1 - share)))


def test_steps_take_the_isotonic_map_and_normals_the_straight_one() -> None:
    for seed in range(5):
        scores, labels = stepped_scores(400, seed)
        stepped = fit(scores, labels, range(800), seed=seed)
        assert stepped.method == "isotonic"
        assert stepped.llr(9.0) == pytest.approx(math.log10(0.45 / 0.15), abs=0.15)
        scores, labels = normal_scores(400, 1.5, seed)
        assert fit(scores, labels, range(800), seed=seed).method == "logistic"


def test_few_groups_are_never_given_steps() -> None:
    scores, labels = stepped_scores(400)
    few = [f"{label}{i % (maps.ISOTONIC_GROUPS - 1)}" for i, label in enumerate(labels)]
    enough = [f"{label}{i % maps.ISOTONIC_GROUPS}" for i, label in enumerate(labels)]
    assert fit(scores, labels, few).method == "logistic"
    assert fit(scores, labels, enough).method == "isotonic"


def test_choosing_keeps_groups_whole() -> None:
    """Every group repeats one value of its own: only a fit that saw the group could profit from so fine a curve."""
    rng = np.random.default_rng(3)
    value = rng.normal(0, 1, 80)
    label = rng.permutation(np.repeat([0, 1], 40))
    groups = np.repeat(np.arange(80), 50)
    assert fit(value[groups], label[groups], groups).method == "logistic"


def test_an_isotonic_map_is_monotone_small_finite_and_bounded() -> None:
    scores, labels = normal_scores(400, 3.0)
    fitted = fit(scores, labels, range(800), method="isotonic")
    assert len(fitted.scores) <= maps.KNOTS
    assert list(fitted.llrs) == sorted(fitted.llrs)
    assert max(map(abs, fitted.llrs)) <= math.log10(401)
    assert fitted.llr(1e9) == fitted.llr(scores.max())
    assert fitted.llr(-1e9) == fitted.llr(scores.min())
    assert fitted.llr(0.0) < -0.5
    assert fitted.llr(3.0) > 0.5
    low, high = fitted.interval(3.0)
    assert low < fitted.llr(3.0) < high


def test_even_separable_scores_get_no_infinite_ratio() -> None:
    fitted = fit(np.arange(100.0), np.repeat([0, 1], 50), range(100), method="isotonic")
    assert fitted.llrs[-1] == pytest.approx(math.log10(50))
    assert fitted.llrs[0] == pytest.approx(-math.log10(50))


def test_thinning_keeps_the_ends_and_the_shape() -> None:
    x = np.linspace(0, 1, 200)
    thin = maps.thinned(maps.Curve(x, np.tanh(8 * (x - 0.5))))
    assert len(thin.scores) == maps.KNOTS
    assert (thin.scores[0], thin.scores[-1]) == (0, 1)
    assert thin.at(x) == pytest.approx(np.tanh(8 * (x - 0.5)), abs=0.05)


def test_is_flat_outside_the_fitted_range_and_bounded_by_the_data() -> None:
    scores, labels = normal_scores(20, 8.0)
    fitted = fit(scores, labels, range(len(scores)))
    assert fitted.llr(1e6) == fitted.llr(scores.max()) == pytest.approx(math.log10(21))
    assert fitted.llr(-1e6) == pytest.approx(-math.log10(21))


def test_the_bound_counts_groups_not_clips() -> None:
    scores, labels = normal_scores(400, 8.0)
    fitted = fit(scores, labels, [i % 5 for i in range(800)])
    assert fitted.llr_range[1] <= math.log10(6)


def test_a_further_bound_is_kept() -> None:
    scores, labels = normal_scores(200, 8.0)
    for method in ("logistic", "isotonic"):
        fitted = fit(scores, labels, range(400), max_llr=0.5, method=method)
        assert (fitted.llr(1e6), fitted.llr(-1e6)) == (0.5, -0.5)


@pytest.mark.parametrize("method", ["logistic", "isotonic"])
def test_a_score_pointing_the_wrong_way_says_nothing(method) -> None:
    scores, labels = normal_scores(100, 2.0)
    fitted = fit(-scores, labels, range(200), method=method)
    assert fitted.llr(3.0) == pytest.approx(0.0, abs=1e-12)
    assert fitted.llr(-3.0) == pytest.approx(0.0, abs=1e-12)


def test_flat_means_that_every_score_gets_the_same() -> None:
    scores, labels = normal_scores(100, 2.0)
    assert fit(-scores, labels, range(200)).flat
    assert not fit(scores, labels, range(200)).flat
    assert Calibration((0.0, 1.0), (0.6, 0.9), (-0.5, 0.5)).flat


def test_a_worthless_score_has_an_interval_all_the_same() -> None:
    scores, labels = normal_scores(20, 0.3)
    fitted = fit(-scores, labels, range(40))
    assert fitted.llr(2.0) == 0.0
    low, high = fitted.interval(2.0)
    assert low < -0.05
    assert high >= 0.0


def test_a_neutral_score_is_kept_neutral() -> None:
    scores, labels = normal_scores(100, 2.0)
    fitted = fit(scores, labels, range(200), neutral=0.0)
    assert fitted.llr(0.0) == pytest.approx(0.0, abs=1e-12)
    assert fitted.interval(0.0) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert fitted.llr(2.0) > 0.3


def test_a_single_score_is_a_map_too() -> None:
    fitted = fit(np.ones(8), np.repeat([0, 1], 4), range(8))
    assert fitted.scores == (1.0,)
    assert fitted.flat
    assert fitted.llr(5.0) == pytest.approx(0.0)


def test_the_interval_holds_the_point_and_grows_with_spread() -> None:
    scores, labels = normal_scores(50, 1.0)
    fitted = fit(scores, labels, range(100))
    narrow, wide = fitted.interval(0.8), fitted.interval(0.8, spread=1.0)
    assert narrow[0] <= fitted.llr(0.8) <= narrow[1]
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_far_beyond_the_bound_the_interval_spans_the_rule_of_three() -> None:
    scores, labels = normal_scores(20, 8.0)
    fitted = fit(scores, labels, range(len(scores)))
    assert fitted.interval(1e6) == pytest.approx((math.log10(21) - math.log10(3), math.log10(21)))
    assert fitted.interval(-1e6) == pytest.approx((-math.log10(21), math.log10(3) - math.log10(21)))


def test_knots_mean_the_same_as_slope_and_intercept_did() -> None:
    """Hand-computed: llr = 2 x - 1 on 0 to 2, bounded at 1.5, and one resampled map x + 0.2."""
    made = Calibration((0.0, 2.0), (-1.0, 3.0), (-0.8, 1.5), ((0.2, 2.2),))
    assert [made.llr(x) for x in (-9, 0, 0.5, 1.0, 1.2, 9)] == pytest.approx([-0.8, -0.8, 0.0, 1.0, 1.4, 1.5])
    assert made.interval(0.4) == pytest.approx((-0.2, 0.6))  # the point, and the resampled map at 0.4
    assert made.interval(9.0) == pytest.approx((1.5 - math.log10(3), 1.5))


def test_nominal_thresholds_gave_their_false_alarms() -> None:
    bonafide = np.random.default_rng(5).permutation(np.arange(1.0, 201.0))
    scores, labels = np.concatenate([bonafide, np.arange(100.0, 300.0)]), np.repeat([0, 1], 200)
    nominal = fit(scores, labels, range(400)).nominal
    assert nominal == pytest.approx({0.01: 198.0, 0.05: 190.0})
    assert [(bonafide >= nominal[rate]).sum() for rate in (0.01, 0.05)] == [2, 10]
    tied = fit(np.round(scores, -1), labels, range(400)).nominal
    assert (np.round(bonafide, -1) >= tied[0.05]).sum() == 6  # at 200; with the 10 at 190 it were too many
    persons = fit(scores, labels, np.arange(400) // 20).nominal  # 10 genuine persons cannot show 5 %
    assert persons == pytest.approx({0.01: 200.0, 0.05: 200.0})
    few = fit(scores[195:205], np.repeat([0, 1], 5), range(10)).nominal
    assert few[0.05] > bonafide[195:].max()  # none of five may be reached


@pytest.mark.parametrize("method", ["logistic", "isotonic"])
def test_survives_the_card(method) -> None:
    scores, labels = normal_scores(50, 1.0)
    fitted = fit(scores, labels, range(100), method=method)
    text = fitted.to_toml()
    again = Calibration.from_card(tomllib.loads(text)["calibration"])
    assert max(map(len, text.splitlines())) <= 120 or method == "isotonic"
    assert [again.llr(x) for x in np.linspace(-5, 5, 41)] == [fitted.llr(x) for x in np.linspace(-5, 5, 41)]
    assert again.interval(0.3) == pytest.approx(fitted.interval(0.3), abs=1e-4)
    assert (again.n_bonafide, again.n_spoof) == (50, 50)
    assert (again.method, again.nominal) == (method, fitted.nominal)
    assert again.to_toml() == text


def test_confidence_follows_bayes() -> None:
    assert confidence(0.0, 0.5) == 0.5
    assert confidence(1.0, 0.5) == pytest.approx(10 / 11)
    assert confidence(0.0, 0.01) == pytest.approx(0.01)
    with pytest.raises(InputError, match="above 0 and below 1"):
        confidence(0.0, 1.0)


def test_refuses_what_it_cannot_fit() -> None:
    with pytest.raises(InputError, match="at least 4 groups"):
        fit([0, 1, 2, 3], [0, 0, 1, 1], range(4))
    with pytest.raises(InputError, match="finite"):
        fit([0, math.nan], [0, 1], range(2))
    with pytest.raises(InputError, match="as many labels"):
        fit([0, 1], [0], range(2))
    scores, labels = normal_scores(10, 1.0)
    with pytest.raises(InputError, match="neutral"):
        fit(scores, labels, range(20), neutral=0.0, method="isotonic")
    with pytest.raises(InputError, match="'linear'"):
        fit(scores, labels, range(20), method="linear")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": None}, "not usable"),
        ({"llrs": [math.inf, 0]}, "not finite"),
        ({"scores": [1, 0]}, "ascend"),
        ({"scores": [0, 0]}, "ascend"),
        ({"scores": [], "llrs": []}, "ascend"),
        ({"llrs": [0, 0, 0]}, "one a score"),
        ({"bootstrap": [[1]]}, "one a score"),
        ({"llr_range": [1, -1]}, "llr_range"),
        ({"nominal": {"often": 1.0}}, "often"),
    ],
)
def test_refuses_a_card_that_does_not_add_up(change, message) -> None:
    assert Calibration.from_card(TABLE).llr(0.75) == pytest.approx(0.5)
    with pytest.raises(ModelError, match=message):
        Calibration.from_card({**TABLE, **change})


def test_refuses_the_older_form_and_names_the_remedy() -> None:
    older = {"slope": 1.0, "intercept": 0.0, "score_range": [-2.0, 2.0], "llr_range": [-1.0, 1.0]}
    with pytest.raises(ModelError, match=r"older form \(slope, intercept\).*refit it"):
        Calibration.from_card(older, "loudness-0.1.0")
