import math
import tomllib

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from inperson.calibration import Calibration, confidence, fit
from inperson.errors import InputError, ModelError


def normal_scores(n: int, gap: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 1, n), rng.normal(gap, 1, n)]), np.repeat([0, 1], n)


def test_recovers_the_true_ratio_of_two_normals() -> None:
    """N(0,1) against N(2,1): the natural-log ratio is 2x - 2."""
    scores, labels = normal_scores(20_000, 2.0)
    fitted = fit(scores, labels, np.arange(40_000) % 50)
    assert fitted.slope * math.log(10) == pytest.approx(2.0, rel=0.12)
    assert fitted.llr(1.0) == pytest.approx(0.0, abs=0.03)


def test_agrees_with_scikit_learn() -> None:
    scores, labels = normal_scores(300, 1.0)
    fitted = fit(scores, labels, range(len(scores)))
    reference = LogisticRegression(C=1e6, class_weight="balanced").fit(scores[:, None], labels)
    assert fitted.slope * math.log(10) == pytest.approx(reference.coef_[0, 0], rel=0.05)


def test_is_flat_outside_the_fitted_range_and_bounded_by_the_data() -> None:
    scores, labels = normal_scores(20, 8.0)
    fitted = fit(scores, labels, range(len(scores)))
    assert fitted.llr(1e6) == fitted.llr(scores.max()) == pytest.approx(math.log10(21))
    assert fitted.llr(-1e6) == pytest.approx(-math.log10(21))


def test_the_bound_counts_groups_not_clips() -> None:
    scores, labels = normal_scores(400, 8.0)
    fitted = fit(scores, labels, [i % 5 for i in range(800)])
    assert fitted.llr_range[1] <= math.log10(6)


def test_a_score_pointing_the_wrong_way_says_nothing() -> None:
    scores, labels = normal_scores(100, 2.0)
    fitted = fit(-scores, labels, range(200))
    assert fitted.llr(3.0) == fitted.llr(-3.0) == 0.0


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
    assert fitted.llr(0.0) == 0.0
    assert fitted.interval(0.0) == (0.0, 0.0)
    assert fitted.llr(2.0) > 0.3


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


def test_survives_the_card() -> None:
    scores, labels = normal_scores(50, 1.0)
    fitted = fit(scores, labels, range(100))
    again = Calibration.from_card(tomllib.loads(fitted.to_toml())["calibration"])
    assert again.llr(0.3) == pytest.approx(fitted.llr(0.3))
    assert again.interval(0.3) == pytest.approx(fitted.interval(0.3), abs=1e-4)
    assert (again.n_bonafide, again.n_spoof) == (50, 50)


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
    with pytest.raises(ModelError, match="not usable"):
        Calibration.from_card({"slope": 1.0})
    with pytest.raises(ModelError, match="not finite"):
        Calibration.from_card(
            {"slope": math.inf, "intercept": 0, "score_range": [0, 1], "llr_range": [-1, 1]},
        )
