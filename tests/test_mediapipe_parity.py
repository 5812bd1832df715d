"""Our ONNX mesh against MediaPipe's own runtime, on real faces.

Runs only where mediapipe 0.10.21 is installed (Python 3.11 or 3.12, numpy < 2), so in an environment of its own:

    pip install "inperson[mediapipe,test]" && pytest tests/test_mediapipe_parity.py
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from inperson.faces import FaceTracker, interocular
from inperson.faces.mesh import FaceMesh, Region, region_of
from inperson.types import Frame, Image

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("mediapipe") is None,
        reason='needs mediapipe 0.10.21: pip install "inperson[mediapipe]"',
    ),
    pytest.mark.filterwarnings("ignore"),  # mediapipe's own
]
SAMPLE = Path(__file__).parents[1] / "samples" / "interview.mp4"
LIMIT = 0.01
"""Of the distance between the outer eye corners."""


def frames() -> list[Image]:
    """Six frames of the sample: as it is, turned and shifted, smaller, darker."""
    with av.open(str(SAMPLE)) as container:
        decoded = [f.to_ndarray(format="rgb24") for _, f in zip(range(90), container.decode(video=0), strict=False)]
    out = []
    for n, image in enumerate(decoded[::15]):
        turn = cv2.getRotationMatrix2D((640, 360), (0, 8, -12, 0, 20, 0)[n], (1, 1, 0.9, 0.5, 0.7, 1)[n])
        dark = (1, 1, 1, 1, 1, 0.4)[n]
        out.append((cv2.warpAffine(image, turn, (1280, 720)) * dark).astype(np.uint8))
    return out


def test_the_same_region_gives_the_same_landmarks() -> None:
    from inperson._mediapipe import MediaPipeMesh

    ours, theirs, tracker = FaceMesh(), MediaPipeMesh(), FaceTracker()
    distances = []
    for i, image in enumerate(frames()):
        faces = tracker.update(Frame(3.0 * i, image, (1280, 720))).faces
        assert len(faces) == 2
        for face in faces:
            assert face.landmarks is not None
            region = region_of(face.landmarks)
            a, b = ours(image, region), theirs(image, region)
            assert (round(a[1]), b[1]) == (1, 1.0)
            distances.append(np.linalg.norm(a[0][:, :2] - b[0][:, :2], axis=1) / interocular(b[0]))
            assert np.abs(a[0][:, 2] - b[0][:, 2]).max() < 0.05 * interocular(b[0])
    assert np.median(distances) < LIMIT
    assert np.max(distances) < 5 * LIMIT


def test_both_find_nothing_where_there_is_no_face() -> None:
    from inperson._mediapipe import MediaPipeMesh

    image = np.full((720, 1280, 3), 90, np.uint8)
    region = Region(600, 300, 250, 0.1)
    assert FaceMesh()(image, region)[1] < 0.5
    assert MediaPipeMesh()(image, region)[1] == 0.0


def test_the_two_backends_track_alike() -> None:
    ours, theirs = FaceTracker(), FaceTracker(backend="mediapipe")
    for i, image in enumerate(frames()[:1] * 4):
        frame = Frame(i / 30, image, (1280, 720))
        a, b = ours.update(frame).faces, theirs.update(frame).faces
        assert [f.track for f in a] == [f.track for f in b]
        for x, y in zip(a, b, strict=True):
            assert x.box == pytest.approx(y.box, abs=2.0)
