"""The branch on statistics under the protocol of `compare.py`.

    python compare_branch.py PREPARED --out RUNS --name statistics [--open]

Writes `RUNS/NAME.npz` (scores, NaN where not measured) and `RUNS/NAME-FOLD.pt`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from branch import Plan, Statistics, score, train
from compare import report
from corpus import OPEN, SHIPPED, folds, measures, read, trains
from measured import table


def save(nets: list[Statistics], path: Path) -> None:
    torch.save([net.state_dict() for net in nets], path)


def load(path: Path) -> list[Statistics]:
    made = []
    for state in torch.load(path, weights_only=True):
        net = Statistics(len(state["mean"]))
        net.load_state_dict(state)
        made.append(net.eval())
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="statistics")
    parser.add_argument("--open", action="store_true")
    parser.add_argument("--all", action="store_true", help="train on every page and stop: what ships")
    for name, kind in (("passes", int), ("members", int), ("noise", float), ("decay", float)):
        parser.add_argument(f"--{name}", type=kind, default=getattr(Plan(), name))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    chosen.out.mkdir(parents=True, exist_ok=True)
    plan = Plan(passes=chosen.passes, members=chosen.members, noise=chosen.noise, decay=chosen.decay)
    corpus, licences = read(chosen.prepared), OPEN if chosen.open else SHIPPED
    x, there = table(chosen.prepared, corpus)
    if chosen.all:
        rows = trains(corpus, np.zeros(len(corpus), bool), licences) & there
        save(train(corpus.take(rows), x[rows], plan), chosen.out / f"{chosen.name}-all.pt")
        return
    fold, may = folds(corpus), measures(corpus) & there
    result = np.full((len(corpus), 3), np.nan, np.float32)
    for number in range(3):
        held = fold == number
        rows = trains(corpus, held, licences) & there
        nets = train(corpus.take(rows), x[rows], plan)
        save(nets, chosen.out / f"{chosen.name}-{number}.pt")
        result[held & may] = score(nets, x[held & may])
    done = np.isfinite(result[:, 0])
    np.savez(chosen.out / f"{chosen.name}.npz", scores=result)
    report(chosen.name, corpus.take(done), result[done])


if __name__ == "__main__":
    main()
