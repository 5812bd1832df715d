"""Noise suppression as calls have it: spectral subtraction with a floor, and a gate that writes exact zeros."""

from __future__ import annotations

import numpy as np

from inperson.degradation.stages import EMPTY
from inperson.types import Floats

_WINDOW = 0.032  # s; hop is a quarter of it
_RISE, _FALL = 1.01, 0.96  # of the noise floor, a frame: it settles at the 20th percentile of the power
_SMOOTH = 0.9  # of the power, from frame to frame
_OVER = 3.0  # over-subtraction (Berouti et al. 1979 use 1 to 5, by SNR)


class NoiseSuppression:
    """Takes away what is steady in each band, by at most `most` dB; leaves musical noise, as the cheap ones do.

    The noise floor of a band follows a low percentile of its smoothed power by small steps up and larger ones down,
    which needs no memory; voice, being there for less of the time, passes.
    """

    def __init__(self, rate: int, most: float) -> None:
        self._size = 4 * round(_WINDOW * rate / 4)
        self._hop = self._size // 4
        self._window = np.sqrt(np.hanning(self._size + 1)[:-1]).astype(np.float32)
        self._least = np.float32(10 ** (-most / 20))
        self._input = np.zeros(self._size - self._hop, np.float32)  # as if silence came before
        self._sum = np.zeros(self._size, np.float32)
        self._smooth: Floats | None = None
        self._floor: Floats = np.zeros(0, np.float32)
        self._gain: Floats = np.zeros(0, np.float32)
        self._skip = self._size - self._hop
        self._taken = self._given = 0

    def push(self, x: Floats) -> Floats:
        self._taken += len(x)
        return self._out(self._run(x))

    def close(self) -> Floats:
        rest = self._out(self._run(np.zeros(2 * self._size, np.float32)))
        return rest[: len(rest) - (self._given - self._taken)]

    def _out(self, y: Floats) -> Floats:
        skipped = min(self._skip, len(y))
        self._skip -= skipped
        self._given += len(y) - skipped
        return y[skipped:]

    def _run(self, x: Floats) -> Floats:
        data = np.concatenate([self._input, x])
        count = (len(data) - self._size) // self._hop + 1
        if count < 1:
            self._input = data
            return EMPTY
        self._input = data[count * self._hop :]
        frames = np.lib.stride_tricks.sliding_window_view(data, self._size)[:: self._hop][:count]
        spectra = np.fft.rfft(frames * self._window, axis=1)
        gains = np.stack([self._gain_of(power) for power in np.square(np.abs(spectra)).astype(np.float32)])
        pieces = np.fft.irfft(spectra * gains, self._size, axis=1).astype(np.float32) * self._window / 2
        out = np.empty(count * self._hop, np.float32)
        for k, piece in enumerate(pieces):
            self._sum += piece
            out[k * self._hop : (k + 1) * self._hop] = self._sum[: self._hop]
            self._sum = np.concatenate([self._sum[self._hop :], np.zeros(self._hop, np.float32)])
        return out

    def _gain_of(self, power: Floats) -> Floats:
        if self._smooth is None or not self._floor.any():
            self._smooth, self._floor, self._gain = power, power.copy(), np.ones_like(power)
        self._smooth = (_SMOOTH * self._smooth + (1 - _SMOOTH) * power).astype(np.float32)
        step = np.where(self._smooth > self._floor, np.float32(_RISE), np.float32(_FALL))
        self._floor = np.maximum(self._floor * step, np.float32(1e-12))
        kept = 1.0 - _OVER * self._floor / (np.maximum(self._smooth, 0.5 * power) + 1e-12)
        gain = np.sqrt(np.maximum(kept, self._least**2))
        self._gain = (0.5 * (self._gain + gain)).astype(np.float32)
        return self._gain


class Gate:
    """Writes exact zeros where the level is `below` dB under the loud parts, after `hold` seconds of such quiet.

    The loud level is the highest of the 20 ms frames so far, forgotten by 1 dB a second.
    """

    def __init__(self, rate: int, below: float = 35.0, hold: float = 0.2) -> None:
        self._step = round(0.02 * rate)
        self._ratio = 10 ** (-below / 10)
        self._hold = round(hold / 0.02)
        self._loud, self._quiet = 0.0, 0
        self._waiting = EMPTY

    def push(self, x: Floats) -> Floats:
        x = np.concatenate([self._waiting, x])
        whole = len(x) // self._step * self._step
        self._waiting = x[whole:]
        frames = x[:whole].reshape(-1, self._step).copy()
        for frame, power in zip(frames, np.mean(np.square(frames), axis=1).tolist(), strict=True):
            self._loud = max(power, self._loud * 10 ** (-0.02 / 10))
            self._quiet = 0 if power > self._loud * self._ratio else self._quiet + 1
            if self._quiet > self._hold:
                frame[:] = 0.0
        return frames.reshape(-1)

    def close(self) -> Floats:
        return self._waiting
