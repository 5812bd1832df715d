"""Where does the voice's content end, how sharply, and how does that compare with what the container could hold?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inperson.detectors._voice_traces._blocks import Array
from inperson.detectors._voice_traces._fft import rfft
from inperson.types import Floats

BIN = 62.5
"""Hz, width of a band of the long-term spectrum."""
FRAME = 0.032
LOUD_DB = 30.0
"""Frames within this of the block's loudest count: speech and not the room."""
SLOPE_OVER = 4
"""Bands (250 Hz) over which the steepness of the cut-off is read."""
LOWEST = 2500.0
"""Hz; no voice ends below by itself, and nothing that is sold cuts below telephone bandwidth."""
EDGE = 0.94
"""Share of the Nyquist frequency above which a fall belongs to the resampler or the converter."""
CORNER = 6.0
"""dB under the level just below, at which a filter's band ends by convention."""
DROP = 18.0
"""dB under it that the sound must be 1 kHz further up, and stay, for a cut-off to be named: voices fall by a few."""
KILOHERTZ = round(1000 / BIN)
CONTENT = 60.0
"""dB under the loudest band at which content ends where there is no cut-off."""
INNOCENT = (
    "Telephone lines, Bluetooth headsets, low-rate codecs of calls and simple microphones also end the sound at "
    "3.4, 4, 7 or 8 kHz, whatever rate the file is stored at."
)


@dataclass(frozen=True, slots=True)
class Band:
    """Where content ends (Hz) and the steepest fall there (dB per kHz); `cut` is whether it falls like a filter's."""

    limit: float
    sharpness: float
    cut: bool


def spectrum(sound: Floats, rate: int) -> Floats:
    """Long-term spectrum of the loud frames of a stretch, in dB per band of `BIN` Hz; NaN if silent or too short.

    Parameters
    ----------
    sound : (n,) float32
    rate : int
        Hz.

    Returns
    -------
    (int(rate / 2 / BIN),) float32
    """
    bands = int(rate / 2 / BIN)
    size = round(FRAME * rate)
    if len(sound) < size:
        return np.full(bands, np.nan, np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)[:: size // 2]
    energy = np.square(frames).sum(axis=1, dtype=np.float64)
    loud = energy > max(energy.max() * 10 ** (-LOUD_DB / 10), 1e-9 * size)
    if not loud.any():
        return np.full(bands, np.nan, np.float32)
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    power = np.square(np.abs(rfft(frames[loud] * window))).mean(axis=0) / (size * float(np.sum(window**2)))
    per = round(BIN * FRAME)  # bins of 1 / FRAME Hz in a band
    made = power[1 : 1 + bands * per].reshape(bands, per).sum(axis=1)
    return np.asarray(10 * np.log10(np.maximum(made, 1e-14)), np.float32)


def band(level_db: Array, rate: int) -> Band | None:
    """Read the end of the content from a long-term spectrum.

    Parameters
    ----------
    level_db : (int(rate / 2 / BIN),) array
        Mean over the voice's stretches, in dB per band.
    rate : int
        Hz, of the sound that it was measured on.

    Returns
    -------
    Band or None
        None for a spectrum that is not finite.
    """
    level = np.asarray(level_db, np.float64)
    if not len(level) or not np.isfinite(level).all():
        return None
    edges = (np.arange(len(level)) + 0.5) * BIN  # lower edges; the first band holds 31 to 94 Hz
    loudest_above = np.maximum.accumulate(level[::-1])[::-1]
    slope = (level[:-SLOPE_OVER] - level[SLOPE_OVER:]) / (SLOPE_OVER * BIN / 1000)
    last = int(EDGE * rate / 2 / BIN)
    for i in range(round(LOWEST / BIN), last - KILOHERTZ // 2):
        below = float(level[i - KILOHERTZ : i - SLOPE_OVER].mean())
        if loudest_above[i] <= below - CORNER and loudest_above[min(i + KILOHERTZ, last)] <= below - DROP:
            return Band(float(edges[i]), float(slope[i - SLOPE_OVER : i + KILOHERTZ].max()), True)
    heard = np.flatnonzero(level > level.max() - CONTENT)
    limit = rate / 2 if heard[-1] >= last else float(edges[heard[-1]] + BIN)
    return Band(limit, float(max(slope[round(LOWEST / BIN) : last].max(initial=0.0), 0.0)), False)
