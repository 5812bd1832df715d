"""Moments that break a swap: the places where a reviewer should look, whatever the score.

Swap tools lose the face, or show the seam, when the head turns to profile, moves fast, leaves the picture or comes back
(Deep-Live-Cam's and roop's own issue lists; docs/face_swap.md). A genuine person does all of these: nothing here speaks
for a swap, it says where one would show.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from inperson.types import Face, Span

PROFILE = 40.0
"""Degrees of turn to the side from which one cheek is hidden."""
FAST = 2.0
"""Face widths a second; a nod or a turn in talk stays under 1."""
EDGE = 0.02
"""Part of the face's width that must lie outside the picture."""
GONE = 0.3
"""Seconds without the face after which it has left or was hidden."""
JOIN, SHORTEST = 0.6, 0.08
"""Moments of one kind this close (s) are one; shorter ones than two frames of 25 are the landmarks' jitter."""
KEPT = 200
"""Moments of a kind kept; a call of an hour with more is told by the first of them."""
WORDS = {
    "profile": "the head is turned to the side: a pasted face would slip or flicker at the far cheek",
    "fast": "the head moves fast: a pasted face would lag behind it",
    "edge": "the face is cut by the picture's edge: a swap tool may lose it and show the real one",
    "return": "the face comes back after it was away: the first frames may show the real one",
}


@dataclass(slots=True)
class _Course:
    """What one track did last, and its moments as ``{kind: [[start, end], ...]}``."""

    time: float = -math.inf
    middle: tuple[float, float] = (0.0, 0.0)
    spans: dict[str, list[list[float]]] = field(default_factory=dict)


class Moments:
    """Collects the moments of every track, frame by frame."""

    def __init__(self) -> None:
        self._tracks: dict[int, _Course] = {}

    def add(self, time: float, face: Face, size: tuple[int, int]) -> None:
        """Take in a measured face of the frame at `time`; `size` is the frame's (width, height). Times must grow."""
        if face.landmarks is None:
            return
        course = self._tracks.setdefault(face.track, _Course())
        middle = (0.5 * (face.box[0] + face.box[2]), 0.5 * (face.box[1] + face.box[3]))
        since = time - course.time
        if math.isfinite(since):
            if since > GONE:
                _mark(course, "return", time, time + GONE)
            elif since > 0 and face.size > 0:
                speed = math.dist(middle, course.middle) / (since * face.size)
                if speed > FAST:
                    _mark(course, "fast", course.time, time)
        if abs(turn(face)) > PROFILE:
            _mark(course, "profile", time, time)
        x0, y0, x1, y1 = face.box
        if max(-x0, -y0, x1 - size[0], y1 - size[1]) > EDGE * face.size:
            _mark(course, "edge", time, time)
        course.time, course.middle = time, middle

    def of(self, tracks: Iterable[int], end: float) -> dict[str, tuple[Span, ...]]:
        """``{kind: spans}`` of these tracks inside [0, end], in order; kinds that never came are absent."""
        out: dict[str, list[Span]] = {}
        for track in tracks:
            for kind, spans in (self._tracks[track].spans if track in self._tracks else {}).items():
                kept = [Span(a, min(b, end)) for a, b in spans if kind == "return" or b - a >= SHORTEST]
                out.setdefault(kind, []).extend(span for span in kept if span.start < end)
        return {kind: tuple(sorted(spans)) for kind, spans in out.items() if spans}


def _mark(course: _Course, kind: str, start: float, end: float) -> None:
    spans = course.spans.setdefault(kind, [])
    if spans and start - spans[-1][1] <= JOIN:
        spans[-1][1] = max(spans[-1][1], end)
    elif len(spans) < KEPT:
        spans.append([start, end])


def turn(face: Face) -> float:
    """Degrees the head is turned to the side, from the depth of the two temples; positive to the image's right.

    The mesh's depth is in the scale of its x (MediaPipe); 0 without landmarks.
    """
    if face.landmarks is None:
        return 0.0
    left, right = face.landmarks[127], face.landmarks[356]
    across = np.asarray(right - left, np.float64)
    return math.degrees(math.atan2(across[2], math.hypot(across[0], across[1])))
