"""Numbers that describe how an utterance's sound is built, for `synthetic_voice` and for its training alike.

One function, `measure`, takes 1 to 6 s of 16 kHz speech and returns a named vector. Every number is the same whatever
the gain. Statistics are taken over active frames: those within 40 dB of the loud ones (95th percentile).

Groups (the part of a name before the first dot)
------------------------------------------------
``lfcc``, ``mfcc``
    Cepstra of linear (200 to 3500 Hz) and mel (100 to 7600 Hz) filter banks: their deviation, and that of their first
    and second differences. Means are left out: they tell the microphone and the speaker. After Sahidullah, Kinnunen &
    Hanilci, "A comparison of features for synthetic speech detection", Interspeech 2015.
``band``
    Per linear band: dynamic range, flatness, and how rough the log spectrum is in time and in frequency.
``mgd``
    Modified group delay cepstra. Murthy & Gadde, ICASSP 2003; alpha 0.4 and gamma 0.9 as there.
``phase``
    Phases of the harmonics against the fundamental's: how settled over the utterance, how steady from frame to frame
    (relative phase shift: Saratxaga et al., "Simple representation of signal phase for harmonic speech models",
    Electronics Letters 45, 2009).
``lpc``
    Residual of a linear prediction of order 16: its peakedness, asymmetry, and the prediction gain.
``pitch``
    F0 from the autocorrelation of 40 ms: spread, step-to-step change, voicing; periodicity per frequency band.
``mod``
    Modulation spectrum of the band envelopes, 1 to 50 Hz.
``line``
    Narrow lines in the long-term spectrum (they stand still in time: hum, or a generator's up-sampling).
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from inperson.detectors._voice_features.bands import bands, modulation
from inperson.detectors._voice_features.cepstra import cepstra
from inperson.detectors._voice_features.delay import group_delay
from inperson.detectors._voice_features.frames import RATE, stft
from inperson.detectors._voice_features.lines import lines
from inperson.detectors._voice_features.pitch import pitch_and_phase
from inperson.detectors._voice_features.residual import residual
from inperson.types import Floats

SPEECH_LEVEL = -21.0
"""dB below full scale, RMS of an utterance: about the level of clean training speech (its active level is -20)."""


def measure(audio: Floats) -> dict[str, float]:
    """Measure one utterance.

    Parameters
    ----------
    audio : (n,) float32
        16 kHz mono, starting and ending in speech; n at least 0.5 s.

    Returns
    -------
    dict of str to float
        Always the same names in the same order; every value finite.

    Raises
    ------
    ValueError
        Shorter than 0.5 s, or silent.
    """
    x = np.asarray(audio, np.float32)
    if x.ndim != 1 or len(x) < RATE // 2:
        raise ValueError(f"expected at least {RATE // 2} samples of mono sound, found shape {x.shape}")
    x = x - x.mean(dtype=np.float64).astype(np.float32)
    level = float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))
    if level <= 1e-9:
        raise ValueError("expected speech, found silence")
    x = (x / level).astype(np.float32)
    spectrum, delayed, active = stft(x)
    power = np.abs(spectrum) ** 2
    # A floor 70 dB below the mean keeps inaudible residues (dither, resampler) from being measured.
    power = power + 1e-7 * power[active].mean()
    out: dict[str, float] = {}
    out.update(cepstra(power, active))
    out.update(bands(power, active))
    out.update(group_delay(spectrum[::2], delayed, active[::2]))
    out.update(pitch_and_phase(x))
    out.update(residual(x))
    out.update(modulation(power))
    out.update(lines(x))
    return {name: float(value) if np.isfinite(value) else 0.0 for name, value in out.items()}


def rounded(audio: Floats) -> Floats:
    """The sound at `SPEECH_LEVEL`, rounded to 16 bits as all training sound was.

    Gates leave pauses that decoders fill with residues far below a 16-bit step; unrounded, the logarithms of those
    residues move genuine speech behind a headset by two units of the score. Silence stays as it is.
    """
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if len(audio) else 0.0
    if rms == 0:
        return audio
    return (np.round(audio * (10 ** (SPEECH_LEVEL / 20) / rms * 32768)) / 32768).astype(np.float32)


@functools.lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Names of the numbers that `measure` returns, in its order."""
    probe: Any = np.random.default_rng(0).standard_normal(RATE)
    return tuple(measure(probe.astype(np.float32)))
