"""Finds faces in a square part of a frame: MediaPipe's full-range BlazeFace on 192x192 pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inperson.faces.mesh import ENLARGE, Region
from inperson.types import Floats, Image

if TYPE_CHECKING:
    import onnxruntime

SIDE = 192
"""Side of the network's input in pixels."""

_CELL, _GRID = 4, 48
MIN_SCORE = 0.5
"""A detection below this is dropped (MediaPipe's default `min_detection_confidence`); the mesh checks the rest."""

_OVERLAP = 0.3
"""Detections that overlap more than this are one face (MediaPipe's min_suppression_threshold)."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A face the detector found.

    Attributes
    ----------
    box : (x0, y0, x1, y1)
        Frame pixels.
    score : float
        In [0, 1].
    angle : float
        Radians, clockwise on the screen: direction from the image-left to the image-right eye.
    """

    box: tuple[float, float, float, float]
    score: float
    angle: float

    @property
    def side(self) -> float:
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    @property
    def region(self) -> Region:
        """Where the mesh should look (MediaPipe's face_detection_front_detection_to_roi)."""
        x0, y0, x1, y1 = self.box
        return Region((x0 + x1) / 2, (y0 + y1) / 2, ENLARGE * self.side, self.angle)


@dataclass(frozen=True, slots=True)
class Tile:
    """A square of the frame, pixels; what lies outside the frame is black."""

    x: int
    y: int
    side: int


class FaceDetector:
    """MediaPipe's full-range face detector, as ONNX (`models/face_detector-1.0.0`)."""

    def __init__(self, session: onnxruntime.InferenceSession | None = None) -> None:
        if session is None:
            from inperson import models

            session = models.session("face_detector")
        self._session = session
        cells = np.arange(_GRID, dtype=np.float32) * _CELL + _CELL / 2
        self._centres = np.stack(np.meshgrid(cells, cells), axis=-1).reshape(-1, 2)

    def __call__(self, image: Image, tile: Tile) -> list[Detection]:
        """Faces in `tile` of `image`, best first, one per face. Empty where there is none."""
        scale = tile.side / SIDE
        part = image[max(0, tile.y) : max(0, tile.y + tile.side), max(0, tile.x) : max(0, tile.x + tile.side)]
        if not part.size:
            return []
        left, top = (min(SIDE - 1, round(max(0, -n) / scale)) for n in (tile.x, tile.y))
        height = max(1, min(SIDE - top, round(part.shape[0] / scale)))
        width = max(1, min(SIDE - left, round(part.shape[1] / scale)))
        small = np.zeros((SIDE, SIDE, 3), np.uint8)
        small[top : top + height, left : left + width] = _shrunk(part, width, height)
        scores, rows = self._session.run(None, {"image": small[None]})
        keep = np.flatnonzero(scores >= MIN_SCORE)
        rows, scores = rows[keep].reshape(-1, 8, 2), scores[keep]
        rows[:, [0, 2, 3, 4, 5, 6, 7]] += self._centres[keep, None]
        rows *= scale
        rows[:, [0, 2, 3, 4, 5, 6, 7]] += (tile.x, tile.y)
        return _distinct(rows, scores)


def _shrunk(part: Image, width: int, height: int) -> Image:
    """Averaged down: a plain bilinear sample at a fifth of the size skips most pixels, and small faces with them.

    Halving first is exact and several times faster than averaging over a fractional number of pixels at once.
    """
    import cv2

    while part.shape[0] >= 2 * height and part.shape[1] >= 2 * width:
        part = np.asarray(cv2.resize(part, (part.shape[1] // 2, part.shape[0] // 2), interpolation=cv2.INTER_AREA))
    way = cv2.INTER_AREA if part.shape[0] > height else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (width, height), interpolation=way), np.uint8)


def _distinct(rows: Floats, scores: Floats) -> list[Detection]:
    """Weighted non-maximum suppression: overlapping detections are averaged by score."""
    out: list[Detection] = []
    boxes = np.concatenate([rows[:, 0] - rows[:, 1] / 2, rows[:, 0] + rows[:, 1] / 2], axis=1)
    pending = np.argsort(-scores)
    while pending.size:
        best = pending[0]
        same = np.array([overlap(boxes[best], boxes[n]) > _OVERLAP for n in pending])
        same[0] = True
        group, weight = pending[same], scores[pending[same]]
        box = weight @ boxes[group] / weight.sum()
        eyes = np.tensordot(weight, rows[group, 2:4], axes=1)
        angle = math.atan2(float(eyes[1, 1] - eyes[0, 1]), float(eyes[1, 0] - eyes[0, 0]))
        out.append(Detection((float(box[0]), float(box[1]), float(box[2]), float(box[3])), float(scores[best]), angle))
        pending = pending[~same]
    return out


def overlap(a: Floats | tuple[float, ...], b: Floats | tuple[float, ...]) -> float:
    """Intersection over union of two boxes ``(x0, y0, x1, y1)``; 0 where they do not meet or have no area."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))
