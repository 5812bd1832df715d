"""Is the mouth in view, or is there a hand, a mask, a microphone before it? A small network looks at its pixels.

The face mesh gives lips also where none are to be seen: it guesses them from the rest of the face.
"""

from __future__ import annotations

import math

import numpy as np

from inperson import models
from inperson.faces.landmarks import EYE_CORNERS_OUTER, LIPS_OUTER
from inperson.types import Face, Floats, Image

MODEL = "mouth_view-0.1.0"
SIDE = 40
"""Pixels of the patch's side."""
LOOKS = 5.0
"""A second: a hand takes about as long to come and go, and a look costs 0.4 ms."""
REACH = 1.3
"""The patch's side in distances of the outer eye corners: lips, chin, the tip of the nose."""


def patch(image: Image, landmarks: Floats, origin: tuple[int, int]) -> Image | None:
    """(SIDE, SIDE, 3): the mouth, upright.

    Parameters
    ----------
    image : (h, w, 3) uint8
        RGB.
    landmarks : (478, 3) float32
        In pixels of the frame that `image` was cut from.
    origin : (int, int)
        Frame ``(x, y)`` of the image's top-left pixel.

    Returns
    -------
    None for a degenerate face.
    """
    import cv2

    points = landmarks[:, :2].astype(np.float64) - origin
    across = points[EYE_CORNERS_OUTER[1]] - points[EYE_CORNERS_OUTER[0]]
    eyes = float(np.linalg.norm(across))
    if not (np.isfinite(points).all() and eyes > 0):
        return None
    middle = points[list(LIPS_OUTER)].mean(axis=0)
    half = int(np.ceil(REACH * eyes))
    low = np.clip(middle.astype(int) - half, 0, np.array(image.shape[1::-1]) - 1)
    near = image[low[1] : max(int(middle[1]) + half, low[1] + 1), low[0] : max(int(middle[0]) + half, low[0] + 1)]
    shrink = max(1.0, REACH * eyes / SIDE)  # a warp alone would sample single pixels
    small = cv2.resize(near, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    step = REACH * eyes / SIDE / shrink
    x, y = across / eyes * step, np.array([-across[1], across[0]]) / eyes * step
    start = (middle - low + 0.5) / shrink - 0.5 - (SIDE - 1) / 2 * (x + y)
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    cut = cv2.warpAffine(
        small, np.column_stack([x, y, start]), (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut, np.uint8)


class View:
    """How sure it is that something covers one track's mouth; looked at `LOOKS` times a second."""

    def __init__(self) -> None:
        self._next = -math.inf
        self._covered = 0.0
        self._session = models.session(MODEL)

    def covered(self, time: float, face: Face) -> float:
        """Probability in [0, 1]; between looks, and of a face without pixels, that of the last look (0 at first)."""
        if time < self._next or face.landmarks is None or face.crop is None:
            return self._covered
        cut = patch(face.crop, face.landmarks, face.crop_origin)
        if cut is not None:
            self._covered = float(self._session.run(None, {"patches": cut[None]})[0][0])
            self._next = time + 1 / LOOKS - 0.01  # a frame's jitter must not skip a look
        return self._covered
