"""Held vowels: filled pauses ("uh", "um") and lengthened syllables, told by what does not move.

While a speaker searches for what to say next, the articulators stand: the pitch hardly moves and the spectrum keeps its
shape (Goto, Itou & Hayamizu, "A real-time filled pause detection system for spontaneous speech recognition",
Eurospeech 1999; Audhkhasi et al., "Formant-based technique for automatic filled-pause detection in spontaneous spoken
English", ICASSP 2009). As in the first of these, a filled pause and a lengthened word are one here: the sound does not
tell them apart without its words.
"""

from __future__ import annotations

import numpy as np

from inperson.detectors._answers.sound import SECONDS, Sound
from inperson.detectors._answers.units import Loudness, runs, without_short
from inperson.detectors._voice_traces._blocks import Mask

LEAST = 0.2
"""Seconds that a held vowel lasts at least, its still part alone: longer than nearly all vowels of fluent speech. Own
choice; with it 2 to 9 a minute are found in read speech, 15 in meetings (training/response_latency/README.md)."""
STILL_DB = 3.2
"""Change of the spectrum's shape (`sound.Sound.change`) under which it stands. Own choice: a fifth of the voiced frames
of fluent speech lie below."""
PERIODIC = 0.7
"""Periodicity of a held vowel's frames (as `_voice_traces.pitch_steps.PERIODIC`)."""
SLOPE = 12.0
"""Semitones a second by which the pitch may move at most. Own choice: accents of fluent speech move faster."""
BRIDGE = 0.1
"""Seconds that may break the stillness: from the vowel to the nasal of "um". Own choice."""


def held(sound: Sound, loudness: Loudness) -> Mask:
    """Which frames (n,) belong to a held vowel."""
    voiced = (sound.periodicity >= PERIODIC) & (sound.level > loudness.threshold) & ~sound.gap
    still = without_short(voiced & (sound.change < STILL_DB), 2 * SECONDS)
    still |= _short_breaks(still) & voiced
    out = np.zeros(len(sound), bool)
    for a, b in runs(still):
        if (b - a) * SECONDS >= LEAST - 1e-6 and _level_pitch(sound.log_f0[a:b]):
            out[a:b] = True
    return out


def _short_breaks(mask: Mask) -> Mask:
    gaps = ~mask
    return gaps & ~without_short(gaps, BRIDGE + SECONDS / 2)


def _level_pitch(log_f0: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bool:
    """Whether the pitch moves by no more than `SLOPE` a second, octave errors aside."""
    known = log_f0[np.isfinite(log_f0)].astype(float)
    if len(known) < 4:
        return False
    semitones = 12 / np.log(2) * (known - np.median(known))
    semitones -= 12 * np.round(semitones / 12)  # half and double pitch
    third = max(len(known) // 3, 1)
    moved = abs(float(np.median(semitones[-third:]) - np.median(semitones[:third])))
    return moved <= SLOPE * len(known) * SECONDS
