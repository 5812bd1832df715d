"""Landmark distance between our ONNX mesh and MediaPipe 0.10.21, on frames of the videos named.

    python training/faces/parity.py FILE_OR_FOLDER... [--every 25]

Run in an environment with mediapipe 0.10.21 and this package (training/faces/README.md). For each measured face: the
same frame and region to both (`runtime`), and MediaPipe's whole FaceMesh solution in video mode, run eight times on the
frame so that it settles, against ours settled the same way (`solution`, files with one face).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mediapipe
import numpy as np

from inperson import media
from inperson._mediapipe import MediaPipeMesh
from inperson.errors import InpersonError
from inperson.faces import LEFT_IRIS, RIGHT_IRIS, FaceTracker, interocular
from inperson.faces.mesh import FaceMesh, region_of
from inperson.types import Floats, Image

KINDS = {".mp4", ".webm", ".mov", ".mpg", ".mkv", ".avi"}
IRISES = [*LEFT_IRIS, *RIGHT_IRIS]
SETTLE = 8


def settled(image: Image) -> list[Floats]:
    """MediaPipe's solution on a still picture, after it has followed the face for `SETTLE` frames."""
    height, width = image.shape[:2]
    with mediapipe.solutions.face_mesh.FaceMesh(max_num_faces=4, refine_landmarks=True) as solution:
        for _ in range(SETTLE):
            result = solution.process(image)
    return [
        np.array([(p.x * width, p.y * height, p.z * width) for p in face.landmark], np.float32)
        for face in result.multi_face_landmarks or []
    ]


def compare(path: Path, every: int) -> tuple[list[Floats], list[Floats]]:
    """Distances over the inter-ocular distance, (478,) for each face: same region, whole solution."""
    ours, theirs, tracker = FaceMesh(), MediaPipeMesh(), FaceTracker()
    runtime, solution, number = [], [], -1
    for chunk in media.chunks(path, audio=False):
        for frame in chunk.frames:
            number += 1
            faces = [f for f in tracker.update(frame).faces if f.landmarks is not None]
            if number % every or frame.image is None:
                continue
            for face in faces:
                assert face.landmarks is not None
                region = region_of(face.landmarks)
                b, confidence, _ = theirs(frame.image, region)
                if confidence:
                    a = ours(frame.image, region)[0]
                    runtime.append(np.linalg.norm(a[:, :2] - b[:, :2], axis=1) / interocular(b))
            found = settled(frame.image) if len(faces) == 1 else []
            if len(found) == 1:
                points = faces[0].landmarks
                assert points is not None
                for _ in range(SETTLE):
                    points = ours(frame.image, region_of(points))[0]
                solution.append(np.linalg.norm(points[:, :2] - found[0][:, :2], axis=1) / interocular(found[0]))
    return runtime, solution


def show(name: str, rows: list[Floats]) -> None:
    if rows:
        part = 100 * np.array(rows)
        print(
            f"{name}: faces {len(part)}, median {np.median(part):.3f} %, 95 % {np.percentile(part, 95):.3f} %, "
            f"99.9 % {np.percentile(part, 99.9):.3f} %, irises median {np.median(part[:, IRISES]):.3f} %, "
            f"worst face's median {np.median(part, axis=1).max():.3f} %",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=25)
    arguments = parser.parse_args()
    files = [f for p in arguments.paths for f in (sorted(p.iterdir()) if p.is_dir() else [p]) if f.suffix in KINDS]
    runtime: list[Floats] = []
    solution: list[Floats] = []
    for path in files:
        try:
            a, b = compare(path, arguments.every)
        except InpersonError as error:
            print(f"{path.name}: {error}")
            continue
        runtime += a
        solution += b
    show("runtime", runtime)
    show("solution", solution)


if __name__ == "__main__":
    main()
