"""What the movement of a face shows in recordings: means and deviations of genuine ones, AUC against others.

    python usual.py MANIFEST.csv [--seconds 14] [--least 6.5]

MANIFEST.csv has the columns path (relative to it) and label (real or fake). The largest face of each frame counts.
Prints the constants of `inperson.detectors._face_joined`.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np

from inperson import media
from inperson.detectors._face_lids import Lids, least
from inperson.detectors._face_skin import PARTS, Skin, kept
from inperson.evaluation import metrics
from inperson.faces import FaceTracker


def measured(path: Path, seconds: float, shortest: float) -> np.ndarray | None:
    """(5,) medians of `kept` for each of `PARTS`, and `least`; None for what is too short."""
    tracker, skin, lids = FaceTracker(), Skin(), Lids()
    for frame in media.frames(str(path)):
        if frame.time > seconds:
            break
        faces = [face for face in tracker.update(frame).faces if face.landmarks is not None]
        if frame.image is None or not faces:
            continue
        face = max(faces, key=lambda face: face.size)
        assert face.landmarks is not None
        skin.add(frame.time, face)
        lids.add(frame.time, face.landmarks)
    table = skin.table()
    if lids.seconds < shortest or len(table) < 2:
        return None
    return np.append(np.median(kept(table), axis=0), least(lids.openings))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--seconds", type=float, default=14.0)
    parser.add_argument("--least", type=float, default=6.5, help="seconds of a measured face")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    values, fake = [], []
    with open(chosen.manifest, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found = measured(chosen.manifest.parent / row["path"], chosen.seconds, chosen.least)
            if found is not None:
                values.append(found)
                fake.append(row["label"] == "fake")
    table, spoof = np.array(values), np.array(fake)
    genuine = table[~spoof]
    print(f"{len(genuine)} genuine recordings, {spoof.sum()} others")
    for i, name in enumerate((*PARTS, "least")):
        line = f"{name}: ({genuine[:, i].mean():.2f}, {genuine[:, i].std(ddof=1):.2f})"
        if spoof.any():
            line += f", AUC {metrics.auc(table[:, i] if name == 'least' else -table[:, i], spoof.astype(int)):.2f}"
        print(line)


if __name__ == "__main__":
    main()
