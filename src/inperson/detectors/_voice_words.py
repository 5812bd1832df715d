"""What a reading of the voice says to a reviewer: its measurements, evidence and innocent explanations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inperson.detectors._voice_change import Course
from inperson.types import Curve, Evidence, Measurement, Point, Span

SHOWN = 5
"""Most utterances shown as evidence."""

ALTERNATIVES = (
    "noise suppression, echo cancellation or automatic gain of the call or headset",
    "a codec or a packet-loss concealment that rebuilds speech, as calls and Bluetooth headsets have",
    "accent-conversion or voice-clean-up software that honest candidates use too",
    "studio equipment, an unusual microphone or post-production of the recording",
    "a way of speaking, an accent or an assistive voice that the training data lacks",
)
KINDS = {
    "generated": ("the sound is more like speech generated from text than like a converted voice",),
    "converted": (
        "the sound is more like a converted voice than like generated speech; accent conversion, which honest people "
        "use too, is of this kind",
    ),
    "codec": ("the sound is like that of a neural codec, which calls and recorders use and which is innocent",),
}


@dataclass(frozen=True, slots=True)
class Scored:
    """All that is kept of an utterance."""

    span: Span
    speech: tuple[Span, ...]
    logit: float
    converted: float
    codec: float
    level_db: float
    snr_db: float
    bandwidth: float
    low_end: float
    clipped: float
    pause_samples: int
    pause_zeros: int

    @property
    def seconds(self) -> float:
        return sum(part.duration for part in self.speech)


def measured(own: Sequence[Scored]) -> dict[str, Measurement]:
    samples = sum(one.pause_samples for one in own)
    numbers = {
        "utterances": Measurement(len(own), "1"),
        "speech": Measurement(sum(one.seconds for one in own), "s"),
        "effective_bandwidth": Measurement(float(np.median([one.bandwidth for one in own])), "Hz"),
        "low_end": Measurement(float(np.median([one.low_end for one in own])), "dB"),
        "snr": Measurement(float(np.median([one.snr_db for one in own])), "dB"),
        "level": Measurement(float(np.median([one.level_db for one in own])), "dB"),
        "clipped_samples": Measurement(float(np.mean([one.clipped for one in own])), "1"),
        "utterance_score_deviation": Measurement(float(np.std([one.logit for one in own])), "1"),
        "converted_against_generated": Measurement(float(np.mean([one.converted for one in own])), "1"),
        "neural_codec": Measurement(float(np.mean([one.codec for one in own])), "1"),
    }
    if samples:
        zeros = sum(one.pause_zeros for one in own)
        numbers["exact_zeros_in_pauses"] = Measurement(zeros / samples, "1")
    return numbers


def evidence(own: Sequence[Scored], found: Course, speaker: str | None) -> tuple[Evidence, ...]:
    """The part that carries the score and the utterances in it with the highest scores, in order of time."""
    best = [one for one in own if found.carrier is None or one.span & found.carrier.span is not None]
    count = min(SHOWN, max(1, len(best) // 3))
    best = sorted(sorted(best, key=lambda one: one.logit, reverse=True)[:count], key=lambda one: one.span)
    shown = [Evidence(one.span, one.logit, _note(one), speaker=speaker) for one in best]
    if found.carrier is not None:
        shown.insert(0, Evidence(found.carrier.span, found.carrier.ratio, _changed(found), speaker=speaker))
    return tuple(shown)


def curve(own: Sequence[Scored]) -> Curve:
    """The utterances' scores over the recording."""
    points = tuple(Point(one.span, one.logit) for one in own)
    return Curve("the network's score of each utterance", "1", points, 0.0, "between the two halves of its training")


def _changed(found: Course) -> str:
    times = " and ".join(
        f"{change.time:.0f} s (between {change.within.start:.0f} and {change.within.end:.0f} s)"
        for change in found.changes
    )
    return (
        f"The voice's scores change at {times}; this part scores {found.carrier.ratio if found.carrier else 0:+.2f} by "
        "itself, and the recording by it."
    )


def _note(one: Scored) -> str:
    return (
        f"{one.seconds:.1f} s of speech score {one.logit:+.2f} on the network's scale (sound up to "
        f"{one.bandwidth:.0f} Hz, {one.snr_db:.0f} dB above the background)."
    )
