"""Recall of the detector against the size of the face: portraits scaled onto 192x192 pixels of blurred clutter.

python training/faces/recall.py PORTRAIT_FOLDER [--every 18]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from inperson.faces.detector import MIN_SCORE, SIDE, FaceDetector, Tile
from inperson.faces.mesh import FaceMesh
from inperson.types import Floats, Image

WIDTHS = (6, 8, 10, 12, 15, 20, 30, 50, 80, 110, 140, 170)


@dataclass(frozen=True)
class Portrait:
    image: Image
    landmarks: Floats


def portraits(folder: Path, every: int) -> list[Portrait]:
    """Those with exactly one face when seen large."""
    detector, mesh, out = FaceDetector(), FaceMesh(), []
    for path in sorted(folder.glob("*.jpg"))[::every]:
        image = np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), np.uint8)
        found = detector(image, Tile(0, 0, max(image.shape[:2])))
        if len(found) == 1:
            out.append(Portrait(image, mesh(image, found[0].region)[0]))
    return out


def placed(portrait: Portrait, width: int, rng: np.random.Generator) -> Image:
    """The portrait at a random place, its face `width` pixels wide, over clutter."""
    scale = width / float(np.ptp(portrait.landmarks[:468, 0]))
    small = cv2.resize(portrait.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x, y = (portrait.landmarks[:, :2].mean(axis=0) * scale).astype(int)
    top, left = (int(np.clip(c - SIDE // 2, 0, max(0, n - SIDE))) for c, n in zip((y, x), small.shape[:2], strict=True))
    small = small[top : top + SIDE, left : left + SIDE]
    canvas = cv2.resize(rng.integers(40, 200, (6, 6, 3), dtype=np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    height, wide = small.shape[:2]
    y, x = (int(rng.integers(0, SIDE - n + 1)) for n in (height, wide))
    canvas[y : y + height, x : x + wide] = small
    return np.asarray(canvas, np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=18)
    arguments = parser.parse_args()
    known, detector, rng = portraits(arguments.folder, arguments.every), FaceDetector(), np.random.default_rng(0)
    print(f"{len(known)} portraits, score >= {MIN_SCORE}")
    for width in WIDTHS:
        counts = [len(detector(placed(p, width, rng), Tile(0, 0, SIDE))) for p in known]
        found = np.mean([n > 0 for n in counts])
        print(f"face {width:3d} px of {SIDE}: found {found:.2f}, more than one box {sum(n > 1 for n in counts)}")


if __name__ == "__main__":
    main()
