"""The simulated interviews behind docs/live_assist.md: drawn as they say, and the page shows what was measured."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "training" / "response_latency"
NAMES = ("simulate", "population", "interviews", "sensitivity", "sensitivity_page")

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="training scripts are in the repository only")


@pytest.fixture(scope="module")
def scripts() -> Iterator[dict[str, ModuleType]]:
    sys.path.insert(0, str(FOLDER))
    yield {name: importlib.import_module(name) for name in NAMES}
    sys.path.remove(str(FOLDER))
    for name in NAMES:
        sys.modules.pop(name, None)


def plan(scripts, seed=3, answers=10, **habit):
    rng = np.random.default_rng(seed)
    people, made = scripts["population"], scripts["interviews"]
    return made.planned(made.drawn(people.read(), rng), answers, 5, rng, made.Habit(**habit))


def test_the_population_is_one(scripts) -> None:
    kinds = scripts["population"].read()
    assert sum(kind.weight for kind in kinds) == pytest.approx(1)
    for kind in kinds:
        assert np.linalg.eigvalsh(kind.covariance).min() > -1e-4
        assert kind.people >= 9


def test_traits_of_made_up_answers_are_known(scripts) -> None:
    people = scripts["population"]
    asked = np.tile([2.0, 4.0, 8.0], 20)
    scatter = np.repeat(np.linspace(-0.3, 0.3, 20), 3)
    long = np.stack([0.9 + 0.2 * np.log2(asked / 4) + scatter, asked, 10 + 0 * asked, 1 + 0 * asked], axis=1)
    short = np.stack([np.linspace(0.1, 0.5, 21), np.ones(21), np.ones(21), np.zeros(21)], axis=1)
    found = dict(zip(people.TRAITS, people._traits(np.concatenate([long, short])), strict=True))
    assert found["baseline"] == pytest.approx(0.3)
    assert found["thinking"] == pytest.approx(0.6)
    assert found["growth"] == pytest.approx(0.2)
    assert found["log_short"] == pytest.approx(np.log(0.2 / people.IQR))
    assert found["log_question"] == pytest.approx(np.log(4))


def test_the_library_finds_the_offsets_that_were_laid_out(scripts) -> None:
    made = scripts["interviews"]
    one = plan(scripts)
    offsets = np.clip(one.offsets, -0.6, 9)
    found = made.conversation(one, offsets).exchanges
    assert len(found) == 15
    assert [exchange.offset for exchange in found] == pytest.approx(offsets.tolist())
    assert sum(map(scripts["simulate"].is_substantive, found)) == 10


def test_pauses_within_answers_move_no_offset(scripts) -> None:
    one, paused = plan(scripts), plan(scripts, pauses=0.5)
    offsets = np.clip(one.offsets, -0.6, 9)
    made = scripts["interviews"].conversation(paused, offsets, np.random.default_rng(1))
    assert len(made.turns) > 40
    assert [exchange.offset for exchange in made.exchanges] == pytest.approx(offsets.tolist())


def test_an_assistants_delays_have_the_mean_and_spread_they_are_labelled_with(scripts) -> None:
    made, rng = scripts["interviews"], np.random.default_rng(2)
    one = plan(scripts, answers=4000)
    drawn = made.assisted(one, made.Assistant(1.5, 0.3), rng)
    assert drawn[one.long].mean() == pytest.approx(1.5, abs=0.02)
    assert drawn[one.long].std() == pytest.approx(0.3, abs=0.02)
    assert np.array_equal(drawn[~one.long], one.offsets[~one.long])
    half = made.assisted(one, made.Assistant(1.5, 0.3, share=0.5), rng)
    assert np.mean(half[one.long] != one.offsets[one.long]) == pytest.approx(0.5, abs=0.03)


def test_a_slow_person_has_the_mean_asked_for(scripts) -> None:
    assert plan(scripts, mean=1.5, stretch=1.3).offsets.mean() == pytest.approx(1.5)


def test_slow_and_regular_assistants_score_above_the_same_people_without(scripts) -> None:
    what = scripts["sensitivity"]
    simulation = what.Simulation(scripts["population"].read(), what.Instrument.shipped(), seed=5)
    people = range(12)
    without = simulation.scores(people, 10, what.Setting())
    assert np.all(simulation.scores(people, 10, what.Setting(), 2.0, 0.2) > without)
    assert np.array_equal(without, simulation.scores(people, 10, what.Setting()))


def test_shares_and_intervals_of_known_scores(scripts) -> None:
    share = scripts["sensitivity"].share_with_interval
    negative, rng = np.arange(1000.0), np.random.default_rng(0)
    value, low, high = share(np.repeat([2000.0, 0.0], 50), negative, 0.05, rng)
    assert value == 0.5
    assert 0.38 < low < 0.46
    assert 0.54 < high < 0.62
    assert share(negative, negative, 0.05, rng)[0] == pytest.approx(0.05, abs=0.002)


def test_the_shortest_delay_is_where_four_in_five_are_found_from_there_on(scripts) -> None:
    shares = {0.3: 0.9, 0.5: 0.5, 0.7: 0.81, 1.0: 0.9}
    cells = [{"delay": delay, "detected_at_0.05": [share, 0, 1]} for delay, share in shares.items()]
    assert scripts["sensitivity_page"].smallest(cells, 0.05) == 0.7
    assert scripts["sensitivity_page"].smallest(cells[:2], 0.05) is None


def test_the_page_shows_the_figures_that_were_measured(scripts) -> None:
    page, text = scripts["sensitivity_page"], (ROOT / "docs/live_assist.md").read_text()
    found = json.loads((FOLDER / "sensitivity.json").read_text())
    assert page.replaced(text, page.figures(found)) == text, "run: python sensitivity_page.py sensitivity.json"
    assert "simulated" in text.split(page.BEGIN)[1].splitlines()[1]
