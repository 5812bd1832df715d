"""Measure gaze in recordings, as `reading` does, and keep it.

    python training/reading/tracks.py FOLDER... --out TRACKS [--split calibrate] [--licence open]

FOLDER holds recordings of one person each and a manifest.csv (path, person or person_id; label; licence_class). One
.npz each: rows (time, across, down, lids, eye distance) and the person.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from simulate import gaze

from inperson.errors import InpersonError

sys.path.append(str(Path(__file__).resolve().parents[1] / "protocols"))
import split


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", choices=(split.CALIBRATE, split.DEVTEST))
    parser.add_argument("--licence", help="only rows of this licence_class")
    parser.add_argument("--each", type=int, default=4, help="recordings of a person at most")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    for folder in chosen.folders:
        with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        halves = split.halves(rows) if chosen.split else {}
        taken: dict[str, int] = {}
        for row in rows:
            if (row.get("label") or "real") != "real" or chosen.licence not in (None, row.get("licence_class")):
                continue
            person = row.get("person") or row.get("person_id") or row["path"]
            taken[person] = taken.get(person, 0) + 1
            if taken[person] > chosen.each or (chosen.split and halves[row["path"]] != chosen.split):
                continue
            try:
                found = gaze(folder / row["path"])
            except InpersonError as error:
                print(f"left out {row['path']}: {error}", flush=True)
                continue
            np.savez(chosen.out / f"{Path(row['path']).stem}.npz", rows=found, person=person)
            print(f"{row['path']}: {len(found)} frames", flush=True)


if __name__ == "__main__":
    main()
