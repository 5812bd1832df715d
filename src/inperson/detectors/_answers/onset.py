"""Where an answer begins: its breath, its first vocal sound, and the part from which on it is fluent.

People often take the floor before they know what to say: a breath, "uh", "so", a first word that hangs. Who waits for a
machine can do the same at the normal time, and begins to speak fluently only when there is something to read. So both
moments are measured, each on its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inperson.detectors._answers.held import held
from inperson.detectors._answers.sound import SECONDS, Sound
from inperson.detectors._answers.units import Loudness, nuclei, runs, smooth, sounding, without_short
from inperson.detectors._voice_traces._blocks import Mask
from inperson.detectors._voice_traces.room import BREATH, LOOK_BACK, OVER_FLOOR
from inperson.types import Span

LOOK = 8.0
"""Seconds from the first sound in which the fluent part is sought. Own choice: more than published assistants take to
their first words, in the middle of the range (3 to 5 s)."""
AFTER = 0.1
"""Seconds after the question's end that are left to it: its last sound fades. Own choice."""
SYLLABLES = 4
"""A stretch between pauses with this many syllables is fluent: "well", "so, yes" and "I think" are not. Own choice."""
BREATH_DB = OVER_FLOOR
"""dB between which it lies: above the floor of its band and below the voice."""
UNVOICED = 0.5
"""Periodicity above which a sound is voiced, hence no breath."""


@dataclass(frozen=True, slots=True)
class Onset:
    """How an answer begins; times in seconds on the recording's clock.

    Attributes
    ----------
    first : float
        Its first vocal sound: a word, "uh", "mm".
    fluent : float or None
        From where on it is fluent; None where that is not within `LOOK` of `first`.
    breath : Span or None
        The last audible breath before `first`.
    fillers : tuple of Span
        Held vowels before `fluent`.
    silence : float
        Seconds of silence between `first` and `fluent`.
    """

    first: float
    fluent: float | None
    breath: Span | None
    fillers: tuple[Span, ...]
    silence: float

    @property
    def delay(self) -> float | None:
        """Seconds from the first sound to the fluent part."""
        return None if self.fluent is None else self.fluent - self.first


def onset(sound: Sound, question_end: float, answer: Span, loudness: Loudness) -> Onset | None:
    """Read how an answer begins.

    Parameters
    ----------
    sound : Sound
        The recording.
    question_end : float
        Seconds.
    answer : Span
        As the turns have it.
    loudness : Loudness
        Of the answering voice.

    Returns
    -------
    Onset or None
        None where nothing vocal is heard, or part of the stretch was not recorded.
    """
    begin = answer.start if answer.start < question_end + AFTER else question_end + AFTER
    heard = sound.part(Span(begin, max(begin, min(answer.end, max(answer.start, begin) + LOOK))))
    if not len(heard) or heard.gap.any():
        return None
    standing = held(heard, loudness)
    vocal = _vocal(heard, loudness) | standing  # voice activity passes over many an "mm"
    if not vocal.any():
        return None
    at = int(np.argmax(vocal))
    first = heard.time(at)
    whole = heard.span.end >= answer.end - SECONDS
    fluent = _fluent(heard, loudness, at, standing, whole)
    lead = slice(at, len(heard) if fluent is None else fluent)
    return Onset(
        first=first,
        fluent=None if fluent is None else heard.time(fluent),
        breath=breath(sound, Span(max(first - LOOK_BACK, question_end), max(first, question_end)), loudness),
        fillers=tuple(Span(heard.time(a), heard.time(b)) for a, b in runs(standing) if a < lead.stop and b > at),
        silence=float((~sounding(heard, loudness))[lead].sum()) * SECONDS,
    )


def _vocal(heard: Sound, loudness: Loudness) -> Mask:
    """Frames of sounds that hold voice; a sound without any voiced frame (a cough, a breath, a click) is none."""
    on = sounding(heard, loudness)
    voiced = without_short((heard.periodicity >= UNVOICED) & on, 2 * SECONDS)
    for a, b in runs(on):
        if not voiced[a:b].any():
            on[a:b] = False
    return on


def _fluent(heard: Sound, loudness: Loudness, first: int, standing: Mask, whole: bool) -> int | None:
    """The frame where the first stretch of `SYLLABLES` begins, or in a short `whole` answer the first not held."""
    free = without_short(sounding(heard, loudness) & ~standing, 3 * SECONDS)
    free[:first] = False
    peaks = nuclei(heard, loudness)
    counts = [(a, int(((peaks >= a) & (peaks < b)).sum())) for a, b in runs(free)]
    for start, count in counts:
        if count >= SYLLABLES:
            return start
    if whole:
        return next((start for start, count in counts if count), None)
    return None


def breath(sound: Sound, where: Span, loudness: Loudness) -> Span | None:
    """The last noise burst in `where` as long and as loud as an in-breath of this voice; None without one."""
    part = sound.part(where)
    if len(part) * SECONDS < BREATH[0] or part.gap.any():
        return None
    level = smooth(part.breath)
    floor = float(np.percentile(level, 10))
    noise = (level > floor + BREATH_DB) & (level < loudness.loud - BREATH_DB)
    for a, b in reversed(runs(noise)):
        lasts = BREATH[0] <= (b - a) * SECONDS <= BREATH[1]
        if lasts and float(np.median(part.periodicity[a:b])) < UNVOICED:
            return Span(part.time(a), part.time(b))
    return None
