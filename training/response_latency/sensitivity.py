"""Where response_latency can tell an assistant from a person, and where not: sensitivity maps over SIMULATED
interviews.

    python sensitivity.py --out maps.json                      # people drawn from population.json, in the repository
    python sensitivity.py --turns TURNS --out maps.json        # people fitted again to your copy of the conversations
    python sensitivity_page.py maps.json                        # docs/live_assist.md and its picture

For each mean delay and spread of the assistant and each number of longer answers: the share of simulated assisted
people whom the shipped card finds, at the threshold that flags 5 % or 1 % of simulated people without an assistant who
gave as many answers. Then, for ten and twenty answers and one spread, what moves it: jitter of the connection, turns
found in the mix, slow people, people in a second language, kinds of conversation, assistants used now and then. There
the threshold stays that of ordinary people, and what it costs the unassisted of that group is given beside it.

Intervals are 95 %, from drawing the simulated people again (those without an assistant, too): they say how far the
simulation is from its own limit, nothing about real people.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from interviews import HABITS, PLAIN, Assistant, Habit, assisted, connected, conversation, drawn, planned
from population import Array, Kind, fitted, read
from simulate import Conversation, diarized

from inperson import models
from inperson.detectors.response_latency import (
    MIN_ANSWERS,
    MIN_BASELINE,
    Priors,
    ResponseLatency,
    log_ratio,
    raw_score,
    timing,
)
from inperson.evaluation import metrics

DELAYS = (0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)
ANSWERS = (6, 8, 10, 15, 20, 30)
SPREADS = (0.1, 0.2, 0.3, 0.5, 0.8)
RATES = (0.05, 0.01)
SHORT_SHARE, SHORT_LEAST = 0.5, 4
"""Short exchanges for every longer answer, and at least; consultations have about one for every two."""
CLOSER = (10, 20)
SPREAD = 0.3
"""Numbers of answers and spread at which groups and conditions are looked at."""
TARGET = 0.8
DRAWS = 200
ABSTAINED = -np.inf

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Instrument:
    """The shipped card: what it sees in a conversation."""

    priors: Priors
    nominal: dict[float, float]

    @classmethod
    def shipped(cls) -> Instrument:
        card = models.card(ResponseLatency.model)
        nominal = {float(rate): float(score) for rate, score in card.calibration["nominal"].items()}
        return cls(Priors.from_table(card.data["priors"]), nominal)

    def score(self, made: Conversation) -> float:
        """Raw score; `ABSTAINED`, below every threshold, where the detector abstains."""
        return self.seen(made)["score"]

    def seen(self, made: Conversation) -> dict[str, float]:
        """Score, median and spread of the answers' offsets, share of overlaps."""
        found = made.exchanges
        stats = timing(found, self.priors)
        long = np.array([self.priors.substantive(exchange) for exchange in found], bool)
        score = ABSTAINED
        if stats.answers >= MIN_ANSWERS and stats.exchanges - stats.answers >= MIN_BASELINE:
            score = raw_score(log_ratio(np.array([exchange.offset for exchange in found]), long, self.priors)[0])
        return {"score": score, "median": stats.median, "spread": stats.spread, "overlapped": stats.overlapped}


@dataclass(frozen=True)
class Setting:
    """Who is simulated, and through what: the ordinary one by default."""

    habit: Habit = PLAIN
    jitter: float = 0.0
    diarization: float | None = None
    kind: str | None = None
    share: float = 1.0
    also_short: bool = False

    @property
    def concerns_people(self) -> bool:
        """Whether people without an assistant look different, too."""
        return replace(self, share=1.0, also_short=False) != Setting()


SETTINGS: dict[str, Setting] = {
    "as in the map": Setting(),
    "connection jitter, sd 0.05 s": Setting(jitter=0.05),
    "connection jitter, sd 0.1 s": Setting(jitter=0.1),
    "connection jitter, sd 0.2 s": Setting(jitter=0.2),
    "connection jitter, sd 0.4 s": Setting(jitter=0.4),
    "turns found in the mix, boundaries off by sd 0.1 s": Setting(diarization=0.1),
    "turns found in the mix, boundaries off by sd 0.2 s": Setting(diarization=0.2),
    **{f"people: {name}": Setting(habit) for name, habit in HABITS.items()},
    "people as in consultations alone": Setting(kind="consultation"),
    "people as in meetings alone": Setting(kind="meeting"),
    "people as in broadcasts alone": Setting(kind="broadcast"),
    "people as in earnings calls (prepared answers)": Setting(kind="earnings call"),
    "assistant behind three of four longer answers": Setting(share=0.75),
    "assistant behind every second longer answer": Setting(share=0.5),
    "assistant behind every exchange, small talk too": Setting(also_short=True),
}


class Simulation:
    """Scores of simulated people; the same person answers for every assistant."""

    def __init__(self, kinds: Sequence[Kind], instrument: Instrument, seed: int) -> None:
        self._kinds, self._instrument, self._seed = kinds, instrument, seed

    def scores(self, people: range, answers: int, setting: Setting, delay: float = 0.0, spread: float = 0.0) -> Array:
        """Of each of `people`, unassisted where `delay` is 0."""
        return np.array([self._score(who, answers, setting, delay, spread) for who in people])

    def _score(self, who: int, answers: int, setting: Setting, delay: float, spread: float) -> float:
        rng = np.random.default_rng([self._seed, who, answers])
        kinds = [kind for kind in self._kinds if setting.kind in (None, kind.name)]
        person = drawn(kinds, rng, weighted=setting.kind is None)
        short = max(SHORT_LEAST, round(SHORT_SHARE * answers))
        plan = planned(person, answers, short, rng, setting.habit)
        rng = np.random.default_rng([self._seed, who, answers, round(1000 * delay), round(1000 * spread)])
        offsets = plan.offsets
        if delay:
            offsets = assisted(plan, Assistant(delay, spread, setting.share, setting.also_short), rng)
        made = conversation(plan, connected(offsets, setting.jitter, rng), rng)
        if setting.diarization is not None:
            made = diarized(replace(made, name=str(who)), self._seed, setting.diarization)
        return self._instrument.score(made)


def share_with_interval(
    positive: Array, negative: Array, rate: float, rng: np.random.Generator, fixed: float | None = None
) -> list[float]:
    """``[value, low, high]`` of the share of `positive` above the threshold that flags `rate` of `negative`."""

    def found(drawn_positive: Array, drawn_negative: Array) -> float:
        threshold = np.quantile(drawn_negative, 1 - rate, method="higher") if fixed is None else fixed
        return float(np.mean(drawn_positive > threshold))

    redrawn = [
        found(rng.choice(positive, len(positive)), rng.choice(negative, len(negative)) if fixed is None else negative)
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(redrawn, [0.025, 0.975])
    return [round(v, 3) for v in (found(positive, negative), float(low), float(high))]


def cell(positive: Array, negative: Array, instrument: Instrument, rng: np.random.Generator) -> dict[str, Any]:
    """Everything that is said about one assistant among `positive`, against ordinary people."""
    scored = positive[np.isfinite(positive)]
    both = np.concatenate([negative[np.isfinite(negative)], scored])
    labels = np.arange(len(both)) >= len(both) - len(scored)
    row: dict[str, Any] = {"auc": round(float(metrics.auc(both, labels)), 3)}
    for rate in RATES:
        row[f"detected_at_{rate:g}"] = share_with_interval(positive, negative, rate, rng)
        row[f"detected_at_the_cards_{rate:g}"] = share_with_interval(
            positive, negative, rate, rng, instrument.nominal[rate]
        )
    return row


def main_map(simulation: Simulation, instrument: Instrument, unassisted: range, people: range, tell: Tell) -> list[Any]:
    rows = []
    rng = np.random.default_rng(1)
    for answers in ANSWERS:
        negative = simulation.scores(unassisted, answers, Setting())
        tell(f"{answers} answers")
        for spread in SPREADS:
            for delay in DELAYS:
                positive = simulation.scores(people, answers, Setting(), delay, spread)
                figures = cell(positive, negative, instrument, rng)
                rows.append({"answers": answers, "delay": delay, "spread": spread, **figures})
    return rows


def conditions(
    simulation: Simulation, instrument: Instrument, unassisted: range, people: range, tell: Tell
) -> list[Any]:
    rows = []
    rng = np.random.default_rng(2)
    for answers in CLOSER:
        ordinary = simulation.scores(unassisted, answers, Setting())
        for name, setting in SETTINGS.items():
            tell(f"{answers} answers, {name}")
            alarms = {}
            if setting.concerns_people or name == "as in the map":
                # Other people than those who set the threshold.
                others = range(unassisted.stop, unassisted.stop + len(unassisted) // 2)
                group = simulation.scores(others, answers, setting)
                for rate in RATES:
                    alarms[f"flagged_at_{rate:g}"] = share_with_interval(group, ordinary, rate, rng)
                    alarms[f"flagged_at_the_cards_{rate:g}"] = share_with_interval(
                        group, ordinary, rate, rng, instrument.nominal[rate]
                    )
            cells = []
            for delay in DELAYS:
                positive = simulation.scores(people, answers, setting, delay, SPREAD)
                cells.append({"delay": delay, **cell(positive, ordinary, instrument, rng)})
            rows.append({"answers": answers, "setting": name, **alarms, "cells": cells})
    return rows


def one_row_a_line(found: dict[str, Any]) -> str:
    """JSON in which each figure of a list has a line of its own, so that two runs can be compared."""
    parts = []
    for name, value in found.items():
        if isinstance(value, list):
            text = "[\n" + ",\n".join(json.dumps(row) for row in value) + "\n]"
        else:
            text = json.dumps(value)
        parts.append(f"{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=Path, help="folder of RTTM files with manifest.csv; else population.json")
    parser.add_argument("--out", type=Path, required=True, help="JSON with every figure")
    parser.add_argument("--people", type=int, default=300, help="simulated assisted people a cell")
    parser.add_argument("--unassisted", type=int, default=2000, help="simulated people behind each threshold")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began = time.monotonic()
    instrument = Instrument.shipped()
    kinds = fitted(args.turns) if args.turns else read()
    simulation = Simulation(kinds, instrument, args.seed)
    # Nobody stands on both sides of a comparison.
    people = range(args.people)
    unassisted = range(args.people, args.people + args.unassisted)

    def tell(what: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {what}", flush=True)

    found = {
        "what": "SIMULATED interviews; people drawn from a population fitted to real conversations",
        "model": ResponseLatency.model,
        "population": {kind.name: {"people": kind.people, "weight": kind.weight} for kind in kinds},
        "people": args.people,
        "unassisted": args.unassisted,
        "seed": args.seed,
        "spread_of_conditions": SPREAD,
        "map": main_map(simulation, instrument, unassisted, people, tell),
        "conditions": conditions(simulation, instrument, unassisted, people, tell),
    }
    args.out.write_text(one_row_a_line(found), encoding="utf-8")
    tell("done")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
