"""Where a swap is pasted: the masks of the tools, as alpha in [0, 1] of the cut's size.

Deep-Live-Cam and roop: an ellipse of 0.44 of the aligned square, blurred by 12 of 128 pixels; DeepFaceLive and
FaceFusion: the face's outline, eroded and blurred, the forehead more or less; options keep the mouth or the eyes of the
real person.
"""

from __future__ import annotations

import cv2
import numpy as np
from donors import Rng
from numpy.typing import NDArray
from people import Points

from inperson.faces import FACE_OVAL, LEFT_EYE, LIPS_OUTER, RIGHT_EYE

Alpha = NDArray[np.float32]
ELLIPSE, FEATHER = 0.44, 12 / 128
"""Semi-axes over the square's side, and the deviation of the feathering (Deep-Live-Cam 2.1)."""


def drawn(shape: tuple[int, int], points: Points, into: NDArray[np.float32], side: int, rng: Rng) -> Alpha:
    """One mask of one tool."""
    alpha = ellipse(shape, into, side, rng) if rng.random() < 0.3 else outline(shape, points, rng)
    width = float(np.ptp(points[:468, 0]))
    if rng.random() < 0.08:
        alpha = alpha * (1 - _polygon(shape, points[list(LIPS_OUTER)], 1.25, 0.02 * width))
    if rng.random() < 0.05:
        for eye in (LEFT_EYE, RIGHT_EYE):
            alpha = alpha * (1 - _polygon(shape, points[list(eye)], 1.3, 0.015 * width))
    return alpha * np.float32(rng.uniform(0.85, 1.0) if rng.random() < 0.15 else 1.0)


def inner(points: Points, side: int, rng: Rng) -> Alpha:
    """Where in its square a generator draws another face: the outline, melting into what is around it."""
    width = float(np.ptp(points[list(FACE_OVAL), 0]))
    return _polygon((side, side), points[list(FACE_OVAL)], rng.uniform(0.9, 1.02), rng.uniform(0.03, 0.07) * width)


def ellipse(shape: tuple[int, int], into: NDArray[np.float32], side: int, rng: Rng) -> Alpha:
    mask = np.zeros((128, 128), np.float32)
    cv2.ellipse(mask, (64, 64), (int(ELLIPSE * 128),) * 2, 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 128 * FEATHER * rng.uniform(0.5, 1.2))
    mask = cv2.resize(mask, (side, side))
    return np.asarray(cv2.warpAffine(mask, into, shape[::-1], flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR))


def outline(shape: tuple[int, int], points: Points, rng: Rng, least: float = 0.15, softest: float = 0.1) -> Alpha:
    """The outline scaled, its forehead lowered towards the brows, its edge softened inwards.

    `least` of the forehead stays, and the edge is no softer than `softest` of the face's width.
    """
    oval = points[list(FACE_OVAL)].copy()
    brow, chin = points[[105, 334]].mean(0), points[152]
    up = (brow - chin) / (np.linalg.norm(brow - chin) + 1e-6)
    height = (oval - brow) @ up  # above the brows
    keep = rng.uniform(least, 1.0)
    oval -= ((1 - keep) * np.maximum(height, 0))[:, None] * up
    oval += rng.normal(0, 0.01 * np.ptp(oval[:, 0]), oval.shape).astype(np.float32)
    width = float(np.ptp(oval[:, 0]))
    feather = float(np.exp(rng.uniform(np.log(0.012), np.log(softest)))) * width
    grown = rng.uniform(0.9, 1.06) - 1.2 * feather / width
    return _polygon(shape, oval, grown, feather)


def _polygon(shape: tuple[int, int], corners: Points, grown: float, feather: float) -> Alpha:
    middle = corners.mean(axis=0)
    mask = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull((middle + grown * (corners - middle)).astype(np.int32)), 1.0)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.7, feather)), np.float32)
