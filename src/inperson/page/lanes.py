"""The timeline's rows: who spoke, which faces were seen, where to look, what each signal measured.

Positions are percentages of the recording's length, so that the drawing needs no script to fill any width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from inperson.page.numbers import clock, percent
from inperson.page.words import KINDS
from inperson.report import Finding, Moment, Report
from inperson.types import Span, merged

TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Seconds between marks of the axis: the first with which there are at most `MOST_TICKS`."""
MOST_TICKS = 8
OTHERS = 3
"""Most lanes for people beside the candidate."""
AWAY = 0.5
"""Seconds without the candidate's face from which it counts as not seen; trackers lose single frames."""
BARS = 1500
"""Most bars of a lane: turns and tracks of a longer recording are joined until they fit."""
CURVE = (1000, 34)
"""Width and height of a curve's own coordinates."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch on a lane: place and width in percent, what it says, and how it is drawn."""

    x: str
    width: str
    says: str
    start: float
    end: float
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Curved:
    """A measurement as an SVG path in `CURVE` coordinates, and the height of its reference; None off the scale."""

    path: str
    reference: float | None
    says: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One row; `kind` is person, face, breaks or signal."""

    kind: str
    title: str
    note: str = ""
    bars: tuple[Bar, ...] = ()
    curve: Curved | None = None
    moments: tuple[int, ...] = ()
    finding: int | None = None
    empty: str = ""
    classes: str = field(default="")


def ticks(duration: float) -> list[tuple[str, str]]:
    """``(place in percent, clock)`` of the axis' marks."""
    step = next((one for one in TICKS if duration / one <= MOST_TICKS), 7200)
    return [(percent(step * i, duration), clock(step * i, 0)) for i in range(int(duration // step) + 1)]


def people(report: Report) -> Iterator[Lane]:
    """A lane a speaker, the candidate's first, then by how long they speak."""
    line = report.timeline
    if line is None or not line.turns:
        return
    names = sorted({turn.speaker for turn in line.turns})
    spoken = {name: [turn for turn in line.turns if turn.speaker == name] for name in names}
    own = report.candidate.speaker
    names.sort(key=lambda name: (name != own, -sum(turn.end - turn.start for turn in spoken[name])))
    for name in names[: OTHERS + 1]:
        turns = spoken[name]
        seconds = sum(turn.end - turn.start for turn in turns)
        told = [(Span(t.start, t.end), f"{name}: {t.text}" if t.text else f"{name} speaks") for t in turns]
        yield Lane(
            "person",
            name,
            ("candidate, " if name == own else "") + f"speaks {clock(seconds, 0)}",
            _bars(told, report.media.duration),
            classes="own" if name == own else "",
        )


def faces(report: Report) -> Iterator[Lane]:
    """A lane for the candidate's face, with where it is not seen, and one a face beside it."""
    line = report.timeline
    if line is None or not line.tracks:
        return
    duration = report.media.duration
    own = merged(Span(*span) for track in line.tracks if track.candidate for span in track.spans)
    if own:
        bars = _bars([(span, "the candidate's face is seen") for span in own], duration)
        seen = sum(span.duration for span in own)
        yield Lane("face", "Candidate's face", f"seen {clock(seen, 0)}", bars, classes="own")
    rest = sorted(
        (track for track in line.tracks if not track.candidate), key=lambda track: -sum(b - a for a, b in track.spans)
    )
    for track in rest[:OTHERS]:
        told = [(Span(*span), f"face {track.track} is seen") for span in track.spans]
        yield Lane("face", f"Face {track.track}", "", _bars(told, duration))


def breaks(report: Report) -> Lane | None:
    """Where to look whatever the score, and where the candidate's face is not seen; None where neither is known."""
    duration = report.media.duration
    marked = [m for finding in report.findings for m in finding.evidence if m.kind]
    bars = [_bar(Span(m.start, m.end), m.note, duration, KINDS.get(m.kind or "", ("?", ""))[0]) for m in marked]
    bars += [_bar(span, KINDS["away"][1], duration, "away") for span in away(report)]
    if not bars:
        return None
    return Lane("breaks", "Breaks", "where to look, or not seen", tuple(sorted(bars, key=lambda bar: bar.start)))


def away(report: Report) -> list[Span]:
    """Stretches of at least `AWAY` in which the candidate's face is not seen; empty where it is not known at all."""
    tracks = report.timeline.tracks if report.timeline else ()
    seen = merged(Span(*span) for track in tracks if track.candidate for span in track.spans)
    if not seen:
        return []
    edges = [0.0, *(edge for span in seen for edge in (span.start, span.end)), report.media.duration]
    return [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= AWAY]


def excluded(report: Report) -> Lane:
    """What was left out of the analysis on request."""
    told = [(Span(start, end), "left out of the analysis on request") for start, end in report.excluded]
    return Lane("person", "Left out", "of this analysis", _bars(told, report.media.duration))


def signal(finding: Finding, index: int, title: str, duration: float) -> Lane:
    """A signal's lane: its curve, and its moments by their number."""
    quality = "" if finding.quality is None else f"quality {finding.quality:.2f}"
    return Lane(
        "signal",
        title,
        quality,
        curve=curved(finding, duration),
        moments=tuple(i for i, moment in enumerate(finding.evidence) if not moment.kind),
        finding=index,
        empty=finding.reason or "",
    )


def curved(finding: Finding, duration: float) -> Curved | None:
    """The curve as a step for each stretch; None where there is none."""
    if finding.curve is None or not finding.curve.points or duration <= 0:
        return None
    points, reference = finding.curve.points, finding.curve.reference
    values = [point.value for point in points] + ([] if reference is None else [reference])
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or 1.0
    low, high = low - room, high + room

    def up(value: float) -> float:
        return round(CURVE[1] * (high - value) / (high - low), 2)

    steps = [
        f"M{CURVE[0] * p.start / duration:.1f} {up(p.value)}H{CURVE[0] * max(p.end, p.start + 0.05) / duration:.1f}"
        for p in points
    ]
    return Curved("".join(steps), None if reference is None else up(reference), finding.curve.name)


def strongest(finding: Finding, count: int = 3) -> list[int]:
    """Numbers of the moments with the highest scores that the finding rests on, the highest first."""
    resting = [i for i, moment in enumerate(finding.evidence) if not moment.kind]
    return sorted(resting, key=lambda i: -finding.evidence[i].score)[:count]


def place(moment: Moment, duration: float) -> tuple[str, str]:
    """Where a moment begins and how wide it is, in percent."""
    return percent(moment.start, duration), percent(moment.end - moment.start, duration)


def _bars(told: Sequence[tuple[Span, str]], duration: float) -> tuple[Bar, ...]:
    gap = 0.0
    spans = list(told)
    while len(spans) > BARS:
        gap = 2 * gap + duration / BARS / 4
        spans = [(span, "") for span in merged((span for span, _ in told), gap)]
    return tuple(_bar(span, says, duration) for span, says in spans)


def _bar(span: Span, says: str, duration: float, mark: str = "") -> Bar:
    return Bar(percent(span.start, duration), percent(span.duration, duration), says, span.start, span.end, mark)
