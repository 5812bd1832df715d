"""Genuine faces with their landmarks: what every simulated swap and every genuine example starts from.

    python people.py OUT.npz FOLDER... [--frames 12]

Every FOLDER holds a `manifest.csv` (path, person_id, licence_class; `kind` or `label` where it holds videos). Only
openly licensed rows are taken. Of a video come `--frames` frames spread over its length, of a portrait the picture.
Each is cut to twice the face's box, so that hair, ears and neck are in, and made no larger than `MOST` pixels.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inperson import media
from inperson.faces import FaceTracker
from inperson.types import Face, Frame

Image = NDArray[np.uint8]
Points = NDArray[np.float32]
MOST = 560
"""Pixels of a cut's longer side: a face of about 280, as wide as most calls show one."""
LEAST = 90.0
"""Pixels of face: a smaller one shows neither skin nor seam."""
VIDEO = (".mp4", ".webm", ".mov", ".mpg", ".avi", ".mkv", ".m4v")


@dataclass(frozen=True)
class Person:
    """One sighting: a cut (height, width, 3) RGB and its landmarks (478, 2) in the cut's pixels."""

    name: str
    source: str
    image: Image
    points: Points
    video: bool


def part(name: str) -> float:
    """In [0, 1), the same for a name always: who lies below `--held` is never shown as a genuine example."""
    return hashlib.sha256(name.encode()).digest()[0] / 256


def cut(face: Face) -> tuple[Image, Points]:
    assert face.crop is not None
    assert face.landmarks is not None
    points = face.landmarks[:, :2] - np.float32(face.crop_origin)
    scale = min(1.0, MOST / max(face.crop.shape[:2]))
    if scale == 1.0:
        return face.crop, points
    small = cv2.resize(face.crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small, ((points + 0.5) * scale - 0.5).astype(np.float32)


def largest(faces: tuple[Face, ...]) -> Face | None:
    measured = [face for face in faces if face.landmarks is not None and face.size >= LEAST]
    return max(measured, key=lambda face: face.size, default=None)


def portrait(path: Path) -> Iterator[Face]:
    image = cv2.imread(str(path))
    if image is None:
        return
    image = cv2.copyMakeBorder(image, *(max(image.shape) // 8,) * 4, cv2.BORDER_REPLICATE)
    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    frame = FaceTracker().update(Frame(0.0, rgb, (rgb.shape[1], rgb.shape[0])))
    if (found := largest(frame.faces)) is not None:
        yield found


def film(path: Path, count: int) -> Iterator[Face]:
    """Faces of frames spread evenly over the recording."""
    tracker, seen = FaceTracker(), []
    for frame in media.frames(str(path)):
        if frame.image is not None and (found := largest(tracker.update(frame).faces)) is not None:
            seen.append(found)
            if len(seen) >= 32 * count:
                seen = seen[::2]
    yield from (seen[int(i)] for i in np.linspace(0, len(seen) - 1, min(count, len(seen))))


def read(folder: Path, frames: int) -> Iterator[Person]:
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["licence_class"] != "open" or row.get("label", "real") != "real":
            continue
        path, moving = folder / row["path"], row["path"].lower().endswith(VIDEO)
        try:
            faces = list(film(path, frames) if moving else portrait(path))
        except Exception as error:
            print(f"left out {row['path']}: {error}", flush=True)
            continue
        for face in faces:
            image, points = cut(face)
            yield Person(row["person_id"] or row["path"], row.get("source") or row["repo"], image, points, moving)


def save(out: Path, people: list[Person]) -> None:
    flat = np.concatenate([person.image.ravel() for person in people])
    shapes = np.array([person.image.shape[:2] for person in people])
    texts = {name: np.array([getattr(person, name) for person in people]) for name in ("name", "source", "video")}
    np.savez(out, flat=flat, shapes=shapes, points=np.stack([person.points for person in people]), **texts)


def load(path: Path) -> list[Person]:
    with np.load(path, allow_pickle=False) as held:
        flat, shapes, points = held["flat"], held["shapes"], held["points"]
        ends = np.cumsum(shapes.prod(1) * 3)
        cuts = [flat[end - h * w * 3 : end].reshape(h, w, 3) for end, (h, w) in zip(ends, shapes, strict=True)]
        texts = zip(held["name"], held["source"], held["video"], strict=True)
        return [
            Person(str(n), str(s), image, p, bool(v)) for image, p, (n, s, v) in zip(cuts, points, texts, strict=True)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--frames", type=int, default=12)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    people = [person for folder in chosen.folders for person in read(folder, chosen.frames)]
    save(chosen.out, people)
    print(f"{len(people)} sightings of {len({person.name for person in people})} persons")


if __name__ == "__main__":
    main()
