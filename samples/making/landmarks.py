"""The face mesh's points by name, and where a mouth lies among them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]

# Indices into the 478 points of the MediaPipe face mesh (left and right as seen in the picture).
UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
_CORNERS = {78, 308, 61, 291}
UPPER_LIP = frozenset(UPPER_INNER + UPPER_OUTER) - _CORNERS | {
    184, 74, 73, 72, 11, 302, 303, 304, 408, 183, 42, 41, 38, 12, 268, 271, 272, 407
}
LOWER_LIP = frozenset(LOWER_INNER + LOWER_OUTER) - _CORNERS | {
    77, 90, 180, 85, 16, 315, 404, 320, 307, 96, 89, 179, 86, 15, 316, 403, 319, 325
}
EYES = (
    ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133),
     (468, 469, 470, 471, 472)),
    ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263),
     (473, 474, 475, 476, 477)),
)
BROWS = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 336, 296, 334, 293, 300, 285, 295, 282, 283, 276)
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
        150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)


@dataclass(frozen=True, slots=True)
class Expression:
    """One moment of a face; all amounts are relative, 0 is rest."""

    open: float = 0.0  # jaw, 0 closed .. 1 widest in speech
    width: float = 0.0  # -1 rounded lips .. +1 spread lips
    press: float = 0.0  # 0 .. 1 lips pressed together
    brow: float = 0.0  # 0 .. 1 raised
    lid: float = 0.0  # 0 open .. 1 shut
    gaze: tuple[float, float] = (0.0, 0.0)  # iris shift right and down, in iris radii


class Face:
    """A picture (BGR uint8, already at the size it is shown) with its 478 landmarks in pixels, and its measures.

    iod: inter-ocular distance, px; origin: middle of the mouth; ex, ey: along and below the lip line;
    half_mouth: half the mouth's width in inter-ocular distances.
    """

    def __init__(self, image: Picture, points: Array) -> None:
        self.image, self.points = image, points
        self.iod = float(np.linalg.norm(points[473] - points[468]))
        left, right = points[78], points[308]
        self.origin = (left + right) / 2
        self.ex = (right - left) / np.linalg.norm(right - left)
        self.ey = np.array([-self.ex[1], self.ex[0]])
        self.half_mouth = float(np.linalg.norm(right - left)) / 2 / self.iod


def soft_polygon(contour: Array, shape: tuple[int, int], blur: float) -> NDArray[np.float32]:
    """Opacity 0 to 1 of a polygon (pixels), with soft edges."""
    mask = np.zeros(shape, dtype=np.uint8)
    cv2.fillPoly(mask, [np.rint(contour * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    soft: NDArray[np.float32] = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), blur)
    return soft
