"""Do discontinuities recur at a fixed block length, as where a converter joins the blocks that it processes?

A comb over the periodogram of the discontinuities (4 ms grid): a period is credited with the power at all multiples of
its rate from 8 to 60 Hz. Syllables, which repeat at 3 to 8 Hz, are not strictly periodic and have no power there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._voice_traces._blocks import Array, Mask

BIN = 0.004
"""Seconds of the grid."""
WINDOW = 4096
"""Bins (16.4 s) of one periodogram; the powers of several are averaged, so that a slow clock does not matter."""
SIZE = 16384
"""Zero-padded length: the grid is four times finer than what 16 s resolve."""
SHORTEST, LONGEST = 0.1, 1.0
"""Seconds: block lengths of real-time voice changers (RVC: 0.25 by default; w-okada: 0.3 to 1.0 usual)."""
LOW, HIGH = 8.0, 60.0
"""Hz of the multiples that count; above, the pitch itself begins."""
MIN_SPEECH = 3.0
"""Seconds of speech below which nothing is read."""
SIGNIFICANT = 6.0
"""-log10 of the chance below which no period is named. Own choice: speech is no noise, and of 70 genuine training
recordings one reached 5 without any blocks."""
FLOOR = 32
"""Half a neper (`_frames.SCALE`) over the surroundings, under which a change is none: tones and hum have such."""
LEAST = 1e-3
"""Smallest chance credited to one multiple: a single line, such as a packet rate or a hum, must not make a comb."""
INNOCENT = (
    "Packets, frames of a codec or concealment of lost packets in a call, and machines or music in the room, also "
    "change the sound at a fixed period."
)


@dataclass(frozen=True, slots=True)
class Seams:
    """The period (s) at which discontinuities recur most clearly, and -log10 of the chance that it is nothing."""

    period: float
    significance: float


def seams(novelty: NDArray[Any], used: Mask) -> Seams | None:
    """Find the block period.

    Parameters
    ----------
    novelty : (n,) array
        Discontinuity every `BIN` seconds, as `_frames.discontinuity` gives it.
    used : (n,) bool
        Where the voice speaks.

    Returns
    -------
    Seams or None
        None where there is too little speech or nothing varies. No significance is given to periods shorter than a
        block.
    """
    from scipy import special

    power, windows = periodogram(rarity(np.where(novelty >= FLOOR, novelty, 0), used), used)
    if windows == 0:
        return None
    rates = np.exp(np.arange(np.log(1 / LONGEST), np.log(HIGH), 0.5 / (HIGH * WINDOW * BIN)))
    # Chance of each bin's mean power if it were noise: exponential in each window, so Gamma in their sum.
    chance = np.maximum(special.gammaincc(windows, windows * power), LEAST)
    cost = -np.log(chance)
    total, multiples = np.zeros(len(rates)), np.zeros(len(rates))
    for k in range(1, int(HIGH * LONGEST) + 1):
        counts = (k * rates >= LOW) & (k * rates <= HIGH)
        index = np.round(k * rates[counts] * SIZE * BIN).astype(int)
        total[counts] += cost[index]
        multiples[counts] += 1
    # Fisher's method: the sum over K multiples is Gamma(K) under chance; then for having looked at all periods.
    joint = -_log10_upper_gamma(multiples, total) - np.log10(len(rates))
    best = int(np.argmax(joint))
    if 1 / rates[best] < SHORTEST * 0.98:
        return Seams(float(1 / rates[best]), 0.0)
    return Seams(float(1 / rates[best]), max(float(joint[best]), 0.0))


def rarity(novelty: NDArray[Any], used: Mask) -> Array:
    """-log10 of the share of `used` values that are as large: rare ones count, common ones do not."""
    values = np.sort(novelty[used])
    if not len(values):
        return np.zeros(len(novelty))
    below = np.searchsorted(values, novelty, side="left") / len(values)
    made: Array = -np.log10(np.maximum(1 - below, 5e-4))
    return made


def periodogram(novelty: NDArray[Any], used: Mask) -> tuple[Array, int]:
    """Mean power (SIZE // 2 + 1,) over windows with enough speech, flattened to mean 1; and how many windows."""
    total = np.zeros(SIZE // 2 + 1)
    windows = 0
    for first in range(0, len(novelty), WINDOW):
        part, mask = novelty[first : first + WINDOW].astype(np.float64), used[first : first + WINDOW]
        if mask.sum() * BIN < MIN_SPEECH:
            continue
        part = np.where(mask, part - part[mask].mean(), 0.0)
        power = np.square(np.abs(np.fft.rfft(part, SIZE)))
        if not power.any():
            continue
        total += power / _surroundings(power)
        windows += 1
    return (total / windows if windows else total), windows


def _surroundings(power: Array) -> Array:
    """Level around each bin without its lines: running median over about 6 Hz, as a mean of exponential noise."""
    width = 96
    blocks = np.pad(power, (0, -len(power) % width), mode="edge").reshape(-1, width)
    three = np.concatenate([blocks[[0, *range(len(blocks) - 1)]], blocks, blocks[[*range(1, len(blocks)), -1]]], axis=1)
    medians = np.median(three, axis=1) / np.log(2) + 1e-30
    centres = (np.arange(len(blocks)) + 0.5) * width
    made: Array = np.interp(np.arange(len(power)), centres, medians)
    return made


def _log10_upper_gamma(shape: Array, x: Array) -> Array:
    """log10 of the upper regularised incomplete gamma function, also where it underflows."""
    from scipy import special

    shape = np.maximum(shape, 1.0)
    direct = special.gammaincc(shape, x)
    # Leading term of the tail; only used far out, where x is well above the shape.
    tail = (shape - 1) * np.log(np.maximum(x, 1e-9)) - x - special.gammaln(shape)
    made: Array = np.where(direct > 1e-250, np.log10(np.maximum(direct, 1e-300)), tail / np.log(10))
    return made
