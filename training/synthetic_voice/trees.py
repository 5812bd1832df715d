"""A family without a network: boosted trees on statistics of cepstra, phase, pitch, modulation and residual.

    python trees.py PREPARED --out RUNS [--versions clean,random0]

The same folds and figures as `compare.py`; writes `RUNS/trees.npz`. The statistics are kept in `RUNS/statistics.npz`.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from batches import targets, weights
from compare import report
from corpus import Corpus, folds, measures, read, trains
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from inperson.detectors._voice_features import measure, names

_corpus: Corpus


def _open(prepared: Path) -> None:
    global _corpus
    _corpus = read(prepared)


def _row(i: int) -> NDArray[np.float32]:
    try:
        return np.array(list(measure(_corpus.sound(i).astype(np.float32) / 32768).values()), np.float32)
    except ValueError:
        return np.full(len(names()), np.nan, np.float32)


def statistics(prepared: Path, rows: NDArray[np.int64], out: Path, workers: int) -> NDArray[np.float32]:
    held = out / "statistics.npz"
    if held.exists():
        with np.load(held, allow_pickle=False) as there:
            if np.array_equal(there["rows"], rows):
                return there["x"]
    with ProcessPoolExecutor(workers, initializer=_open, initargs=(prepared,)) as pool:
        x = np.stack(list(pool.map(_row, map(int, rows), chunksize=64)))
    np.savez(held, rows=rows, x=x)
    return x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--versions", default="clean,random0")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    corpus = read(chosen.prepared)
    rows = np.flatnonzero(np.isin(corpus["version"], chosen.versions.split(",")))
    x, corpus = statistics(chosen.prepared, rows, chosen.out, chosen.workers), corpus.take(rows)
    fold, may, scores = folds(corpus), measures(corpus), np.full((len(corpus), 3), np.nan, np.float32)
    known = targets(corpus)[0]
    for number in range(3):
        held = fold == number
        usable = trains(corpus, held) & np.isfinite(known)
        made = HistGradientBoostingClassifier(learning_rate=0.08, max_iter=300, l2_regularization=1.0, random_state=0)
        made.fit(x[usable], known[usable], sample_weight=weights(corpus.take(usable)))
        scores[held & may, 0] = made.decision_function(x[held & may])
    done = np.isfinite(scores[:, 0])
    np.savez(chosen.out / "trees.npz", scores=scores, rows=rows)
    report("trees", corpus.take(done), scores[done])


if __name__ == "__main__":
    main()
