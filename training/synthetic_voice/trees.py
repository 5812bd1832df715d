"""A family without a network: boosted trees on statistics of cepstra, phase, pitch, modulation and residual.

    python trees.py PREPARED --out RUNS

The same folds and figures as `compare_branch.py`; writes `RUNS/trees.npz`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from batches import targets, weights
from branch import Plan
from compare import TESTED, report
from corpus import FOLDS, folds, measures, read, trains
from measured import table
from sklearn.ensemble import HistGradientBoostingClassifier

PLAN = Plan()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    corpus = read(chosen.prepared)
    x, there = table(chosen.prepared, corpus)
    fold, known = folds(corpus), targets(corpus)[0]
    may = measures(corpus) & there & np.isin(corpus["version"], TESTED)
    scores = np.full((len(corpus), 3), np.nan, np.float32)
    for number in range(FOLDS):
        held = fold == number
        usable = trains(corpus, held) & np.isfinite(known) & there
        made = HistGradientBoostingClassifier(learning_rate=0.08, max_iter=300, l2_regularization=1.0, random_state=0)
        made.fit(x[usable], known[usable], sample_weight=weights(corpus.take(usable), PLAN.alone, PLAN.made))
        scores[held & may, 0] = made.decision_function(x[held & may])
    done = np.isfinite(scores[:, 0])
    np.savez(chosen.out / "trees.npz", scores=scores)
    report("trees", corpus.take(done), scores[done])


if __name__ == "__main__":
    main()
