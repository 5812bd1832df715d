"""Sounds between a question and its answer, mixed at known times: typing from single strokes, whispers from speech.

Everything is 16 kHz mono. Speech is a genuine clip before and after a gap of `GAP` seconds over pink noise; what is
mixed into the gap begins and ends at known times. Then the whole goes through a preset of `inperson.degradation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter, resample_poly

from inperson.degradation import PRESETS
from inperson.degradation.sound import whole
from inperson.media import samples
from inperson.types import Span

RATE = 16000
Sound = NDArray[np.float32]
SPEECH_DB = -26.0
"""dBFS of the speech (root mean square of its loud tenth of frames)."""
NOISE_DB = -66.0
GAP = 6.0
INSIDE = 0.8
"""Seconds of quiet in the gap before the mixed sound begins, and after it ends."""
INTERVAL = (0.15, 0.32)
"""Seconds: a typist's median interval is drawn from here (Dhakal et al., CHI 2018: 239 ms, sd 112 ms over people)."""
VARIES = 0.4
"""Sigma of the log-normal intervals."""
ORDER, FRAME, HOP = 18, 480, 240
"""Prediction order, and frames of 30 ms every 15 ms."""


@dataclass(frozen=True)
class Mixture:
    """A sound, where something was mixed into it, and where its speech is meant to be."""

    sound: Sound
    mixed: Span


def load(path: Path) -> Sound:
    with samples(path) as reader:
        parts = [chunk.audio for chunk in reader]
    return np.concatenate([np.zeros(0, np.float32), *parts]).astype(np.float32)


def levelled(sound: Sound, level_db: float) -> Sound:
    """Scaled so that the loud tenth of its 20 ms frames has this level."""
    frames = sound[: len(sound) // 320 * 320].reshape(-1, 320)
    loud = np.percentile(np.square(frames, dtype=np.float64).mean(axis=1), 90) if len(frames) else 0.0
    return (sound * (10 ** (level_db / 20) / np.sqrt(max(loud, 1e-12)))).astype(np.float32)


def pink(count: int, rng: np.random.Generator) -> Sound:
    spectrum = np.fft.rfft(rng.normal(size=count))
    rate = np.fft.rfftfreq(count, 1 / RATE)
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(rate, 40.0)), count)
    return (noise / noise.std() * 10 ** (NOISE_DB / 20)).astype(np.float32)


def typed(strokes: list[Sound], seconds: float, below_db: float, rng: np.random.Generator) -> Sound:
    """A stretch of typing whose strokes' peaks lie `below_db` under the speech's level, give or take 3 dB."""
    out = np.zeros(round(seconds * RATE), np.float32)
    at, median = 0.0, rng.uniform(*INTERVAL)
    while at < seconds - 0.4:
        stroke = strokes[int(rng.integers(len(strokes)))]
        peak = 10 ** ((SPEECH_DB - below_db + rng.normal(0, 3)) / 20)
        start = round(at * RATE)
        out[start : start + len(stroke)] += (stroke * (peak / max(np.abs(stroke).max(), 1e-6)))[: len(out) - start]
        at += max(0.06, float(rng.lognormal(np.log(median), VARIES)))
    return out


def whispered(speech: Sound, rng: np.random.Generator) -> Sound:
    """The speech with noise in place of its voice: each frame's prediction filter driven by white noise."""
    out, window = np.zeros(len(speech) + FRAME), np.hanning(FRAME)
    lifted = lfilter([1, -0.9], 1, speech)
    for at in range(0, len(speech) - FRAME, HOP):
        frame = lifted[at : at + FRAME] * window
        own = np.correlate(frame, frame, "full")[FRAME - 1 : FRAME + ORDER]
        if own[0] < 1e-7:
            continue
        own[0] *= 1.0005
        filter_ = solve_toeplitz(own[:ORDER], own[1:])
        gain = np.sqrt(max(own[0] - filter_ @ own[1:], 0.0) / (window**2).sum())
        made = lfilter([1], np.r_[1, -filter_], rng.normal(0, gain, FRAME + ORDER))
        out[at : at + FRAME] += made[ORDER:] * window
    return out[: len(speech)].astype(np.float32)


def between(before: Sound, inside: Sound, after: Sound, rng: np.random.Generator) -> Mixture:
    """Speech, a gap with `inside` in it, speech, over pink noise."""
    start = len(before) + round(INSIDE * RATE)
    gap = np.zeros(max(round(GAP * RATE), len(inside) + 2 * round(INSIDE * RATE)), np.float32)
    gap[round(INSIDE * RATE) : round(INSIDE * RATE) + len(inside)] = inside
    sound = np.concatenate([levelled(before, SPEECH_DB), gap, levelled(after, SPEECH_DB)])
    return Mixture(sound + pink(len(sound), rng), Span(start / RATE, (start + len(inside)) / RATE))


def through(sound: Sound, preset: str, rng: np.random.Generator) -> Sound:
    """As a preset leaves it, at 16 kHz again and as long as before."""
    settings = PRESETS[preset].sound
    if settings.untouched:
        return sound
    up = resample_poly(sound, settings.rate, RATE) if settings.rate != RATE else sound
    out = resample_poly(whole(up.astype(np.float32), settings, rng), RATE, settings.rate)
    return np.asarray(out[: len(sound)], np.float32)
