"""Mouths in view and mouths covered, cut as `inperson.lips.view` cuts them, landmarks found on the covered face.

    python data.py PEOPLE.npz --out MOUTHS.npz [--seed 0]

PEOPLE.npz is what ../face_swap/people.py wrote. Every face is drawn on several times, then made smaller, darker,
noisier and coarser as cameras and calls do; the mesh is run on the result, so that it is misled as in life.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from occluders import KINDS, Image, Rng, drawn

from inperson.faces.mesh import FaceMesh, region_of
from inperson.lips.view import SIDE, patch

sys.path.append(str(Path(__file__).resolve().parents[1] / "face_swap"))
from people import load, part

COVERED, IN_VIEW = 0.6, 0.15
"""Of the lips; what lies between is neither."""


def worsened(image: Image, eyes: float, rng: Rng) -> tuple[Image, float]:
    """As a camera and a call give it, and by how much smaller."""
    scale = min(1.0, float(np.exp(rng.uniform(np.log(24), np.log(130)))) / eyes)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
    if rng.random() < 0.3:
        small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.4, 1.3)))
    small = 255 * (small.clip(0, 255) / 255) ** np.exp(rng.normal(0, 0.3)) * np.exp(rng.normal(0, 0.08, 3))
    if rng.random() < 0.25:
        small *= rng.uniform(0.25, 0.8)
    small += rng.normal(0, rng.uniform(0, 7), small.shape)
    encoded = cv2.imencode(
        ".jpg", small.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 95))]
    )
    return np.asarray(cv2.imdecode(encoded[1], cv2.IMREAD_COLOR), np.uint8), scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    rng, mesh = np.random.default_rng(chosen.seed), FaceMesh()
    patches, labels, names, kinds = [], [], [], []
    for person in load(chosen.people):
        eyes = float(np.linalg.norm(person.points[263] - person.points[33]))
        fit = min(1.0, 130 / eyes)  # nothing below shows more, and drawing is quicker
        image = cv2.resize(person.image, None, fx=fit, fy=fit, interpolation=cv2.INTER_AREA)
        for kind in ("", "", "", *KINDS, "hand", "hand", "microphone"):
            picture, share = drawn(image, person.points * fit, kind, rng)
            picture, scale = worsened(picture, eyes * fit, rng)
            region = region_of(np.concatenate([person.points * fit * scale, np.zeros((478, 1), np.float32)], 1))
            landmarks, presence, _ = mesh(picture, region)
            cut = patch(picture, landmarks, (0, 0))
            if IN_VIEW < share < COVERED or cut is None or presence < 0.5:
                continue
            patches.append(cut)
            labels.append(share >= COVERED)
            names.append(person.name)
            kinds.append(kind or "nothing")
    held = np.array([part(name) for name in names])
    np.savez(chosen.out, patches=np.stack(patches), labels=np.array(labels), held=held, kinds=np.array(kinds))
    print(f"{len(labels)} mouths of {len(set(names))} persons, {np.mean(labels):.0%} covered, {SIDE} pixels")


if __name__ == "__main__":
    main()
