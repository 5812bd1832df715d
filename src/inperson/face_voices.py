"""Whose voice goes with which face, where more than one face is seen: `inperson.lips` over a whole recording.

Lips that move while somebody is heard may be a listener's smile; lips that move as the voice sounds are the speaker's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from inperson import models
from inperson.lips import lag
from inperson.lips.match import by_chance, ratio
from inperson.lips.mouth import RATE, MouthSeries, lips
from inperson.lips.pair import MODEL, compare, hear, spoken_with_mouth
from inperson.lips.sound import MelStream
from inperson.types import Chunk, Floats, Frame, Span, Turn, merged

MIN_SPEECH = 3.0
"""Seconds of a voice with a face in view below which nothing is said of the two."""
CLEAR = 1.0
"""log10 of the ratio, 10 to 1 either way, from which it decides."""


@dataclass(slots=True)
class FaceVoices:
    """Mouths of every face track and the sound, kept until the end: 250 bytes a measured face, 4 kB a second."""

    _mouths: dict[int, MouthSeries] = field(default_factory=dict)
    _mel: MelStream = field(default_factory=MelStream)
    _gaps: list[Span] = field(default_factory=list)
    _origin: float | None = None
    _spectra: Floats | None = None

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

    def belong(self, track: int, speaker: str, turns: Sequence[Turn]) -> float | None:
        """Probability, at even odds, that the voice of `speaker` is that of the face `track`; None where not clear."""
        if self._spectra is None:
            self._spectra = self._mel.finish()
        series = self._mouths.get(track)
        spans = merged(turn.span for turn in turns if turn.speaker == speaker)
        if series is None or not spans or not len(self._spectra):
            return None
        origin = self._origin or 0.0
        others = merged(turn.span for turn in turns if turn.speaker != speaker)
        heard = hear(self._spectra, spans, others, self._gaps, origin)
        seen = lips(*series.arrays(), len(self._spectra), origin)
        if spoken_with_mouth(heard, seen) < MIN_SPEECH:
            return None
        pair = compare(heard, seen, origin)
        curve = lag.likeness(pair.sums.sum(0))
        seconds = float(pair.sums[:, int(curve.argmax()), 0].sum()) / RATE
        if seconds < MIN_SPEECH:
            return None
        match = models.card(MODEL).data["match"]
        chance = by_chance(pair.chance, seconds, match)
        found = ratio(float(curve.max()) - chance.mean, chance.deviation, match)
        return None if abs(found) < CLEAR else 1.0 / (1.0 + 10.0**found)
