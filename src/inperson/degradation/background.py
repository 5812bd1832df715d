"""Filters that need to know where the person is: skin smoothing, blurred and replaced backgrounds.

An approximation, and a deliberate one: no segmentation model is shipped, so the person is a head and shoulders drawn
from the box of the face. The edge is soft, wrong by a few per cent of the face, and moves a little from picture to
picture, as the real ones' edges do; hands and chair backs are lost, hair is cut. Faces are measured a few times a
second and followed in between (`inperson.faces`), which bounds the cost.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np

from inperson.types import Face, Floats, Frame, Image

LOOKS_PER_SECOND = 8.0
"""Runs of the face mesh a second; in between boxes are predicted."""

_HELD = 1.0  # s that a face that is lost stays where it was
_MASK_WIDTH = 240  # pixels; the mask is drawn small and enlarged
_FACE_WIDTH = 192  # pixels; larger faces are smoothed at this size
_WRONG = 0.10  # standard deviation of the edge's displacement, in parts of its softness' range
_FLICKER = 0.85  # share of that displacement kept from one picture to the next


class Faces:
    """The faces of each picture in turn."""

    def __init__(self) -> None:
        from inperson.faces import FaceTracker

        self._tracker = FaceTracker(runs_per_second=LOOKS_PER_SECOND)
        self._last: tuple[Face, ...] = ()
        self._seen = -np.inf

    def __call__(self, time: float, image: Image) -> tuple[Face, ...]:
        """Faces at `time` (s); those of before for up to a second where none is found."""
        height, width = image.shape[:2]
        found = self._tracker.update(Frame(time, image, (width, height))).faces
        if found:
            self._last, self._seen = found, time
        return self._last if time - self._seen <= _HELD else ()


def smoothed(image: Image, faces: tuple[Face, ...], strength: float) -> Image:
    """Skin smoothed by a bilateral filter in an oval over each face; edges of eyes and lips stay.

    Parameters
    ----------
    image : (h, w, 3) uint8
    faces : tuple of Face
        The same picture comes back where there is none.
    strength : float
        In [0, 1].
    """
    if not faces or strength <= 0:
        return image
    out = image.copy()
    for face in faces:
        _smooth_one(out, face, strength)
    return out


def _smooth_one(image: Image, face: Face, strength: float) -> None:
    import cv2

    x0, y0, x1, y1 = _clipped(face.box, image.shape, 0.1)
    if x1 - x0 < 8 or y1 - y0 < 8:
        return
    part = image[y0:y1, x0:x1]
    scale = min(1.0, _FACE_WIDTH / (x1 - x0))
    small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else part
    flat = cv2.bilateralFilter(small, 7, 20.0 + 40.0 * strength, 2.0 + 3.0 * strength)
    change = cv2.resize(flat.astype(np.float32) - small, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    soft = cv2.resize(_oval(), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)[..., None]
    image[y0:y1, x0:x1] = np.clip(part + change * soft * strength + 0.5, 0, 255).astype(np.uint8)


@cache
def _oval() -> Floats:
    """Small (64, 48) mask of a face in its box: 1 inside, a soft edge, 0 in the corners."""
    import cv2

    oval: Floats = np.zeros((64, 48), np.float32)
    cv2.ellipse(oval, (24, 32), (21, 30), 0, 0, 360, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(oval, (0, 0), 2.5), np.float32)


class Background:
    """Puts a blur of the picture, or a drawn image, behind the person.

    Parameters
    ----------
    kind : str
        ``"blur"`` or ``"image"``.
    rng : numpy.random.Generator
        Draws the image and the wandering of the edge.
    """

    def __init__(self, kind: Literal["blur", "image"], rng: np.random.Generator) -> None:
        self._kind, self._rng = kind, rng
        self._image: Image | None = None
        self._wander: Floats = np.zeros((0, 0), np.float32)

    def __call__(self, image: Image, faces: tuple[Face, ...]) -> Image:
        """`image` with its background replaced; as it is where no face is known."""
        import cv2

        if not faces:
            return image
        height, width = image.shape[:2]
        person = cv2.resize(self._mask(faces, (width, height)), (width, height), interpolation=cv2.INTER_LINEAR)
        behind = _blurred(image) if self._kind == "blur" else self._drawn((width, height))
        return np.asarray(cv2.blendLinear(image, behind, person, 1.0 - person), np.uint8)

    def _mask(self, faces: tuple[Face, ...], size: tuple[int, int]) -> Floats:
        """Small (h, w) float32 in [0, 1]: 1 on the person, the edge soft and displaced."""
        import cv2

        scale = min(1.0, _MASK_WIDTH / size[0])
        width, height = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        mask = np.zeros((height, width), np.float32)
        for face in faces:
            _draw_person(mask, [v * scale for v in face.box])
        face_width = max(face.box[2] - face.box[0] for face in faces) * scale
        soft = cv2.GaussianBlur(mask, (0, 0), max(1.0, 0.08 * face_width))
        level = 0.5 + _WRONG * self._wandered((width, height))
        return np.clip((soft - level) / 0.3 + 0.5, 0.0, 1.0).astype(np.float32)

    def _wandered(self, size: tuple[int, int]) -> Floats:
        """A smooth field of unit variance that changes a little with every picture."""
        import cv2

        drawn = self._rng.standard_normal((9, 16), dtype=np.float32)
        fresh = np.float32(np.sqrt(1 - _FLICKER**2))
        self._wander = _FLICKER * self._wander + fresh * drawn if self._wander.size else drawn
        return np.asarray(cv2.resize(self._wander, size, interpolation=cv2.INTER_CUBIC), np.float32)

    def _drawn(self, size: tuple[int, int]) -> Image:
        if self._image is None or self._image.shape[1::-1] != size:
            self._image = scenery(size, self._rng)
        return self._image


def scenery(size: tuple[int, int], rng: np.random.Generator) -> Image:
    """A wall with a shelf of books, out of focus: the sort of image that clients offer. (h, w, 3) uint8."""
    import cv2

    width, height = size
    wall = rng.integers(120, 230, 3)
    light = np.linspace(1.1, 0.7, width, dtype=np.float32)[None, :, None]
    image = np.clip(np.full((height, width, 3), wall) * light, 0, 255).astype(np.uint8)
    for top in (0.12, 0.45, 0.78):
        x, bottom = int(0.05 * width), int((top + 0.22) * height)
        while x < 0.95 * width:
            thick, tall = int(rng.integers(8, 24) * width / 640) + 1, rng.uniform(0.12, 0.2)
            colour = [int(c) for c in rng.integers(40, 200, 3)]
            cv2.rectangle(image, (x, bottom - int(tall * height)), (x + thick - 2, bottom), colour, -1)
            x += thick
        cv2.rectangle(image, (0, bottom), (width, bottom + max(2, height // 60)), (70, 50, 35), -1)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), width / 400), np.uint8)


def _blurred(image: Image) -> Image:
    import cv2

    height, width = image.shape[:2]
    small = cv2.resize(image, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(1.0, width / 400))
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _draw_person(mask: Floats, box: list[float]) -> None:
    """Head (with hair), neck and shoulders down to the lower edge, from the face's box; proportions of an adult."""
    import cv2

    x0, y0, x1, y1 = box
    width, height, middle = x1 - x0, y1 - y0, (x0 + x1) / 2
    head = (round(middle), round(y0 + 0.32 * height)), (round(0.68 * width), round(0.85 * height))
    cv2.ellipse(mask, *head, 0, 0, 360, 1.0, -1)
    bottom = mask.shape[0] + 2
    outline = [(0.35, 0.8), (0.42, 1.25), (1.1, 1.5), (1.55, 1.9), (1.75, 2.6), (1.8, 9.0)]
    right = [(middle + a * width, min(y0 + b * height, bottom)) for a, b in outline]
    left = [(2 * middle - x, y) for x, y in reversed(right)]
    cv2.fillPoly(mask, [np.round(right + left).astype(np.int32)], 1.0)


def _clipped(box: tuple[float, float, float, float], shape: tuple[int, ...], more: float) -> tuple[int, int, int, int]:
    """`box` enlarged by `more` of its size on every side, in whole pixels inside a picture of `shape`."""
    across, down = more * (box[2] - box[0]), more * (box[3] - box[1])
    x0, y0 = max(0, round(box[0] - across)), max(0, round(box[1] - down))
    return x0, y0, min(shape[1], round(box[2] + across)), min(shape[0], round(box[3] + down))
