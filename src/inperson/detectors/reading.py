"""Reading from a screen: do the candidate's eyes follow lines of text while answering?

Task
----
Reading runs in fixations along a line, then jumps back to the next line's start: gaze across the picture is a slow
staircase one way and a quick return the other. Ordinary looking about has no such preference of direction. So passes
are counted in both directions, and the excess of one over the other, less its own standard error, per minute of the
candidate's own answers, is the score. The opposite direction is the person's own null.

Constants from reading research: fixations last 200-300 ms and saccades span 7-9 letters (Rayner, "Eye movements in
reading and information processing", Psychological Bulletin 124 (1998) 372-422); a line of text is therefore passed in
about 0.8 to 4 s.

What it cannot tell: notes the candidate may use, a question shown on screen, a second monitor, nystagmus or a habit of
looking aside; small, dark or glasses-covered eyes hide it altogether. It looks at movement, never at the person.

Constants without another source are own choices, made on simulated reading; no real reader was there to choose by.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._gaze import direction
from inperson.types import Abstention, Chunk, Curve, Evidence, Measurement, Point, Reading, Session, Span, merged

Series = NDArray[np.float64]

RATE = 25.0
"""Hz of the even grid on which gaze is looked at."""
MAX_GAP = 0.25
"""Seconds without a measured face that are bridged; a blink lasts 0.1 to 0.4 s."""
BLINK = 0.55
"""Lids closer than this share of their median count as a blink: the iris is hidden."""
JUMP = (2.0, 25.0)
"""Degrees of a return sweep: below is noise and single saccades, above the head has turned away."""
PASS = (0.7, 4.5)
"""Seconds of a pass along a line."""
MIN_SPEECH = 20.0
"""Seconds of the candidate's own answers with the eyes measured: five to ten lines."""
MIN_EYES = 45.0
"""Pixels between the outer eye corners, below which the iris is under 6 pixels wide."""
MAX_NOISE = 1.5
"""Degrees: frame-to-frame noise above which a jump of `JUMP` cannot be seen."""
RUN = 3
"""Passes in a row that make a moment worth showing."""
ALTERNATIVES = (
    "notes, a code editor, or a question shown on the screen, which the candidate may be allowed to use",
    "looking between the interviewer's picture, the camera and a second monitor",
    "a habit of looking aside while thinking, or an eye condition",
    "an interpreter's or captioning window",
)


@dataclass(frozen=True, slots=True)
class Pass:
    """One slow pass ended by a quick return: its time, and the direction of the slow part (+1 right, -1 left)."""

    span: Span
    sign: int
    degrees: float


class ReadingFromScreen:
    """Detector of line-by-line reading; see the module's docstring."""

    signal: ClassVar[str] = "reading"
    needs: ClassVar[frozenset[str]] = frozenset({"faces", "speech"})
    model: ClassVar[str] = "reading-0.1.0"

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
        """Compare passes in either direction during the candidate's answers."""
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
            return Abstention(
                f"the eyes are {eyes:.0f} pixels apart, {MIN_EYES:.0f} are needed to see the iris move",
                measurements=seen,
            )
        times, across, down, noise = steady(rows)
        seen["noise"] = Measurement(noise, "deg")
        if noise > MAX_NOISE:
            return Abstention(
                f"the iris is measured to {noise:.1f} degrees only, {MAX_NOISE} are needed (light, focus, glasses)",
                measurements=seen,
            )
        answers = session.spoken_by(session.candidate.speaker)
        spoken = _inside(times, answers)
        seconds = float((spoken & np.isfinite(across)).sum() / RATE)
        seen["measured_speech"] = Measurement(seconds, "s")
        if seconds < MIN_SPEECH:
            return Abstention(
                f"the eyes were measured in {seconds:.0f} s of the candidate's answers, {MIN_SPEECH:.0f} s are needed",
                measurements=seen,
            )
        return self._reading(session, answers, times, across, down, noise, seconds, seen)

    def _of(self, tracks: Sequence[int]) -> Series:
        kept = [np.array(self._rows[track], np.float64).reshape(-1, 5) for track in tracks if track in self._rows]
        rows = np.concatenate(kept) if kept else np.zeros((0, 5))
        return rows[np.argsort(rows[:, 0], kind="stable")]

    def _reading(
        self,
        session: Session,
        answers: list[Span],
        times: Series,
        across: Series,
        down: Series,
        noise: float,
        seconds: float,
        seen: dict[str, Measurement],
    ) -> Reading:
        found = passes(times, across, noise)
        during = [one for one in found if any((one.span.start + one.span.end) / 2 in span for span in answers)]
        right, left = (sum(one.sign == sign for one in during) for sign in (1, -1))
        sign = 1 if right >= left else -1
        minutes = seconds / 60
        score = raw_score(right, left, minutes)
        seen |= {
            "passes": Measurement(max(right, left) / minutes, "1/min"),
            "opposite_passes": Measurement(min(right, left) / minutes, "1/min"),
            "off_axis": Measurement(_shift(across, down, _inside(times, answers)), "deg"),
        }
        quality = min(1.0, seconds / 60) * (1 - noise / MAX_NOISE / 2) * min(1.0, _measured(times, across) / 0.8)
        return Reading(
            score=score,
            spread=math.sqrt(right + left + 1) / minutes / math.exp(score),
            quality=quality,
            evidence=tuple(_evidence([one for one in during if one.sign == sign], answers, session)),
            measurements=seen,
            alternatives=ALTERNATIVES if score > 0 else (),
            curve=_curve(during),
        )


def _curve(found: Sequence[Pass]) -> Curve:
    name = "slow passes of the gaze with a quick return; above 0 to the picture's right, below to its left"
    return Curve(name, "deg", tuple(Point(one.span, one.sign * one.degrees) for one in found), 0.0, "no pass")


def raw_score(right: int, left: int, minutes: float) -> float:
    """log(1 + e), e being how many more passes a minute go one way than the other, less one standard error of counting.

    0 where the excess is no larger than chance; a few passes in a short recording count for little.
    """
    excess = abs(right - left) - math.sqrt(right + left)
    return math.log1p(max(0.0, excess) / minutes)


def steady(rows: Series) -> tuple[Series, Series, Series, float]:
    """Put gaze on an even grid.

    Parameters
    ----------
    rows : (n, 5)
        Time (s), across (deg), down (deg), lid opening, eye distance (px); sorted by time.

    Returns
    -------
    times, across, down : (m,)
        Every 40 ms; NaN where no open eye was measured within `MAX_GAP`. All empty for n < 2.
    noise : float
        Standard deviation (deg) of what cannot be eye movement: second differences of single frames, by their median.
    """
    if len(rows) < 2:
        return np.zeros(0), np.zeros(0), np.zeros(0), 0.0
    rows = rows[rows[:, 3] >= BLINK * np.median(rows[:, 3])]
    source = rows[:, 0]
    times = np.arange(math.ceil(source[0] * RATE), math.floor(source[-1] * RATE) + 1) / RATE
    after = np.clip(np.searchsorted(source, times), 1, len(source) - 1)
    hole = source[after] - source[after - 1] > MAX_GAP
    out = []
    for column in (1, 2):
        values = np.interp(times, source, rows[:, column])
        values[hole] = np.nan
        out.append(values)
    second = np.abs(np.diff(rows[:, 1], 2))
    # the median absolute second difference of white noise of deviation s is 0.6745 * sqrt(6) * s
    noise = float(np.median(second) / (0.6745 * math.sqrt(6))) if len(second) else 0.0
    return times, out[0], out[1], noise


def passes(times: Series, across: Series, noise: float) -> list[Pass]:
    """Slow passes in either direction, each ended by a quick return.

    A pass lasts `PASS` seconds, moves one way by at least half of the return that ends it, in steps of which none makes
    up most of the way, and keeps to that way: its correlation with time is at least 0.7. Empty in, empty out.
    """
    step = 2  # samples on either side: a return sweep lasts under 0.1 s, the grid smears it over 0.16 s
    if len(across) < 4 * step:
        return []
    jumps = np.full(len(across), np.nan)
    jumps[step:-step] = across[2 * step :] - across[: -2 * step]
    least = max(JUMP[0], 5 * noise)
    peaks = [
        i
        for i in range(step, len(jumps) - step)
        if least <= abs(jumps[i]) <= JUMP[1] and abs(jumps[i]) >= np.nanmax(np.abs(jumps[i - step : i + step + 1]))
    ]
    out: list[Pass] = []
    last = {1: 0, -1: 0}
    for i in peaks:
        way = 1 if jumps[i] > 0 else -1
        start = max(last[way] + step, i - int(PASS[1] * RATE))
        last[way] = i
        line = across[start : i - step + 1]
        if len(line) < PASS[0] * RATE or not np.isfinite(line).all():
            continue
        if _is_pass(line, -way, abs(float(jumps[i]))):
            out.append(Pass(Span(float(times[start]), float(times[i])), -way, abs(float(jumps[i]))))
    return out


def _is_pass(line: Series, sign: int, returned: float) -> bool:
    moved = sign * float(np.median(line[-4:]) - np.median(line[:4]))
    if not 0.5 * returned <= moved <= 2.0 * returned:
        return False
    step = np.abs(line[4:] - line[:-4])
    if step.max() > 0.6 * moved:  # one glance, not a row of fixations
        return False
    return sign * float(np.corrcoef(np.arange(len(line)), line)[0, 1]) >= 0.7


def _inside(times: Series, spans: Sequence[Span]) -> NDArray[np.bool_]:
    inside = np.zeros(len(times), bool)
    for span in spans:
        inside |= (times >= span.start) & (times < span.end)
    return inside


def _measured(times: Series, across: Series) -> float:
    return float(np.isfinite(across).mean()) if len(times) else 0.0


def _shift(across: Series, down: Series, spoken: NDArray[np.bool_]) -> float:
    """Degrees between the usual gaze while answering and while not; NaN (left out) where either was not measured."""
    good = np.isfinite(across)
    own, rest = good & spoken, good & ~spoken
    if min(own.sum(), rest.sum()) < 2 * RATE:
        return math.nan
    return float(
        math.hypot(np.median(across[own]) - np.median(across[rest]), np.median(down[own]) - np.median(down[rest]))
    )


def _evidence(found: list[Pass], answers: Sequence[Span], session: Session) -> list[Evidence]:
    """Runs of at least `RUN` passes with at most 2 s between them; without any, the longest answer, saying so."""
    out = []
    for span in merged((one.span for one in found), gap=2.0):
        inside = [one for one in found if span.start <= one.span.start < span.end]
        if len(inside) >= RUN:
            way = "left to right" if inside[0].sign > 0 else "right to left"
            size = float(np.median([one.degrees for one in inside]))
            out.append(
                Evidence(
                    Span(max(0.0, span.start), min(span.end, session.duration)),
                    math.log1p(len(inside) / max(span.duration, 1.0) * 60),
                    f"{len(inside)} slow passes {way} across the picture, each ended by a quick return of about "
                    f"{size:.0f} degrees",
                    session.candidate.track,
                    session.candidate.speaker,
                )
            )
    if not out:
        longest = max(answers, key=lambda span: span.duration)
        note = f"No run of line-like passes in this, the longest answer, or any other; {len(found)} single ones in all"
        out = [Evidence(longest, 0.0, note, session.candidate.track, session.candidate.speaker)]
    return out
