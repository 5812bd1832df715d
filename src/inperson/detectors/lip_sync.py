"""Does the candidate's mouth move with the candidate's voice, and how far is the sound from the lips?

Task: two small networks, trained on openly licensed talking faces, turn the mouth's shape and the speech spectrum into
vectors that are alike where the two belong together; the voice's are then turned, cross-validated, towards what this
person's mouth does. How alike they are at every lag within 0.9 s, against how alike the same mouth is to the same voice
of other moments, gives the offset, its course over the recording, and whether mouth and voice belong together at all.

Conventions
-----------
The offset is positive where the sound is late: what the lips do at time t is heard at ``t + offset``. A constant
offset is measured and explained, not scored: a voice changer leaves one, and so do a Bluetooth headset, a capture card,
OBS and a conference bridge. Only where somebody else in the same recording has sound that fits the lips does a late
candidate count, and then by `ALONE` at most.

`Reading.score` is a log10 likelihood ratio by design, before calibration: how probable the likeness found is between a
mouth and a voice that do not belong together, over how probable it is if they do, given the amount of speech. It is cut
to -3 to 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from inperson import models
from inperson.detectors._lip_course import course
from inperson.detectors._lip_found import Found, Reference, curve, evidence, measured
from inperson.detectors._lip_made import evenness, unlike
from inperson.detectors._lip_still import moments
from inperson.lips import lag
from inperson.lips.match import by_chance, ratio
from inperson.lips.mouth import RATE, Lips, MouthSeries, joined, lips
from inperson.lips.pair import MODEL, Heard, Pair, compare, hear, spoken_with_mouth
from inperson.lips.sound import MelStream
from inperson.lips.view import View
from inperson.types import Abstention, Chunk, Floats, Measurement, Reading, Session, Span, merged

MIN_SPEECH = 3.0
"""Seconds of a person's speech with the face measured, below which nothing is read. Own choice."""
MISMATCH_SPEECH = 4.5
"""Seconds of it below which a missing peak says nothing: genuine clips of 3 to 4 s miss theirs at times. Own choice."""
FULL_SPEECH = 20.0
"""Seconds of it at which the amount no longer limits the quality."""
MIN_EYES = 30.0
"""Pixels between the outer eye corners: lips then open over 3 to 8 pixels. Own choice."""
MIN_RATE = 8.5
"""Frames a second: below, syllables fall between frames."""
MIN_SNR = 10.0
"""dB of speech over the recording's quiet moments."""
ALONE = 0.3
"""log10: what a late candidate beside an interviewer in time adds at most. Own choice, 2 to 1: a voice changer does
that, and so does one person's headset."""
BESIDE = 120.0
"""ms between two people's offsets in one recording from which that counts."""

ALTERNATIVES = (
    "a Bluetooth headset or speaker (commonly 100 to 300 ms of delay on one path)",
    "a capture pipeline such as OBS, a capture card or a virtual camera that buffers picture or sound",
    "jitter buffers and packet loss of the call or of the conference recording",
    "an edit, a remux or a transcode that moved one stream",
    "a mouth that is hard to see: microphone, hand, mask, poor light, few pixels, a lowered head",
    "somebody else talking off camera, or a voice-over or interpreter on purpose",
)


class LipSync:
    """The `lip_sync` detector; see the module's text for what it measures."""

    signal: ClassVar[str] = "lip_sync"
    needs: ClassVar[frozenset[str]] = frozenset({"faces", "speech", "audio"})
    model: ClassVar[str] = MODEL

    def __init__(self) -> None:
        self._mouths: dict[int, MouthSeries] = {}
        self._views: dict[int, View] = {}
        self._mel = MelStream()
        self._origin: float | None = None
        self._gaps: list[Span] = []
        self._heard = self._seen = False
        self.found: Found | None = None
        """What was measured of the candidate, once `finish` could measure; for `inperson.synchrony`."""

    def update(self, chunk: Chunk) -> None:
        """Take in the next chunk; about 4 kB a second of sound and 250 bytes a measured face are kept."""
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
                    covered = self._views.setdefault(face.track, View()).covered(frame.time, face)
                    self._mouths.setdefault(face.track, MouthSeries()).add(frame.time, face.landmarks, covered)

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
        mel = self._mel.finish()
        spans = session.spoken_by(who.speaker) or (merged(t.span for t in session.turns) if who.speaker is None else [])
        found = self._find(mel, who.tracks, spans, _others(session, who.speaker), session)
        if isinstance(found, Abstention):
            return found
        self.found = found
        if who.speaker is None:
            return Abstention(
                f"It is not clear which voice is the candidate's. {who.how}", measurements=measured(found)
            )
        return self._reading(found, self._reference(mel, session), session)

    def _find(
        self, mel: Floats, tracks: Sequence[int], spans: Sequence[Span], others: Sequence[Span], session: Session
    ) -> Found | Abstention:
        origin = self._origin or 0.0
        heard = hear(mel, spans, others, self._gaps, origin)
        mouth = joined([self._mouths[t] for t in tracks if t in self._mouths])
        seen = lips(*mouth, len(mel), origin)
        if spoken_with_mouth(heard, seen) < MIN_SPEECH:
            return _too_little(heard, seen)
        pair = compare(heard, seen, origin)
        return self._found(pair, heard, seen, session)

    def _found(self, pair: Pair, heard: Heard, seen: Lips, session: Session) -> Found | Abstention:
        match = models.card(self.model).data["match"]
        curve = lag.likeness(pair.sums.sum(0))
        counted = float(pair.sums[:, int(curve.argmax()), 0].sum())
        if counted < MIN_SPEECH * RATE:
            return _too_little(heard, seen)
        chance = by_chance(pair.chance, counted / RATE, match)
        way = course(pair, chance.mean, chance.deviation, match["mean"] / 2)
        aligned = way.aligned if way.jumps else pair.sums
        peak = lag.peak(lag.likeness(aligned.sum(0)))
        origin = self._origin or 0.0
        still = moments(heard, seen, origin, session)
        even = evenness(seen, heard.spoken)
        genuine = models.card(self.model).data["generated"]
        made = None if even is None else unlike(peak.height - chance.mean, even, genuine)
        return Found(pair, peak, chance, lag.resampled(aligned), way, still, made, seen, heard.snr)

    def _reference(self, mel: Floats, session: Session) -> Reference | None:
        """The offset of the other person who is seen and heard longest, where it is clear."""
        who = session.candidate
        others = [track for track in session.tracks if track.track not in who.tracks]
        voices = sorted({turn.speaker for turn in session.turns} - {who.speaker})
        if len(voices) != 1 or not others:
            return None
        track = max(others, key=lambda one: one.duration)
        spans = session.spoken_by(voices[0])
        found = self._find(mel, (track.track,), spans, _others(session, voices[0]), session)
        if isinstance(found, Abstention) or not found.significant:
            return None
        return Reference(voices[0], found.offset)

    def _reading(self, found: Found, reference: Reference | None, session: Session) -> Reading | Abstention:
        measurements = measured(found)
        poor = _poor(found)
        if poor and not found.significant:
            reason = f"Lips and voice agree at no lag clearly, and the material is too little or too poor: {poor}."
            return Abstention(reason, measurements=measurements)
        match = models.card(self.model).data["match"]
        mean, deviation = found.chance.mean, found.chance.deviation
        score = ratio(found.peak.height - mean, deviation, match)
        drawn = [ratio(float(curve.max()) - mean, deviation, match) for curve in found.curves]
        beside = 0.0
        if reference is not None:
            measurements["interviewer_offset"] = Measurement(reference.offset, "ms")
            if found.significant and abs(found.offset - reference.offset) >= BESIDE:
                beside = ALONE
        return Reading(
            score=score + beside,
            spread=float(np.std(drawn)),
            quality=_quality(found),
            evidence=evidence(found, reference, score, match, session),
            measurements=measurements,
            alternatives=ALTERNATIVES if score + beside > 0 or found.unusual else (),
            curve=curve(found),
        )


def _others(session: Session, speaker: str | None) -> list[Span]:
    return [] if speaker is None else merged(turn.span for turn in session.turns if turn.speaker != speaker)


def _poor(found: Found) -> str:
    """What is wrong with the material, as half a sentence; empty if nothing is."""
    problems = []
    if found.pair.seconds < MISMATCH_SPEECH:
        problems.append(f"{found.pair.seconds:.1f} s of speech show the mouth (at least {MISMATCH_SPEECH:.1f} needed)")
    if found.lips.eyes < MIN_EYES:
        problems.append(f"the eyes are {found.lips.eyes:.0f} pixels apart (at least {MIN_EYES:.0f} needed)")
    if found.lips.frame_rate < MIN_RATE:
        problems.append(f"{found.lips.frame_rate:.0f} frames a second show the face (at least {MIN_RATE:.0f} needed)")
    if found.snr < MIN_SNR:
        problems.append(f"the speech is {found.snr:.0f} dB above the noise (at least {MIN_SNR:.0f} needed)")
    return ", ".join(problems)


def _quality(found: Found) -> float:
    parts = (
        found.pair.seconds / FULL_SPEECH,
        found.lips.eyes / (2 * MIN_EYES),
        found.lips.frame_rate / (2 * MIN_RATE),
        found.snr / (2 * MIN_SNR),
    )
    return math.prod(math.sqrt(min(max(part, 0.0), 1.0)) for part in parts)


def _too_little(heard: Heard, seen: Lips) -> Abstention:
    spoken, seconds = float(heard.spoken.sum()) / RATE, spoken_with_mouth(heard, seen)
    why = f"The candidate speaks for {spoken:.1f} s"
    if spoken >= MIN_SPEECH:
        why += f", but only {seconds:.1f} s of it show the mouth"
        causes = (seen.turned, "head turned away"), (seen.frozen, "picture frozen"), (seen.covered, "mouth covered")
        told = [f"{cause} for {lost:.0f} s" for lost, cause in causes if lost > 1]
        why += f" ({', '.join(told)})" if told else ""
    return Abstention(
        f"{why}; at least {MIN_SPEECH:.0f} s of speech with the mouth in view are needed.",
        measurements={"speech_with_face": Measurement(seconds, "s")},
    )
