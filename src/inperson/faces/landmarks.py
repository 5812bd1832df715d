"""Names for groups of the 478 landmarks, distances between them, and faces brought to one size and level eyes.

The numbers are those of MediaPipe's canonical face mesh (face_mesh_connections.py of mediapipe 0.10.21). "Left" and
"right" are the image's: on an unmirrored upright face, `LEFT_*` lies at smaller x, which is the person's own right.
Outlines run in order around the shape.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from inperson.types import Face, Floats, Image

LIPS_OUTER: Final = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
LIPS_INNER: Final = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
LEFT_EYE: Final = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
RIGHT_EYE: Final = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
LEFT_BROW: Final = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
RIGHT_BROW: Final = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
LEFT_IRIS: Final = (468, 469, 470, 471, 472)
"""Centre, then four points on its rim."""
RIGHT_IRIS: Final = (473, 474, 475, 476, 477)
"""Centre, then four points on its rim."""
FACE_OVAL: Final = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
JAW: Final = (172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397)
"""Lower part of `FACE_OVAL`, image left to right; the middle one (152) is the chin."""
NOSE_BRIDGE: Final = (168, 6, 197, 195, 5)
"""From between the eyes down to above the tip."""
NOSE: Final = (168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 97, 326, 327)
NOSE_TIP: Final = 1
CHIN: Final = 152
FOREHEAD: Final = 10
MOUTH_CORNERS: Final = (61, 291)
EYE_CORNERS_OUTER: Final = (33, 263)
EYE_CORNERS_INNER: Final = (133, 362)
STEADY: Final = (33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 10, 151, 9, 8, 234, 454, 127, 356)
"""Points that speech and blinking hardly move: eye corners, nose bridge, forehead, temples."""

EYES_AT: Final = 0.4
"""Height of the eye line in an `aligned` picture without margin, as a part of its size."""
EYE_DISTANCE: Final = 0.5
"""Distance of the outer eye corners in an `aligned` picture without margin, as a part of its size."""


def interocular(landmarks: Floats) -> float:
    """Distance between the outer eye corners in pixels, on the picture (not corrected for a turned head).

    Parameters
    ----------
    landmarks : (478, 2) or (478, 3)
    """
    left, right = (landmarks[n, :2] for n in EYE_CORNERS_OUTER)
    return float(np.hypot(*(right - left)))


def aligned(face: Face, size: int, margin: float = 0.0) -> Image:
    """The face's crop turned, scaled and shifted so that the eye line is level and at one place.

    Without margin the outer eye corners lie symmetrically, `EYE_DISTANCE` of the size apart and `EYES_AT` of the size
    down: the picture holds the face from forehead to chin.

    Parameters
    ----------
    face : Face
        With landmarks and crop.
    size : int
        Side of the result in pixels.
    margin : float
        Context added on every side, as a part of the face's own part of the picture: 0.5 shows twice the width.

    Returns
    -------
    (size, size, 3) uint8
        Black where it reaches outside the crop.

    Raises
    ------
    ValueError
        The face has no landmarks or no crop, or `size` is not positive, or `margin` is negative.
    """
    import cv2

    if face.landmarks is None or face.crop is None:
        raise ValueError("aligned() needs a face with landmarks and crop, found one that was tracked only")
    if size < 1 or margin < 0:
        raise ValueError(f"aligned() needs size >= 1 and margin >= 0, found size={size} margin={margin}")
    matrix = _similarity(face.landmarks[list(EYE_CORNERS_OUTER), :2] - face.crop_origin, size, margin)
    crop = face.crop
    factor = 2.0 * float(np.hypot(matrix[0, 0], matrix[0, 1]))
    if factor < 1.0:  # warping samples single pixels: average first
        height, width = crop.shape[:2]
        crop = np.asarray(cv2.resize(crop, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
        steps = np.array([width / crop.shape[1], height / crop.shape[0]])
        shift = matrix[:, 2] + matrix[:, :2] @ (steps / 2.0 - 0.5)  # pixel centres are at integers
        matrix = np.column_stack([matrix[:, :2] * steps, shift])
    return np.asarray(cv2.warpAffine(crop, matrix, (size, size), flags=cv2.INTER_LINEAR), np.uint8)


def _similarity(eyes: Floats, size: int, margin: float) -> Floats:
    """(2, 3) map from crop pixels to aligned pixels that brings the two eye corners to their places."""
    inner = size / (1.0 + 2.0 * margin)
    corner = (size - inner) / 2.0
    target_middle = np.array([size / 2.0 - 0.5, corner + EYES_AT * inner])
    across = eyes[1] - eyes[0]
    length = max(float(np.hypot(*across)), 1e-6)
    scale = EYE_DISTANCE * inner / length
    cos, sin = across / length * scale
    turn = np.array([[cos, sin], [-sin, cos]])
    shift = target_middle - turn @ (eyes[0] + eyes[1]) / 2.0
    return np.column_stack([turn, shift]).astype(np.float32)
