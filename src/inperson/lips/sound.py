"""The voice as `lip_sync` hears it: log-mel spectra at 50 a second, on the grid of `inperson.lips.mouth`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inperson.lips.mouth import RATE, Array, Mask
from inperson.types import Floats

SOUND_RATE = 16_000
HOP = SOUND_RATE // RATE
WINDOW = 640
"""Samples of a spectrum (40 ms, Hann), centred on its grid point."""
FFT = 1024
BANDS = 40
"""Triangular mel bands from 80 to 7600 Hz."""
BLOCK = 50
"""Spectra computed at once. Always the same blocks, so that the length of the chunks changes no bit of the result."""
FLOOR = 12.0
"""Natural log units (52 dB) below the speech's peak under which a band counts as silent."""


class MelStream:
    """Log-mel spectra of a stream of 16 kHz sound, at `RATE`; 4 kB a second are kept.

    Value i is centred on sample ``i * HOP`` of what was pushed.
    """

    def __init__(self) -> None:
        self._pending: Floats = np.zeros(WINDOW // 2, np.float32)
        self._done: list[NDArray[np.float16]] = []
        self._filters = mel_filters()

    def push(self, sound: Floats) -> None:
        """Take in the next samples."""
        self._pending = np.concatenate([self._pending, sound.astype(np.float32, copy=False)])
        whole = WINDOW + (BLOCK - 1) * HOP
        while len(self._pending) >= whole:
            self._done.append(self._spectra(self._pending[:whole]))
            self._pending = self._pending[BLOCK * HOP :].copy()

    def finish(self) -> Floats:
        """All spectra (n, BANDS) so far, the last ones as if silence followed."""
        rest = max(0, (len(self._pending) - WINDOW // 2 - 1) // HOP + 1) if len(self._pending) > WINDOW // 2 else 0
        padded = np.zeros(WINDOW + (BLOCK - 1) * HOP, np.float32)
        padded[: len(self._pending)] = self._pending
        last = self._spectra(padded)[:rest]
        return np.concatenate([*self._done, last]).astype(np.float32)

    def _spectra(self, sound: Floats) -> NDArray[np.float16]:
        frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP] * np.hanning(WINDOW)
        power = np.abs(np.fft.rfft(frames, FFT)) ** 2
        return np.log(power @ self._filters.T + 1e-10).astype(np.float16)


def mel_filters() -> Array:
    """Triangular filters (BANDS, FFT // 2 + 1) equally spaced on the mel scale of O'Shaughnessy (1987)."""

    def mel(hertz: float) -> float:
        return 2595.0 * float(np.log10(1.0 + hertz / 700.0))

    edges = 700.0 * (10.0 ** (np.linspace(mel(80.0), mel(7600.0), BANDS + 2) / 2595.0) - 1.0)
    bins = np.fft.rfftfreq(FFT, 1.0 / SOUND_RATE)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)), np.float64)


def levelled(mel: Floats, used: Mask) -> Floats:
    """Spectra independent of level and channel: floored `FLOOR` below the peak, minus each band's mean over `used`.

    Parameters
    ----------
    mel : (n, BANDS) float32
    used : (n,) bool
        Where the voice in question speaks; at least one point.
    """
    peak = float(np.percentile(mel[used].max(axis=1), 99))
    floored = np.maximum(mel, peak - FLOOR)
    return np.asarray(floored - floored[used].mean(axis=0), np.float32)
