"""How much a face's detail changes as it moves: a picture that is pulled about keeps it, a head does not.

Who animates one photograph (talking heads, avatars, reenactment from a portrait) bends its pixels along a face mesh:
pores, shading and the shadow of the nose go where the mesh goes and stay what they were. On a head that turns and
speaks they change: light falls otherwise, the nose hides other skin, wrinkles come and go. So the face is drawn on one
plane by its landmarks, and what lies there is compared with what lay there `LAG` seconds before.

The change grows with how far the face has moved meanwhile: nearly with the root of it (slopes of 0.48 to 0.56 on 38
genuine recordings of public repositories at lags of 1 to 6 s). What is kept is the change less what that predicts.

Generators that paste a face into every frame leave the same, less strongly: they know one mouth, and fine detail of
their own. So four parts are compared, each in the band in which it told most on public recordings.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from inperson.faces import FACE_OVAL
from inperson.types import Face, Floats, Image

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SIDE = 128
"""Pixels of the plane; a face of that size or less loses nothing."""
PERIOD, LAG = 0.25, 3.0
"""Seconds between looks, and between what is compared: from 1 to 6 s the lag hardly mattered."""
SLACK = 0.4
"""Seconds that a look may lie beside the lag: frames are dropped, faces are not always measured."""
FINE, COARSE, FINEST = 0.8, 3.0, 1.0
"""Deviations in plane pixels: detail lies between the first two (finer is noise and codec, coarser light and pose), the
finest detail below the third."""
PARTS = ("skin", "face", "eyes", "mouth")
"""Skin and mouth are compared by their detail; the whole face and the eyes by the finest."""
FLOOR = 0.02
"""Of the change: 1 % of it is interpolation."""
STILL = 0.01
"""Of the movement (root mean square of the landmarks' displacement over their spread): the mesh trembles that much."""
LEAST = 0.012
"""Of the movement: below, the face sits still or the picture is frozen, and that detail stays says nothing."""
SMALLEST = 16.0
"""Pixels of a face's width and height below which its mesh is a fault."""
FLAT = 0.2
"""Grey levels of detail below which there is nothing to compare: added to each side's deviation."""
INNER: Final = (
    *(1, 4, 5, 195, 6, 168, 9, 151, 50, 280, 205, 425, 101, 330, 33, 133, 362, 263),
    *(70, 105, 107, 336, 334, 300, 61, 291, 0, 17, 13, 14, 98, 327),
)
POINTS: Final = (*FACE_OVAL, *INNER)
_ACROSS = (
    *(62, 76, 87, 97, 104, 109, 111, 113, 113, 112, 111, 109, 105, 100, 91, 85, 79, 71),
    *(62, 54, 48, 42, 39, 33, 27, 22, 19, 17, 16, 15, 16, 18, 22, 28, 38, 49),
    *(65, 65, 65, 64, 64, 64, 63, 63, 30, 100, 35, 94, 40, 89, 33, 52, 76, 94),
    *(24, 35, 53, 73, 92, 103, 45, 86, 65, 66, 66, 66, 52, 78),
)
_DOWN = (
    *(5, 5, 7, 11, 17, 25, 33, 44, 54, 65, 76, 88, 97, 104, 113, 117, 121, 123),
    *(123, 121, 119, 115, 112, 106, 100, 91, 79, 68, 58, 48, 37, 28, 20, 13, 8, 6),
    *(71, 66, 60, 55, 45, 40, 29, 16, 66, 63, 71, 69, 60, 58, 44, 44, 43, 41),
    *(34, 28, 29, 29, 26, 31, 87, 86, 84, 98, 87, 92, 73, 72),
)
"""Where `POINTS` lie on the plane: their mean over 1,059 openly licensed portraits."""
PATCHES = ((38, 6, 87, 29), (16, 54, 40, 77), (89, 54, 113, 77), (51, 40, 79, 73), (35, 98, 94, 121))
"""Left, top, right and bottom on the plane: forehead, cheeks, nose, chin. Eyes and mouth move by themselves."""
EYES, MOUTH, EDGE = (20, 34, 110, 56), (38, 80, 94, 102), 4
"""The same of eyes with brows and of the mouth; and how far inside its outline the face begins."""
Plane = NDArray[np.float32]
Parts = tuple[Plane, ...]


@dataclass(frozen=True, slots=True)
class _Look:
    time: float
    shape: NDArray[np.complex128]
    detail: Parts


@dataclass(slots=True)
class Skin:
    """One track's looks of the last `LAG` seconds, and what all comparisons gave."""

    times: array[float] = field(default_factory=lambda: array("d"))
    changes: array[float] = field(default_factory=lambda: array("f"))
    moves: array[float] = field(default_factory=lambda: array("f"))
    due: float = -math.inf
    _looks: deque[_Look] = field(default_factory=deque)

    def add(self, time: float, face: Face) -> None:
        """Look at a face when it is due; one that was tracked only, or is cut by the picture's edge, is passed over."""
        if time < self.due or face.landmarks is None or face.crop is None:
            return
        self.due = time + PERIOD - 1e-6
        points = face.landmarks[list(POINTS), :2]
        inside = points - np.array(face.crop_origin, np.float32)
        if not _whole(face.crop, inside):
            return
        here = _Look(time, _centred(points), detail(face.crop, inside))
        while self._looks and self._looks[0].time < time - LAG - SLACK:
            self._looks.popleft()
        before = min(self._looks, key=lambda look: abs(time - LAG - look.time), default=None)
        self._looks.append(here)
        if before is None or abs(time - LAG - before.time) > SLACK:
            return
        if (move := moved(before.shape, here.shape)) > LEAST:
            self.times.append(time)
            self.moves.append(move)
            self.changes.extend(changed(a, b) for a, b in zip(before.detail, here.detail, strict=True))

    def table(self) -> NDArray[np.float64]:
        """(n, 2 + 4): time of the later look in seconds, movement (1: as far as the face is large), `PARTS`' change."""
        changes = np.array(self.changes, np.float64).reshape(-1, len(PARTS))
        return np.column_stack([np.array(self.times, np.float64), np.array(self.moves, np.float64), changes])


def kept(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4) natural logarithm of `PARTS`' change less what the movement predicts; low where detail goes with the mesh.

    `table` is that of `Skin`; none gives (0, 4).
    """
    return np.asarray(np.log(FLOOR + table[:, 2:]) - 0.5 * np.log(STILL + table[:, 1:2]))


def _whole(image: Image, points: Floats) -> bool:
    """Whether all points lie in the image, and apart: what lies outside would be made up of its edge."""
    height, width = image.shape[:2]
    low, high = points.min(axis=0), points.max(axis=0)
    return bool(low.min() >= 0 and high[0] < width and high[1] < height and (high - low).min() >= SMALLEST)


def detail(image: Image, points: Floats) -> Parts:
    """Detail of each of `PARTS` of the face drawn on the plane, flat.

    Parameters
    ----------
    image : (h, w, 3) uint8
    points : (68, 2) float32
        `POINTS` in its pixels, all inside.
    """
    import cv2

    net, masks = _mesh()
    places = np.asarray(net @ points.astype(np.float32)).reshape(SIDE, SIDE, 2)
    low, high = np.floor(points.min(0)).astype(int) - 2, np.ceil(points.max(0)).astype(int) + 3
    x0, y0 = np.maximum(low, 0)
    grey = np.asarray(cv2.cvtColor(image[y0 : high[1], x0 : high[0]], cv2.COLOR_RGB2GRAY), np.float32)
    shrink = float(np.ptp(points[:, 1])) / np.ptp(_DOWN)
    if shrink > 1.2:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.45 * shrink), np.float32)
    across, down = (np.ascontiguousarray(places[..., i] - np.float32(start)) for i, start in enumerate((x0, y0)))
    drawn = cv2.remap(grey, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    band = cv2.GaussianBlur(drawn, (0, 0), FINE) - cv2.GaussianBlur(drawn, (0, 0), COARSE)
    finest = drawn - cv2.GaussianBlur(drawn, (0, 0), FINEST)
    return tuple(np.asarray(plane[mask]) for plane, mask in zip((band, finest, finest, band), masks, strict=True))


def changed(before: Plane, after: Plane) -> float:
    """1 less the correlation of two looks: 0 where nothing changed, 1 where nothing is left."""
    a, b = before - before.mean(), after - after.mean()
    return 1.0 - float((a * b).mean() / ((a.std() + FLAT) * (b.std() + FLAT)))


def moved(before: NDArray[np.complex128], after: NDArray[np.complex128]) -> float:
    """Landmarks' displacement over their spread, after shift, turn in the picture and size are taken out."""
    turn = np.vdot(before, after) / np.vdot(before, before).real
    return float(np.linalg.norm(after - turn * before) / np.linalg.norm(after))


def _centred(points: Floats) -> NDArray[np.complex128]:
    flat = points[:, 0].astype(np.float64) + 1j * points[:, 1]
    return np.asarray(flat - flat.mean())


@lru_cache(maxsize=1)
def _mesh() -> tuple[csr_array, tuple[NDArray[np.bool_], ...]]:
    """(SIDE², 68) each place of the plane as a mixture of the three of `POINTS` around it; a mask for each part."""
    from scipy.ndimage import binary_erosion
    from scipy.sparse import csr_array
    from scipy.spatial import Delaunay

    down, across = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
    places = np.column_stack([across.ravel(), down.ravel()])
    net = Delaunay(np.column_stack([_ACROSS, _DOWN]).astype(np.float64))
    which = net.find_simplex(places)
    inside = np.flatnonzero(which >= 0)
    affine = net.transform[which[inside]]
    first = np.einsum("nij,nj->ni", affine[:, :2], places[inside] - affine[:, 2])
    shares = np.column_stack([first, 1 - first.sum(axis=1)]).astype(np.float32)
    where = (np.repeat(inside, 3), net.simplices[which[inside]].ravel())
    mixture = csr_array((shares.ravel(), where), shape=(len(places), len(POINTS)))
    hull = (which >= 0).reshape(SIDE, SIDE)
    face = np.asarray(binary_erosion(hull, np.ones((2 * EDGE + 1, 2 * EDGE + 1))), np.bool_)
    return mixture, (hull & _boxes(*PATCHES), face, hull & _boxes(EYES), hull & _boxes(MOUTH))


def _boxes(*boxes: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask
