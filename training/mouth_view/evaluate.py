"""How often a mouth is called covered: drawn on held-out persons, in photographs, in recordings of people who talk.

    python evaluate.py [--mouths MOUTHS.npz] [FOLDER...] [--most 400]

FOLDER holds pictures or recordings of faces and makes one row; of a recording ten frames a second are looked at.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from train import HELD

from inperson import media, models
from inperson.errors import InpersonError
from inperson.faces import FaceTracker
from inperson.lips.mouth import HIDDEN
from inperson.lips.view import MODEL, Image, patch
from inperson.types import Frame

PICTURES = (".jpg", ".jpeg", ".png")


def frames(path: Path) -> Iterator[Frame]:
    if path.suffix.lower() not in PICTURES:
        yield from media.frames(str(path))
        return
    image = cv2.imread(str(path))
    if image is None:
        return
    scale = 640 / max(image.shape)
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    image = cv2.copyMakeBorder(image, *(max(image.shape) // 8,) * 4, cv2.BORDER_REPLICATE)
    yield Frame(0.0, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), (image.shape[1], image.shape[0]))


def patches(path: Path) -> list[Image]:
    """Of the largest face of each tenth of a second."""
    tracker, cuts, last = FaceTracker(), [], -1.0
    for frame in frames(path):
        measured = [
            face for face in tracker.update(frame).faces if face.landmarks is not None and face.crop is not None
        ]
        if not measured or frame.time - last < 0.099:
            continue
        last = frame.time
        face = max(measured, key=lambda one: one.size)
        assert face.crop is not None
        assert face.landmarks is not None
        cut = patch(face.crop, face.landmarks, face.crop_origin)
        cuts += [cut] if cut is not None else []
    return cuts


def covered(cuts: np.ndarray) -> np.ndarray:
    return np.asarray(models.session(MODEL).run(None, {"patches": cuts})[0] >= HIDDEN)


def drawn(path: Path) -> None:
    """Rows by what was drawn before the mouths of the persons who trained nothing."""
    data = np.load(path)
    held = data["held"] < HELD
    found, kinds, labels = covered(data["patches"][held]), data["kinds"][held], data["labels"][held]
    for kind in np.unique(kinds):
        for label, word in ((True, "covers the mouth"), (False, "elsewhere")):
            these = found[(kinds == kind) & (labels == label)]
            if len(these):
                print(f"drawn {kind}, {word}: {these.mean():.3f} of {len(these)} called covered")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--mouths", type=Path)
    parser.add_argument("--most", type=int, default=400)
    chosen = parser.parse_args()
    if chosen.mouths is not None:
        drawn(chosen.mouths)
    for folder in chosen.folders:
        shares = []
        for path in sorted(p for p in folder.iterdir() if p.is_file())[: chosen.most]:
            try:
                cuts = patches(path)
            except InpersonError:  # a manifest, a transcript
                continue
            shares += [float(covered(np.stack(cuts)).mean())] if cuts else []
        print(
            f"{folder.name}: {np.mean(np.array(shares) >= 0.5):.3f} of {len(shares)} files with a face covered for at "
            f"least half of the time, {np.mean(shares):.3f} of the time over all"
        )


if __name__ == "__main__":
    main()
