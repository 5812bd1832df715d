"""How alike two sightings look: a thumbnail's colours, to keep tracks of one recording apart.

This is no face recognition: 16x16 colour averages of the face, hair, collar and light as they are in this recording.
It lives in memory while the recording is read and is never written anywhere.
"""

from __future__ import annotations

import numpy as np

from inperson.faces.mesh import SIDE as PATCH
from inperson.faces.mesh import Region
from inperson.types import Floats, Image

SIDE = 16
_STEP = 2
"""The patch is averaged to this many times the thumbnail's side before it is warped, which samples single pixels."""

_BALANCE = 4.0
"""Weight of the difference of mean colour against that of pattern."""


def thumbnail(patch: Image, where: Region, face: Region) -> Floats:
    """(16, 16, 3) mean colours of the region `face`, cut from `patch`, the upright picture of the region `where`."""
    import cv2

    small = cv2.resize(patch, (SIDE * _STEP, SIDE * _STEP), interpolation=cv2.INTER_AREA)
    inside = np.linalg.inv(_square(where.frame(), SIDE * _STEP)) @ _square(face.frame(), SIDE)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(small, inside[:2], (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.float32)


def _square(frame: Floats, side: int) -> Floats:
    """(3, 3) map to frame pixels from a picture of the region that is `side` instead of 192 pixels wide."""
    step = PATCH / side
    scale = np.array([[step, 0.0, (step - 1) / 2], [0.0, step, (step - 1) / 2], [0.0, 0.0, 1.0]])
    return np.asarray(np.vstack([frame, [0.0, 0.0, 1.0]]) @ scale, np.float32)


def difference(a: Floats, b: Floats) -> float:
    """0 for the same thumbnail, about 1 for unrelated ones.

    One minus the correlation of the two (light and contrast drop out), plus the difference of mean colour balance.
    """
    flat = [x.reshape(-1, 3) for x in (a, b)]
    means = [x.mean(axis=0) for x in flat]
    left, right = ((x - m).ravel() for x, m in zip(flat, means, strict=True))
    norm = float(np.linalg.norm(left) * np.linalg.norm(right))
    correlation = float(left @ right) / norm if norm > 0 else 0.0
    tint = [m / max(float(m.sum()), 1.0) for m in means]
    return 1.0 - correlation + _BALANCE * float(np.abs(tint[0] - tint[1]).sum())
