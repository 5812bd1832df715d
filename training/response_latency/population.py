"""How people differ in the timing of their answers: fitted to real conversations, and drawn from again.

    python population.py TURNS --out population.json     # fit and calibrate parts (simulate.py); the test part is not
    read python population.py TURNS --check                   # real people beside simulated ones, through the
    detector's eyes

For every person with enough answers: the median offset of short exchanges, how much later longer answers begin, the
scatter of both, how the offset grows with the question's length, and how long questions and answers are. Over the
people of one kind of conversation these are taken as jointly normal. What a person's few answers leave uncertain is
not a difference between people, so it is estimated by resampling each person's answers and taken off their covariance.
The shape of a person's offsets around the median (overlaps, now and then a very late one) is kept as quantiles, of all
people of a kind together.

The file holds these numbers alone: nothing of a single person.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from simulate import Conversation, is_substantive, load, split

from inperson.exchanges import Exchange

Array = NDArray[np.float64]

TRAITS = ("baseline", "thinking", "log_short", "log_long", "growth", "log_question", "log_answer")
"""Median offset of short exchanges (s); how much later longer answers begin (s); log scatter of either (log s); growth
of the offset when a question is twice as long (s); mean log length of longer questions and answers (log s)."""
KINDS = {"primock57": "consultation", "ami": "meeting", "voxconverse": "broadcast", "earnings21": "earnings call"}
WEIGHTS = {"consultation": 0.5, "meeting": 0.25, "broadcast": 0.25, "earnings call": 0.0}
"""Shares of simulated people. Own choice: consultations, two people over video, are nearest to an interview; in
earnings calls answers are prepared, so they are reported apart."""
FEWEST = (6, 3)
"""Longer and short exchanges of a person below which nothing is estimated."""
IQR = 1.53
"""Interquartile range of a Student t with 3 degrees of freedom and scale 1, the detector's description of offsets."""
SHAPE = np.linspace(0, 1, 41)
"""Probabilities of the quantiles that describe the offsets around a person's median."""
LEAST_SCATTER = 0.05
RESAMPLES = 200
FILE = Path(__file__).with_name("population.json")


@dataclass(frozen=True)
class Kind:
    """People of one kind of conversation; `long` and `short` are quantiles at `SHAPE` of offsets, standardised."""

    name: str
    weight: float
    people: int
    mean: Array
    covariance: Array
    long: Array
    short: Array
    spread_question: float
    spread_answer: float


def read(path: Path = FILE) -> list[Kind]:
    """The population that `main` wrote."""
    return [
        Kind(**{k: np.array(v) if isinstance(v, list) else v for k, v in row.items()})
        for row in json.loads(path.read_text(encoding="utf-8"))["kinds"]
    ]


def fitted(folder: Path) -> list[Kind]:
    """The population of the fit and calibrate parts of `folder`."""
    people = [c for c in load(folder) if split(c) != "test" and _enough(c.exchanges)]
    return [_kind(name, [c for c in people if c.kind == corpus]) for corpus, name in KINDS.items()]


def _enough(found: Sequence[Exchange]) -> bool:
    long = sum(map(is_substantive, found))
    return long >= FEWEST[0] and len(found) - long >= FEWEST[1]


def _kind(name: str, people: list[Conversation]) -> Kind:
    rng = np.random.default_rng(len(people))
    traits, noise, long, short, questions, answers = [], [], [], [], [], []
    for person in people:
        rows = _rows(person.exchanges)
        one = _traits(rows)
        traits.append(one)
        noise.append(np.cov([_traits(_resampled(rows, rng)) for _ in range(RESAMPLES)], rowvar=False))
        of_long, of_short = _standardised(rows, one)
        long.append(of_long)
        short.append(of_short)
        kept = rows[rows[:, 3] > 0]
        questions.append(np.std(np.log(kept[:, 1])))
        answers.append(np.std(np.log(kept[:, 2])))
    observed = np.cov(traits, rowvar=False)
    return Kind(
        name,
        WEIGHTS[name],
        len(people),
        np.mean(traits, axis=0),
        _positive(observed - np.mean(noise, axis=0)),
        np.quantile(np.concatenate(long), SHAPE),
        np.quantile(np.concatenate(short), SHAPE),
        float(np.mean(questions)),
        float(np.mean(answers)),
    )


def _rows(found: Sequence[Exchange]) -> Array:
    """(n, 4): offset, question's and answer's length, whether substantive."""
    return np.array([(e.offset, e.question.duration, e.answer.duration, is_substantive(e)) for e in found])


def _resampled(rows: Array, rng: np.random.Generator) -> Array:
    parts = [rows[rows[:, 3] == flag] for flag in (0, 1)]
    return np.concatenate([part[rng.integers(len(part), size=len(part))] for part in parts])


def _traits(rows: Array) -> Array:
    long, short = rows[rows[:, 3] > 0], rows[rows[:, 3] == 0, 0]
    asked = np.log2(long[:, 1])
    growth = _theil_sen(asked, long[:, 0])
    even = long[:, 0] - growth * (asked - np.median(asked))
    return np.array(
        [
            np.median(short),
            np.median(even) - np.median(short),
            np.log(_scatter(short)),
            np.log(_scatter(even)),
            growth,
            np.log(long[:, 1]).mean(),
            np.log(long[:, 2]).mean(),
        ]
    )


def _standardised(rows: Array, traits: Array) -> tuple[Array, Array]:
    """A person's offsets, longer and short, without their median and in units of their scatter."""
    long, short = rows[rows[:, 3] > 0], rows[rows[:, 3] == 0, 0]
    asked = np.log2(long[:, 1])
    even = long[:, 0] - traits[4] * (asked - np.median(asked))
    return (even - np.median(even)) / np.exp(traits[3]), (short - np.median(short)) / np.exp(traits[2])


def _scatter(values: Array) -> float:
    low, high = np.quantile(values, [0.25, 0.75])
    return max(float(high - low) / IQR, LEAST_SCATTER)


def _theil_sen(x: Array, y: Array) -> float:
    """Median slope over all pairs (Sen, JASA 63, 1968); 0 where no two differ in x."""
    i, j = np.triu_indices(len(x), 1)
    apart = np.abs(x[j] - x[i]) > 0.1
    return float(np.median((y[j] - y[i])[apart] / (x[j] - x[i])[apart])) if apart.any() else 0.0


def _positive(matrix: Array) -> Array:
    """The nearest covariance: negative eigenvalues become zero."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, 0)) @ vectors.T


def write(kinds: Sequence[Kind], path: Path) -> None:
    rows = [{k: _plain(v) for k, v in vars(kind).items()} for kind in kinds]
    text = json.dumps({"traits": TRAITS, "shape": _plain(SHAPE), "kinds": rows}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    return np.round(value, 5).tolist() if isinstance(value, np.ndarray | float) else value


def check(folder: Path, kinds: Sequence[Kind]) -> None:
    """Quartiles over real people beside people simulated with as many exchanges, as the detector sees them."""
    from interviews import Habit, conversation, drawn, planned  # which imports this file
    from sensitivity import Instrument

    instrument = Instrument.shipped()
    rng = np.random.default_rng(0)
    real = [c for c in load(folder) if split(c) != "test" and _enough(c.exchanges)]
    for kind in kinds:
        corpus = next(name for name, words in KINDS.items() if words == kind.name)
        mine = [c for c in real if c.kind == corpus]
        made = []
        for one in mine * 10:
            long = sum(map(is_substantive, one.exchanges))
            plan = planned(drawn([kind], rng, weighted=False), long, len(one.exchanges) - long, rng, Habit())
            made.append(conversation(plan, plan.offsets))
        print(f"{kind.name}: {len(mine)} real people; 10, 50 and 90 % over them, then over simulated ones")
        for name in ("median", "spread", "overlapped", "score"):
            both = [np.array([instrument.seen(c)[name] for c in some]) for some in (mine, made)]
            print(
                f"  {name:11s}",
                *("[" + " ".join(f"{v:6.2f}" for v in np.quantile(b, [0.1, 0.5, 0.9])) + "]" for b in both),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("turns", type=Path, help="folder of RTTM files with manifest.csv")
    parser.add_argument("--out", type=Path, help="population.json")
    parser.add_argument("--check", action="store_true", help="compare real people with simulated ones")
    args = parser.parse_args()
    kinds = fitted(args.turns)
    for kind in kinds:
        deviation = np.sqrt(np.diag(kind.covariance))
        print(f"{kind.name}, {kind.people} people, weight {kind.weight:g}")
        for trait, mean, sd in zip(TRAITS, kind.mean, deviation, strict=True):
            print(f"  {trait:13s} mean {mean:6.2f} sd {sd:5.2f}")
    if args.out:
        write(kinds, args.out)
    if args.check:
        check(args.turns, kinds)


if __name__ == "__main__":
    main()
