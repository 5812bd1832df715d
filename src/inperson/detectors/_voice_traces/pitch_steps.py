"""Does the pitch stand still, run too smoothly, or keep to a grid of steps, as where a program draws it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._voice_traces._blocks import Array, Mask

PERIODIC = 0.7
"""Least periodicity of a voiced frame: pitch is then read to a part in a thousand."""
SHORTEST = 8
"""Frames of 8 ms (64 ms) that a voiced run must hold."""
JUMP = 0.06
"""Change of log F0 in 8 ms (one semitone) that ends a run: an octave error or a new voice."""
STILL = 2e-4
"""Change of log F0 in 8 ms (a third of a cent) under which the pitch stands still."""
PIECE = 25
"""Frames (0.2 s) whose distances to the grid count as one observation: neighbours are alike."""
MIN_PIECES = 8
MOST_PIECES = 1000
"""Pieces looked at, evenly chosen, so that a long recording costs no more."""
FINEST, COARSEST = 0.008, 0.08
"""Steps of log F0 that are tried (14 to 138 cents); finer ones drown in the pitch's own reading."""
MEL_FINEST, MEL_COARSEST = 2.0, 14.0
"""Steps in mel: RVC's 255 steps from 50 to 1100 Hz are 3.9 mel."""
AS_GOOD = 0.8
"""Share of the best fit that a coarser grid must reach to be preferred."""
MIN_VOICED = 1.0
"""Seconds of voiced sound below which nothing is read."""
INNOCENT = (
    "Singing, chanting, a monotonous way of reading, pitch correction in recording software and low-rate codecs, which "
    "send the pitch in steps, do that too."
)


@dataclass(frozen=True, slots=True)
class Steps:
    """How the pitch moves.

    Attributes
    ----------
    still : float
        Share of 8 ms steps, inside voiced runs, in which it does not move.
    roughness : float
        Median absolute second difference of log F0 over 8 ms frames, as a ratio: natural jitter.
    step : float
        Hz: spacing, at the median pitch, of the grid that the pitch keeps to best; 0 where none could be tried.
    significance : float
        -log10 of the chance of keeping to any grid tried as well as that.
    """

    still: float
    roughness: float
    step: float
    significance: float


def steps(log_f0: Array, periodicity: Array) -> Steps | None:
    """Read the steps of a pitch contour.

    Parameters
    ----------
    log_f0 : (n,) array
        Natural log of F0 in Hz every 8 ms; NaN where there is none.
    periodicity : (n,) array
        In [0, 1].

    Returns
    -------
    Steps or None
        None for under a second of clearly voiced sound.
    """
    voiced = np.isfinite(log_f0) & (periodicity >= PERIODIC)
    runs = [log_f0[a:b].astype(np.float64) for a, b in _runs(log_f0, voiced)]
    if sum(map(len, runs)) * 0.008 < MIN_VOICED:
        return None
    moves = np.abs(np.concatenate([np.diff(run) for run in runs]))
    bends = np.abs(np.concatenate([np.diff(run, n=2) for run in runs]))
    step, significance = grid(runs)
    return Steps(float(np.mean(moves < STILL)), float(np.median(bends)), step, significance)


def grid(runs: Sequence[Array]) -> tuple[float, float]:
    """Spacing in Hz at the median pitch, and -log10 of the chance, of the grid that `runs` of log F0 keep to best.

    For each spacing the frames are laid on a circle; each piece of 0.2 s gives one vector, and where pieces are
    unrelated to the grid, the squared length of their sum over the sum of their squared lengths is exponential
    (Rayleigh's test with dependent observations).
    """
    pieces = [run[i : i + PIECE : 2] for run in runs for i in range(0, len(run) - SHORTEST + 1, PIECE)]
    pieces = pieces[:: len(pieces) // MOST_PIECES + 1]
    if len(pieces) < MIN_PIECES:
        return 0.0, 0.0
    values = np.concatenate(pieces)
    starts = np.cumsum([0, *map(len, pieces[:-1])])
    middle = float(np.median(values))
    best = (0.0, 0.0)
    tried = 0
    for scale, slope, finest, coarsest in (
        (values, 1.0, FINEST, COARSEST),
        (mel(values), _mel_slope(middle), MEL_FINEST, MEL_COARSEST),
    ):
        low, high = np.percentile(scale, [5, 95])
        # The pitch must span three steps: a monotone fits every coarse grid.
        largest = min(coarsest, (high - low) / 3)
        if largest <= finest:
            continue
        rates = np.arange(1 / largest, 1 / finest, 0.25 / (high - low))
        tried += len(rates)
        found = _concentration(scale, starts, rates)
        if found.max() > best[1]:
            # What keeps to a coarse grid keeps to all that divide it: the coarsest as good as the best is meant.
            at = int(np.argmax(found >= AS_GOOD * found.max()))
            best = (float(np.exp(middle) / (rates[at] * slope)), float(found.max()))
    if not tried:
        return 0.0, 0.0
    return best[0], float(max(best[1] / np.log(10) - np.log10(tried), 0.0))


def mel(log_f0: Array) -> Array:
    """Mel of exp(log_f0), by 1127 ln(1 + f / 700) (O'Shaughnessy 1987), as RVC's pitch is quantised."""
    made: Array = 1127 * np.log1p(np.exp(log_f0) / 700)
    return made


def _mel_slope(log_f0: float) -> float:
    """Mel per unit of log F0 there."""
    f = float(np.exp(log_f0))
    return 1127 * f / (700 + f)


def _concentration(scale: Array, starts: NDArray[np.int_], rates: Array) -> Array:
    """Squared length of the sum of the pieces' vectors over the sum of their squared lengths, for each of the rates,
    which lie evenly."""
    found = np.zeros(len(rates))
    turned = np.exp(2j * np.pi * rates[0] * scale)
    turn = np.exp(2j * np.pi * (rates[1] - rates[0]) * scale) if len(rates) > 1 else turned
    for i in range(len(rates)):
        sums = np.add.reduceat(turned, starts)
        found[i] = np.abs(sums.sum()) ** 2 / (np.sum(sums.real**2 + sums.imag**2) + 1e-12)
        turned *= turn
    return found


def _runs(log_f0: Array, voiced: Mask) -> list[tuple[int, int]]:
    """Stretches of voiced frames without jumps, as (first, last + 1)."""
    joined = voiced[1:] & voiced[:-1]
    joined[joined] = np.abs(np.diff(log_f0))[joined] < JUMP
    edges = np.flatnonzero(np.diff(np.concatenate([[False], joined, [False]]).astype(int)))
    return [(a, b + 1) for a, b in zip(edges[::2], edges[1::2], strict=True) if b + 1 - a >= SHORTEST]
