"""Faces of a recording, frame by frame: found now and then, followed in between, numbered for good.

A detector (`inperson.faces.detector`) looks for faces a few times a second. Each face found is followed by the mesh
(`inperson.faces.mesh`), which looks where it was last and says whether a face is still there. A face that is lost is
looked for at once where it should be; when it comes back, soon near its place or later looking the same, it keeps its
number (`inperson.faces.matching`).

The cost is bounded by the recording's time, not by its faces or its frame rate: `RUNS_PER_SECOND` mesh runs and
``1 / LOOK_EVERY`` detector runs (more only after a cut or a loss). Where there are more faces or frames than that
allows they take turns; a face whose turn it is not is emitted with a predicted box and without landmarks.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, NamedTuple, Protocol

import numpy as np

from inperson.errors import InputError
from inperson.faces.appearance import difference, thumbnail
from inperson.faces.detector import Detection, FaceDetector, Tile, overlap
from inperson.faces.matching import JUMP, REMEMBERED, cost, same_place, side_of
from inperson.faces.mesh import ENLARGE, FaceMesh, Region, region_of
from inperson.faces.sweep import Sweep, whole_in
from inperson.faces.track import Box, Followed, box_of
from inperson.types import Face, Floats, Frame, Image, Track

CROP_SCALE = 2.0
"""Side of `Face.crop` over the longer side of `Face.box`: hair, ears and neck are in."""

RUNS_PER_SECOND = 26.0
"""Mesh runs per second of video: every frame of one face at 25 frames/s, 13 each of two faces (speech has 4 to 5
syllables a second). They are most of what an analysis costs (`inperson bench`)."""

LOOK_EVERY = 0.4
"""Seconds between two looks of the detector."""

MIN_CONFIDENCE = 0.5
"""Mesh confidence below which there is no face (MediaPipe's default `min_tracking_confidence`)."""

SHORTEST = 0.5
"""Seconds; a shorter track is left out of `FaceTracker.tracks`."""

_BURST = 4.0
"""Mesh runs that may be saved up, or owed after a burst of new faces."""

_CUT = 24.0
"""Mean absolute change of a coarse grey picture (of 255) from one frame to the next that is a cut."""

_DORMANT = 64
"""Most faces remembered by look once they are gone."""

_RETRY = 0.4
"""Seconds before the mesh is asked again about a place where the detector saw a face and the mesh did not."""


class Backend(Protocol):
    """Measures the face in a region of a frame: landmarks, confidence, the upright face patch."""

    def __call__(self, image: Image, region: Region) -> tuple[Floats, float, Image]: ...


class _Sighting(NamedTuple):
    landmarks: Floats
    confidence: float
    look: Floats
    box: Box


class FaceTracker:
    """Finds, follows and numbers the faces of one recording.

    Parameters
    ----------
    backend : str
        Who gives the landmarks: ``"onnx"`` (shipped) or ``"mediapipe"`` (mediapipe 0.10.21's own runtime, an extra).
        Detection and tracking are the same for both.
    runs_per_second : float
        Most mesh runs per second of video.

    Attributes
    ----------
    mesh_runs, detector_runs : int
        How often each network ran so far.

    Raises
    ------
    InputError
        Unknown backend, or mediapipe is asked for and not installed.
    ModelError
        A model file is missing or altered.
    """

    def __init__(
        self, backend: Literal["onnx", "mediapipe"] = "onnx", *, runs_per_second: float = RUNS_PER_SECOND
    ) -> None:
        self._mesh = _backend(backend)
        self._detector = FaceDetector()
        self._rate, self._owed = runs_per_second, -_BURST
        self._faces: list[Followed] = []
        self._gone: list[Track] = []
        self._next = 0
        self._sweep: Sweep | None = None
        self._coarse: Floats | None = None
        self._rejected: list[tuple[float, Box]] = []
        self._start, self._time, self._step = math.inf, -math.inf, 0.0
        self._looked = -math.inf
        self.mesh_runs = 0
        self.detector_runs = 0

    def wants(self, time: float) -> bool:
        """Whether `update` would measure anything in a frame at `time`; if not, its image need not be made.

        The mesh runs that the budget allows are saved up until they suffice for every face in view, so that two faces
        are measured in one frame and the next one is skipped.
        """
        waiting = min(len(self._live()), int(_BURST))
        allowed = (time - self._time) * self._rate - self._owed
        return 0 < waiting <= allowed or time - self._looked >= LOOK_EVERY - 1e-6

    def update(self, frame: Frame) -> Frame:
        """The frame with its faces filled in, in order of their track numbers.

        Frames must come in order. A frame without image is returned as it is. `Face.crop` is a copy, so the image can
        be dropped.
        """
        image, time = frame.image, frame.time
        if image is None:
            return frame
        self._tick(frame)
        assert self._sweep is not None
        measured: dict[int, Floats] = {}
        if self._is_cut(image):
            for followed in self._live():
                followed.lose(cut=True)
            self._looked = time
            self._rejected.clear()
            self._find(image, time, self._sweep.everything, measured)
        else:
            self._follow(image, time, measured)
            self._find(image, time, self._due(time), measured)
        self._drop_doubles(time, measured)
        for followed in self._live():
            followed.present(time, self._step)
        self._forget(time)
        faces = [_face(f, image, time, measured.get(f.number)) for f in self._live()]
        return dataclasses.replace(frame, faces=tuple(sorted(faces, key=lambda face: face.track)))

    def tracks(self) -> tuple[Track, ...]:
        """Every face seen for `SHORTEST` seconds (half the time, in a recording shorter than twice that)."""
        needed = min(SHORTEST, 0.5 * (self._time + self._step - self._start))
        tracks = [*self._gone, *(f.track() for f in self._faces if f.spans)]
        return tuple(sorted((t for t in tracks if t.duration >= needed), key=lambda t: t.track))

    # The clock

    def _tick(self, frame: Frame) -> None:
        elapsed = frame.time - self._time
        if math.isfinite(elapsed):
            self._step = min(max(elapsed, 0.0), 0.1)
            self._owed = min(max(self._owed - max(elapsed, 0.0) * self._rate, -_BURST), _BURST)
            if not 0.0 <= elapsed <= REMEMBERED:
                self._coarse = None  # after a jump in time the picture is as good as cut
        self._start = min(self._start, frame.time)
        self._time = frame.time
        if self._sweep is None or self._sweep.size != frame.size:
            self._sweep, self._coarse = Sweep(frame.size), None

    def _is_cut(self, image: Image) -> bool:
        """True for the first frame and wherever the whole picture changes at once."""
        height, width = image.shape[:2]
        coarse = image[:: max(1, height // 24), :: max(1, width // 32), 1].astype(np.float32)
        last, self._coarse = self._coarse, coarse
        return last is None or last.shape != coarse.shape or float(np.abs(coarse - last).mean()) > _CUT

    # Following

    def _live(self) -> list[Followed]:
        return [f for f in self._faces if f.live]

    def _follow(self, image: Image, time: float, measured: dict[int, Floats]) -> None:
        """Mesh runs for the faces that waited longest, as many as the budget allows."""
        for followed in sorted(self._live(), key=lambda f: f.measured):
            if self._owed > -1.0:
                return
            seen = self._run(image, followed.predicted(time))
            if seen is None or not 0.5 < side_of(seen.box) * ENLARGE / followed.region.side < 2.0:
                followed.lose()
                self._recover(followed, image, time, measured)
            elif time - followed.measured < 0.1 and difference(followed.latest, seen.look) > JUMP:
                box = followed.predicted_box(time)
                crossed = any(overlap(box, f.predicted_box(time)) > 0.05 for f in self._live() if f is not followed)
                followed.lose(cut=not crossed, slipped=crossed)
                if not crossed:
                    self._assign(seen, time, measured)
            else:
                followed.found(time, seen.landmarks, seen.confidence, seen.look)
                measured[followed.number] = seen.landmarks

    def _run(self, image: Image, region: Region) -> _Sighting | None:
        """One mesh run; None where there is no face, or its centre is outside the frame."""
        self._owed += 1.0
        self.mesh_runs += 1
        landmarks, confidence, patch = self._mesh(image, region)
        if confidence < MIN_CONFIDENCE or not np.isfinite(landmarks).all():
            return None
        x, y = landmarks[:, :2].mean(axis=0)
        if not (0 <= x < image.shape[1] and 0 <= y < image.shape[0]):
            return None
        return _Sighting(landmarks, confidence, thumbnail(patch, region, region_of(landmarks)), box_of(landmarks))

    def _recover(self, followed: Followed, image: Image, time: float, measured: dict[int, Floats]) -> None:
        """Look closely where a face was just lost, and everywhere else with the next look, at once."""
        self._find(image, time, [_around(followed.predicted(time))], measured)
        self._looked = min(self._looked, time - LOOK_EVERY)

    # Finding

    def _due(self, time: float) -> list[Tile]:
        """Where the detector looks now: nowhere, or the sweep's next tile and around one face lost lately."""
        assert self._sweep is not None
        if time - self._looked < LOOK_EVERY - 1e-6:
            return []
        self._looked = time
        lost = [f for f in self._faces if not f.live and not f.cut and time - f.seen <= REMEMBERED]
        return [self._sweep.next(), *(_around(f.predicted(time)) for f in lost[-1:])]

    def _find(self, image: Image, time: float, tiles: list[Tile], measured: dict[int, Floats]) -> None:
        """Detect in `tiles`; faces not followed yet are lost ones that came back, or new."""
        size = (image.shape[1], image.shape[0])
        found: list[Detection] = []
        for tile in tiles:
            self.detector_runs += 1
            found += [d for d in self._detector(image, tile) if whole_in(tile, size, d)]
        self._rejected = [(since, box) for since, box in self._rejected if time - since < _RETRY]
        for detection in sorted(found, key=lambda d: -d.score):
            if self._is_followed(detection.box, time) or any(same_place(detection.box, b) for _, b in self._rejected):
                continue
            seen = self._run(image, detection.region)
            if seen is None:
                self._rejected.append((time, detection.box))
            else:
                self._assign(seen, time, measured)

    def _is_followed(self, box: Box, time: float) -> bool:
        return any(same_place(box, f.predicted_box(time)) for f in self._live())

    def _assign(self, seen: _Sighting, time: float, measured: dict[int, Floats]) -> None:
        """Give a face found to the lost one it fits best, else to a new number; drop it if it is followed already."""
        if self._is_followed(seen.box, time):
            return
        fits = [(c, f) for f in self._faces if not f.live and (c := cost(f, seen.box, seen.look, time)) is not None]
        if fits:
            followed = min(fits, key=lambda fit: fit[0])[1]
            followed.found(time, seen.landmarks, seen.confidence, seen.look)
        else:
            region = region_of(seen.landmarks)
            followed = Followed(self._next, time, time, region, seen.box, seen.confidence, seen.look, seen.look)
            self._next += 1
            self._faces.append(followed)
        measured[followed.number] = seen.landmarks

    # Two on one face

    def _drop_doubles(self, time: float, measured: dict[int, Floats]) -> None:
        """Where two follow one face (they crossed), the one that looks like it keeps it, the other is lost."""
        live = self._live()
        boxes = {f.number: f.predicted_box(time) for f in live}
        for i, a in enumerate(live):
            shared = [(overlap(boxes[a.number], boxes[b.number]), b) for b in live if b is not a]
            if all(part < 0.1 for part, _ in shared):
                a.alone()
            for part, b in shared:
                if part > 0.5 and a.live and b.live and b in live[i + 1 :]:
                    loser = _unlikelier(a, b)
                    loser.lose(slipped=True)
                    measured.pop(loser.number, None)
                    if loser.clear is None:  # it never was a face of its own
                        self._faces.remove(loser)

    def _forget(self, time: float) -> None:
        """Keep the looks of the last `_DORMANT` faces that are gone; of the others only their `Track`."""
        gone = sorted((f for f in self._faces if time - f.seen > REMEMBERED), key=lambda f: -f.seen)
        for followed in gone[_DORMANT:]:
            self._faces.remove(followed)
            self._gone.append(followed.track())


def _backend(name: str) -> Backend:
    if name == "onnx":
        return FaceMesh()
    if name == "mediapipe":
        from inperson._mediapipe import MediaPipeMesh

        return MediaPipeMesh()
    raise InputError(f'expected backend "onnx" or "mediapipe", found {name!r}')


def _around(region: Region) -> Tile:
    """A tile in which a face in `region` is a quarter of the width: what the detector knows best."""
    side = max(int(region.side * 2.5), 64)
    return Tile(int(region.x) - side // 2, int(region.y) - side // 2, side)


def _unlikelier(a: Followed, b: Followed) -> Followed:
    """Which of two on one face looks less like itself; the later one if neither does."""
    unlike = [difference(f.look if f.clear is None else f.clear.look, f.latest) for f in (a, b)]
    if a.clear is None or b.clear is None or abs(unlike[0] - unlike[1]) < 0.05:
        return a if (a.clear is None, a.number) > (b.clear is None, b.number) else b
    return a if unlike[0] > unlike[1] else b


def _face(followed: Followed, image: Image, time: float, landmarks: Floats | None) -> Face:
    box = followed.predicted_box(time) if landmarks is None else followed.box
    crop, origin = _crop(image, box)
    return Face(followed.number, box, followed.confidence, landmarks, crop, origin)


def _crop(image: Image, box: Box) -> tuple[Image, tuple[int, int]]:
    """Untouched pixels around the box, `CROP_SCALE` times its longer side, clipped to the frame; a copy."""
    height, width = image.shape[:2]
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    half = CROP_SCALE * side_of(box) / 2
    x0, x1 = (int(min(max(round(x + d), 0), width)) for d in (-half, half))
    y0, y1 = (int(min(max(round(y + d), 0), height)) for d in (-half, half))
    return image[y0:y1, x0:x1].copy(), (x0, y0)
