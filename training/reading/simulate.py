"""Gaze of genuine clips, and simulated reading added to it; used by training/protocols/reading.py.

No labelled recordings of reading exist here, so the positives are simulated: the gaze measured in a genuine clip, with
its own noise, blinks and head movement, plus the staircase of fixations and return sweeps of somebody reading lines of
text. Clips are looped to a minute at least, since an interview's answers are longer than these clips: the loop repeats
the person's movements and invents none. Genuine clips are looped alike.
"""

from __future__ import annotations

import math
import pathlib

import numpy as np

from inperson.detectors._gaze_grid import RATE, steady
from inperson.detectors._gaze_passes import excess, passes
from inperson.detectors._gaze_windows import together, windows
from inperson.detectors.reading import MAX_NOISE, MIN_EYES, ReadingFromScreen
from inperson.media import Reader, probe
from inperson.perception import Senses, perceive

SECONDS = 60.0
READERS = {
    "narrow column, 6 degrees": (6.0, 1.4),
    "half screen, 10 degrees": (10.0, 2.0),
    "wide lines, 18 degrees": (18.0, 3.0),
    "now and then, 10 degrees": (10.0, 2.0),
}
"""Width of the lines seen from the candidate's seat, and seconds a line at about 250 words a minute."""


def gaze(path: pathlib.Path) -> np.ndarray:
    """Rows (time, across, down, lids, eyes) of the longest face; empty where nothing was measured."""
    senses = Senses(frozenset({"faces"}), probe(path))
    detector = ReadingFromScreen()
    with Reader(path, audio=False, each_frame=senses.see) as reader:
        for chunk in perceive(reader, senses):
            detector.update(chunk)
    tracks = senses.tracker.tracks()
    longest = max(tracks, key=lambda t: t.duration, default=None)
    return detector._of((longest.track,)) if longest else np.zeros((0, 5))


def looped(rows: np.ndarray) -> np.ndarray:
    """Forward and backward in turn until `SECONDS`, so that there is no jump at the seams."""
    length = rows[-1, 0] - rows[0, 0]
    parts, start = [], 0.0
    for i in range(math.ceil(SECONDS / length)):
        part = rows.copy()
        part[:, 0] -= rows[0, 0]
        if i % 2:
            part = part[::-1].copy()
            part[:, 0] = length - part[:, 0]
        part[:, 0] += start
        parts.append(part)
        start += length + 1 / RATE
    return np.concatenate(parts)


def staircase(times: np.ndarray, reader: str, rng: np.random.Generator) -> np.ndarray:
    """Degrees across of somebody reading: fixations of 200 to 300 ms, then the return sweep (Rayner 1998)."""
    width, pace = READERS[reader]
    out = np.zeros(len(times))
    start = 0.0
    while start < times[-1]:
        line = pace * rng.uniform(0.7, 1.3)
        steps = np.sort(rng.uniform(0, 1, max(2, round(line / 0.25))))
        inside = (times >= start) & (times < start + line)
        if reader.startswith("now") and rng.random() < 0.6:
            start += rng.uniform(4, 10)
            continue
        where = (times[inside] - start) / line
        out[inside] = width * (np.searchsorted(steps, where) / len(steps) - 0.5)
        start += line
    return out


def score(rows: np.ndarray) -> float | None:
    """`ReadingFromScreen`'s score if the person spoke all the time; None where it would abstain."""
    if not len(rows) or np.median(rows[:, 4]) < MIN_EYES:
        return None
    times, across, down, noise = steady(rows)
    if noise > MAX_NOISE or np.isfinite(across).sum() / RATE < 15:
        return None
    found = windows(ReadingFromScreen.model, times, across, down, np.ones(len(times), bool))
    return together(found) + more(times, across, noise) if found else None


def more(times: np.ndarray, across: np.ndarray, noise: float) -> float:
    """What the passes add to the score."""
    signs = [one.sign for one in passes(times, across, noise)]
    return excess(signs.count(1), signs.count(-1), np.isfinite(across).sum() / RATE / 60)
