"""The last steps, alike for every method: the original's room put back into half of the copies, and the level.

Neither belongs to a method: cleanliness and level must be no cue.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt
from spectrum import RATE, Sound, background, rms


def finished(x: Sound, y: Sound, rng: np.random.Generator) -> Sound:
    """The copy `y` of `x` as it is written. Raises ValueError where the copy is silent."""
    y = np.nan_to_num(y)
    if rms(y) < 1e-5:
        raise ValueError("the copy is silent")
    y = y * rms(x) / rms(y)
    gated = np.mean(y == 0) > 0.01
    if rng.random() < (0.1 if gated else 0.5):
        y = y + np.resize(background(x), len(y)) * 10 ** (rng.uniform(-12, 3) / 20)
    y = y * 10 ** (rng.uniform(-6, 6) / 20)
    y = y * min(1, rng.uniform(0.5, 0.98) / (np.abs(y).max() + 1e-9))
    if not gated and rng.random() < 0.5:
        # dither, so that pauses are not exact zeros merely because a vocoder is quieter than a room
        y = y + (rng.random(len(y)) - rng.random(len(y))) / 32768
    return np.asarray(y)


def low_cut(y: Sound, rng: np.random.Generator) -> Sound:
    """`y` without what lies under 30 to 100 Hz, in two thirds; exact zeros stay.

    Envelopes and predictors put energy there that microphones and recordings mostly have filtered out.
    """
    if rng.random() < 1 / 3:
        return y
    filtered = sosfilt(butter(2, rng.uniform(30, 100), "high", fs=RATE, output="sos"), y)
    return np.where(y == 0, 0.0, filtered)
