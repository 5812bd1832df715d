"""Is the candidate's voice generated or converted by a machine?

Task: score every utterance of the candidate with networks that take its sound and its statistics (`_voice_features`),
and the recording by what its utterances say together (`_voice_pooling`), or by its most suspicious part where the voice
changes on the way (`_voice_change`).

Conventions
-----------
`Reading.score` is a log-likelihood ratio (natural) under the two-level model of `_voice_pooling`: larger for speech
that is more like the synthetic half of the training data, and further from 0 the more speech there is. It is no
probability: `inperson.calibration` makes one from it. `Reading.quality` is one minus the error in bits to be expected
of such a score on such sound (`_voice_quality`): 0 tells nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from inperson import models
from inperson.detectors import _voice_band, _voice_features
from inperson.detectors._utterances import Cutter, Utterance
from inperson.detectors._voice_change import course
from inperson.detectors._voice_pooling import KindBand, Levels, Windows, beside, kind, pooled, spread
from inperson.detectors._voice_quality import Expected
from inperson.detectors._voice_repeats import repeats
from inperson.detectors._voice_traces import VoiceTraces
from inperson.detectors._voice_words import ALTERNATIVES, KINDS, Scored, curve, evidence, measured
from inperson.lips.mouth import EYES, MouthSeries, joined, opening
from inperson.types import Abstention, Chunk, Floats, Measurement, Reading, Session, Span

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MIN_SPEECH = 2.0
"""Seconds of the candidate's speech below which there is no reading: an utterance or two."""
MIN_OWN = 0.8
"""Share of an utterance's speech that must be the candidate's alone."""
MIN_LEVEL_DB = -60.0
"""Utterances quieter than this (dB below full scale) are left out: 16-bit rounding would be measured with them."""
MIN_BANDWIDTH = 3000.0
"""Hz; half of the utterances must reach it. Telephone speech (3.4 kHz) does; what is narrower was not in training."""
CLIPPED = 0.985


class SyntheticVoice:
    """The `synthetic_voice` detector; see the module's text for what it measures."""

    signal: ClassVar[str] = "synthetic_voice"
    needs: ClassVar[frozenset[str]] = frozenset({"audio", "speech"})
    model: ClassVar[str] = "synthetic_voice-0.10.0"

    def __init__(self) -> None:
        self._session = models.session(self.model)
        card = models.card(self.model).data
        self._levels = Levels.from_card(card.get("utterances", {}), self.model)
        self._kinds = KindBand.from_card(card.get("kinds", {}), self.model)
        self._expected = Expected.from_card(card.get("quality", {}), self.model)
        self._cutter = Cutter()
        self._traces = VoiceTraces()
        self._mouths: dict[int, MouthSeries] = {}
        self._scored: list[Scored] = []
        self._too_quiet = self._stuck = 0
        self._heard = False

    def update(self, chunk: Chunk) -> None:
        """Take in the next chunk; utterances that it completes are scored and their sound forgotten."""
        self._heard = self._heard or len(chunk.audio) > 0
        self._traces.push(chunk)
        for frame in chunk.frames:
            for face in frame.faces:
                if face.landmarks is not None and face.track is not None:
                    self._mouths.setdefault(face.track, MouthSeries()).add(frame.time, face.landmarks)
        self._take(self._cutter.push(chunk))

    def finish(self, session: Session) -> Reading | Abstention:
        """The reading over the candidate's own utterances, or why there is none."""
        self._take(self._cutter.close())
        if not self._heard:
            return Abstention("The recording has no sound.", applicable=False)
        whose = _voice(session)
        if isinstance(whose, Abstention):
            return whose
        own = self._of(whose, session)
        seconds = sum(one.seconds for one in own)
        if seconds < MIN_SPEECH:
            return Abstention(self._too_little(seconds), measurements=measured(own) if own else {})
        measurements = measured(own) | self._traced(whose, session)
        bandwidth = measurements["effective_bandwidth"].value
        if bandwidth < MIN_BANDWIDTH:
            reason = (
                f"The voice's sound ends at {bandwidth:.0f} Hz; at least {MIN_BANDWIDTH:.0f} Hz are needed, because "
                "the classifier never heard narrower speech."
            )
            return Abstention(reason, measurements=measurements)
        return self._read(own, self._others(whose, session), whose, measurements)

    def _read(
        self, own: list[Scored], others: list[Scored], whose: str | None, measurements: dict[str, Measurement]
    ) -> Reading:
        shift = self._explained(own, others)
        spans = [one.span for one in own]
        windows = Windows.of([one.logit - shift for one in own], spans)
        found = course(windows, self._levels)
        if others:
            measurements["explained_by_channel"] = Measurement(shift, "1")
        measurements["changes_of_voice"] = Measurement(len(found.changes), "1")
        score = found.ratio
        seconds = sum(one.seconds for one in own)
        named = self._kind(own) if score > 0 else "cannot_tell"
        return Reading(
            score=score,
            spread=spread(found.carrier.level if found.carrier else pooled(windows, self._levels), self._levels),
            quality=self._expected.quality(score, seconds, measurements["snr"].value),
            evidence=evidence(own, found, whose),
            measurements=measurements,
            alternatives=(*KINDS.get(named, ()), *ALTERNATIVES, *self._traces.notes()) if score > 0 else (),
            curve=curve(own),
        )

    def _traced(self, whose: str | None, session: Session) -> dict[str, Measurement]:
        tracks = session.candidate.tracks or ()
        times, shapes, heads = joined([self._mouths[track] for track in tracks if track in self._mouths])
        mouth = (times, opening(shapes).astype(np.float64), heads[:, EYES]) if len(times) else None
        rate = session.media.audio[0].rate if session.media.audio else 0
        return self._traces.finish(None if whose is None else session.spoken_by(whose), rate, mouth)

    def _explained(self, own: list[Scored], others: list[Scored]) -> float:
        """What of the candidate's level the interviewer's voice in the same recording lays to the channel."""
        if not others:
            return 0.0
        mine, theirs = (
            pooled(Windows.of([one.logit for one in part], [one.span for one in part]), self._levels)
            for part in (own, others)
        )
        return mine.mean - beside(mine, theirs, self._levels).mean

    def _kind(self, own: list[Scored]) -> str:
        converted, codec = (float(np.mean([getattr(one, name) for one in own])) for name in ("converted", "codec"))
        return kind(-converted, converted, codec, self._kinds)

    def _of(self, whose: str | None, session: Session) -> list[Scored]:
        alone = session.spoken_by(whose)
        return [one for one in self._scored if whose is None or _is_within(one, alone)]

    def _others(self, whose: str | None, session: Session) -> list[Scored]:
        """Utterances of everybody else, each alone."""
        if whose is None:
            return []
        names = sorted({turn.speaker for turn in session.turns} - {whose})
        return sorted((one for name in names for one in self._of(name, session)), key=lambda one: one.span)

    def _take(self, utterances: Sequence[Utterance]) -> None:
        for one in utterances:
            scored = self._score(one)
            if scored is None:
                self._too_quiet += 1
            elif repeats(one.audio):
                self._stuck += 1
            else:
                self._scored.append(scored)

    def _score(self, one: Utterance) -> Scored | None:
        square = np.square(one.audio, dtype=np.float64)
        power = float(square.mean())
        level = 10 * math.log10(power + 1e-20)
        if level < MIN_LEVEL_DB:
            return None
        logits = _logits(self._session, one.audio)
        floor = float(np.percentile(one.hop_power, 10))
        bandwidth, low_end = _voice_band.ends(one.audio)
        return Scored(
            span=one.span,
            speech=one.speech,
            logit=float(logits[0]),
            converted=float(logits[1]),
            codec=float(logits[2]),
            level_db=level,
            snr_db=min(10 * math.log10(power / (floor + 1e-12 * power + 1e-30)), 80.0),
            bandwidth=bandwidth,
            low_end=low_end,
            clipped=float(np.mean(np.abs(one.audio) >= CLIPPED)),
            pause_samples=one.pause_samples,
            pause_zeros=one.pause_zeros,
        )

    def _too_little(self, seconds: float) -> str:
        left = f"; {self._too_quiet} more were too quiet (under {MIN_LEVEL_DB:.0f} dB)" if self._too_quiet else ""
        left += (
            f"; {self._stuck} more were one piece of sound over and over, as of a stuck stream" if self._stuck else ""
        )
        return (
            f"At least {MIN_SPEECH:.0f} s of the candidate speaking alone, in utterances of 1 s or more, are needed; "
            f"{seconds:.1f} s were found{left}."
        )


class SyntheticVoiceOpen(SyntheticVoice):
    """The same, by a model that was trained on openly licensed recordings alone."""

    signal: ClassVar[str] = "synthetic_voice_open"
    model: ClassVar[str] = "synthetic_voice_open-0.8.0"


def _logits(session: InferenceSession, audio: Floats) -> Floats:
    """The model's logits (3,) of an utterance (samples,) at 16 kHz. Neither level nor a constant offset counts."""
    sound = _voice_features.rounded(audio)
    numbers = np.array([list(_voice_features.measure(sound).values())], np.float32)
    (out,) = session.run(["logits"], {"sound": (sound - sound.mean())[None], "features": numbers})
    return np.asarray(out[0], np.float32)


def _voice(session: Session) -> str | Abstention | None:
    """Label of the candidate's voice; None where the recording has one voice that nobody labelled."""
    if session.candidate.speaker is not None:
        return session.candidate.speaker
    speakers = sorted({turn.speaker for turn in session.turns})
    if len(speakers) > 1:
        return Abstention(
            f"It is not clear which of the {len(speakers)} voices is the candidate's: {session.candidate.how}"
        )
    return speakers[0] if speakers else None


def _is_within(one: Scored, alone: Sequence[Span]) -> bool:
    """Whether `MIN_OWN` of the utterance's speech lies in the sorted spans `alone`."""
    common = sum(part.duration for part in (a & b for a in one.speech for b in alone) if part is not None)
    return common >= MIN_OWN * one.seconds
