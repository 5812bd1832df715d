"""Random and fixed passages of a voice through calls, drawn for training from the library's degradation ladder.

Both classes go through the same draws, so that a clean channel is no cue. Everything is drawn from one generator, so a
seed rebuilds the training set.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from inperson import media
from inperson.degradation import PRESETS
from inperson.degradation.codecs import CODECS
from inperson.degradation.gain import active_level
from inperson.degradation.packet_loss import LossModel
from inperson.degradation.sound import SoundSettings, whole

Sound = NDArray[np.float32]
Rng = np.random.Generator
RATE = 16000

LEVEL = -20.0
"""dBFS, active speech, at which every voice enters."""


def load(path: str) -> Sound:
    """A file's sound as 16 kHz mono."""
    with media.samples(path) as reader:
        return np.concatenate([chunk.audio for chunk in reader])


def drawn(rng: Rng) -> SoundSettings:
    """One random passage through the ladder; each rung is taken or left out at its own rate."""

    def taken(rate: float) -> bool:
        return bool(rng.random() < rate)

    suppressed = taken(0.25)
    loud = rng.uniform(-6, 0) if taken(0.05) else rng.uniform(-40, -14)  # dBFS; the first is driven into clipping
    return SoundSettings(
        rate=RATE,
        room=rng.uniform(0.1, 0.7) if taken(0.4) else 0.0,
        direct=rng.uniform(0.0, 18.0),
        snr=rng.uniform(5.0, 45.0) if taken(0.6) else None,
        noise=str(rng.choice(["white", "pink", "babble"], p=[0.2, 0.6, 0.2])),
        microphone=rng.uniform(1.0, 6.0) if taken(0.6) else 0.0,
        suppression=rng.uniform(6.0, 25.0) if suppressed else 0.0,
        gate=suppressed and taken(0.5),
        level=loud - LEVEL,
        band=(0.0, rng.uniform(3400.0, 7800.0)) if taken(0.4) else None,
        codecs=(str(rng.choice(list(CODECS))),) if taken(0.6) else (),
        loss=LossModel.of(rng.uniform(0.002, 0.05), rng.uniform(1.0, 3.0)) if taken(0.1) else None,
    )


def degrade(x: Sound, rng: Rng) -> Sound:
    """One random passage."""
    return whole(level(x), drawn(rng), rng)


CALLS = (
    *("zoom-720p", "teams-360p", "meet-vp9-540p", "phone", "bluetooth", "bluetooth-wide", "poor-network"),
    *("noisy-room", "speakerphone"),
)
"""The presets whose sound differs."""


def call(x: Sound, rng: Rng) -> Sound:
    """One passage through a call as `inperson degrade` makes it; what travels at more than 16 kHz travels at 16 kHz."""
    settings = PRESETS[str(rng.choice(CALLS))].sound
    settings = replace(settings, rate=min(settings.rate, RATE))
    there = at_rate(level(x), RATE, settings.rate)
    return at_rate(whole(there, settings, rng), settings.rate, RATE)[: len(x)]


def at_rate(x: Sound, rate: int, wanted: int) -> Sound:
    step = math.gcd(rate, wanted)
    return x if rate == wanted else resample_poly(x, wanted // step, rate // step).astype(np.float32)


FIXED: dict[str, SoundSettings] = {
    "clean": SoundSettings(rate=RATE),
    "room": SoundSettings(rate=RATE, room=0.4),
    "noise": SoundSettings(rate=RATE, snr=15.0),
    "suppress": SoundSettings(rate=RATE, suppression=18.0, gate=True),
    "mic": SoundSettings(rate=RATE, microphone=4.0),
    "g711": SoundSettings(rate=RATE, codecs=("g711u",)),
    **{name: SoundSettings(rate=RATE, codecs=(name,)) for name in CODECS},
}
"""Channels for evaluation."""


def condition(x: Sound, name: str, rng: Rng) -> Sound:
    """A fixed channel: a key of `FIXED`."""
    return np.clip(whole(level(x), FIXED[name], rng), -1, 1)


def level(x: Sound) -> Sound:
    return (x * (10 ** (LEVEL / 20) / (active_level(x, RATE) + 1e-9))).astype(np.float32)
