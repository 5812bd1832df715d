"""The branch on statistics under the protocol of `compare.py`.

    python compare_branch.py PREPARED --out RUNS --name statistics [--rated] [--unlicensed]

Writes `RUNS/NAME.npz` (scores, NaN where not measured) and `RUNS/NAME-FOLD.pt`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from branch import Experts, Plan, Statistics, score, train
from compare import TESTED, report
from corpus import FOLDS, OPEN, UNLICENSED, beside, folds, measures, read, trains
from measured import table


def load(path: Path) -> Experts:
    state = torch.load(path, weights_only=True)
    size = state["gate.weight"].shape[1]
    members = len({name.split(".")[1] for name in state if name.startswith("every.")})
    made = Experts(*([Statistics(size) for _ in range(members)] for _ in range(2)))
    made.load_state_dict(state)
    return made.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="statistics")
    parser.add_argument("--unlicensed", action="store_true")
    parser.add_argument("--rated", action="store_true", help="on what rated.py measured as well")
    parser.add_argument("--all", action="store_true", help="train on every page and stop: what ships")
    options = (("passes", int), ("members", int), ("noise", float), ("decay", float), ("made", float), ("alone", float))
    for name, kind in options:
        parser.add_argument(f"--{name}", type=kind, default=getattr(Plan(), name))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    chosen.out.mkdir(parents=True, exist_ok=True)
    plan = Plan(**{name: getattr(chosen, name) for name, _ in options})
    corpus, licences = read(chosen.prepared), UNLICENSED if chosen.unlicensed else OPEN
    x, there = table(chosen.prepared, corpus, chosen.rated)
    if chosen.all:
        rows = trains(corpus, np.zeros(len(corpus), bool), licences) & there
        torch.save(train(corpus.take(rows), x[rows], plan).state_dict(), chosen.out / f"{chosen.name}-all.pt")
        return
    fold, may = folds(corpus), measures(corpus) & there & np.isin(corpus["version"], TESTED)
    result = np.full((len(corpus), 3), np.nan, np.float32)
    for number in range(FOLDS):
        held = fold == number
        rows = trains(corpus, held, licences) & there
        net = train(corpus.take(rows), x[rows], plan)
        torch.save(net.state_dict(), chosen.out / f"{chosen.name}-{number}.pt")
        measured = held & may & ~beside(corpus, held)
        result[measured] = score(net, x[measured])
    done = np.isfinite(result[:, 0])
    np.savez(chosen.out / f"{chosen.name}.npz", scores=result)
    report(chosen.name, corpus.take(done), result[done])


if __name__ == "__main__":
    main()
