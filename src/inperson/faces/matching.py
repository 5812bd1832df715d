"""Whether two sightings are one face: by place, size and look."""

from __future__ import annotations

import math

from inperson.faces.detector import overlap
from inperson.faces.track import Box, Followed
from inperson.types import Floats

REMEMBERED = 2.0
"""Seconds for which a lost face is expected near where it should be."""

# Where the limits of look come from: training/faces/looks.py on 57 videos of 45 people; figures in the card face_mesh.
JUMP = 0.45
"""Change of look (`inperson.faces.appearance.difference`) from one frame to the next that is another face or a cut.
The largest of 11906 changes of one person was 0.27."""

_NEAR = 0.65
"""Most a face near a lost one's place may differ from it. 0.1 % of one person's frames differ by more than 0.39 from
the running mean before; under 5 % of the sightings of two people differ by less."""

_SAME_SPOT = 0.8
"""The same within half a face of where it should be: a face that comes out from behind something is half covered."""

_AFTER_CUT = 0.5
"""The same where the picture changed at once: under 1 % of the sightings of two people, 99 % of one person's."""

_ANYWHERE = 0.35
"""The same after long, or at another place: under 0.2 % of the sightings of two people, 95 % of one person's. A wrong
number is worse than a new one."""


def same_place(a: Box, b: Box) -> bool:
    """One face: the boxes overlap, or they are of one size and one's centre lies well inside the other."""
    if overlap(a, b) > 0.3:
        return True
    small, large = sorted((a, b), key=side_of)
    if side_of(small) < 0.4 * side_of(large):
        return False
    x, y = centre_of(small)
    dx, dy = 0.2 * (large[2] - large[0]), 0.2 * (large[3] - large[1])
    return large[0] + dx < x < large[2] - dx and large[1] + dy < y < large[3] - dy


def cost(lost: Followed, box: Box, look: Floats, time: float) -> float | None:
    """How badly a face found now fits a lost one, smaller is better; None where it cannot be it."""
    last = lost.predicted_box(time)
    if not 0.4 < side_of(box) / max(side_of(last), 1.0) < 2.5:
        return None
    (x, y), (was_x, was_y) = centre_of(box), centre_of(last)
    distance = math.hypot(x - was_x, y - was_y) / max(side_of(last), 1.0)
    unlike, away = lost.unlike(look), time - lost.seen
    if lost.cut:
        near, limit = distance < 1.0, _AFTER_CUT
    else:
        near, limit = distance < 0.5 + 2.0 * away, _SAME_SPOT if distance < 0.5 else _NEAR
    if near and away <= REMEMBERED and unlike < limit:
        return unlike + 0.5 * distance
    if unlike < _ANYWHERE:
        return 1.0 + unlike + 0.1 * min(distance, 5.0)
    return None


def side_of(box: Box) -> float:
    """The longer side."""
    return max(box[2] - box[0], box[3] - box[1])


def centre_of(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
