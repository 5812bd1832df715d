"""What is remembered of one face while the recording is read: where, since when, how it moves, how it looks."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from inperson.faces.appearance import difference
from inperson.faces.mesh import Region, region_of
from inperson.types import Floats, Span, Track, merged

Box = tuple[float, float, float, float]

GAP = 0.5
"""Seconds: shorter losses do not break a track's span."""

_HISTORY = 64
"""Most boxes kept for the median; above it every second one is dropped, so memory stays flat."""

_MOST_SPANS = 1024
"""Most spans kept; above it the shortest gaps are closed."""

_FOLLOW = 0.07
"""Time constant in seconds of the velocity: follows a turn, does not chase the jitter of single frames."""

_LOOK = 2.0
"""Time constant in seconds of the remembered look."""


def box_of(landmarks: Floats) -> Box:
    """Bounding box of the 468 face points (irises lie inside)."""
    low, high = landmarks[:468, :2].min(axis=0), landmarks[:468, :2].max(axis=0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


class Place(NamedTuple):
    """Where a face was, how it moved and looked, when it was last alone."""

    region: Region
    box: Box
    velocity: tuple[float, float]
    measured: float
    look: Floats


@dataclass(slots=True, eq=False)
class Followed:
    """One face being followed.

    Attributes
    ----------
    number : int
    seen, measured : float
        Times of the last frame it was in, and of the last mesh run that found it.
    region : Region
        Where the mesh found it last; `predicted` moves it on.
    look, latest : (16, 16, 3) float32
        Thumbnail (`inperson.faces.appearance`): running mean, and the last one.
    velocity : (float, float)
        Pixels per second of its centre.
    live : bool
        Followed in the current frame; else lost, and kept to be found again.
    cut : bool
        It was lost because the picture changed at once, so that its place says less.
    clear : Place or None
        The last time no other face was near; None if it never was alone.
    """

    number: int
    seen: float
    measured: float
    region: Region
    box: Box
    confidence: float
    look: Floats
    latest: Floats
    velocity: tuple[float, float] = (0.0, 0.0)
    live: bool = True
    cut: bool = False
    clear: Place | None = None
    runs: int = 1
    spans: list[Span] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    _every: int = 1
    _skipped: int = 0

    def predicted(self, time: float) -> Region:
        """Where to look at `time`: moved on at constant velocity, for at most half a second."""
        ahead = min(max(time - self.measured, 0.0), GAP)
        dx, dy = (v * ahead for v in self.velocity)
        return Region(self.region.x + dx, self.region.y + dy, self.region.side, self.region.angle)

    def predicted_box(self, time: float) -> Box:
        """`box`, moved on like `predicted`."""
        region = self.predicted(time)
        dx, dy = region.x - self.region.x, region.y - self.region.y
        x0, y0, x1, y1 = self.box
        return (x0 + dx, y0 + dy, x1 + dx, y1 + dy)

    def found(self, time: float, landmarks: Floats, confidence: float, look: Floats) -> None:
        """Take in a mesh run that found the face."""
        region = region_of(landmarks)
        elapsed = time - self.measured
        if not self.live or not 0 < elapsed <= GAP:
            self.velocity = (0.0, 0.0)
        else:
            new = 1.0 - math.exp(-elapsed / _FOLLOW)
            vx, vy = (region.x - self.region.x) / elapsed, (region.y - self.region.y) / elapsed
            was_x, was_y = self.velocity
            self.velocity = (was_x + new * (vx - was_x), was_y + new * (vy - was_y))
        self.runs += 1
        weight = max(1.0 / self.runs, 1.0 - math.exp(-max(elapsed, 0.0) / _LOOK))
        self.look = self.look + np.float32(weight) * (look - self.look)
        self.latest = look
        self.region, self.box, self.confidence = region, box_of(landmarks), confidence
        self.measured, self.live, self.cut = time, True, False

    def alone(self) -> None:
        """Note that no other face is near: where to fall back to when the mesh slips onto another face."""
        self.clear = Place(self.region, self.box, self.velocity, self.measured, self.look)

    def lose(self, *, cut: bool = False, slipped: bool = False) -> None:
        """No longer followed. `slipped`: what was measured since `alone` was another face, so it is forgotten."""
        self.live, self.cut = False, cut
        if slipped and self.clear is not None:
            self.region, self.box, self.velocity, self.measured, self.look = self.clear

    def present(self, time: float, step: float) -> None:
        """Note that it is in the frame at `time`, which lasts `step` seconds."""
        self.seen = time
        span = Span(time, time + step)
        if self.spans and time <= self.spans[-1].end + GAP:
            self.spans[-1] |= span
        else:
            self.spans.append(span)
            if len(self.spans) > _MOST_SPANS:
                self.spans = _closed(self.spans)
        self._skipped += 1
        if self._skipped >= self._every:
            self._skipped = 0
            self.boxes.append(self.predicted_box(time))
            if len(self.boxes) > _HISTORY:
                self.boxes = self.boxes[::2]
                self._every *= 2

    def unlike(self, look: Floats) -> float:
        """How different it looks (`inperson.faces.appearance.difference`)."""
        return difference(self.look, look)

    def track(self) -> Track:
        """The finished value."""
        x0, y0, x1, y1 = (float(n) for n in np.median(np.array(self.boxes), axis=0))
        return Track(self.number, tuple(merged(self.spans, GAP)), (x0, y0, x1, y1))


def _closed(spans: list[Span]) -> list[Span]:
    """Half as many spans, by closing the shortest gaps."""
    gaps = sorted(b.start - a.end for a, b in itertools.pairwise(spans))
    return merged(spans, gaps[len(gaps) // 2])
