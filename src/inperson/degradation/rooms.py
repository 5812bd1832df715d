"""Rooms: reverberation, and the echo of a loudspeaker in the microphone."""

from __future__ import annotations

import numpy as np

from inperson.degradation.stages import Filter
from inperson.types import Floats

_FIRST = 0.0025  # s; earliest reflection, of a desk
_ECHO_DELAY = (0.12, 0.30)  # s; round trip of a call, ITU-T G.114 calls up to 0.15 s each way good


def impulse_response(rt60: float, direct: float, rate: int, rng: np.random.Generator) -> Floats:
    """A synthetic room: the direct sound, then noise that decays by 60 dB in `rt60` seconds (Polack's model).

    Parameters
    ----------
    rt60 : float
        s.
    direct : float
        Energy of the direct sound over that of the rest, dB.
    rate : int
        Hz.
    rng : numpy.random.Generator

    Returns
    -------
    (n,) float32
        Of unit energy; the direct sound is its first sample.
    """
    count = max(2, round(1.2 * rt60 * rate))
    at = np.arange(count) / rate
    tail = rng.standard_normal(count) * 10 ** (-3 * at / rt60)
    tail[at < _FIRST] = 0.0
    tail *= 10 ** (-direct / 20) / max(np.sqrt(np.sum(tail**2)), 1e-12)
    tail[0] = 1.0
    return np.asarray(tail / np.sqrt(np.sum(tail**2)), np.float32)


def room(rt60: float, direct: float, rate: int, rng: np.random.Generator) -> Filter:
    """The stage that puts the voice into such a room; the level stays about what it was."""
    return Filter(impulse_response(rt60, direct, rate, rng))


def echo(below: float, rate: int, rng: np.random.Generator) -> Filter:
    """The voice comes back once, `below` dB quieter, 120 to 300 ms later, thin and reverberant.

    As when the far end listens by loudspeaker and its echo canceller lets something through: 300 to 3400 Hz, an RT60
    of 0.2 s.
    """
    from scipy.signal import firwin

    path = np.convolve(
        impulse_response(0.2, 0.0, rate, rng), firwin(255, (300, min(3400, 0.45 * rate)), fs=rate, pass_zero=False)
    )
    path *= 10 ** (-below / 20) / np.sqrt(np.sum(path**2))
    start = round(rng.uniform(*_ECHO_DELAY) * rate)
    taps = np.zeros(start + len(path), np.float32)
    taps[start:] = path
    taps[0] = 1.0
    return Filter(taps)
