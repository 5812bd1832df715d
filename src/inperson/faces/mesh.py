"""The 478 landmarks of one face: a rotated square is cut from the frame and given to MediaPipe's attention mesh."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inperson.types import Floats, Image

if TYPE_CHECKING:
    import onnxruntime

SIDE = 192
"""Side of the network's input in pixels."""

ENLARGE = 1.5
"""Region's side over the longer side of the landmarks' bounding box (MediaPipe's face_landmark_landmarks_to_roi)."""

EYE_CORNERS = (33, 263)
"""Outer eye corners, image left and right on an unmirrored upright face: their line gives the region's rotation."""


@dataclass(frozen=True, slots=True)
class Region:
    """A square on the frame, turned so that a face in it stands upright.

    Attributes
    ----------
    x, y : float
        Centre, pixels.
    side : float
        Pixels.
    angle : float
        Radians, clockwise on the screen (y down): the direction of the eye line.
    """

    x: float
    y: float
    side: float
    angle: float

    def frame(self) -> Floats:
        """(2, 3) affine map from network input pixels to frame pixels."""
        step = self.side / SIDE
        cos, sin = math.cos(self.angle) * step, math.sin(self.angle) * step
        half = SIDE / 2
        return np.array(
            [[cos, -sin, self.x - half * (cos - sin)], [sin, cos, self.y - half * (sin + cos)]], dtype=np.float32
        )


def upright(image: Image, region: Region) -> Image:
    """(192, 192, 3): what lies in `region`, upright; the frame's edge pixels repeat outside it."""
    import cv2

    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(image, region.frame(), (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(patch, np.uint8)


def region_of(landmarks: Floats) -> Region:
    """Where to look for the same face in the next frame: the landmarks' bounding box, squared, enlarged and turned."""
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    left, right = landmarks[EYE_CORNERS[0]], landmarks[EYE_CORNERS[1]]
    angle = math.atan2(float(right[1] - left[1]), float(right[0] - left[0]))
    x, y = (float(n) for n in (low + high) / 2)
    return Region(x, y, ENLARGE * float((high - low).max()), angle)


class FaceMesh:
    """MediaPipe's face landmarks with attention, as ONNX (`models/face_mesh-1.0.0`)."""

    def __init__(self, session: onnxruntime.InferenceSession | None = None) -> None:
        if session is None:
            from inperson import models

            session = models.session("face_mesh")
        self._session = session

    def __call__(self, image: Image, region: Region) -> tuple[Floats, float, Image]:
        """Landmarks in `region` of `image`.

        Returns
        -------
        landmarks : (478, 3) float32
            x, y in frame pixels, z in the same scale (smaller is nearer).
        confidence : float
            In [0, 1]: the network's own flag that there is a face; without one the landmarks mean nothing.
        patch : (192, 192, 3) uint8
            What the network saw: the face upright.
        """
        patch, frame = upright(image, region), region.frame()
        points, score = self._session.run(None, {"image": patch[None]})
        landmarks = np.empty((len(points), 3), np.float32)
        landmarks[:, :2] = points[:, :2] @ frame[:, :2].T + frame[:, 2]
        landmarks[:, 2] = points[:, 2] * (region.side / SIDE)
        return landmarks, float(score[0]), patch
