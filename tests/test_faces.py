"""Faces put in frames at known places, sizes and angles must read back; numbers must survive what happens in calls."""

from __future__ import annotations

import functools
import importlib.util
import math
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from inperson.errors import InputError
from inperson.faces import (
    CROP_SCALE,
    EYE_CORNERS_OUTER,
    FACE_OVAL,
    JAW,
    LEFT_EYE,
    LEFT_IRIS,
    LIPS_INNER,
    LIPS_OUTER,
    NOSE,
    RIGHT_EYE,
    RIGHT_IRIS,
    FaceTracker,
    aligned,
    interocular,
)
from inperson.faces.sweep import SMALLEST, tiles
from inperson.faces.track import GAP, Followed
from inperson.faces.tracker import LOOK_EVERY, REMEMBERED, RUNS_PER_SECOND
from inperson.types import Face, Floats, Frame, Image

SAMPLE = Path(__file__).parents[1] / "samples" / "interview.mp4"
SIZE = (1280, 720)
FPS = 30


class Portrait:
    """A face cut from the sample, with the landmarks a tracker gives on it, to be drawn anywhere."""

    def __init__(self, image: Image, face: Face) -> None:
        assert face.landmarks is not None
        x0, y0, x1, y1 = face.box
        centre, reach = ((x0 + x1) / 2, (y0 + y1) / 2), round(1.2 * (y1 - y0))
        self.image = cv2.getRectSubPix(image, (2 * reach + 1, 2 * reach + 1), centre)
        self.landmarks = face.landmarks[:, :2] - centre  # relative to the face's centre, as the picture's middle is
        self.width, self.reach = x1 - x0, reach
        mask = np.zeros(self.image.shape[:2], np.float32)
        cv2.ellipse(mask, (reach, reach), (round((x1 - x0) * 0.95), round((y1 - y0) * 0.95)), 0, 0, 360, 1.0, -1)
        self.mask = cv2.GaussianBlur(mask, (0, 0), 5)

    def paste(self, frame: Image, x: float, y: float, width: float, degrees: float = 0.0) -> Floats:
        """Draw it with its centre at (x, y), `width` pixels wide, turned clockwise; the true landmarks, (478, 2)."""
        scale, angle = width / self.width, math.radians(degrees)
        turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        source, mask, step = self.image, self.mask, 1.0
        if scale < 0.5:  # average first: warping samples single pixels
            size = round(2 * scale * len(self.image))
            source, mask = (cv2.resize(n, (size, size), interpolation=cv2.INTER_AREA) for n in (source, mask))
            step = len(self.image) / size
        middle = (len(source) - 1) / 2
        half = math.ceil(1.2 * scale * self.reach)
        left, top = math.floor(x) - half, math.floor(y) - half
        matrix = np.column_stack([step * turn, np.array([x - left, y - top]) - step * turn @ (middle, middle)])
        side = (2 * half + 1, 2 * half + 1)
        drawn, part = (cv2.warpAffine(n, matrix, side, flags=cv2.INTER_LINEAR) for n in (source, mask))
        rows = slice(max(0, -top), max(0, min(side[1], frame.shape[0] - top)))
        columns = slice(max(0, -left), max(0, min(side[0], frame.shape[1] - left)))
        under = frame[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop]
        weight = part[rows, columns, None]
        under[:] = (drawn[rows, columns] * weight + under * (1 - weight)).astype(np.uint8)
        return (self.landmarks @ turn.T + (x, y)).astype(np.float32)


@functools.cache
def portraits() -> tuple[Portrait, Portrait]:
    """The two faces of the sample's first frame, left and right."""
    with av.open(str(SAMPLE)) as container:
        image = next(container.decode(video=0)).to_ndarray(format="rgb24")
    tracker = FaceTracker()
    frames = [tracker.update(Frame(i / FPS, image, SIZE)) for i in range(4)]  # the mesh settles on a still picture
    left, right = sorted((f for f in frames[-1].faces), key=lambda f: f.box[0])
    last = {f.track: f for frame in frames for f in frame.faces if f.landmarks is not None}
    return Portrait(image, last[left.track]), Portrait(image, last[right.track])


def empty() -> Image:
    """A dull wall with a light gradient."""
    return np.repeat(np.linspace(70, 130, SIZE[0]).astype(np.uint8)[None, :, None], SIZE[1], 0).repeat(3, 2)


def centre(face: Face) -> tuple[float, float]:
    return (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2


def at(frame: Frame, x: float, y: float) -> list[Face]:
    """Faces of `frame` whose centre lies within half a face of (x, y)."""
    return [f for f in frame.faces if math.dist(centre(f), (x, y)) < f.size / 2]


@pytest.mark.parametrize(
    ("x", "y", "width", "degrees"),
    [(640, 360, 240, 0), (300, 250, 160, 20), (900, 400, 300, -25), (200, 500, 100, 0), (1100, 200, 80, 10)],
)
def test_a_face_reads_back_where_it_was_put(x: float, y: float, width: float, degrees: float) -> None:
    tracker, image = FaceTracker(), empty()
    truth = portraits()[1].paste(image, x, y, width, degrees)
    for i in range(3):
        frame = tracker.update(Frame(i / FPS, image, SIZE))
    (face,) = frame.faces
    assert face.landmarks is not None
    assert face.landmarks.shape == (478, 3)
    assert face.landmarks.dtype == np.float32
    off = np.linalg.norm(face.landmarks[:, :2] - truth, axis=1) / interocular(truth)
    assert np.median(off) < 0.02
    assert np.linalg.norm(face.landmarks[[468, 473], :2] - truth[[468, 473]], axis=1).max() < 0.04 * interocular(truth)
    assert face.box == pytest.approx((*truth[:468].min(axis=0), *truth[:468].max(axis=0)), abs=0.06 * width)
    assert face.confidence > 0.9


@pytest.mark.parametrize("where", [(60, 60), (1220, 60), (640, 660), (480, 300)])
def test_the_smallest_face_is_found_in_the_first_frame(where: tuple[float, float]) -> None:
    image = empty()
    portraits()[1].paste(image, *where, SMALLEST)
    assert len(at(FaceTracker().update(Frame(0.0, image, SIZE)), *where)) == 1


def test_a_small_face_that_appears_later_is_found_within_a_sweep() -> None:
    tracker, image = FaceTracker(), empty()
    tracker.update(Frame(0.0, image, SIZE))
    portraits()[0].paste(image, 1150, 600, SMALLEST)
    frames = [tracker.update(Frame(i / FPS, image, SIZE)) for i in range(1, 46)]
    assert len(at(frames[-1], 1150, 600)) == 1


def test_a_face_that_fills_the_picture_is_found() -> None:
    image = np.full((256, 256, 3), 90, np.uint8)
    portraits()[1].paste(image, 128, 128, 200)
    frame = FaceTracker().update(Frame(0.0, image, (256, 256)))
    assert [round(f.size / 40) for f in frame.faces] == [5]


def test_no_face_in_black_noise_and_texture() -> None:
    rng = np.random.default_rng(7)
    rough = cv2.resize(rng.integers(0, 255, (12, 20, 3), dtype=np.uint8), SIZE, interpolation=cv2.INTER_CUBIC)
    tracker = FaceTracker()
    for i, image in enumerate([np.zeros((720, 1280, 3), np.uint8), empty(), rough] * 3):
        assert tracker.update(Frame(i * 0.3, image, SIZE)).faces == ()
    for i in range(6):
        noise = rng.integers(0, 255, (720, 1280, 3), dtype=np.uint8)
        assert tracker.update(Frame(3 + i * 0.3, noise, SIZE)).faces == ()
    assert tracker.tracks() == ()


@pytest.mark.parametrize(
    ("fps", "seconds", "front_width", "back_width"), [(15, 3, 200, 180), (15, 1.5, 160, 240), (8, 6, 160, 240)]
)
def test_crossing_faces_keep_their_numbers(fps: int, seconds: float, front_width: int, back_width: int) -> None:
    front, back = portraits()
    tracker, numbers = FaceTracker(), []
    for i in range(round(seconds * fps)):
        image, part = empty(), i / (seconds * fps)
        right, left = 250 + 780 * part, 1030 - 780 * part
        back.paste(image, left, 360, back_width)
        front.paste(image, right, 360, front_width)
        frame = tracker.update(Frame(i / fps, image, SIZE))
        if abs(right - left) > 310:
            numbers.append([[f.track for f in at(frame, x, 360)] for x in (right, left)])
    assert sorted(numbers[0]) == [[0], [1]]
    assert numbers[-1] == numbers[0]
    assert [n for n in numbers if n[0] == numbers[0][1] or n[1] == numbers[0][0]] == []
    assert [t.track for t in tracker.tracks()] == [0, 1]


def test_a_short_occlusion_keeps_the_number() -> None:
    tracker, seen = FaceTracker(), []
    for i in range(26):
        image = empty()
        portraits()[1].paste(image, 600 + 4 * i, 350, 180)
        if 8 <= i < 18:
            image[150:600, 450:900] = 60
        seen.append([f.track for f in tracker.update(Frame(i / 10, image, SIZE)).faces])
    assert seen[7] == seen[-1] == [0]
    assert seen[12] == []
    (track,) = tracker.tracks()
    assert [round(s.start, 1) for s in track.spans] == [0.0, pytest.approx(1.8, abs=0.3)]
    assert track.spans[0].end == pytest.approx(0.8, abs=0.1)


def test_after_a_cut_to_another_face_the_first_one_gets_its_number_back() -> None:
    tracker, seen = FaceTracker(), []
    for i, who in enumerate([0] * 20 + [1] * 20 + [0] * 20):
        image = empty()
        portraits()[who].paste(image, 640, 360, 220)
        seen.append([f.track for f in tracker.update(Frame(i / FPS, image, SIZE)).faces])
    assert seen[19] == [0]
    assert seen[39] == [1]
    assert seen[59] == [0]
    first, second = tracker.tracks()
    assert len(first.spans) == 2
    assert second.duration == pytest.approx(20 / FPS, abs=0.05)


def test_gallery_and_picture_in_picture() -> None:
    image = empty()
    places = [(x, y) for y in (130, 360, 590) for x in (220, 640, 1060)]
    for n, (x, y) in enumerate(places):
        portraits()[n % 2].paste(image, x, y, 100)
    tracker = FaceTracker()
    for i in range(round(0.8 * FPS)):
        frame = tracker.update(Frame(i / FPS, image, SIZE))
        assert sorted(round(n) for f in frame.faces for n in centre(f)) == pytest.approx(
            sorted(n for place in places for n in place), abs=12
        )
    assert len(tracker.tracks()) == 9
    inset = empty()
    portraits()[0].paste(inset, 560, 380, 330)
    inset[500:700, 1000:1250] = 40
    portraits()[1].paste(inset, 1125, 600, 70)
    frame = FaceTracker().update(Frame(0.0, inset, SIZE))
    assert len(at(frame, 560, 380)) == len(at(frame, 1125, 600)) == 1


@pytest.mark.parametrize(("fps", "faces"), [(30, 6), (60, 1), (30, 1)])
def test_cost_is_bounded_by_the_recordings_time(fps: int, faces: int) -> None:
    image, seconds = empty(), 1.5
    for n in range(faces):
        portraits()[n % 2].paste(image, 220 + 420 * (n % 3), 200 + 320 * (n // 3), 120)
    tracker, measured = FaceTracker(), dict.fromkeys(range(faces), 0)
    for i in range(round(seconds * fps)):
        frame = tracker.update(Frame(i / fps, image, SIZE))
        assert len(frame.faces) == faces
        for face in frame.faces:
            measured[face.track] += face.landmarks is not None
    assert tracker.mesh_runs <= RUNS_PER_SECOND * seconds + 4 + faces
    assert tracker.detector_runs <= seconds / LOOK_EVERY + 2 + len(tracker_tiles())
    shares = sorted(measured.values())
    assert shares[-1] - shares[0] <= 2
    assert sum(shares) >= min(RUNS_PER_SECOND, fps * faces) * seconds - 1


def test_frames_in_which_nothing_is_due_need_no_image() -> None:
    """Two faces are measured together, so that the frames between need not be converted."""
    image = empty()
    for n in range(2):
        portraits()[n].paste(image, 300 + 600 * n, 300, 160)
    tracker, looked, together = FaceTracker(), 0, 0
    for i in range(90):
        if i and not tracker.wants(i / 30):
            continue
        looked += 1
        faces = tracker.update(Frame(i / 30, image, SIZE)).faces
        together += sum(face.landmarks is not None for face in faces) == 2
    assert RUNS_PER_SECOND / 2 * 3 * 0.8 <= together <= looked <= RUNS_PER_SECOND / 2 * 3 + 3 / LOOK_EVERY + 4


def tracker_tiles() -> list[object]:
    wide, close = tiles(SIZE)
    return [*wide, *close]


def test_crops_are_untouched_copies_with_context() -> None:
    rng = np.random.default_rng(1)
    image = empty()
    portraits()[1].paste(image, 60, 360, 150)  # partly outside the frame
    portraits()[0].paste(image, 700, 360, 200)
    image[::7, ::5] = rng.integers(0, 255, image[::7, ::5].shape, dtype=np.uint8)
    original = image.copy()
    faces = FaceTracker().update(Frame(0.0, image, SIZE)).faces
    image[:] = 0
    assert len(faces) == 2
    for face in faces:
        assert face.crop is not None
        x, y = face.crop_origin
        height, width = face.crop.shape[:2]
        assert np.array_equal(face.crop, original[y : y + height, x : x + width])
    whole = max(faces, key=lambda f: f.box[0])
    assert whole.crop is not None
    side = max(whole.box[2] - whole.box[0], whole.box[3] - whole.box[1])
    assert whole.crop.shape[:2] == (pytest.approx(CROP_SCALE * side, abs=2), pytest.approx(CROP_SCALE * side, abs=2))
    assert min(faces, key=lambda f: f.box[0]).crop_origin[0] == 0


def test_a_blip_is_no_track_and_tracks_tell_when_and_where() -> None:
    tracker = FaceTracker()
    for i in range(2 * FPS):
        image = empty()
        portraits()[0].paste(image, 400, 360, 200)
        if 30 <= i < 36:
            portraits()[1].paste(image, 950, 360, 200)
        tracker.update(Frame(5 + i / FPS, image, SIZE))
    (track,) = tracker.tracks()
    (span,) = track.spans
    assert (span.start, span.end) == (5.0, pytest.approx(7.0, abs=0.05))
    assert ((track.box[0] + track.box[2]) / 2, (track.box[1] + track.box[3]) / 2) == pytest.approx((400, 360), abs=8)


def test_two_runs_agree_exactly() -> None:
    def run() -> list[tuple[int, tuple[float, ...], bytes]]:
        tracker, out = FaceTracker(), []
        for i in range(12):
            image = empty()
            portraits()[0].paste(image, 400 + 5 * i, 360, 200, i)
            portraits()[1].paste(image, 900 - 5 * i, 300, 120)
            faces = tracker.update(Frame(i / FPS, image, SIZE)).faces
            out += [(f.track, f.box, b"" if f.landmarks is None else f.landmarks.tobytes()) for f in faces]
        return out

    assert run() == run()


def test_frames_without_image_and_of_changing_size_pass() -> None:
    tracker = FaceTracker()
    blank = Frame(0.0, None, SIZE)
    assert tracker.update(blank) is blank
    assert tracker.tracks() == ()
    for i, (width, height) in enumerate([(1, 1), (2, 700), (640, 360), (33, 20)]):
        image = np.zeros((height, width, 3), np.uint8)
        assert tracker.update(Frame(0.1 * i, image, (width, height))).faces == ()


def test_memory_of_a_track_is_bounded() -> None:
    look = np.zeros((16, 16, 3), np.float32)
    face = portraits()[0]
    tracker = FaceTracker()
    image = empty()
    face.paste(image, 400, 360, 200)
    tracker.update(Frame(0.0, image, SIZE))
    (followed,) = (f for f in tracker._faces)
    assert isinstance(followed, Followed)
    for i in range(20000):
        followed.present(i * (GAP + 0.2), 0.04)
    assert len(followed.boxes) <= 64
    assert len(followed.spans) <= 1024
    assert followed.look.shape == look.shape


def test_tiles_cover_every_pixel_with_faces_of_the_smallest_size_whole() -> None:
    for width, height in [(640, 360), (1280, 720), (1920, 1080), (3840, 2160), (720, 1280)]:
        wide, close = tiles((width, height))
        side = max(t.side for t in close) if close else wide[0].side
        assert SMALLEST * 192 / side >= 9 if close else SMALLEST * 192 / side >= 12
        for x in range(0, width - SMALLEST, 37):
            for y in range(0, height - SMALLEST, 37):
                assert any(
                    t.x <= x and x + SMALLEST <= t.x + t.side and t.y <= y and y + SMALLEST <= t.y + t.side
                    for t in close or wide
                )


def test_aligned_brings_the_eyes_to_their_places() -> None:
    crop = np.zeros((300, 400, 3), np.uint8)
    left, right = (120, 100), (220, 160)
    for x, y in (left, right):
        cv2.circle(crop, (x, y), 6, (255, 255, 255), -1)
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[list(EYE_CORNERS_OUTER), :2] = np.add([left, right], (1000, 50))
    face = Face(0, (0, 0, 1, 1), 1.0, landmarks, crop, (1000, 50))
    for size, margin in [(200, 0.0), (64, 0.25), (24, 0.0)]:
        picture = aligned(face, size, margin)
        assert picture.shape == (size, size, 3)
        inner = size / (1 + 2 * margin)
        for half, sign in ((picture[:, : size // 2], -1), (picture[:, size // 2 :], 1)):
            ys, xs = np.mgrid[: half.shape[0], : half.shape[1]]
            weight = half[..., 0].astype(float)
            x, y = (float((n * weight).sum() / weight.sum()) for n in (xs, ys))
            x += size // 2 if sign > 0 else 0
            assert (x, y) == pytest.approx(
                (size / 2 - 0.5 + sign * inner / 4, (size - inner) / 2 + 0.4 * inner), abs=0.6
            )
    with pytest.raises(ValueError, match="tracked only"):
        aligned(Face(0, (0, 0, 1, 1), 1.0), 64)


def test_landmark_groups_lie_where_their_names_say() -> None:
    points = portraits()[1].landmarks.astype(np.float32)

    def middle(group: tuple[int, ...]) -> Floats:
        return points[list(group)].mean(axis=0)

    assert middle(LEFT_EYE)[0] < middle(NOSE)[0] < middle(RIGHT_EYE)[0]
    assert middle(LEFT_EYE)[1] < middle(NOSE)[1] < middle(LIPS_OUTER)[1] < points[JAW[6], 1]
    for eye, iris in ((LEFT_EYE, LEFT_IRIS), (RIGHT_EYE, RIGHT_IRIS)):
        outline = points[list(eye)].astype(np.float32)
        assert cv2.pointPolygonTest(outline, [float(n) for n in points[iris[0]]], False) > 0
    assert cv2.contourArea(points[list(LIPS_OUTER)]) > cv2.contourArea(points[list(LIPS_INNER)])
    assert cv2.contourArea(points[list(FACE_OVAL)]) > 0.95 * cv2.contourArea(cv2.convexHull(points[:468]))
    assert interocular(portraits()[1].landmarks) == pytest.approx(math.dist(points[33], points[263]))


def test_unknown_backend_and_missing_mediapipe_are_input_errors() -> None:
    with pytest.raises(InputError, match="found 'dlib'"):
        FaceTracker(backend="dlib")  # type: ignore[arg-type]
    if importlib.util.find_spec("mediapipe") is None:
        with pytest.raises(InputError, match=r'pip install "inperson\[mediapipe\]"'):
            FaceTracker(backend="mediapipe")


def test_a_lost_face_is_forgotten_at_its_place_after_a_while() -> None:
    tracker, seen = FaceTracker(), []
    for i, (who, x) in enumerate([(0, 400)] * 20 + [(None, 0)] * round((REMEMBERED + 0.5) * 10) + [(1, 420)] * 20):
        image = empty()
        if who is not None:
            portraits()[who].paste(image, x, 360, 200)
        seen.append([f.track for f in tracker.update(Frame(i / 10, image, SIZE)).faces])
    assert seen[19] == [0]
    assert seen[-1] == [1]
