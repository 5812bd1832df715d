"""Does the candidate's mouth move with the candidate's voice, and how far is the sound from the lips?

Task: from the speech spectrum predict how the mouth moves, compare with how it moved, at every lag within 0.8 s. The
prediction is a ridge regression trained on openly licensed talking faces, improved, and cross-validated, on the
recording itself. The lag at which the two agree best is the offset; how well they agree there is what is scored.

This is the signal's first form. It knows when a mouth and a voice have nothing to do with each other. It does not know
a mouth that was generated from the voice: that one agrees.

Conventions
-----------
The offset is positive where the sound is late: what the lips do at time t is heard at ``t + offset``. A constant
offset is measured and explained, not scored: a voice changer leaves one, and so do a Bluetooth headset, a capture card,
OBS and a conference bridge.

`Reading.score` is a log10 likelihood ratio by design, before calibration: how probable the agreement found is between a
mouth and a voice that do not belong together, over how probable it is if they do, given the amount of speech. It is cut
to -3 to 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from inperson import models
from inperson.detectors import _lip_lag as lag
from inperson.detectors._lip_features import (
    RATE,
    Array,
    Lips,
    Mask,
    MelStream,
    MouthSeries,
    context,
    joined,
    levelled,
    lips,
)
from inperson.types import Abstention, Chunk, Evidence, Floats, Measurement, Reading, Session, Span, merged

MIN_SPEECH = 3.0
"""Seconds of the candidate's speech with the face measured, below which nothing is read. Own choice."""
MISMATCH_SPEECH = 4.5
"""Seconds of it below which a missing peak says nothing: genuine clips of 3 to 4 s miss theirs at times. Own choice."""
FULL_SPEECH = 20.0
"""Seconds of it at which the amount no longer limits the quality."""
PAD = 0.5
"""Seconds around the candidate's turns that are used too: a mouth that opens with the voice is evidence of its own."""
SIGNIFICANT = 3.0
"""Height of the peak over its null deviation from which an offset is reported. Of pairs of one person's mouth and
another's voice, about one in twenty reaches it by chance at its best lag (training/lip_sync/evaluate.py)."""
MIN_EYES = 30.0
"""Pixels between the outer eye corners: lips then open over 3 to 8 pixels. Own choice."""
MIN_RATE = 12.0
"""Frames a second, half the usual: below, syllables fall between frames."""
MIN_SNR = 10.0
"""dB of speech over the recording's quiet moments."""
EARLY, LATE = -90.0, 185.0
"""Milliseconds: sound 90 ms early to 185 ms late is the acceptability range of ITU-R BT.1359-1."""
WINDOW = 8.0
"""Seconds of speech for the offset over time, moved by half of it."""
PAUSE = 5.0
"""Seconds without the candidate's voice that end a window."""
STRAY = 120.0
"""Milliseconds by which a window's own offset must differ from the recording's to be named."""
MIN_DRIFT = 60.0
"""Seconds between the first and the last window with an offset, for a drift to be read."""
LIMIT = 3.0
SHOWN = 6
"""Most evidence spans in a reading."""

ALTERNATIVES = (
    "a Bluetooth headset or speaker (commonly 100 to 300 ms of delay on one path)",
    "a capture pipeline such as OBS, a capture card or a virtual camera that buffers picture or sound",
    "jitter buffers and packet loss of the call or of the conference recording",
    "an edit, a remux or a transcode that moved one stream",
    "a mouth that is hard to see: microphone, hand, mask, poor light, few pixels, a lowered head",
    "somebody else talking off camera, or a voice-over or interpreter on purpose",
)


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """The candidate's voice on the grid.

    Attributes
    ----------
    mel : (n, BANDS) float32
    used, spoken : (n,) bool
        Where the candidate's voice is alone, with and without the padding around the turns.
    snr : float
        dB.
    """

    mel: Floats
    used: Mask
    spoken: Mask
    snr: float


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """All that was measured of the pair of mouth and voice."""

    peak: lag.Peak
    null: float
    curves: Array
    sums: Array
    spans: tuple[Span, ...]
    lips: Lips
    seconds: float
    snr: float

    @property
    def significant(self) -> bool:
        return self.peak.height >= SIGNIFICANT * self.null and 0 < self.peak.index < len(lag.LAGS) - 1


@dataclass(frozen=True, slots=True)
class _Window:
    span: Span
    score: float
    agreement: float
    offset: float | None


class LipSync:
    """The `lip_sync` detector; see the module's text for what it measures."""

    signal: ClassVar[str] = "lip_sync"
    needs: ClassVar[frozenset[str]] = frozenset({"faces", "speech", "audio"})
    model: ClassVar[str] = "lip_sync-0.1.0"

    def __init__(self) -> None:
        self._mouths: dict[int, MouthSeries] = {}
        self._mel = MelStream()
        self._origin: float | None = None
        self._gaps: list[Span] = []
        self._heard = self._seen = False

    def update(self, chunk: Chunk) -> None:
        """Take in the next chunk; about 2 kB a second of sound and 40 bytes a measured face are kept."""
        if self._origin is None:
            self._origin = chunk.span.start
        if len(chunk.audio):
            self._heard = True
            self._mel.push(chunk.audio)
            self._gaps.extend(chunk.gaps)
        for frame in chunk.frames:
            self._seen = True
            for face in frame.faces:
                if face.landmarks is not None:
                    self._mouths.setdefault(face.track, MouthSeries()).add(frame.time, face.landmarks)

    def finish(self, session: Session) -> Reading | Abstention:
        """The reading over the candidate's own mouth and voice, or why there is none."""
        for there, what in ((self._heard, "sound"), (self._seen, "picture")):
            if not there:
                return Abstention(
                    f"The recording has no {what}, so lips and voice cannot be compared.", applicable=False
                )
        who = session.candidate
        if who.track is None:
            return Abstention(f"It is not clear which face is the candidate's. {who.how}")
        mouth = joined([self._mouths[t] for t in who.tracks if t in self._mouths])
        spans = session.spoken_by(who.speaker) or (merged(t.span for t in session.turns) if who.speaker is None else [])
        found = self._compare(mouth, spans, session)
        if isinstance(found, Abstention):
            return found
        if who.speaker is None:
            return Abstention(
                f"It is not clear which voice is the candidate's. {who.how}", measurements=_measured(found, [])
            )
        return self._reading(found, session)

    def _compare(self, mouth: tuple[Array, Array], spans: Sequence[Span], session: Session) -> _Found | Abstention:
        origin = self._origin or 0.0
        heard = _hear(self._mel.finish(), spans, _others(session), self._gaps, origin)
        seen = lips(*mouth, len(heard.mel), origin)
        seconds = float((heard.spoken & seen.measured).sum()) / RATE
        if seconds < MIN_SPEECH:
            return _too_little(seconds, heard, seen)
        where = np.flatnonzero(heard.used & _near(seen.measured))
        starts, folds = _blocks(where)
        mel = levelled(heard.mel, heard.used)
        motion = lag.normalised(seen.motion, seen.measured & heard.used)
        predicted = self._predict(mel, where)
        first = lag.peak(lag.agreement(lag.block_sums(predicted, where, starts, motion, seen.measured).sum(0)))
        mouth_then, valid = lag.lips_at(where, int(lag.LAGS[first.index]), motion, seen.measured)
        predicted = lag.own_fit(predicted, mel, where, mouth_then, valid, folds)
        sums = lag.block_sums(predicted, where, starts, motion, seen.measured)
        peak = lag.peak(lag.agreement(sums.sum(0)))
        mouth_then, valid = lag.lips_at(where, int(lag.LAGS[peak.index]), motion, seen.measured)
        if valid.sum() < MIN_SPEECH * RATE:
            return _too_little(float(valid.sum()) / RATE, heard, seen)
        null = lag.null_deviation(predicted[valid], mouth_then[valid])
        times = origin + where / RATE
        ends = np.append(starts[1:], len(where)) - 1
        blocks = tuple(Span(float(times[a]), float(times[b]) + 1.0 / RATE) for a, b in zip(starts, ends, strict=True))
        return _Found(peak, null, lag.resampled(sums), sums, blocks, seen, seconds, heard.snr)

    def _predict(self, mel: Floats, where: NDArray[np.intp]) -> Array:
        session = models.session(self.model)
        parts = [
            session.run(None, {"spectra": context(mel, where[i : i + lag.SLICE])})[0]
            for i in range(0, len(where), lag.SLICE)
        ]
        return np.concatenate(parts).astype(np.float64)

    def _reading(self, found: _Found, session: Session) -> Reading | Abstention:
        windows = self._windows(found)
        measurements = _measured(found, windows)
        poor = _poor(found)
        if poor and not found.significant:
            reason = f"Lips and voice agree at no lag clearly, and the material is too little or too poor: {poor}."
            return Abstention(reason, measurements=measurements)
        match = models.card(self.model).data["match"]
        score = _ratio(found.peak.height, found.null, match)
        drawn = [_ratio(float(curve.max()), found.null, match) for curve in found.curves]
        return Reading(
            score=score,
            spread=float(np.std(drawn)),
            quality=_quality(found),
            evidence=_evidence(found, windows, score, session),
            measurements=measurements,
            alternatives=ALTERNATIVES if score > 0 or not EARLY <= found.peak.offset <= LATE else (),
        )

    def _windows(self, found: _Found) -> list[_Window]:
        """Agreement and offset in stretches of about `WINDOW` seconds of speech."""
        match = models.card(self.model).data["match"]
        total = float(found.sums[:, found.peak.index, 0].sum())
        out = []
        for first, last in _stretches(found.spans):
            curve = lag.agreement(found.sums[first:last].sum(0))
            count = float(found.sums[first:last, found.peak.index, 0].sum())
            if count < MIN_SPEECH * RATE:
                continue
            null = found.null * math.sqrt(total / count)
            own = lag.peak(curve)
            here = lag.peak(curve, found.peak.index, reach=3) if found.significant else own
            lags = 2 if found.significant else lag.INDEPENDENT_LAGS
            clear = own.height >= SIGNIFICANT * null and 0 < own.index < len(lag.LAGS) - 1
            span = Span(found.spans[first].start, found.spans[last - 1].end)
            out.append(
                _Window(span, _ratio(here.height, null, match, lags), here.height, own.offset if clear else None)
            )
        return out


def _hear(mel: Floats, spans: Sequence[Span], others: Sequence[Span], gaps: Sequence[Span], origin: float) -> _Heard:
    n = len(mel)
    silent = _mask(gaps, n, origin)
    spoken = _mask(spans, n, origin) & ~silent
    padded = [Span(max(0.0, s.start - PAD), s.end + PAD) for s in spans]
    used = _mask(padded, n, origin) & ~silent & ~_mask(others, n, origin)
    used |= spoken
    power = np.log(np.exp(mel).sum(axis=1)) * (10 / math.log(10))
    sounding = power[~silent]
    snr = float(np.percentile(power[spoken], 75) - np.percentile(sounding, 5)) if spoken.any() else 0.0
    return _Heard(mel, used, spoken, snr)


def _others(session: Session) -> list[Span]:
    who = session.candidate.speaker
    return [] if who is None else merged(turn.span for turn in session.turns if turn.speaker != who)


def _mask(spans: Sequence[Span], n: int, origin: float) -> Mask:
    mask = np.zeros(n, bool)
    for span in spans:
        first, last = ((time - origin) * RATE for time in (span.start, span.end))
        mask[max(0, math.ceil(first)) : max(0, math.ceil(last))] = True
    return mask


def _near(measured: Mask) -> Mask:
    """Grid points from which a measured one can be reached by some lag."""
    reach = np.convolve(measured, np.ones(2 * lag.MAX_LAG + 1))
    return np.asarray(reach[lag.MAX_LAG : lag.MAX_LAG + len(measured)] > 0.5)


def _blocks(where: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First point of each block of a second or more, none across a pause; and the fold of each point."""
    size = max(RATE, len(where) // 600)
    begins = np.concatenate([[0], np.flatnonzero(np.diff(where) > PAUSE * RATE) + 1])
    ends = np.append(begins[1:], len(where))
    starts = [np.arange(a, max(a + 1, b - size // 2), size) for a, b in zip(begins, ends, strict=True)]
    folds = np.arange(len(where)) * lag.FOLDS // max(len(where), 1)
    return np.concatenate(starts).astype(np.intp), folds.astype(np.intp)


def _stretches(spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Windows as ``(first, last + 1)`` block: `WINDOW` seconds long, half overlapping, none across a pause."""
    edges = [0, *(i for i in range(1, len(spans)) if spans[i].start - spans[i - 1].end > PAUSE), len(spans)]
    size = max(2, round(WINDOW / max(float(np.median([span.duration for span in spans])), 1.0 / RATE)))
    out = []
    for first, last in pairwise(edges):
        step = max(1, size // 2)
        out += [(i, min(i + size, last)) for i in range(first, max(first + 1, last - step), step)]
    return out


def _ratio(height: float, null: float, match: dict[str, float], lags: int = lag.INDEPENDENT_LAGS) -> float:
    """log10 of how probable a peak this high is by chance over how probable it is for a mouth with its own voice.

    By chance: the highest of `lags` independent normal values of deviation `null`. With its own voice: normal around
    the heights of genuine clips (the card's ``[match]``), their deviation and `null` joined.
    """
    from scipy.special import log_ndtr

    def chance(z: float) -> float:
        return math.log(lags / null) - z * z / 2 + (lags - 1) * float(log_ndtr(z))

    z = height / null
    usual = math.sqrt(2 * math.log(lags))  # about where the highest of so many lies; lower is no sign of a match
    by_chance = chance(z) if z > usual else max(chance(z), chance(usual))
    spread = math.hypot(match["deviation"], null)
    own = -math.log(spread) - ((height - match["mean"]) / spread) ** 2 / 2
    if height > match["mean"]:
        own = -math.log(spread)  # better than usual is no sign of mismatch
    return float(np.clip((by_chance - own) / math.log(10), -LIMIT, LIMIT))


def _poor(found: _Found) -> str:
    """What is wrong with the material, as half a sentence; empty if nothing is."""
    problems = []
    if found.seconds < MISMATCH_SPEECH:
        problems.append(f"{found.seconds:.1f} s of speech show the mouth (at least {MISMATCH_SPEECH:.1f} needed)")
    if found.lips.eyes < MIN_EYES:
        problems.append(f"the eyes are {found.lips.eyes:.0f} pixels apart (at least {MIN_EYES:.0f} needed)")
    if found.lips.frame_rate < MIN_RATE:
        problems.append(f"{found.lips.frame_rate:.0f} frames a second show the face (at least {MIN_RATE:.0f} needed)")
    if found.snr < MIN_SNR:
        problems.append(f"the speech is {found.snr:.0f} dB above the noise (at least {MIN_SNR:.0f} needed)")
    return ", ".join(problems)


def _quality(found: _Found) -> float:
    parts = (
        found.seconds / FULL_SPEECH,
        found.lips.eyes / (2 * MIN_EYES),
        found.lips.frame_rate / (2 * MIN_RATE),
        found.snr / (2 * MIN_SNR),
    )
    return math.prod(math.sqrt(min(max(part, 0.0), 1.0)) for part in parts)


def _measured(found: _Found, windows: Sequence[_Window]) -> dict[str, Measurement]:
    peak = found.peak
    out = {
        "speech_with_face": Measurement(found.seconds, "s"),
        "peak_correlation": Measurement(peak.height, "1"),
        "peak_over_chance": Measurement(peak.height / found.null, "1"),
        "frame_rate": Measurement(found.lips.frame_rate, "Hz"),
        "eye_distance": Measurement(found.lips.eyes, "px"),
        "speech_over_noise": Measurement(found.snr, "dB"),
        "windows": Measurement(float(len(windows)), "1"),
        "windows_in_agreement": Measurement(float(sum(w.score < 0 for w in windows)), "1"),
    }
    if not found.significant:
        return out
    low, high = np.percentile([lag.peak(curve).offset for curve in found.curves], [2.5, 97.5])
    out |= {
        "offset": Measurement(peak.offset, "ms"),
        "offset_low": Measurement(float(min(low, peak.offset)), "ms"),
        "offset_high": Measurement(float(max(high, peak.offset)), "ms"),
        "peak_width": Measurement(peak.width, "ms"),
        "second_peak": Measurement(peak.rival, "1"),
    }
    drift = _drift(windows)
    return out if drift is None else out | {"drift": Measurement(drift, "ms/min")}


def _drift(windows: Sequence[_Window]) -> float | None:
    """Slope of the windows' offsets (Theil-Sen: one window that went astray moves nothing), or None if too short."""
    points = [((w.span.start + w.span.end) / 2, w.offset) for w in windows if w.offset is not None]
    if len(points) < 4 or points[-1][0] - points[0][0] < MIN_DRIFT:
        return None
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(points) for b in points[i + 1 :] if b[0] > a[0]]
    return 60.0 * float(np.median(slopes))


def _evidence(found: _Found, windows: Sequence[_Window], score: float, session: Session) -> tuple[Evidence, ...]:
    who = session.candidate
    whole = Span(0.0, session.duration)

    def item(span: Span, value: float, note: str) -> list[Evidence]:
        inside = span & whole
        return [Evidence(inside, value, note, who.track, who.speaker)] if inside else []

    out: list[Evidence] = []
    offset = found.peak.offset
    for window in sorted(windows, key=lambda w: -w.score):
        if found.significant and window.offset is not None and abs(window.offset - offset) > STRAY:
            note = f"{_side(window.offset)} here; over the recording {_side(offset)}."
            out += item(window.span, window.score, note[0].upper() + note[1:])
        elif window.score > 0:
            where = f"near {offset:+.0f} ms" if found.significant else "at any lag within 0.8 s"
            note = f"Voice and mouth agree little {where} (correlation {window.agreement:.2f})."
            out += item(window.span, window.score, note)
    out = out[:SHOWN]
    all_of_it = Span(found.spans[0].start, found.spans[-1].end)
    if found.significant and not EARLY <= offset <= LATE:
        note = f"Throughout, {_side(offset)}; this offset is outside what is usual, and is not scored."
        out = [*out[: SHOWN - 1], *item(all_of_it, score, note)]
    if not out:
        best = min(windows, key=lambda w: w.score, default=None)
        span = best.span if best else all_of_it
        height = best.agreement if best else found.peak.height
        out = item(
            span,
            best.score if best else score,
            f"Voice and mouth agree here (correlation {height:.2f}), {_side(offset)}.",
        )
    return tuple(sorted(out, key=lambda e: e.span))


def _side(offset: float) -> str:
    """An offset in words, the convention included."""
    return f"the sound is {abs(offset):.0f} ms {'late' if offset >= 0 else 'early'} relative to the lips"


def _too_little(seconds: float, heard: _Heard, seen: Lips) -> Abstention:
    spoken = float(heard.spoken.sum()) / RATE
    why = f"The candidate speaks for {spoken:.1f} s"
    if spoken >= MIN_SPEECH:
        why += f", but only {seconds:.1f} s of it show the mouth"
        if seen.turned > 1 or seen.frozen > 1:
            why += f" (head turned away for {seen.turned:.0f} s, picture frozen for {seen.frozen:.0f} s)"
    return Abstention(
        f"{why}; at least {MIN_SPEECH:.0f} s of speech with the mouth in view are needed.",
        measurements={"speech_with_face": Measurement(seconds, "s")},
    )
