"""Innocent filters by name, and what they do to the measurements of movement (`inperson.detectors._face_joined`).

    python lookalikes_moving.py MANIFEST.csv [--seconds 14] [--least 6.5]

Each genuine recording of MANIFEST.csv (path, label) is measured plainly and with every frame's face passed through each
filter; landmarks stay those of the plain face. Prints the mean shift of `stuck`, in standard deviations of genuine
recordings, and the share over what one plain recording in twenty exceeds. Simulated: real programs filter otherwise.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import camera
import cv2
import numpy as np
from camera import Float
from donors import Rng
from lookalikes import glare
from people import Points

from inperson import media
from inperson.detectors._face_joined import moving
from inperson.detectors._face_skin import PERIOD, Skin
from inperson.faces import FaceTracker
from inperson.types import Face


def small(x: Float, points: Points, rng: Rng) -> Float:
    """As a tile in which a face is 70 pixels wide."""
    share = min(1.0, 70 / max(1.0, float(np.ptp(points[:468, 0]))))
    less = cv2.resize(x, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(less, x.shape[1::-1], interpolation=cv2.INTER_LINEAR))


def soft(x: Float, points: Points, rng: Rng) -> Float:
    return np.asarray(cv2.GaussianBlur(x, (0, 0), 0.012 * float(np.ptp(points[:468, 0]))))


def sharp(x: Float, points: Points, rng: Rng) -> Float:
    return np.asarray(x + 1.2 * (x - cv2.GaussianBlur(x, (0, 0), 1.2)))


def dark(x: Float, points: Points, rng: Rng) -> Float:
    """Dim, and the noise is new in every frame."""
    return np.asarray(255 * (x / 255) ** 1.9 + rng.normal(0, 7, x.shape))


FILTERS = {
    "plain": lambda x, points, rng: x,
    "beauty filter, light": lambda x, points, rng: camera._beautified(x, points, 0.4, np.random.default_rng(1)),
    "beauty filter, strong": lambda x, points, rng: camera._beautified(x, points, 0.95, np.random.default_rng(1)),
    "small tile": small,
    "soft focus": soft,
    "sharpening camera": sharp,
    "low light, noise": dark,
    "glasses with glare": lambda x, points, rng: glare(x, points, np.random.default_rng(0)),
}


def filtered(face: Face, name: str, rng: Rng) -> Face:
    assert face.crop is not None
    assert face.landmarks is not None
    points = (face.landmarks[:, :2] - np.array(face.crop_origin)).astype(np.float32)
    made = FILTERS[name](face.crop.astype(np.float32), points, rng)
    return replace(face, crop=np.clip(np.round(made), 0, 255).astype(np.uint8))


def measured(path: Path, seconds: float) -> tuple[dict[str, float], float]:
    """`stuck` under each filter, and the seconds measured."""
    tracker, seen, due, last = FaceTracker(), defaultdict(Skin), -1.0, 0.0
    rng = np.random.default_rng(0)
    for frame in media.frames(str(path)):
        if frame.time > seconds:
            break
        faces = [face for face in tracker.update(frame).faces if face.landmarks is not None]
        if frame.image is None or not faces or frame.time < due:
            continue
        due, last = frame.time + PERIOD - 1e-6, frame.time
        face = max(faces, key=lambda face: face.size)
        for name in FILTERS:
            seen[name].add(frame.time, filtered(face, name, rng))
    return {name: moving(skin.table(), 0.0, 0.0).stuck for name, skin in seen.items()}, last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--seconds", type=float, default=14.0)
    parser.add_argument("--least", type=float, default=6.5)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    rows = []
    with open(chosen.manifest, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["label"] == "real":
                found, lasted = measured(chosen.manifest.parent / row["path"], chosen.seconds)
                rows += [found] * (lasted >= chosen.least and bool(found))
    plain = np.array([row["plain"] for row in rows])
    level = float(np.quantile(plain, 0.95))
    for name in FILTERS:
        values = np.array([row[name] for row in rows])
        print(f"{name:24s} {len(rows)}: {100 * np.mean(values > level):.0f} % over, {np.mean(values - plain):+.2f}")


if __name__ == "__main__":
    main()
