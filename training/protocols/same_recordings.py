"""Two versions of a detector on the recordings that both scored.

    python training/protocols/same_recordings.py OLD/scores.csv NEW/scores.csv [--signal synthetic_voice] [--seen no]

What a version abstains on raises the figures of the rest, so two versions' own reports are no comparison. Prints a
Markdown table: a row for each condition and figure, each version's value and the difference with its 95 % interval,
by resampling persons or pages (`inperson.evaluation.bootstrap`). `--seen no` leaves out what was made by systems that
training knows under that name (column `seen`, `known.py`).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import manifest
import numpy as np
from numpy.typing import NDArray

from inperson.evaluation import metrics
from inperson.evaluation.bootstrap import interval

RATIO = math.log10(2)
Floats = NDArray[np.float64]
Figure = Callable[[Floats, Floats, Floats], float]


def scored(path: Path, signal: str) -> dict[tuple[str, str], dict[str, str]]:
    """The scored rows of a table of `inperson evaluate`, by recording and condition."""
    return {
        (row["path"], row["condition"]): row for row in manifest.read(path) if row["signal"] == signal and row["score"]
    }


def above(label: int) -> Figure:
    """Percent of a class with a ratio above 2; NaN where it has no recording."""

    def share(score: Floats, llr: Floats, spoof: Floats) -> float:
        own = llr[spoof == label]
        return 100 * float(np.mean(own > RATIO)) if len(own) else math.nan

    return share


FIGURES: dict[str, Figure] = {
    "AUC": lambda score, llr, spoof: metrics.auc(score, spoof),
    "EER, %": lambda score, llr, spoof: 100 * metrics.eer(score, spoof),
    "genuine above a ratio of 2, %": above(0),
    "made above a ratio of 2, %": above(1),
}


def rows(old: dict[tuple[str, str], dict[str, str]], new: dict[tuple[str, str], dict[str, str]]) -> list[str]:
    """Lines of the table, for the keys of `new` that `old` has, too."""
    made = []
    for condition in dict.fromkeys(condition for _, condition in new):
        keys = [key for key in new if key[1] == condition and key in old]
        spoof = np.array([float(new[key]["label"] == "spoof") for key in keys])
        columns = [
            np.array([float(version[key][name]) for key in keys]) for version in (old, new) for name in ("score", "llr")
        ]
        persons = [new[key]["person"] for key in keys]
        count = f"{int((spoof == 0).sum())}, {int(spoof.sum())}"
        for name, figure in FIGURES.items():

            def gained(*numbers: Floats, figure: Figure = figure) -> float:
                *both, truth = numbers
                return figure(both[2], both[3], truth) - figure(both[0], both[1], truth)

            before, after = (figure(*columns[i : i + 2], spoof) for i in (0, 2))
            if math.isfinite(after):
                change = interval(gained, *columns, spoof, groups=persons, labels=spoof)
                made.append(f"| {condition} | {count} | {name} | {before:.3g} | {after:.3g} | {change:+.2f} |")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--signal", default="synthetic_voice")
    parser.add_argument("--seen", choices=("any", "no"), default="any")
    chosen = parser.parse_args()
    old, new = (scored(path, chosen.signal) for path in (chosen.old, chosen.new))
    if chosen.seen == "no":
        new = {key: row for key, row in new.items() if row["label"] == "bonafide" or row["seen"].startswith("nothing")}
    if not set(old) & set(new):
        raise SystemExit(f"expected recordings that both scored for {chosen.signal}; found none")
    print("| condition | genuine, made | figure | before | after | change |\n| --- | --- | --- | --- | --- | --- |")
    print("\n".join(rows(old, new)))


if __name__ == "__main__":
    main()
