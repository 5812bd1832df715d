"""How well 20 s of simulated reading are told from 20 s of looking about, by line width, place on the screen and kind.

    python training/reading/evaluate.py [--each 200 --seed 1000]

Simulated throughout, with made-up noise, by the same simulator as in training with other draws: this says what the
networks learnt, not what readers do.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from simulate import more
from sklearn.metrics import roc_auc_score
from walks import OTHERS, Rng, measured, reader

from inperson.detectors._gaze_grid import RATE
from inperson.detectors._gaze_windows import together, windows
from inperson.detectors.reading import ReadingFromScreen

SECONDS = 20
WIDTHS = (4.0, 6.0, 10.0, 18.0)
PLACES = {"middle of the screen": (0.0, 0.0), "beside the camera": (15.0, 8.0)}


def score(gaze: np.ndarray, rng: Rng) -> float:
    seen = measured(gaze, rng, None)
    times, everywhere = np.arange(len(seen)) / RATE, np.ones(len(seen), bool)
    noise = float(np.median(np.abs(np.diff(seen[:, 0], 2))) / (0.6745 * math.sqrt(6)))  # as `steady`
    return together(windows(ReadingFromScreen.model, times, *seen.T, everywhere)) + more(times, seen[:, 0], noise)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1000)
    chosen = parser.parse_args()
    rng, n = np.random.default_rng(chosen.seed), int(SECONDS * RATE)
    others = {look.__name__: [score(look(n, rng), rng) for _ in range(chosen.each)] for look, _ in OTHERS}
    pooled = np.concatenate([np.array(values) for values in others.values()])
    bar = np.quantile(pooled, 0.95)
    for name, values in others.items():
        print(f"{name}: {np.mean(np.array(values) > bar):.3f} over the score that 5 % of all who do not read exceed")
    for place, shift in PLACES.items():
        for width in WIDTHS:
            read = np.array([score(reader(n, rng, width) + shift, rng) for _ in range(chosen.each)])
            labels = np.repeat([0, 1], [len(pooled), len(read)])
            auc = roc_auc_score(labels, np.concatenate([pooled, read]))
            print(f"lines of {width:.0f} degrees, {place}: AUC {auc:.3f}, {np.mean(read > bar):.2f} found at 5 %")


if __name__ == "__main__":
    main()
