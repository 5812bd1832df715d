"""How a stretch of one person's speech is delivered: pauses, filled pauses, rate, pitch, breath.

What differs between reading aloud and speaking freely, with the direction that others found:

- read speech has next to no filled pauses, which stand for material still being planned (Fraundorf & Watson, "Alice's
  adventures in um-derland", Language, Cognition and Neuroscience, 2013);
- its pauses are fewer, shorter and more regular (Howell & Kadi-Hanifi, "Comparison of prosodic properties between read
  and spontaneous speech material", Speech Communication 10, 1991);
- its pitch varies more (Remez et al., JASA Suppl. 77, 1985, S38) and falls more over an utterance (Swerts, Strangert &
  Heldner, "F0 declination in read-aloud and spontaneous speech", ICSLP 1996);
- its rate is slower (Laan, "The contribution of intonation, segmental durations, and spectral features to the
  perception of a spontaneous and a read speaking style", Speech Communication 22, 1997); that it is more even from
  phrase to phrase is an expectation of our own.

The effects are small, depend on the task, and were found in laboratories: weak evidence at best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from inperson.detectors._answers.held import held
from inperson.detectors._answers.onset import breath
from inperson.detectors._answers.sound import SECONDS, Sound
from inperson.detectors._answers.units import Loudness, nuclei, runs, sounding
from inperson.detectors._voice_traces._blocks import Array
from inperson.detectors._voice_traces.room import LOOK_BACK
from inperson.types import Span

LEAST = 5.0
"""Seconds of voice below which a stretch's delivery is not read: three or four phrases."""
UNIT_SYLLABLES = 4
"""Syllables that a stretch between pauses must have for its rate to be read. Own choice: one more is a quarter."""
UNIT_SECONDS = 0.8
"""Seconds that it must last for its pitch's slope to be read. Own choice: about one accent group."""
PERIODIC = 0.7
"""Periodicity of a frame whose pitch is read."""
FEWEST = 3
"""Pauses, or stretches between them, below which nothing is said of how much they vary."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivery of some seconds of one person's speech; NaN where it cannot be read.

    Attributes
    ----------
    voice : float
        Seconds of voice that it was read from.
    pauses : float
        Silences of `units.PAUSE` and more a minute.
    pause_share : float
        Share of the time.
    pause_length : float
        Their median in seconds.
    pause_spread : float
        Standard deviation of the log of their lengths: 0 where all are alike.
    unit_spread : float
        The same of the stretches between them.
    held : float
        Filled pauses and lengthened syllables a minute of voice (`held`).
    rate : float
        Syllables a second of voice (articulation rate).
    rate_spread : float
        Coefficient of variation of the rate from one stretch between pauses to the next.
    pitch_spread : float
        Semitones from the 10th to the 90th percentile.
    pitch_fall : float
        Median fall in semitones a second over a stretch between pauses; negative: rises.
    breaths : float
        Share of the stretches before which a breath is heard.
    """

    voice: float
    pauses: float
    pause_share: float
    pause_length: float
    pause_spread: float
    unit_spread: float
    held: float
    rate: float
    rate_spread: float
    pitch_spread: float
    pitch_fall: float
    breaths: float


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is read of one stretch of the recording, to be put together with others."""

    pauses: list[float]
    units: list[float]
    rates: list[float]
    falls: list[float]
    pitch: Array
    syllables: int
    held: int
    breaths: list[bool]
    seconds: float


def delivery(sound: Sound, stretches: Sequence[Span], loudness: Loudness) -> Delivery | None:
    """Read the delivery of `stretches` in which one person speaks, each from its first to its last sound.

    Returns
    -------
    Delivery or None
        None for under `LEAST` seconds of voice. Stretches in which something was not recorded are left out.
    """
    pieces = [piece for span in stretches if (piece := _piece(sound, span, loudness)) is not None]
    units = [x for one in pieces for x in one.units]
    voice = sum(units)
    if voice < LEAST:
        return None
    pauses = [x for one in pieces for x in one.pauses]
    seconds = sum(one.seconds for one in pieces)
    rates, falls, breaths = (
        [x for one in pieces for x in getattr(one, name)] for name in ("rates", "falls", "breaths")
    )
    pitch = np.concatenate([one.pitch for one in pieces])
    return Delivery(
        voice=voice,
        pauses=60 * len(pauses) / seconds,
        pause_share=sum(pauses) / seconds,
        pause_length=float(np.median(pauses)) if pauses else np.nan,
        pause_spread=_log_spread(pauses),
        unit_spread=_log_spread(units),
        held=60 * sum(one.held for one in pieces) / voice,
        rate=sum(one.syllables for one in pieces) / voice,
        rate_spread=float(np.std(rates) / np.mean(rates)) if len(rates) >= FEWEST else np.nan,
        pitch_spread=float(np.ptp(np.percentile(pitch, [10, 90]))) if len(pitch) * SECONDS >= 1.0 else np.nan,
        pitch_fall=float(np.median(falls)) if len(falls) >= FEWEST else np.nan,
        breaths=float(np.mean(breaths)) if len(breaths) >= FEWEST else np.nan,
    )


def _piece(sound: Sound, span: Span, loudness: Loudness) -> _Piece | None:
    heard = sound.part(span)
    if heard.gap.any():
        return None
    on = sounding(heard, loudness)
    found = runs(on)
    if not found:
        return None
    peaks = nuclei(heard, loudness)
    counts = [int(((peaks >= a) & (peaks < b)).sum()) for a, b in found]
    semitones = _semitones(heard, loudness)
    return _Piece(
        pauses=[(b - a) * SECONDS for (_, a), (b, _) in pairwise(found)],
        units=[(b - a) * SECONDS for a, b in found],
        rates=[n / ((b - a) * SECONDS) for n, (a, b) in zip(counts, found, strict=True) if n >= UNIT_SYLLABLES],
        falls=[-s for a, b in found if (b - a) * SECONDS >= UNIT_SECONDS and (s := _slope(semitones[a:b])) is not None],
        pitch=semitones[on & np.isfinite(semitones)],
        syllables=sum(counts),
        held=len(runs(held(heard, loudness) & on)),
        breaths=[_breathed(heard, end, start, loudness) for (_, end), (start, _) in pairwise(found)],
        seconds=(found[-1][1] - found[0][0]) * SECONDS,
    )


def _breathed(heard: Sound, end: int, start: int, loudness: Loudness) -> bool:
    before = max(heard.time(end), heard.time(start) - LOOK_BACK)
    return breath(heard, Span(before, heard.time(start)), loudness) is not None


def _semitones(heard: Sound, loudness: Loudness) -> Array:
    """Pitch (n,) in semitones from its median; NaN where there is none, or half or twice what is usual here."""
    known = (heard.periodicity >= PERIODIC) & (heard.level > loudness.threshold) & np.isfinite(heard.log_f0)
    out = np.full(len(heard), np.nan)
    if known.any():
        values = 12 / np.log(2) * heard.log_f0[known].astype(np.float64)
        values -= np.median(values)
        out[known] = np.where(np.abs(values) <= 9.0, values, np.nan)
    return out


def _slope(semitones: Array) -> float | None:
    """Least-squares slope a second over the known ones; None for under a third of them or under 12 (0.2 s)."""
    known = np.flatnonzero(np.isfinite(semitones))
    if len(known) < max(12, len(semitones) // 3):
        return None
    time = (known - known.mean()) * SECONDS
    return float(time @ semitones[known] / (time @ time))


def _log_spread(values: Sequence[float]) -> float:
    return float(np.std(np.log(values))) if len(values) >= FEWEST else float("nan")
