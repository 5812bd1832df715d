"""Another person's inner face, drawn with this person's landmarks: the geometry of a swap.

Everything passes through a square aligned as swap tools align it (InsightFace's template, `grow` times as wide where
the tool renders the whole face), which is where the resolution of a generator lies.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from people import Image, Person, Points

from inperson.faces import FACE_OVAL as OVAL

Rng = np.random.Generator

TEMPLATE = np.array([[46.29, 51.7], [81.53, 51.5], [64.03, 71.74], [49.55, 92.37], [78.73, 92.2]], np.float32) / 128
"""Eyes, nose, mouth corners in a unit square: InsightFace's published template (112 px wide, moved by 8)."""
FIVE = (468, 473, 1, 61, 291)
INNER = (
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),  # brows
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # eyes
    *(6, 195, 4, 98, 327, 2, 129, 358),  # nose
    *(61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 13, 14, 78, 308),  # lips
    *(50, 280, 205, 425, 151, 9, 199),  # cheeks, brow, chin
)
CONTROL = (*OVAL[::2], *INNER)
GRID = 28
CANDIDATES = 60
"""Donors looked at for one whose pose and expression fit."""


def square(points: Points, side: int, grow: float = 1.0) -> NDArray[np.float32]:
    """(2, 3) map of the cut's pixels to the aligned square's."""
    wanted = ((TEMPLATE - 0.5) / grow + 0.5) * side
    matrix, _ = cv2.estimateAffinePartial2D(points[list(FIVE)], wanted.astype(np.float32), method=cv2.LMEDS)
    return np.asarray(matrix, np.float32)


def moved(points: Points, matrix: NDArray[np.float32]) -> Points:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)


def shape_of(person: Person) -> Points:
    """Landmarks in the unit square."""
    return moved(person.points, square(person.points, 1))


class Donors:
    """People to take a face from; pose and expression are compared by landmarks in the aligned square."""

    def __init__(self, people: list[Person]) -> None:
        self.people = people
        self.shapes = np.stack([shape_of(person)[list(CONTROL)] for person in people])

    def pick(self, person: Person, rng: Rng) -> Person:
        """Somebody else who holds the head alike."""
        drawn = rng.integers(0, len(self.people), CANDIDATES)
        own = shape_of(person)[list(CONTROL)]
        far = np.square(self.shapes[drawn] - own).sum((1, 2))
        far += 1e3 * np.array([self.people[i].name == person.name for i in drawn])
        return self.people[int(drawn[np.argsort(far)[int(rng.integers(0, 4))]])]


def rendered(
    target: Person, donor: Person, side: int, grow: float, identity: float, rng: Rng
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(side, side, 3) the donor's face as the target holds it, and the target's map to the square.

    `identity` is the share of the donor's own proportions that stays, 0 to 1.
    """
    into = square(target.points + rng.normal(0, 0.3, (1, 2)).astype(np.float32), side, grow)
    wanted = moved(target.points[list(CONTROL)], into)
    own = moved(donor.points, square(donor.points, side, grow))[list(CONTROL)]
    wanted = wanted + identity * (own - wanted)
    where = thin_plate(wanted / side, donor.points[list(CONTROL)].astype(np.float64))
    axis = (np.arange(GRID) + 0.5) / GRID
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    maps = where(grid).reshape(GRID, GRID, 2).astype(np.float32)
    full = cv2.resize(maps, (side, side), interpolation=cv2.INTER_CUBIC)
    # what is rendered smaller than its source is averaged first, as a network sees it
    shrink = float(np.ptp(donor.points[:468, 0])) / max(1.0, float(np.ptp(wanted[:, 0])))
    source = cv2.GaussianBlur(donor.image, (0, 0), 0.45 * shrink) if shrink > 1.2 else donor.image
    face = cv2.remap(source, full, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return face.astype(np.float32), into


def thin_plate(points: NDArray[np.floating], values: NDArray[np.floating], stiff: float = 1e-3):
    """A smooth map through (n, 2) -> (n, 2) pairs (Bookstein's thin-plate spline, slightly regularised)."""
    n = len(points)
    kernel = _radial(points, points) + stiff * np.eye(n)
    affine = np.hstack([np.ones((n, 1)), points])
    system = np.block([[kernel, affine], [affine.T, np.zeros((3, 3))]])
    weights = np.linalg.solve(system, np.vstack([values, np.zeros((3, 2))]))
    return lambda at: _radial(at, points) @ weights[:n] + np.hstack([np.ones((len(at), 1)), at]) @ weights[n:]


def _radial(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    far = np.square(a[:, None] - b[None]).sum(-1)
    return np.asarray(far * np.log(far + 1e-9) / 2)


def put_back(image: Image, face: NDArray[np.float32], into: NDArray[np.float32], cubic: bool) -> NDArray[np.float32]:
    """The square as it lies in the cut; black outside."""
    flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR)
    return np.asarray(cv2.warpAffine(face, into, image.shape[1::-1], flags=flags), np.float32)
