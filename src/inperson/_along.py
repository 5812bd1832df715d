"""What a session and a detector's curve become in the report: numbers along the recording, bounded and inside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from inperson.types import MAX_POINTS, Curve, Point, Session, Span

if TYPE_CHECKING:
    from inperson import _over_time as written


def timeline(session: Session) -> written.Timeline | None:
    """Turns and face tracks of a session; None where it has neither."""
    from inperson._over_time import Seen, Spoken, Timeline

    whole = Span(0.0, session.duration)
    turns = tuple(
        Spoken(start=round(span.start, 3), end=round(span.end, 3), speaker=_sound(turn.speaker), text=_sound(turn.text))
        for turn in session.turns
        if (span := turn.span & whole)
    )
    tracks = tuple(
        Seen(
            track=track.track,
            candidate=track.track in session.candidate.tracks,
            spans=tuple((round(span.start, 2), round(span.end, 2)) for span in track.spans),
            box=(round(track.box[0], 1), round(track.box[1], 1), round(track.box[2], 1), round(track.box[3], 1)),
        )
        for track in session.tracks
    )
    if not turns and not tracks:
        return None
    return Timeline(turns=turns, turns_source=session.turns_source, tracks=tracks)


def along(curve: Curve | None, duration: float) -> written.Curve | None:
    """A detector's curve inside [0, duration] with `MAX_POINTS` at most; None where nothing of it is left."""
    from inperson import _over_time

    if curve is None:
        return None
    inside = [
        one for one in curve.points if math.isfinite(one.value) and one.span.end >= 0 and one.span.start < duration
    ]
    points = _thinned(sorted(inside, key=lambda one: one.span))
    if not points:
        return None
    return _over_time.Curve(
        name=curve.name,
        unit=curve.unit,
        reference=_known(curve.reference),
        reference_name=curve.reference_name,
        points=tuple(
            _over_time.Point(
                start=round(max(one.span.start, 0.0), 3),
                end=round(min(one.span.end, duration), 3),
                value=float(f"{one.value:.4g}"),
                kind=one.kind or None,
            )
            for one in points
        ),
    )


def _thinned(points: list[Point]) -> list[Point]:
    """Of each few neighbours the highest, so that no peak is lost."""
    group = -(-len(points) // MAX_POINTS)
    if group <= 1:
        return points
    return [max(points[i : i + group], key=lambda one: one.value) for i in range(0, len(points), group)]


def _sound(text: str) -> str:
    """Text that UTF-8 can write: a transcript may hold half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def _known(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.4g}")
