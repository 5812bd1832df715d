"""Shipped panels trained further on pages that came later, the choosing half of the public pages among them.

    python grown.py PREPARED --panels RUNS/experts-all.pt ADAPTED/both-all.pt --public PUBLIC \
        --heard RUNS/public-calibrate.npz --out GROWN [--unlicensed]

PREPARED holds old and new utterances with what measured.py and rated.py (the compact network's) made of them; PUBLIC
those of measured_voices.csv, whose numbers are in what unheard.py kept. The choosing half then teaches, and yet
chooses blend and calibration (`finish.py --apart`): for each part of its pages the panels are grown without them and
without the newer clips of any system that they show, and say what they say of them. What ships is grown on all.

Writes GROWN/NAME-all.pt, GROWN/NAME.npz (`scores`, (rows, 3), in the order of `unheard.pages`) and, for the card,
GROWN/sources.txt: what came later and trained.
"""

from __future__ import annotations

import argparse
import copy
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from batches import targets, weights
from branch import Experts, Statistics, score
from compare_branch import load
from corpus import OPEN, UNLICENSED, Corpus, joined, read, restricted
from finish import sources
from learn import Recipe, cost
from measured import table
from numpy.typing import NDArray
from unheard import pages

HALF, PARTS = "calibrate", 3
BATCH = 128
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """How panels are grown."""

    steps: int = 500
    rate: float = 3e-4
    decay: float = 0.05
    noise: float = 0.3  # deviations added to every number
    alone: float = 0.4  # share of draws from pages of one class
    made: float = 0.1  # weight of what was made here (batches.weights)


def grown(panel: Experts, corpus: Corpus, x: Floats, plan: Plan) -> Experts:
    """Every member trained further, those for clean speech on clean rows alone; the gate stays."""
    made, clean = copy.deepcopy(panel), corpus["version"] == "clean"
    for nets, rows in ((made.clean, clean), (made.every, np.ones(len(corpus), bool))):
        for seed, net in enumerate(nets):
            _further(net, corpus.take(rows), x[rows], plan, seed)
    return made.eval()


def _further(net: Statistics, corpus: Corpus, x: Floats, plan: Plan, seed: int) -> None:
    torch.manual_seed(seed)
    rows, odds = torch.from_numpy(x), torch.from_numpy(weights(corpus, plan.alone, plan.made))
    labels = [torch.from_numpy(t) for t in targets(corpus)]
    optimizer = torch.optim.AdamW(net.parameters(), plan.rate, weight_decay=plan.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.rate, total_steps=plan.steps, pct_start=0.1)
    drawn = torch.multinomial(odds, plan.steps * BATCH, replacement=True).view(plan.steps, BATCH)
    spread = plan.noise / net.inverse
    net.train()
    for some in drawn:
        loss = cost(
            net(rows[some] + spread * torch.randn(BATCH, x.shape[1])), *(label[some] for label in labels), Recipe("")
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def part(source: str) -> int:
    """Of a page of the choosing half, by its name."""
    return zlib.crc32(source.encode()) % PARTS


def kin(corpus: Corpus, shown: Corpus) -> Mask:
    """Rows of the systems that `shown` holds, under any name of their families."""
    return (corpus.spoof == 1) & np.isin(corpus["family"], sorted(set(shown["family"][shown.spoof == 1])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--panels", type=Path, nargs="+", required=True)
    parser.add_argument("--public", type=Path, required=True)
    parser.add_argument("--heard", type=Path, required=True, help="what unheard.py kept of the choosing half")
    parser.add_argument("--newer", nargs="*", default=[], help="files of PREPARED (NAME of NAME.csv) that came later")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--unlicensed", action="store_true")
    parser.add_argument("--steps", type=int, default=Plan.steps)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    chosen.out.mkdir(parents=True, exist_ok=True)
    plan, licences = Plan(steps=chosen.steps), UNLICENSED if chosen.unlicensed else OPEN
    corpus, choosing = read(chosen.prepared), pages(chosen.public, HALF)
    x, there = table(chosen.prepared, corpus, rated=True)
    with np.load(chosen.heard, allow_pickle=False) as heard:
        own = np.concatenate([heard["statistics"], heard["rated"]], axis=1).astype(np.float32)
    both = joined(corpus, choosing)
    numbers = np.concatenate([x.astype(np.float32), own])
    late = np.array([name in chosen.newer for name in corpus.names] + [True] * len(choosing))
    usable = np.r_[there, np.ones(len(choosing), bool)] & np.isin(both["licence_class"], licences) & ~restricted(both)
    parts = np.array([part(source) for source in choosing["source"]])
    page = np.r_[np.full(len(corpus), -1), parts]
    (chosen.out / "sources.txt").write_text("\n".join(sources(both.take(usable & late), licences)), encoding="utf-8")
    for path in chosen.panels:
        panel, scores = load(path), np.full((len(choosing), 3), np.nan, np.float32)
        size = panel.gate.weight.shape[1]
        for number in range(PARTS):
            held = parts == number
            rows = usable & (page != number) & ~(late & kin(both, choosing.take(held)))
            scores[held] = score(grown(panel, both.take(rows), numbers[rows, :size], plan), own[held, :size])
        np.savez(chosen.out / path.name.replace("-all.pt", ".npz"), scores=scores)
        torch.save(grown(panel, both.take(usable), numbers[usable, :size], plan).state_dict(), chosen.out / path.name)
        print(f"{path.name}: grown on {usable.sum()} rows of {len(set(both['page'][usable]))} pages", flush=True)


if __name__ == "__main__":
    main()
