"""Level: automatic gain, fixed gain, clipping."""

from __future__ import annotations

import numpy as np

from inperson.degradation.stages import EMPTY
from inperson.types import Floats

_FRAME = 0.010  # s
_ATTACK, _RELEASE = 0.05, 1.0  # s; fast down, slow up, as speech AGCs do (own choice)
_SILENCE = 10.0 ** (-60 / 20)  # amplitude below which the gain rests: a pause is no reason to turn up


def active_level(x: Floats, rate: int) -> float:
    """RMS of (n,) sound while it is active: 20 ms frames within 16 dB of the loud ones; 0 for silence or no sound.

    A simple form of ITU-T P.56, whose margin of 15.9 dB it keeps.
    """
    step = max(1, round(0.02 * rate))
    count = len(x) // step
    power = np.square(x[: count * step], dtype=np.float64).reshape(count, step).mean(axis=1) if count else np.zeros(0)
    return level_of(power)


def level_of(power: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """`active_level` from the frames' mean powers (n,)."""
    if not len(power) or power.max() <= 0:
        return 0.0
    active = power.mean()
    for _ in range(4):
        active = power[power >= active * 10 ** (-15.9 / 10)].mean()
    return float(np.sqrt(active))


class Gain:
    """A fixed gain in dB, then clipping at full scale."""

    def __init__(self, decibel: float) -> None:
        self._factor = np.float32(10 ** (decibel / 20))

    def push(self, x: Floats) -> Floats:
        return np.asarray(np.clip(x * self._factor, -1.0, 1.0), np.float32)

    def close(self) -> Floats:
        return EMPTY


class AutomaticGain:
    """Brings speech to `target` (dB below full scale, RMS), by at most `most` dB up or down, and limits the peaks.

    The level of each 10 ms is followed quickly upwards and slowly downwards; the gain moves in straight lines between
    frames and rests in pauses.
    """

    def __init__(self, rate: int, target: float = -23.0, most: float = 20.0) -> None:
        self._step = round(_FRAME * rate)
        self._target = 10 ** (target / 20)
        self._bounds = 10 ** (-most / 20), 10 ** (most / 20)
        self._level = self._target
        self._gain = 1.0
        self._waiting = EMPTY

    def push(self, x: Floats) -> Floats:
        x = np.concatenate([self._waiting, x])
        whole = len(x) // self._step * self._step
        self._waiting = x[whole:]
        if not whole:
            return EMPTY
        frames = x[:whole].reshape(-1, self._step)
        gains = self._gains(np.sqrt(np.mean(np.square(frames), axis=1)))
        ramp = np.linspace(0.0, 1.0, self._step, endpoint=False, dtype=np.float32)
        curve = gains[:-1, None] + (gains[1:] - gains[:-1])[:, None] * ramp
        return _limited((frames * curve).reshape(-1))

    def close(self) -> Floats:
        return _limited(self._waiting * np.float32(self._gain))

    def _gains(self, levels: Floats) -> Floats:
        """Gain before the first frame and after each."""
        out = np.empty(len(levels) + 1, np.float32)
        out[0] = self._gain
        for k, level in enumerate(levels.tolist()):
            if level > _SILENCE:
                seconds = _ATTACK if level > self._level else _RELEASE
                self._level += (level - self._level) * min(1.0, _FRAME / seconds)
                self._gain = float(np.clip(self._target / max(self._level, 1e-9), *self._bounds))
            out[k + 1] = self._gain
        return out


def _limited(x: Floats) -> Floats:
    """Peaks above half of full scale bent towards it (tanh), the rest untouched."""
    over = np.abs(x) > 0.5
    if not over.any():
        return x
    x = x.copy()
    x[over] = np.sign(x[over]) * (0.5 + 0.5 * np.tanh((np.abs(x[over]) - 0.5) / 0.5))
    return x
