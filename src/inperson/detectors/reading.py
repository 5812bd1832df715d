"""Reading from a screen: do the candidate's eyes follow lines of text while answering?

Task
----
Reading runs in short, even fixations along a line, then jumps back to the next line's start. Two small networks,
trained on simulated gaze, judge stretches of 10 s of the candidate's own answers: whether the eyes sweep one way and
jump back the other more than their mirror image would, which makes every recording its own null, and whether the whole
looks like reading (`inperson.detectors._gaze_windows`). Passes along lines are counted in both directions, for the
reviewer; what one direction has more than the other adds to the score. Blinks, and where the gaze rests in answers
against the rest of the call, are measured and not scored.

What it cannot tell: notes the candidate may use, a question shown on screen, a second monitor, nystagmus or a habit of
looking aside; small, dark or glasses-covered eyes hide it altogether. It looks at movement, never at the person.

Constants without another source are own choices, made on simulated reading; no real reader was there to choose by.

`Reading.score` is in natural log odds of the simulated readers, before calibration.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inperson.detectors._gaze import direction
from inperson.detectors._gaze_grid import RATE, Mask, Series, blinks, steady, within
from inperson.detectors._gaze_passes import Pass, excess, passes
from inperson.detectors._gaze_windows import HOP, LENGTH, Window, likeness, most_like, together, windows
from inperson.types import Abstention, Chunk, Curve, Evidence, Measurement, Point, Reading, Session, Span, merged

MIN_SPEECH = 20.0
"""Seconds of the candidate's own answers with the eyes measured: five to ten lines."""
MIN_EYES = 45.0
"""Pixels between the outer eye corners, below which the iris is under 6 pixels wide."""
MAX_NOISE = 1.5
"""Degrees: frame-to-frame noise above which a return sweep of 2 degrees cannot be seen."""
TOLD = 0.7
"""Likeness of a window from which it is shown: one in a hundred simulated ones without reading has more."""
OFF = 4.0
"""Degrees from the usual gaze while listening, from which an answer was given looking elsewhere: uncalibrated webcam
gaze is about this far off, and drifts by half of it."""
SHORT = 5.0
"""Seconds of an answer below which where it was looked at is not asked."""
ALTERNATIVES = (
    "notes, a code editor, or a question shown on the screen, which the candidate may be allowed to use",
    "looking between the interviewer's picture, the camera and a second monitor",
    "a habit of looking aside while thinking, or an eye condition",
    "an interpreter's or captioning window",
)


@dataclass(frozen=True, slots=True, eq=False)
class Gaze:
    """The candidate's gaze over the recording, as measured and on the grid, and when they answer."""

    rows: Series
    times: Series
    across: Series
    down: Series
    noise: float
    answers: list[Span]
    spoken: Mask

    @property
    def seconds(self) -> float:
        """Of the answers, with the eyes measured."""
        return float((self.spoken & np.isfinite(self.across)).sum() / RATE)


class ReadingFromScreen:
    """Detector of line-by-line reading; see the module's docstring."""

    signal: ClassVar[str] = "reading"
    needs: ClassVar[frozenset[str]] = frozenset({"faces", "speech"})
    model: ClassVar[str] = "reading-0.2.0"

    def __init__(self) -> None:
        self._rows: dict[int, array[float]] = defaultdict(lambda: array("f"))

    def update(self, chunk: Chunk) -> None:
        """Keep five floats a measured face."""
        for frame in chunk.frames:
            for face in frame.faces:
                if face.landmarks is None:
                    continue
                found = direction(face.landmarks)
                if found is not None:
                    eyes = float(np.hypot(*(face.landmarks[263, :2] - face.landmarks[33, :2])))
                    self._rows[face.track].extend((frame.time, *found, eyes))

    def finish(self, session: Session) -> Reading | Abstention:
        """Judge the stretches in which the candidate answers."""
        if session.media.video is None:
            return Abstention("reading is seen in the eyes, and the recording has no picture", applicable=False)
        if session.candidate.track is None:
            return Abstention(f"no face is known to be the candidate's: {session.candidate.how}")
        if session.candidate.speaker is None:
            return Abstention(f"when the candidate speaks is not known: {session.candidate.how}")
        rows = self._of(session.candidate.tracks)
        eyes = float(np.median(rows[:, 4])) if len(rows) else 0.0
        seen = {"eye_distance": Measurement(eyes, "px")}
        if eyes < MIN_EYES:
            reason = f"the eyes are {eyes:.0f} pixels apart, {MIN_EYES:.0f} are needed to see the iris move"
            return Abstention(reason, measurements=seen)
        times, across, down, noise = steady(rows)
        answers = session.spoken_by(session.candidate.speaker)
        gaze = Gaze(rows, times, across, down, noise, answers, within(times, answers))
        seen |= {"noise": Measurement(noise, "deg"), "measured_speech": Measurement(gaze.seconds, "s")}
        if noise > MAX_NOISE:
            reason = f"the iris is measured to {noise:.1f} degrees only, {MAX_NOISE} are needed (light, focus, glasses)"
            return Abstention(reason, measurements=seen)
        if gaze.seconds < MIN_SPEECH:
            how_long = f"the eyes were measured in {gaze.seconds:.0f} s of the candidate's answers"
            return Abstention(f"{how_long}, {MIN_SPEECH:.0f} s are needed", measurements=seen)
        found = windows(self.model, times, across, down, gaze.spoken)
        if not found:
            reason = f"no answer shows the eyes for {LENGTH / RATE:.0f} s on end"
            return Abstention(reason, measurements=seen)
        return _reading(gaze, found, seen, session)

    def _of(self, tracks: Sequence[int]) -> Series:
        kept = [np.array(self._rows[track], np.float64).reshape(-1, 5) for track in tracks if track in self._rows]
        rows = np.concatenate(kept) if kept else np.zeros((0, 5))
        return rows[np.argsort(rows[:, 0], kind="stable")]


def _reading(gaze: Gaze, found: list[Window], seen: dict[str, Measurement], session: Session) -> Reading:
    during = [
        one
        for one in passes(gaze.times, gaze.across, gaze.noise)
        if any((one.span.start + one.span.end) / 2 in span for span in gaze.answers)
    ]
    right, left = (sum(one.sign == sign for one in during) for sign in (1, -1))
    minutes = gaze.seconds / 60
    most = most_like(found)
    score = together(found) + excess(right, left, minutes)
    seen |= {
        "sweep": Measurement(float(np.mean([one.sweep for one in most])), "1"),
        "look": Measurement(float(np.mean([one.look for one in most])), "1"),
        "passes": Measurement(max(right, left) / minutes, "1/min"),
        "opposite_passes": Measurement(min(right, left) / minutes, "1/min"),
        **_compared(gaze, session),
    }
    independent = max(1.0, len(most) * HOP / LENGTH)  # windows overlap
    return Reading(
        score=score,
        spread=max(0.2, float(np.std([likeness(one, found) for one in most])) / math.sqrt(independent)),
        quality=_quality(gaze),
        evidence=tuple(_evidence(found, during, session)),
        measurements=seen,
        alternatives=ALTERNATIVES if score > 0 else (),
        curve=_curve(found),
    )


def _curve(found: list[Window]) -> Curve:
    points = tuple(Point(one.span, likeness(one, found)) for one in found)
    return Curve("how like reading the eyes move in stretches of 10 s", "1", points, TOLD, "shown from here on")


def _quality(gaze: Gaze) -> float:
    measured = float(np.isfinite(gaze.across).mean())
    return min(1.0, gaze.seconds / 60) * (1 - gaze.noise / MAX_NOISE / 2) * min(1.0, measured / 0.8)


def _compared(gaze: Gaze, session: Session) -> dict[str, Measurement]:
    """What differs between the candidate's answers and the rest of the call; what was not measured is left out."""
    good = np.isfinite(gaze.across)
    own, rest = good & gaze.spoken, good & ~gaze.spoken
    turned = [Span(0.0, session.duration)] if not gaze.answers else _between(gaze.answers, session.duration)
    out = {
        "blinks": (blinks(gaze.rows, gaze.answers), "1/min"),
        "blinks_otherwise": (blinks(gaze.rows, turned), "1/min"),
    }
    if min(own.sum(), rest.sum()) >= 2 * RATE:
        home = np.array([np.median(one[rest]) for one in (gaze.across, gaze.down)])
        usual = np.array([np.median(one[own]) for one in (gaze.across, gaze.down)])
        out["off_axis"] = (float(np.hypot(*(usual - home))), "deg")
        out["answers_off_axis"] = (_share_off(gaze, good, home), "1")
    return {name: Measurement(value, unit) for name, (value, unit) in out.items() if math.isfinite(value)}


def _share_off(gaze: Gaze, good: Mask, home: Series) -> float:
    """Share of the longer answers whose usual gaze lies `OFF` or more from `home`; NaN without such answers."""
    off = []
    for span in gaze.answers:
        inside = good & within(gaze.times, [span])
        if inside.sum() >= SHORT * RATE:
            spot = [float(np.median(one[inside])) for one in (gaze.across, gaze.down)]
            off.append(math.dist(spot, home) >= OFF)
    return float(np.mean(off)) if off else math.nan


def _between(spans: Sequence[Span], duration: float) -> list[Span]:
    edges = [0.0, *(edge for span in spans for edge in (span.start, span.end)), duration]
    return [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]


def _evidence(found: list[Window], during: list[Pass], session: Session) -> list[Evidence]:
    """Stretches of windows from `TOLD` on; without any, the one most like reading, saying so."""
    who = session.candidate
    told = [one for one in found if likeness(one, found) >= TOLD]
    out = []
    for span in merged(one.span for one in told):
        strongest = max(likeness(one, found) for one in told if one.span.start in span)
        inside = [one for one in during if span.start <= one.span.start < span.end]
        out.append(Evidence(_cut(span, session), strongest, _note(inside), who.track, who.speaker))
    if not out:
        nearest = max(found, key=lambda one: likeness(one, found))
        note = "The eyes move least unlike reading here, the most of all answers, and not clearly like it"
        out = [Evidence(_cut(nearest.span, session), 0.0, note, who.track, who.speaker)]
    return out


def _note(inside: list[Pass]) -> str:
    sign = 1 if sum(one.sign for one in inside) >= 0 else -1
    counted = [one for one in inside if one.sign == sign]
    way = "left to right" if sign > 0 else "right to left"
    if len(counted) < 2:
        return "Short, even fixations in rows, as in reading lines; single passes are too small to count"
    size = float(np.median([one.degrees for one in counted]))
    return (
        f"The eyes move as in reading: {len(counted)} slow passes {way} across the picture, each ended by a quick "
        f"return of about {size:.0f} degrees"
    )


def _cut(span: Span, session: Session) -> Span:
    return Span(max(0.0, span.start), min(span.end, session.duration))
