"""Sound that is one piece over and over: a stream that got stuck, or a tone. No voice says anything exactly twice."""

from __future__ import annotations

import numpy as np

from inperson.detectors._voice_features.frames import RATE
from inperson.detectors._voice_traces._fft import fast_length, irfft, rfft
from inperson.types import Floats

LAGS = (0.1, 2.0)
"""Seconds after which the sound comes again. Sooner, a held vowel does; a shorter piece does after these too."""
LIKENESS = 0.95
"""Own choice: pieces that repeat reach 0.99. Of 250 utterances, genuine and generated, one in which a machine says the
same words three times reached 0.87, and the others stayed below 0.41."""


def repeats(sound: Floats) -> bool:
    """Whether an utterance, (n,) at 16 kHz, is the same piece again and again. False for silence and for what is short.

    The normalised autocorrelation over what overlaps, at least half of the utterance, says so.
    """
    wave = np.asarray(sound, np.float64)
    size = len(wave)
    lags = np.arange(int(LAGS[0] * RATE), min(int(LAGS[1] * RATE), size // 2))
    if not len(lags):
        return False
    padded = fast_length(size + int(LAGS[1] * RATE))
    alike = irfft(np.square(np.abs(rfft(wave.astype(np.float32), padded))), padded)[lags]
    energy = np.concatenate([[0.0], np.cumsum(np.square(wave))])
    most = np.sqrt(energy[size - lags] * (energy[size] - energy[lags]))
    return bool(np.any(alike > LIKENESS * most)) and energy[size] > 0
