"""How the inside of a face differs from the rest of the head: sharpness, noise, seams, flicker.

A swap tool renders the face at a fixed size (128 pixels for inswapper), pastes it back with a feathered edge and leaves
hair, ears and neck as they were. So inside and outside should differ in resolution and noise where a swap is, and agree
where the whole head came through one camera and one encoder. Everything is a log ratio, inside over outside: exposure,
contrast and codec act on both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inperson.faces import FACE_OVAL
from inperson.types import Face

if TYPE_CHECKING:
    from cv2.typing import MatLike

NAMES = ("fine", "slope", "noise", "seam", "chroma", "flicker")
"""The measurements, in the order of `Texture.values`:

fine
    Energy of detail finer than about 3 pixels.
slope
    How fast energy falls from middle (3 to 8 pixels) to fine detail: the resolution the region was rendered at.
noise
    Median absolute residual of a 3x3 median filter: sensor and codec noise, without edges.
seam
    Gradient on the face's outline over gradient inside it.
chroma
    Fine detail of the colour-difference channels.
flicker
    What changes from one frame to the next after the head's motion is taken out.
"""
INNER, SEAM, OUTER = 0.72, (0.85, 1.08), (1.12, 1.45)
"""The outline of the face mesh scaled about its middle: inside it, around the edge of a pasted face (inswapper's mask
reaches 0.44 of the aligned square, just inside the outline), and hair, ears and neck."""
MIN_PIXELS = 400
"""Fewest pixels of a region; smaller ones give no stable ratio."""
WORKING_SIZE = 320
"""Faces larger than this are halved until they fit: it bounds the cost, and a rendered face is smaller anyway."""
EPS = 0.05
"""Luma levels added to every energy, so that flat, over-compressed regions give ratios near 1 and not noise."""

Plane = NDArray[np.float32]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Texture:
    """One face's measurements: `values` in the order of `NAMES` (natural log ratios), NaN where not measurable."""

    time: float
    values: NDArray[np.float64]


@dataclass(slots=True)
class Patch:
    """A face cut out at working size: luma, the two colour differences, and the outline (n, 2) in its pixels."""

    luma: Plane
    chroma: tuple[Plane, Plane]
    outline: Plane


def patch(face: Face) -> Patch | None:
    """Cut a measured face to working size, no wider than `OUTER` needs; None if it was tracked only."""
    import cv2

    if face.landmarks is None or face.crop is None:
        return None
    outline: Plane = (face.landmarks[list(FACE_OVAL), :2] - face.crop_origin).astype(np.float32)
    middle = outline.mean(axis=0)
    low, high = (middle + (OUTER[1] + 0.05) * (edge(outline, axis=0) - middle) for edge in (np.min, np.max))
    x0, y0 = np.maximum(low, 0).astype(int)
    x1, y1 = np.ceil(np.maximum(high, 0)).astype(int)
    crop = face.crop[y0:y1, x0:x1]
    if min(crop.shape[:2]) < 16:
        return None
    outline = outline - np.array([x0, y0], np.float32)
    while np.ptp(outline[:, 1]) > WORKING_SIZE:
        crop = np.asarray(cv2.resize(crop, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        outline = (outline / 2 - 0.25).astype(np.float32)
    colours = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2YCrCb), np.float32)
    luma, red, blue = (np.ascontiguousarray(colours[..., i]) for i in range(3))
    return Patch(luma, (red, blue), outline)


def texture(time: float, here: Patch, before: Patch | None) -> Texture | None:
    """Measure one face.

    Parameters
    ----------
    time : float
    here : Patch
    before : Patch or None
        The same face one frame earlier, for `flicker`; NaN without it.

    Returns
    -------
    Texture or None
        None where the face is too small or too far out of the picture.
    """
    import cv2

    shape = here.luma.shape
    inner, seam, outer = (_region(shape, here.outline, r) for r in ((0.0, INNER), SEAM, OUTER))
    if min(map(cv2.countNonZero, (inner, seam, outer))) < MIN_PIXELS:
        return None
    soft, softer = cv2.GaussianBlur(here.luma, (0, 0), 0.8), cv2.GaussianBlur(here.luma, (0, 0), 2.0)
    fine, middle = cv2.absdiff(here.luma, soft), cv2.absdiff(soft, softer)
    residual = cv2.absdiff(here.luma, cv2.medianBlur(here.luma, 3))
    gradient = cv2.magnitude(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    red, blue = (_energy(cv2.absdiff(c, cv2.blur(c, (5, 5))), inner, outer) for c in here.chroma)
    values = [
        _ratio(_energy(fine, inner, outer)),
        _ratio(_energy(fine, inner, outer)) - _ratio(_energy(middle, inner, outer)),
        _ratio(_energy(residual, inner, outer)),
        _ratio(_energy(gradient, seam, inner)),
        _ratio(red + blue),
        math.nan if before is None else _flicker(here, before, cv2.absdiff(here.luma, softer), inner, outer),
    ]
    return Texture(time, np.array(values))


def _region(shape: tuple[int, ...], outline: Plane, scale: tuple[float, float]) -> Mask:
    """Pixels between the outline scaled by the two factors: 255 inside, 0 outside."""
    import cv2

    middle = outline.mean(axis=0)
    mask = np.zeros(shape[:2], np.uint8)
    for factor, value in ((scale[1], 255), (scale[0], 0)):
        if factor > 0:
            cv2.fillPoly(mask, [np.round(middle + factor * (outline - middle)).astype(np.int32)], value)
    return mask


def _energy(plane: MatLike, a: Mask, b: Mask) -> NDArray[np.float64]:
    """Mean of the plane in each of the two regions."""
    import cv2

    return np.array([cv2.mean(plane, a)[0], cv2.mean(plane, b)[0]])


def _ratio(energy: NDArray[np.float64]) -> float:
    return math.log((energy[0] + EPS) / (energy[1] + EPS))


def _flicker(here: Patch, before: Patch, detail: MatLike, inner: Mask, outer: Mask) -> float:
    """Log ratio of change inside to outside, the earlier frame moved onto this one by the outline's similarity."""
    import cv2

    if np.ptp(before.outline[:, 1]) < 0.5 * np.ptp(here.outline[:, 1]):
        return math.nan
    matrix, _ = cv2.estimateAffinePartial2D(before.outline, here.outline, method=cv2.LMEDS)
    if matrix is None:
        return math.nan
    size = (here.luma.shape[1], here.luma.shape[0])
    moved = cv2.warpAffine(before.luma, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    change = cv2.absdiff(here.luma, moved)
    # change grows with detail when the registration is a fraction of a pixel off: take that out
    return _ratio(_energy(change, inner, outer)) - _ratio(_energy(detail, inner, outer))
