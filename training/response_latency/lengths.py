"""How long answers are, and how unlike each other in length, in real conversations.

    python training/response_latency/lengths.py TURNS

TURNS is a folder of RTTM files with a `manifest.csv` (columns `path`, `type`). Prints, for each type, the 5th, 50th and
95th percentile over its recordings of what the report gives of the person taken for the candidate.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from inperson import analyze_turns

NAMES = ("answer_length_median", "answer_length_spread", "answers")


def main() -> None:
    folder = Path(sys.argv[1])
    found: dict[str, list[list[float]]] = defaultdict(list)
    with (folder / "manifest.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            measured = analyze_turns(folder / row["path"]).findings[0].measurements
            if NAMES[1] in measured:
                found[row["type"]].append([measured[name].value for name in NAMES])
    for kind, rows in found.items():
        print(f"{kind}: {len(rows)} recordings")
        for name, values in zip(NAMES, np.transpose(rows), strict=True):
            print(f"  {name:22}", *(f"{value:6.2f}" for value in np.percentile(values, [5, 50, 95])))


if __name__ == "__main__":
    main()
