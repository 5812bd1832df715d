"""Passes along a line: a slow movement one way, ended by a quick return. What a reviewer can count."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inperson.detectors._gaze_grid import RATE, Series
from inperson.types import Span

JUMP = (2.0, 25.0)
"""Degrees of a return sweep: below is noise and single saccades, above the head has turned away."""
PASS = (0.7, 4.5)
"""Seconds of a pass along a line. Fixations last 200 to 300 ms and saccades span 7 to 9 letters (Rayner, Psychological
Bulletin 124 (1998) 372-422), so a line of text is passed in about 0.8 to 4 s."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One slow pass ended by a quick return: its time, and the direction of the slow part (+1 right, -1 left)."""

    span: Span
    sign: int
    degrees: float


def passes(times: Series, across: Series, noise: float) -> list[Pass]:
    """Slow passes in either direction, each ended by a quick return.

    A pass lasts `PASS` seconds, moves one way by at least half of the return that ends it, in steps of which none makes
    up most of the way, and keeps to that way: its correlation with time is at least 0.7. Empty in, empty out.
    """
    step = 2  # samples on either side: a return sweep lasts under 0.1 s, the grid smears it over 0.16 s
    if len(across) < 4 * step:
        return []
    jumps = np.full(len(across), np.nan)
    jumps[step:-step] = across[2 * step :] - across[: -2 * step]
    least = max(JUMP[0], 5 * noise)
    peaks = [
        i
        for i in range(step, len(jumps) - step)
        if least <= abs(jumps[i]) <= JUMP[1] and abs(jumps[i]) >= np.nanmax(np.abs(jumps[i - step : i + step + 1]))
    ]
    out: list[Pass] = []
    last = {1: 0, -1: 0}
    for i in peaks:
        way = 1 if jumps[i] > 0 else -1
        start = max(last[way] + step, i - int(PASS[1] * RATE))
        last[way] = i
        line = across[start : i - step + 1]
        if len(line) < PASS[0] * RATE or not np.isfinite(line).all():
            continue
        if _is_pass(line, -way, abs(float(jumps[i]))):
            out.append(Pass(Span(float(times[start]), float(times[i])), -way, abs(float(jumps[i]))))
    return out


def _is_pass(line: Series, sign: int, returned: float) -> bool:
    moved = sign * float(np.median(line[-4:]) - np.median(line[:4]))
    if not 0.5 * returned <= moved <= 2.0 * returned:
        return False
    step = np.abs(line[4:] - line[:-4])
    if step.max() > 0.6 * moved:  # one glance, not a row of fixations
        return False
    return sign * float(np.corrcoef(np.arange(len(line)), line)[0, 1]) >= 0.7


def excess(right: int, left: int, minutes: float) -> float:
    """log(1 + e), e being how many more passes a minute go one way than the other, less one standard error of counting.

    0 where the excess is no larger than chance; a few passes in a short recording count for little.
    """
    more = abs(right - left) - math.sqrt(right + left)
    return math.log1p(max(0.0, more) / minutes)
