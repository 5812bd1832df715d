"""How much sightings of one person and of two people differ in look: where the tracker's thresholds come from.

    python training/faces/looks.py VIDEO_FOLDER

The folder holds videos and a manifest.csv with `path`, `person_id` and `panels`; only single-panel files are used.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from pathlib import Path

import numpy as np

from inperson import media
from inperson.errors import InpersonError
from inperson.faces.appearance import difference
from inperson.faces.tracker import FaceTracker
from inperson.types import Floats


def looks(path: Path) -> list[tuple[float, Floats, Floats]]:
    """Time, thumbnail and running mean of the first face in each frame that was measured."""
    tracker, out = FaceTracker(), []
    for chunk in media.chunks(path, audio=False):
        for frame in chunk.frames:
            tracker.update(frame)
            out += [
                (frame.time, f.latest, f.look) for f in tracker._faces if f.number == 0 and f.measured == frame.time
            ]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    with (folder / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["panels"] == "single"]
    neighbours: list[float] = []
    running: list[float] = []
    apart: list[float] = []
    people: dict[str, list[Floats]] = {}
    for row in rows:
        try:
            seen = looks(folder / row["path"])
        except InpersonError as error:
            print(f"{row['path']}: {error}")
            continue
        pairs = [(a, b) for a, b in itertools.pairwise(seen) if b[0] - a[0] < 0.1]
        neighbours += [difference(a[1], b[1]) for a, b in pairs]
        running += [difference(a[2], b[1]) for a, b in pairs]
        sparse = [look for _, look, _ in seen[::24]]
        apart += [difference(a, b) for a, b in itertools.combinations(sparse, 2)]
        people.setdefault(row["person_id"], []).extend(sparse[::4])
    others = [difference(x, y) for a, b in itertools.combinations(people, 2) for x in people[a] for y in people[b]]
    print(f"files {len(rows)}, people {len(people)}")
    show("neighbouring frames, one person", neighbours, (50, 99, 99.9, 99.99, 100))
    show("running mean to next frame, one person", running, (50, 99, 99.9, 100))
    show("a second or more apart, one person", apart, (50, 90, 95, 99))
    show("two people", others, (0.1, 0.2, 1, 5, 10, 50))


def show(name: str, values: list[float], percentiles: tuple[float, ...]) -> None:
    found = ", ".join(f"{p}%: {v:.3f}" for p, v in zip(percentiles, np.percentile(values, percentiles), strict=True))
    print(f"{name}: {len(values)} pairs; percentiles {found}")


if __name__ == "__main__":
    main()
