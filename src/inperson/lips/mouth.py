"""The mouth as `lip_sync` sees it: landmarks in the head's own axes, on a grid of 50 values a second.

Conventions
-----------
The grid: value i lies at ``origin + i / RATE`` seconds, where `origin` is the start of the first chunk. Frames keep
their own presentation times; they are brought onto the grid by linear interpolation, never by counting.

Head axes: x from the person's right eye to the left, y down the face, z away from the camera; the origin lies on the
nose, the unit is the distance of the outer eye corners. Rolling, turning, nodding and moving the head change nothing.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inperson.types import Floats, Span, merged

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RATE = 50
"""Values a second of every series here. Lips move below 10 Hz or so; 50 Hz leaves room for sub-frame offsets."""
MAX_GAP = 0.25
"""Seconds between measured frames over which the mouth is still interpolated: 9 frames a second and one lost."""
TURNED = 0.7
"""Least cosine of the head's turn (45 degrees); beyond it the far half of the mouth is a guess of the mesh."""
FROZEN_CHANGE = 0.002
FROZEN_SECONDS = 0.5
"""A face none of whose measures moves by 0.2 % of the eye distance for half a second is a frozen picture."""

# MediaPipe face-mesh points.
LIPS = (61, 291, 78, 308, 0, 17, 13, 14, 37, 267, 84, 314, 82, 312, 87, 317, 40, 270, 91, 321, 80, 310, 88, 318)
JAW_AND_CHEEKS = (152, 148, 377, 172, 397, 136, 365, 205, 425, 57, 287, 18, 200)
POINTS = LIPS + JAW_AND_CHEEKS
"""Points kept: what moves in speech."""
RIGHT_SIDE, LEFT_SIDE = (33, 133, 127), (263, 362, 356)
FOREHEAD, NOSE_TIP = (10, 338, 109, 297, 67), (4, 1, 2, 98, 327, 5)
NOSE = (168, 6, 197, 195, 4, 2, 98, 327)
"""Points that give the head's axes: means of several, so that the jitter of one moves nothing."""
EYE_CORNERS = (33, 263)
SHAPE = 3 * len(POINTS)
"""Numbers kept of a mouth."""
FINE = 16_000
"""Steps an eye distance is kept in, in 16 bits: a hundredth of a pixel in the largest face."""
SLICE = 4096
"""Grid points worked on at once."""
EYES, FACING, NOSE_X, NOSE_Y, COVERED = range(5)
"""Columns of a series' `heads`."""
HIDDEN = 0.5
"""Mean probability over `HIDDEN_SECONDS` from which the lips count as covered."""
HIDDEN_SECONDS = 0.5


def mouth(landmarks: Floats) -> tuple[Floats, Floats] | None:
    """Measure the mouth of one face.

    Parameters
    ----------
    landmarks : (478, 3) float32

    Returns
    -------
    shape : (SHAPE,) float32
        x, y, z of `POINTS` in the head's axes, in distances of the outer eye corners.
    head : (4,) float32
        That distance in pixels; the cosine of the head's turn; the nose in pixels.
    None for a degenerate face.
    """
    points = landmarks.astype(np.float64)

    def middle(which: tuple[int, ...]) -> Array:
        return np.asarray(points[list(which)].mean(0))

    corners = points[EYE_CORNERS[1]] - points[EYE_CORNERS[0]]
    eyes = float(np.linalg.norm(corners))
    across = middle(LEFT_SIDE) - middle(RIGHT_SIDE)
    down = middle(NOSE_TIP) - middle(FOREHEAD)
    width = float(np.linalg.norm(across))
    if not (eyes > 0 and width > 0):
        return None
    x = across / width
    down = down - x * float(x @ down)
    height = float(np.linalg.norm(down))
    if not height > 0:
        return None
    y = down / height
    origin = middle(NOSE)
    shape = (points[list(POINTS)] - origin) @ np.stack([x, y, np.cross(x, y)]).T / eyes
    head = np.array([eyes, float(np.linalg.norm(corners[:2])) / eyes, *origin[:2]], np.float32)
    if not (np.isfinite(shape).all() and np.isfinite(head).all()):
        return None
    return shape.astype(np.float32).ravel(), head


@dataclass(slots=True)
class MouthSeries:
    """The mouth of one track over time: 250 bytes a measured frame."""

    times: array[float] = field(default_factory=lambda: array("d"))
    shapes: bytearray = field(default_factory=bytearray)
    heads: array[float] = field(default_factory=lambda: array("f"))

    def add(self, time: float, landmarks: Floats, covered: float = 0.0) -> None:
        """Append one frame, with the probability that something covers the lips (`inperson.lips.view`).

        A time not after the last one, or a face that is not finite, is left out.
        """
        if self.times and time <= self.times[-1]:
            return
        found = mouth(landmarks)
        if found is not None:
            self.times.append(time)
            fine = np.clip(np.round(found[0] * FINE), -32767, 32767)
            self.shapes.extend(fine.astype(np.int16).tobytes())
            self.heads.extend([*found[1].tolist(), covered])

    def arrays(self) -> tuple[Array, Floats, Array]:
        """Times (n,) in seconds, shapes (n, SHAPE) float32, heads (n, 5): what `mouth` gives, and how sure covered."""
        shapes = np.frombuffer(bytes(self.shapes), np.int16).reshape(-1, SHAPE).astype(np.float32) / FINE
        heads = np.array(self.heads, np.float64).reshape(-1, 5)
        return np.array(self.times, np.float64), np.asarray(shapes, np.float32), heads


def joined(series: list[MouthSeries]) -> tuple[Array, Floats, Array]:
    """Several tracks of one person as one, in order of time; where two overlap, the first given counts."""
    if not series:
        return np.zeros(0), np.zeros((0, SHAPE), np.float32), np.zeros((0, 5))
    parts = [one.arrays() for one in series]
    times = np.concatenate([part[0] for part in parts])
    shapes = np.concatenate([part[1] for part in parts])
    heads = np.concatenate([part[2] for part in parts])
    unique, first = np.unique(times, return_index=True)
    return unique, shapes[first], heads[first]


def opening(shapes: Floats) -> Floats:
    """Distance (n,) of the inner lips, the mean of three places, in eye distances, from shapes (n, SHAPE)."""
    points = shapes.reshape(len(shapes), -1, 3)
    upper, lower = ([POINTS.index(one) for one in side] for side in ((13, 82, 312), (14, 87, 317)))
    return np.asarray(np.linalg.norm(points[:, upper] - points[:, lower], axis=2).mean(axis=1), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Lips:
    """A mouth on the grid.

    Attributes
    ----------
    shape : (n, SHAPE) float16
        Without its mean over the frames; 0 where not measured.
    measured : (n,) bool
        Where a frontal, moving picture of the face was there.
    turned, frozen : float
        Seconds left out because the head was turned away, or because the picture stood still.
    hidden : tuple of Span
        Left out because something was before the lips.
    eyes : float
        Median distance of the outer eye corners in pixels; 0 if never measured.
    frame_rate : float
        Measured frames a second while measured; 0 if never.
    """

    shape: NDArray[np.float16]
    measured: Mask
    turned: float
    frozen: float
    hidden: tuple[Span, ...]
    eyes: float
    frame_rate: float

    @property
    def covered(self) -> float:
        """Seconds for which something was before the lips."""
        return sum(span.duration for span in self.hidden)


def lips(times: Array, shapes: Floats, heads: Array, n: int, origin: float) -> Lips:
    """Bring a mouth series onto the grid.

    Parameters
    ----------
    times, shapes, heads : (m,), (m, SHAPE) and (m, 5)
        As `MouthSeries.arrays` gives them, times rising. May be empty.
    n : int
        Length of the grid.
    origin : float
        Seconds; time of its first point.

    Returns
    -------
    Lips
        Nothing measured for fewer than two frames.
    """
    facing = heads[:, FACING] >= TURNED
    still = _frozen(times, shapes, heads)
    usual = np.minimum(np.diff(times, append=times[-1:]), MAX_GAP)
    behind = _hidden(times, heads[:, COVERED])
    turned, frozen = float(usual[~facing].sum()), float(usual[facing & still].sum())
    hidden = _spans(times, usual, facing & ~still & behind)
    kept = facing & ~still & ~behind
    times, shapes, heads = times[kept], shapes[kept], heads[kept]
    if len(times) < 2:
        return Lips(np.zeros((n, SHAPE), np.float16), np.zeros(n, bool), turned, frozen, hidden, 0.0, 0.0)
    grid = origin + np.arange(n) / RATE
    after = np.clip(np.searchsorted(times, grid), 1, len(times) - 1)
    measured = (times[after] - times[after - 1] <= MAX_GAP) & (grid >= times[0]) & (grid <= times[-1])
    part = ((grid - times[after - 1]) / (times[after] - times[after - 1])).astype(np.float32)[:, None]
    shape = np.zeros((n, SHAPE), np.float16)
    middle = shapes.mean(axis=0)
    for start in range(0, n, SLICE):
        rows = np.flatnonzero(measured[start : start + SLICE]) + start
        shape[rows] = shapes[after[rows] - 1] * (1 - part[rows]) + shapes[after[rows]] * part[rows] - middle
    steps = np.diff(times)
    rate = 1.0 / float(np.median(steps[steps <= MAX_GAP])) if (steps <= MAX_GAP).any() else 0.0
    return Lips(shape, measured, turned, frozen, hidden, float(np.median(heads[:, EYES])), rate)


def _spans(times: Array, lasts: Array, where: Mask) -> tuple[Span, ...]:
    """Stretches of the frames in `where`, each frame as long as it lasts."""
    return tuple(merged(Span(float(t), float(t + d)) for t, d in zip(times[where], lasts[where], strict=True) if d > 0))


def _hidden(times: Array, covered: Array) -> Mask:
    """Frames around which something covers the lips, on the mean of `HIDDEN_SECONDS`: one doubt counts for nothing."""
    before, after = (np.searchsorted(times, times + side * HIDDEN_SECONDS / 2, "right") for side in (-1, 1))
    total = np.concatenate([[0.0], np.cumsum(covered)])
    return np.asarray((total[after] - total[before]) / np.maximum(after - before, 1) >= HIDDEN)


def _frozen(times: Array, shapes: Floats, heads: Array) -> Mask:
    """Frames inside a stretch of at least `FROZEN_SECONDS` in which nothing of the face moves."""
    still = np.zeros(len(times), bool)
    if len(times) < 2:
        return still
    change = np.abs(np.diff(shapes, axis=0)).max(axis=1)
    moved = np.abs(np.diff(heads[:, [NOSE_X, NOSE_Y]], axis=0)).max(axis=1) / heads[1:, EYES]
    edges = np.flatnonzero(np.concatenate([[True], np.maximum(change, moved) > FROZEN_CHANGE, [True]]))
    for first, last in zip(edges[:-1], edges[1:] - 1, strict=True):
        if times[last] - times[first] >= FROZEN_SECONDS:
            still[first : last + 1] = True
    return still
