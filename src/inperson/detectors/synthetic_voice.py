"""Is the candidate's voice generated or converted by a machine?

Task: score every utterance of the candidate by spectral, phase and pitch statistics (`_voice_features`) with a small
classifier, and the recording by their mean.

What it knows is limited: it was trained on a few dozen speech systems and holds on unseen ones only in part; its card
says how far. It is the first form of this signal.

Conventions
-----------
`Reading.score` is the trimmed mean of the utterances' logits, larger for speech that is more like the synthetic half of
the training data. It is not a probability: `inperson.calibration` makes one from it. `Reading.quality` is one minus
the error in bits that the network expects of itself, from how unusual the utterances' numbers are: 0 tells nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inperson import models
from inperson.detectors import _voice_features
from inperson.detectors._utterances import Cutter, Utterance
from inperson.types import Abstention, Chunk, Evidence, Measurement, Reading, Session, Span

MIN_SPEECH = 4.0
"""Seconds of the candidate's speech below which there is no reading; the training clips are about that long."""
MIN_OWN = 0.8
"""Share of an utterance's speech that must be the candidate's alone."""
MIN_LEVEL_DB = -60.0
"""Utterances quieter than this (dB below full scale) are left out: 16-bit rounding would be measured with them."""
MIN_BANDWIDTH = 3000.0
"""Hz; half of the utterances must reach it. Telephone speech (3.4 kHz) does; what is narrower was not in training."""
TRIM = 0.1
"""Share of utterances left out of the mean at either end: a cough or a noise burst must not carry the recording."""
SHOWN = 5
"""Most evidence spans in a reading."""
CLIPPED = 0.985

ALTERNATIVES = (
    "noise suppression, echo cancellation or automatic gain of the call or headset",
    "a codec or a packet-loss concealment that rebuilds speech, as calls and Bluetooth headsets have",
    "accent-conversion or voice-clean-up software that honest candidates use too",
    "studio equipment, an unusual microphone or post-production of the recording",
    "a way of speaking, an accent or an assistive voice that the training data lacks",
)


@dataclass(frozen=True, slots=True)
class _Scored:
    """All that is kept of an utterance."""

    span: Span
    speech: tuple[Span, ...]
    logit: float
    doubt: float
    level_db: float
    snr_db: float
    bandwidth: float
    clipped: float
    pause_samples: int
    pause_zeros: int

    @property
    def seconds(self) -> float:
        return sum(part.duration for part in self.speech)


class SyntheticVoice:
    """The `synthetic_voice` detector; see the module's text for what it measures."""

    signal: ClassVar[str] = "synthetic_voice"
    needs: ClassVar[frozenset[str]] = frozenset({"audio", "speech"})
    model: ClassVar[str] = "synthetic_voice-0.1.0"

    def __init__(self) -> None:
        self._session = models.session(self.model)
        self._spread_of_one = float(models.card(self.model).data["utterances"]["deviation"])
        self._cutter = Cutter()
        self._scored: list[_Scored] = []
        self._too_quiet = 0
        self._heard = False

    def update(self, chunk: Chunk) -> None:
        """Take in the next chunk; utterances that it completes are scored and their sound forgotten."""
        self._heard = self._heard or len(chunk.audio) > 0
        self._take(self._cutter.push(chunk))

    def finish(self, session: Session) -> Reading | Abstention:
        """The reading over the candidate's own utterances, or why there is none."""
        self._take(self._cutter.close())
        if not self._heard:
            return Abstention("The recording has no sound.", applicable=False)
        whose = _voice(session)
        if isinstance(whose, Abstention):
            return whose
        alone = session.spoken_by(whose)
        own = [one for one in self._scored if whose is None or _is_within(one, alone)]
        seconds = sum(one.seconds for one in own)
        if seconds < MIN_SPEECH:
            return Abstention(self._too_little(seconds), measurements=_measured(own) if own else {})
        measurements = _measured(own)
        bandwidth = measurements["effective_bandwidth"].value
        if bandwidth < MIN_BANDWIDTH:
            reason = (
                f"The voice's sound ends at {bandwidth:.0f} Hz; at least {MIN_BANDWIDTH:.0f} Hz are needed, because "
                "the classifier never heard narrower speech."
            )
            return Abstention(reason, measurements=measurements)
        logits = np.array([one.logit for one in own])
        score = trimmed_mean(logits)
        return Reading(
            score=score,
            spread=standard_error(logits, self._spread_of_one),
            quality=min(max(1 - float(np.mean([one.doubt for one in own])), 0.0), 1.0),
            evidence=_evidence(own, whose),
            measurements=measurements,
            alternatives=ALTERNATIVES if score > 0 else (),
        )

    def _take(self, utterances: Sequence[Utterance]) -> None:
        for one in utterances:
            scored = self._score(one)
            if scored is None:
                self._too_quiet += 1
            else:
                self._scored.append(scored)

    def _score(self, one: Utterance) -> _Scored | None:
        square = np.square(one.audio, dtype=np.float64)
        power = float(square.mean())
        level = 10 * math.log10(power + 1e-20)
        if level < MIN_LEVEL_DB:
            return None
        values = np.array([list(_voice_features.measure(one.audio).values())], np.float32)
        logit, doubt = (float(out[0, 0]) for out in self._session.run(["logit", "expected_cost"], {"features": values}))
        floor = float(np.percentile(one.hop_power, 10))
        return _Scored(
            span=one.span,
            speech=one.speech,
            logit=logit,
            doubt=doubt,
            level_db=level,
            snr_db=min(10 * math.log10(power / (floor + 1e-12 * power + 1e-30)), 80.0),
            bandwidth=_voice_features.effective_bandwidth(one.audio),
            clipped=float(np.mean(np.abs(one.audio) >= CLIPPED)),
            pause_samples=one.pause_samples,
            pause_zeros=one.pause_zeros,
        )

    def _too_little(self, seconds: float) -> str:
        quiet = f"; {self._too_quiet} more were too quiet (under {MIN_LEVEL_DB:.0f} dB)" if self._too_quiet else ""
        return (
            f"At least {MIN_SPEECH:.0f} s of the candidate speaking alone, in utterances of 1 s or more, are needed; "
            f"{seconds:.1f} s were found{quiet}."
        )


def trimmed_mean(logits: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Mean without the `TRIM` lowest and highest share (rounded down: nothing is left out of fewer than ten)."""
    cut = int(TRIM * len(logits))
    return float(np.sort(logits)[cut : len(logits) - cut].mean())


def standard_error(logits: np.ndarray[tuple[int], np.dtype[np.float64]], prior_deviation: float) -> float:
    """Standard error of the mean of `logits`.

    Few utterances tell little of their own deviation, so `prior_deviation` (within recordings of the training data)
    counts as much as four of them.
    """
    n = len(logits)
    squares = float(np.sum((logits - logits.mean()) ** 2)) + 4 * prior_deviation**2
    return math.sqrt(squares / (n + 3) / n)


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


def _is_within(one: _Scored, alone: Sequence[Span]) -> bool:
    """Whether `MIN_OWN` of the utterance's speech lies in the sorted spans `alone`."""
    common = sum(part.duration for part in (a & b for a in one.speech for b in alone) if part is not None)
    return common >= MIN_OWN * one.seconds


def _measured(own: Sequence[_Scored]) -> dict[str, Measurement]:
    samples = sum(one.pause_samples for one in own)
    numbers = {
        "utterances": Measurement(len(own), "1"),
        "speech": Measurement(sum(one.seconds for one in own), "s"),
        "effective_bandwidth": Measurement(float(np.median([one.bandwidth for one in own])), "Hz"),
        "snr": Measurement(float(np.median([one.snr_db for one in own])), "dB"),
        "level": Measurement(float(np.median([one.level_db for one in own])), "dB"),
        "clipped_samples": Measurement(float(np.mean([one.clipped for one in own])), "1"),
        "utterance_score_deviation": Measurement(float(np.std([one.logit for one in own])), "1"),
    }
    if samples:
        zeros = sum(one.pause_zeros for one in own)
        numbers["exact_zeros_in_pauses"] = Measurement(zeros / samples, "1")
    return numbers


def _evidence(own: Sequence[_Scored], speaker: str | None) -> tuple[Evidence, ...]:
    """The utterances with the highest scores, at most a third of all, in order of time."""
    count = min(SHOWN, max(1, len(own) // 3))
    best = sorted(own, key=lambda one: one.logit, reverse=True)[:count]
    best.sort(key=lambda one: one.span)
    return tuple(Evidence(one.span, one.logit, _note(one), speaker=speaker) for one in best)


def _note(one: _Scored) -> str:
    return (
        f"Spectral, phase and pitch statistics of {one.seconds:.1f} s of speech score {one.logit:+.2f} on the "
        f"classifier's scale (sound up to {one.bandwidth:.0f} Hz, {one.snr_db:.0f} dB above the background)."
    )
