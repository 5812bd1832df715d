"""Background noise at a given level: white, pink, or the babble of a room full of people."""

from __future__ import annotations

from typing import Literal

import numpy as np

from inperson.degradation.stages import EMPTY
from inperson.types import Floats

NoiseKind = Literal["white", "pink", "babble"]

_BLOCK = 1.0  # s of noise made at a time
_TALKERS = 6  # voices of the babble: enough that no word stands out
_SYLLABLES = 4.0  # Hz; rate at which speech swells (Houtgast and Steeneken 1985)
_FADE = 0.05  # s over which blocks overlap


class Noise:
    """Adds noise of a given kind and RMS.

    Parameters
    ----------
    kind : str
        ``"white"``; ``"pink"`` (power falls by 3 dB an octave above 40 Hz); ``"babble"``: six noises with the long-term
        spectrum of speech (flat to 500 Hz, then 9 dB an octave; Byrne et al. 1994, simplified), each swelling at its
        own syllables. There are no words in it.
    rms : float
        Of the noise; 0 adds nothing.
    rate : int
        Hz.
    rng : numpy.random.Generator
    """

    def __init__(self, kind: NoiseKind, rms: float, rate: int, rng: np.random.Generator) -> None:
        self._kind, self._rms, self._rate, self._rng = kind, rms, rate, rng
        self._length = round(_BLOCK * rate)
        self._fade = round(_FADE * rate)
        self._tail = np.zeros(0, np.float32)  # of the block before, still to be blended
        self._ready = EMPTY

    def push(self, x: Floats) -> Floats:
        while len(self._ready) < len(x):
            self._ready = np.concatenate([self._ready, self._more()])
        noise, self._ready = self._ready[: len(x)], self._ready[len(x) :]
        return x + noise

    def close(self) -> Floats:
        return EMPTY

    def _more(self) -> Floats:
        """The next block, blended with the end of the last one at constant power."""
        made = self._made(self._length + self._fade)
        if len(self._tail):
            turn = np.linspace(0, np.pi / 2, self._fade, dtype=np.float32)
            made[: self._fade] = made[: self._fade] * np.sin(turn) + self._tail * np.cos(turn)
        self._tail = made[self._length :]
        return made[: self._length]

    def _made(self, count: int) -> Floats:
        if self._kind == "babble":
            made = sum(self._voice(count) for _ in range(_TALKERS))
        else:
            made = self._coloured(count, -0.5 if self._kind == "pink" else 0.0, 40.0)
        scaled = made * (self._rms / (np.sqrt(np.mean(np.square(made))) + 1e-12))
        return np.asarray(scaled, np.float32)

    def _coloured(self, count: int, slope: float, corner: float) -> Floats:
        """Noise whose amplitude goes as frequency to the power of `slope` above `corner` (Hz)."""
        spectrum = np.fft.rfft(self._rng.standard_normal(count))
        frequency = np.fft.rfftfreq(count, 1 / self._rate)
        return np.fft.irfft(spectrum * (np.maximum(frequency, corner) / 1000) ** slope, count).astype(np.float32)

    def _voice(self, count: int) -> Floats:
        knots = np.exp(self._rng.normal(0.0, 0.8, max(2, round(2 * _SYLLABLES * count / self._rate))))
        swell = np.interp(np.arange(count), np.linspace(0, count, len(knots)), knots)
        return (self._coloured(count, -1.5, 500.0) * swell).astype(np.float32)
