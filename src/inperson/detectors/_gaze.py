"""Where the eyes point, from face-mesh landmarks: degrees across and down, relative to the camera's picture.

Absolute gaze is out of reach on a recording (uncalibrated webcam gaze is about 4 degrees off and drifts); what is used
is how the direction moves within one recording of one person.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inperson.types import Floats

LEFT_EYE = (33, 133, 159, 145, 468)
RIGHT_EYE = (263, 362, 386, 374, 473)
"""Face-mesh points of each eye, left and right in the picture: outer and inner corner, upper and lower lid, iris."""
EYE_WIDTH = 30.0
EYE_RADIUS = 12.0
"""Millimetres: palpebral fissure length and eyeball radius of an adult, rounded textbook values. They only scale the
result; no threshold needs them to be right for this person."""


def direction(landmarks: Floats) -> tuple[float, float, float] | None:
    """Gaze of one measured face.

    Parameters
    ----------
    landmarks : (478, 3) float32
        Pixels, as in `inperson.types.Face`.

    Returns
    -------
    (across, down, lids) or None
        Degrees to the right and downwards in the picture, head and eyes together; `lids` is the eyelid opening over the
        eye's width. None if the face is seen so far from the side that the eyes overlap.
    """
    points = landmarks.astype(np.float64)
    axis = points[263] - points[33]
    span = float(np.hypot(axis[0], axis[1]))
    if span < 1.0 or axis[0] <= 0 or abs(axis[2]) > 1.2 * span:
        return None
    along = np.array([axis[0], axis[1]]) / span
    below = np.array([-along[1], along[0]])
    eyes = np.array([_eye(points, eye, along, below) for eye in (LEFT_EYE, RIGHT_EYE)])
    across, down, lids = eyes.mean(axis=0)
    yaw = np.degrees(np.arctan2(axis[2], span))
    pitch = _pitch(points, span)
    to_degrees = EYE_WIDTH / EYE_RADIUS
    return (
        float(yaw + np.degrees(np.arcsin(np.clip(across * to_degrees, -1, 1)))),
        float(pitch + np.degrees(np.arcsin(np.clip(down * to_degrees, -1, 1)))),
        float(lids),
    )


def _eye(
    points: NDArray[np.float64], eye: tuple[int, ...], along: NDArray[np.float64], below: NDArray[np.float64]
) -> tuple[float, float, float]:
    outer, inner, upper, lower, iris = points[list(eye), :2]
    width = max(float(np.linalg.norm(outer - inner)), 1e-6)
    offset = (iris - (outer + inner) / 2) / width
    return float(offset @ along), float(offset @ below), float(np.linalg.norm(upper - lower)) / width


def _pitch(points: NDArray[np.float64], span: float) -> float:
    """Degrees the head is bent down: slope of the line from the brow (10) to the chin (152) in depth."""
    face = points[152] - points[10]
    height = max(float(np.hypot(face[0], face[1])), 1e-6)
    return float(np.degrees(np.arctan2(face[2], height)))
