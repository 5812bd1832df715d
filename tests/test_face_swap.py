import math
from dataclasses import replace

import numpy as np
import pytest

from inperson.detectors._face_texture import NAMES, patch, texture
from inperson.detectors.face_swap import FaceSwap
from inperson.faces import FACE_OVAL
from inperson.testing import check_detector, made_up, rechunk
from inperson.types import Abstention, Candidate, Chunk, Face, Frame, Reading, Session

SIDE, MIDDLE, RADIUS = 500, 250.0, 90.0


def face(inside: float = 1.0, blur: bool = False, seed: int = 0, track: int = 0) -> Face:
    """A round face on noise of one strength; `inside` scales the noise in the face, `blur` renders it at half size."""
    import cv2

    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 12, (SIDE, SIDE))
    y, x = np.mgrid[:SIDE, :SIDE]
    within = np.hypot(x - MIDDLE, y - MIDDLE) < RADIUS
    if blur:
        half = cv2.resize(noise, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        noise = np.where(within, cv2.resize(half, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), noise)
    noise = np.where(within, inside * noise, noise)
    crop = np.clip(128 + noise[..., None], 0, 255).repeat(3, 2).astype(np.uint8)
    points = np.zeros((478, 3), np.float32)
    angle = np.linspace(0, 2 * np.pi, len(FACE_OVAL), endpoint=False)
    points[list(FACE_OVAL), 0] = MIDDLE + RADIUS * np.sin(angle)
    points[list(FACE_OVAL), 1] = MIDDLE - RADIUS * np.cos(angle)
    return Face(track, (160, 160, 340, 340), 0.9, points, crop)


def measured(**how: float | bool) -> dict[str, float]:
    here, before = patch(face(seed=1, **how)), patch(face(seed=2, **how))  # type: ignore[arg-type]
    assert here
    found = texture(0.0, here, before)
    assert found
    return dict(zip(NAMES, found.values, strict=True))


def test_alike_inside_and_outside_reads_nought() -> None:
    values = measured()
    assert all(abs(values[name]) < 0.1 for name in ("fine", "slope", "noise", "flicker"))


def test_noise_at_half_strength_reads_as_a_half() -> None:
    values = measured(inside=0.5)
    assert values["noise"] == pytest.approx(math.log(0.5), abs=0.1)
    assert values["fine"] == pytest.approx(math.log(0.5), abs=0.1)
    assert abs(values["slope"]) < 0.15  # weaker, but not rendered at a lower resolution


def test_a_lower_resolution_inside_shows_in_the_slope() -> None:
    assert measured(blur=True)["slope"] < -0.5


def test_a_face_that_was_tracked_only_or_is_tiny_is_not_measured() -> None:
    assert patch(replace(face(), landmarks=None)) is None
    whole = face()
    assert whole.landmarks is not None
    small = patch(replace(whole, landmarks=MIDDLE + (whole.landmarks - MIDDLE) * 0.08))
    assert small is None or texture(0.0, small, None) is None


def call(faces: list[Face], seconds: float = 12.0) -> tuple[list[Chunk], Session]:
    chunks, session = made_up(seconds)

    def shown(frame: Frame) -> Frame:
        return replace(frame, faces=(faces[int(frame.time * 25) % len(faces)],))

    return [replace(c, frames=tuple(map(shown, c.frames))) for c in chunks], session


def run(chunks: list[Chunk], session: Session) -> Reading | Abstention:
    detector = FaceSwap()
    for chunk in chunks:
        detector.update(chunk)
    return detector.finish(session)


def test_a_reading_has_its_measurements_and_moments() -> None:
    chunks, session = call([face(inside=0.6, seed=i) for i in range(2)])
    found = run(chunks, session)
    assert isinstance(found, Reading)
    assert found.measurements["noise"].value == pytest.approx(math.log(0.6), abs=0.1)
    assert found.measurements["face_size"].value == 180
    assert len(found.evidence) >= 1
    assert run(rechunk(chunks, 0.3), session) == found


def test_abstains_for_a_small_or_unknown_face() -> None:
    chunks, session = call([replace(face(), box=(200, 200, 260, 260))])
    small = run(chunks, session)
    assert isinstance(small, Abstention)
    assert "60 pixels wide" in small.reason
    unknown = run(chunks, replace(session, candidate=Candidate(None, None, "Nobody.")))
    assert isinstance(unknown, Abstention)
    assert "Nobody." in unknown.reason


def test_contract() -> None:
    check_detector(FaceSwap)
