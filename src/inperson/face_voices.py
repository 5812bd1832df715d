"""Whose voice goes with which face, where more than one face is seen: `inperson.lips` over a whole recording.

Lips that move while somebody is heard may be a listener's smile; lips that move as the voice sounds are the speaker's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from inperson import models
from inperson.lips import lag
from inperson.lips.match import by_chance, ratio
from inperson.lips.mouth import RATE, Lips, MouthSeries, lips
from inperson.lips.pair import MODEL, Heard, compare, hear, spoken_with_mouth
from inperson.lips.sound import MelStream
from inperson.types import Chunk, Floats, Frame, Span, Turn, merged

MIN_SPEECH = 3.0
"""Seconds of a voice with a face in view below which nothing is said of the two."""
CLEAR, NOBODY = 0.65, 0.9
"""Probability of a face from which the voice is its, and of none of those seen from which it is nobody's; between them
nothing is said."""
ENOUGH = 120.0
"""Seconds of a voice with a face in view that are compared: 20 s tell nearly always, and an hour would cost minutes."""
SIDE_BY_SIDE = 1.0
"""Seconds two tracks must share to be two people."""


@dataclass(slots=True)
class FaceVoices:
    """Mouths of every face track and the sound, kept until the end: 250 bytes a measured face, 4 kB a second."""

    _mouths: dict[int, MouthSeries] = field(default_factory=dict)
    _mel: MelStream = field(default_factory=MelStream)
    _gaps: list[Span] = field(default_factory=list)
    _origin: float | None = None
    _spectra: Floats | None = None
    _ratios: dict[tuple[str, tuple[Turn, ...]], dict[int, float]] = field(default_factory=dict)

    def see(self, frame: Frame) -> None:
        """Take in the next frame."""
        for face in frame.faces:
            if face.landmarks is not None:
                self._mouths.setdefault(face.track, MouthSeries()).add(frame.time, face.landmarks)

    def hear(self, chunk: Chunk) -> None:
        """Take in the next chunk's sound."""
        if self._origin is None:
            self._origin = chunk.span.start
        if len(chunk.audio):
            self._mel.push(chunk.audio)
            self._gaps.extend(chunk.gaps)

    def belong(self, track: int, speaker: str, turns: tuple[Turn, ...]) -> float | None:
        """Probability that the voice of `speaker` is that of the face `track`; None where it is not clear whose it is.

        Every face seen beside it, and nobody of them, is as probable beforehand.
        """
        if (speaker, turns) not in self._ratios:
            self._ratios[speaker, turns] = self._compared(speaker, turns)
        odds = self._ratios[speaker, turns]
        if track not in odds:
            return None
        beside = [other for other in odds if other == track or self._shared(track, other) >= SIDE_BY_SIDE]
        total = 1.0 + sum(odds[other] for other in beside)
        if max(odds[other] for other in beside) / total < CLEAR and 1.0 / total < NOBODY:
            return None
        return odds[track] / total

    def _shared(self, one: int, other: int) -> float:
        """Seconds in which two tracks are both seen."""
        a, b = self._mouths[one].times, self._mouths[other].times
        return min(a[-1], b[-1]) - max(a[0], b[0])

    def _compared(self, speaker: str, turns: tuple[Turn, ...]) -> dict[int, float]:
        """Odds of each track for the voice of `speaker`; only those that can be compared with it."""
        if self._spectra is None:
            self._spectra = self._mel.finish()
        spans = merged(turn.span for turn in turns if turn.speaker == speaker)
        if not spans or not len(self._spectra):
            return {}
        others = merged(turn.span for turn in turns if turn.speaker != speaker)
        heard = hear(self._spectra, spans, others, self._gaps, self._origin or 0.0)
        found = {track: self._ratio(heard, series) for track, series in self._mouths.items()}
        return {track: 10.0**-ratio for track, ratio in found.items() if ratio is not None}

    def _ratio(self, heard: Heard, series: MouthSeries) -> float | None:
        """log10, mismatch against match, of one face with one voice."""
        origin = self._origin or 0.0
        seen = lips(*series.arrays(), len(heard.mel), origin)
        if spoken_with_mouth(heard, seen) < MIN_SPEECH:
            return None
        pair = compare(_beginning(heard, seen), seen, origin)
        curve = lag.likeness(pair.sums.sum(0))
        seconds = float(pair.sums[:, int(curve.argmax()), 0].sum()) / RATE
        if seconds < MIN_SPEECH:
            return None
        match = models.card(MODEL).data["match"]
        chance = by_chance(pair.chance, seconds, match)
        return ratio(float(curve.max()) - chance.mean, chance.deviation, match)


def _beginning(heard: Heard, seen: Lips) -> Heard:
    """The voice as far as its first `ENOUGH` seconds in which the mouth was measured."""
    shared = np.cumsum(heard.spoken & seen.measured)
    end = int(np.searchsorted(shared, ENOUGH * RATE))
    before = np.arange(len(shared)) < end
    return replace(heard, used=heard.used & before, spoken=heard.spoken & before)
