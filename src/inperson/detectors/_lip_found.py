"""What a reading of lips and voice says to a reviewer: its ratio, measurements and evidence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inperson.detectors._lip_course import Course, Window, drift
from inperson.detectors._lip_still import Moments
from inperson.lips import lag
from inperson.lips.match import LIMIT, Chance, ratio
from inperson.lips.mouth import Array, Lips
from inperson.lips.pair import Pair
from inperson.types import Curve, Evidence, Measurement, Point, Session, Span

SIGNIFICANT, RIVAL = 4.0, 0.8
"""Height of the peak over chance, in deviations, from which an offset is reported, and the highest rival beside it."""
MIN_REST, CHOSEN = 4, 0.7
"""Blocks (about seconds) outside all stretches in which mouth and voice part, for an offset to be told of them; and by
how many deviations more it must stand out there, because what stays was chosen for agreeing."""
EARLY, LATE = -90.0, 185.0
"""Milliseconds: sound 90 ms early to 185 ms late is the acceptability range of ITU-R BT.1359-1."""
STRAY = 120.0
"""Milliseconds by which a window's own offset must differ from the recording's to be named."""
UNLIKE = 1.5
"""From which a mouth's unlikeness to genuine ones is told: three times the most of those it was set on (0.5)."""
MADE = (
    "This mouth follows the voice more closely and more evenly than genuine clips here do, as lip-sync generators make "
    "it; trained speakers and smoothed pictures come near. Not scored."
)
COVERED = 1.0
"""Seconds from which a covered mouth is a place to look at. Own choice."""
BEHIND = "Something is before the mouth here, a hand, a mask, a microphone; lips and voice are not compared."
SHOWN = 6
"""Most evidence spans in a reading."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Somebody else of the same recording whose sound and lips were compared."""

    speaker: str
    offset: float


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """All that was measured of one mouth and one voice.

    Attributes
    ----------
    pair : Pair
    peak : Peak
        Of likeness over the recording, blocks moved by their own lag where the offset jumps.
    chance : Chance
    curves : (r, lags)
        Likeness of blocks drawn with replacement.
    course : Course
    still : Moments
    unlike : float or None
        How unlike genuine mouths this one moves (`_lip_made.unlike`); None where that cannot be told.
    lips : Lips
    snr : float
        dB.
    """

    pair: Pair
    peak: lag.Peak
    chance: Chance
    curves: Array
    course: Course
    still: Moments
    unlike: float | None
    lips: Lips
    snr: float

    @property
    def over_chance(self) -> float:
        return (self.peak.height - self.chance.here) / self.chance.deviation

    @property
    def significant(self) -> bool:
        """Whether mouth and voice agree at one lag; where they part in places, over the rest of the recording."""
        if _clear(self.peak, self.over_chance):
            return True
        rest = self.pair.sums[~self.course.apart]
        if len(rest) == len(self.pair.sums) or len(rest) < max(MIN_REST, 0.4 * len(self.pair.sums)):
            return False
        peak = lag.peak(lag.likeness(rest.sum(0)))
        deviation = self.chance.deviation * math.sqrt(len(self.pair.sums) / len(rest))
        over = (peak.height - self.chance.here) / deviation
        return _clear(peak, over - CHOSEN) and abs(peak.index - self.peak.index) <= 2

    @property
    def offset(self) -> float:
        """ms; where the offset jumps, that of the way's middle."""
        moved = float(np.median(lag.LAG_MS[self.course.way])) if self.course.jumps else 0.0
        return self.peak.offset + moved

    @property
    def unusual(self) -> bool:
        return self.significant and not EARLY <= self.offset <= LATE


def _clear(peak: lag.Peak, over_chance: float) -> bool:
    return over_chance >= SIGNIFICANT and peak.rival <= RIVAL and peak.inside


def measured(found: Found) -> dict[str, Measurement]:
    peak, windows = found.peak, found.course.windows
    agree = sum(window.over_chance >= SIGNIFICANT for window in windows)
    out = {
        "speech_with_face": Measurement(found.pair.seconds, "s"),
        "likeness": Measurement(peak.height - found.chance.mean, "1"),
        "likeness_over_chance": Measurement(found.over_chance, "1"),
        "frame_rate": Measurement(found.lips.frame_rate, "Hz"),
        "eye_distance": Measurement(found.lips.eyes, "px"),
        "speech_over_noise": Measurement(found.snr, "dB"),
        "windows": Measurement(float(len(windows)), "1"),
        "windows_in_agreement": Measurement(float(agree), "1"),
        "parted": Measurement(sum(span.duration for span, _ in found.course.parted), "s"),
        "voice_with_still_mouth": Measurement(sum(span.duration for span in found.still.voice), "s"),
        "mouth_without_voice": Measurement(sum(span.duration for span in found.still.mouth), "s"),
        "mouth_covered": Measurement(found.lips.covered, "s"),
    }
    if not found.significant:
        return out
    if found.unlike is not None:
        out["generated_mouth"] = Measurement(found.unlike, "1")
    own = [lag.peak(curve).offset + found.offset - peak.offset for curve in found.curves]
    low, high = np.percentile(own, [2.5, 97.5])
    out |= {
        "offset": Measurement(found.offset, "ms"),
        "offset_low": Measurement(float(min(low, found.offset)), "ms"),
        "offset_high": Measurement(float(max(high, found.offset)), "ms"),
        "peak_width": Measurement(peak.width, "ms"),
        "second_peak": Measurement(peak.rival, "1"),
        "jumps": Measurement(float(len(found.course.jumps)), "1"),
    }
    slope = drift(windows)
    return out if slope is None else out | {"drift": Measurement(slope, "ms/min")}


def evidence(
    found: Found, reference: Reference | None, score: float, match: dict[str, float], session: Session
) -> tuple[Evidence, ...]:
    """The moments that carry the reading, in order of time; at least one."""
    who, whole = session.candidate, Span(0.0, session.duration)
    scatter = found.chance.deviation * math.sqrt(max(found.pair.seconds, 1.0))

    def item(span: Span, value: float, note: str) -> list[Evidence]:
        inside = span & whole
        return [Evidence(inside, value, note, who.track, who.speaker)] if inside else []

    def worth(window: Window) -> float:
        return ratio(window.likeness, scatter / math.sqrt(window.seconds), match, known=found.significant)

    out: list[Evidence] = []
    if found.significant:
        out += _changes(found, item)
    else:
        for window in sorted(found.course.windows, key=lambda w: w.likeness):
            if worth(window) > 0:
                note = f"Voice and mouth agree little at any lag within 0.9 s (likeness {window.likeness:.2f})."
                out += item(window.span, worth(window), note)
    for span in found.still.voice:
        out += item(span, LIMIT / 3, "The candidate's voice is heard while the mouth in the picture is still.")
    for span in found.still.mouth:
        out += item(span, 0.0, "The mouth moves as in speech while no voice is heard.")
    if found.significant and found.unlike is not None and found.unlike > UNLIKE:
        out += item(_all(found), 0.0, MADE)
    out = out[: SHOWN - 1]
    if found.unusual or (reference and found.significant):
        out += item(_all(found), score, _throughout(found, reference))
    if not out:
        best = max(found.course.windows, key=lambda w: w.likeness, default=None)
        span, height = (best.span, best.likeness) if best else (_all(found), found.peak.height - found.chance.mean)
        value = worth(best) if best else score
        told = f"Voice and mouth agree here (likeness {height:.2f} above chance), {_side(found.offset)}."
        out = item(span, value, told)
    hidden = [span & whole for span in found.lips.hidden if span.duration >= COVERED]
    out += [Evidence(span, 0.0, BEHIND, who.track, who.speaker, "covered") for span in hidden if span]
    return tuple(sorted(out, key=lambda e: e.span))


def curve(found: Found) -> Curve:
    """How much more alike mouth and voice are than by chance, window by window."""
    points = tuple(Point(window.span, window.likeness) for window in found.course.windows)
    name = "likeness of mouth and voice above chance, in stretches of 8 s of speech"
    return Curve(name, "1", points, 0.0, "a mouth and a voice that have nothing to do with each other")


def _changes(found: Found, item: Callable[[Span, float, str], list[Evidence]]) -> list[Evidence]:
    """Jumps, stretches in which voice and mouth part, windows whose own offset differs."""
    out: list[Evidence] = []
    for jump in found.course.jumps:
        note = f"The offset jumps here: before, {_side(jump.before)}; after, {_side(jump.after)}."
        out += item(Span(max(0.0, jump.time - 1.0), jump.time + 1.0), 0.0, note)
    for span, units in sorted(found.course.parted, key=lambda part: -part[1]):
        note = f"Voice and mouth agree little near {found.offset:+.0f} ms, where they agree elsewhere."
        out += item(span, min(units / math.log(10), LIMIT), note)
    for window in found.course.windows:
        strays = window.offset is not None and abs(window.offset - found.offset) > STRAY
        if strays and window.offset is not None and not found.course.jumps:
            note = f"{_side(window.offset)} here; over the recording {_side(found.offset)}."
            out += item(window.span, 0.0, note[0].upper() + note[1:])
    return out


def _throughout(found: Found, reference: Reference | None) -> str:
    note = f"Throughout, {_side(found.offset)}"
    if found.unusual:
        note += "; this offset is outside what is usual"
    if reference is None:
        return f"{note}, and is not scored."
    return f"{note}; of {reference.speaker} in the same recording, {_side(reference.offset)}."


def _all(found: Found) -> Span:
    return Span(found.pair.spans[0].start, found.pair.spans[-1].end)


def _side(offset: float) -> str:
    """An offset in words, the convention included."""
    return f"the sound is {abs(offset):.0f} ms {'late' if offset >= 0 else 'early'} relative to the lips"
