"""The face as the frame model of `face_swap` sees it: upright, of one size, with hair, ears and neck around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inperson.faces import FACE_OVAL, LEFT_EYE, RIGHT_EYE
from inperson.types import Face, Floats, Image

SIDE = 256
"""Pixels of the crop."""
CONTEXT = 1.62
"""The crop's side over the face's height (chin to hairline): hair, ears and neck are in, shoulders are not."""
WIDE = 1.15
"""Of a face that bends over, width times this stands for its height (a mean face is 1.3 times as high as wide)."""


def crop_matrix(points: Floats, side: int = SIDE) -> Floats:
    """(2, 3) map of picture to crop: level by the eyes, scaled by the outline's height, centred on the outline.

    Parameters
    ----------
    points : (478, 2) float32
        Landmarks in the picture's pixels.
    side : int
        Pixels of the crop.
    """
    across = points[list(RIGHT_EYE)].mean(0) - points[list(LEFT_EYE)].mean(0)
    if across[0] < 0:
        across = -across
    roll = float(np.arctan2(across[1], across[0]))
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    outline = points[list(FACE_OVAL)] @ turn.T
    low, high = outline.min(0), outline.max(0)
    scale = side / (CONTEXT * max(float(high[1] - low[1]), WIDE * float(high[0] - low[0]), 1.0))
    move = side / 2 - scale * (low + high) / 2
    return np.hstack([scale * turn, move[:, None]]).astype(np.float32)


def warped(image: NDArray[np.uint8] | Floats, matrix: Floats, side: int = SIDE) -> Image:
    """The crop (side, side, 3); what shrinks is smoothed first, what lies outside the picture repeats its edge."""
    import cv2

    scale = float(np.hypot(matrix[0, 0], matrix[0, 1]))
    smooth = cv2.GaussianBlur(image, (0, 0), 0.4 / scale) if scale < 0.75 else image
    flags = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC
    out = cv2.warpAffine(smooth, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out if out.dtype == np.uint8 else np.clip(np.round(out), 0, 255), np.uint8)


def face_crop(face: Face) -> Image | None:
    """The crop of a measured face; None if it was tracked only."""
    if face.landmarks is None or face.crop is None or not face.crop.size:
        return None
    points = (face.landmarks[:, :2] - np.array(face.crop_origin, np.float32)).astype(np.float32)
    return warped(face.crop, crop_matrix(points))
