"""Run `lip_sync` on stored clips: on a part of one, with another person's voice, with the sound shifted or dubbed."""

from __future__ import annotations

from array import array
from dataclasses import replace

import numpy as np
from data import Clip

from inperson.detectors._lip_found import Found
from inperson.detectors.lip_sync import LipSync
from inperson.lips.mouth import FINE, RATE, MouthSeries
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
    """`LipSync` fed with a stored mouth and voice; `silent` are stretches without sound."""

    def __init__(self, mouth: Clip, mel: np.ndarray, silent: list[Span]) -> None:
        super().__init__()
        shapes = np.clip(np.round(mouth.shapes * FINE), -32767, 32767).astype(np.int16)
        heads = array("f", mouth.heads.astype(np.float32).ravel().tolist())
        self._mouths = {0: MouthSeries(array("d", mouth.times.tolist()), bytearray(shapes.tobytes()), heads)}
        self._mel = Stored(mel)
        self._origin = 0.0
        self._heard = self._seen = True
        self._gaps = silent


def cut(clip: Clip, start: float, seconds: float) -> Clip:
    """A part of a clip, as if recorded by itself."""
    chosen = (clip.times >= start) & (clip.times < start + seconds)
    whole = Span(0.0, seconds)
    moved = (Span(max(0.0, s.start - start), max(0.0, s.end - start)) for s in clip.spans)
    return replace(
        clip,
        times=clip.times[chosen] - start,
        shapes=clip.shapes[chosen],
        heads=clip.heads[chosen],
        mel=clip.mel[round(start * RATE) : round((start + seconds) * RATE)],
        spans=tuple(inside for span in moved if (inside := span & whole)),
    )


def shifted(voice: Clip, shift: float) -> tuple[Clip, list[Span]]:
    """The voice heard `shift` seconds later than recorded, and where there is no sound then."""
    n, steps = len(voice.mel), round(shift * RATE)
    mel = np.full_like(voice.mel, SILENCE)
    first, last = max(0, steps), min(n, n + steps)
    mel[first:last] = voice.mel[first - steps : last - steps]
    end = n / RATE
    moved = (Span(max(0.0, s.start + shift), max(0.0, s.end + shift)) for s in voice.spans)
    spans = tuple(inside for span in moved if (inside := span & Span(0.0, end)))
    silent = [Span(0.0, first / RATE)] if steps > 0 else [Span(last / RATE, end)] if steps < 0 else []
    return replace(voice, mel=mel, spans=spans), silent


def dubbed(clip: Clip, other: Clip, start: float, seconds: float) -> Clip:
    """The clip with another person's voice, as loud, in a part of it."""
    first, last = round(start * RATE), round((start + seconds) * RATE)
    level = np.percentile(clip.mel.max(1), 95) - np.percentile(other.mel.max(1), 95)
    mel = clip.mel.copy()
    mel[first:last] = other.mel[: last - first] + level
    return replace(clip, mel=mel)


def measure(mouth: Clip, voice: Clip, silent: list[Span] | None = None) -> Reading | Abstention:
    """What the detector says of one clip's mouth with one clip's voice, both from their beginnings."""
    return examine(mouth, voice, silent)[0]


def examine(mouth: Clip, voice: Clip, silent: list[Span] | None = None) -> tuple[Reading | Abstention, Found | None]:
    """The same with everything that was measured; None where nothing could be."""
    n = min(len(mouth.mel), len(voice.mel))
    end = n / RATE
    turns = tuple(Turn(inside, "S1") for span in voice.spans if (inside := span & Span(0.0, end)))
    track = Track(0, (Span(0.0, end),), (0.0, 0.0, 1.0, 1.0))
    media = MediaInfo("stored", "", 0, end, 0.0, None, ())
    who = Candidate(0, "S1", "Stored clip of one person.", (0,))
    session = Session(media, end, turns, "supplied", (track,), who, "single")
    detector = Replay(mouth, voice.mel[:n], silent or [])
    return detector.finish(session), detector.found
