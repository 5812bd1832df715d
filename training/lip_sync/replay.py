"""Run `lip_sync` on stored clips: with another person's voice, with the sound shifted, with other weights."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from regression import Clip, fit

from inperson.detectors._lip_features import RATE, MouthSeries, context
from inperson.detectors.lip_sync import LipSync
from inperson.media import MediaInfo
from inperson.types import Abstention, Candidate, Reading, Session, Span, Track, Turn

SILENCE = float(np.log(1e-10))


class Stored:
    """Spectra that are already there, in place of `MelStream`."""

    def __init__(self, mel: np.ndarray) -> None:
        self._mel = mel

    def finish(self) -> np.ndarray:
        return self._mel


class Replay(LipSync):
    """`LipSync` with given weights instead of the shipped ones, fed with a stored mouth and voice."""

    def __init__(self, mouth: Clip, mel: np.ndarray, weights: np.ndarray) -> None:
        super().__init__()
        values = array("f", mouth.values.astype(np.float32).ravel().tolist())
        self._mouths = {0: MouthSeries(array("d", mouth.times.tolist()), values)}
        self._mel = Stored(mel)
        self._origin = 0.0
        self._heard = self._seen = True
        self._weights = weights

    def _predict(self, mel: np.ndarray, where: np.ndarray) -> np.ndarray:
        return (context(mel, where) @ self._weights.astype(np.float32)).astype(float)


def held_apart(clips: Sequence[Clip]) -> dict[str, np.ndarray]:
    """For each source the weights fitted on the other sources' clips that may train."""
    sources = sorted({clip.source for clip in clips})
    return {s: fit([c for c in clips if c.may_train and c.source != s]) for s in sources}


def measure(mouth: Clip, voice: Clip, weights: np.ndarray, shift: float = 0.0) -> Reading | Abstention:
    """What the detector says of one person's mouth with a voice that is heard `shift` seconds later than recorded."""
    n = min(len(mouth.mel), len(voice.mel))
    steps = round(shift * RATE)
    mel = np.full((n, voice.mel.shape[1]), SILENCE, np.float32)
    first, last = max(0, steps), min(n, n + steps)
    mel[first:last] = voice.mel[first - steps : last - steps]
    end = n / RATE
    moved = (Span(max(0.0, s.start + shift), max(0.0, s.end + shift)) for s in voice.spans)
    turns = tuple(Turn(inside, "S1") for span in moved if (inside := span & Span(0.0, end)))
    track = Track(0, (Span(0.0, end),), (0.0, 0.0, 1.0, 1.0))
    media = MediaInfo("stored", "", 0, end, 0.0, None, ())
    who = Candidate(0, "S1", "Stored clip of one person.", (0,))
    session = Session(media, end, turns, "supplied", (track,), who, "single")
    detector = Replay(mouth, mel, weights)
    if steps:
        detector._gaps = [Span(0.0, first / RATE)] if steps > 0 else [Span(last / RATE, end)]
    return detector.finish(session)
