"""Measure genuine gaze, add simulated reading to it, and calibrate `reading`.

Usage: python fit.py VIDEO_DIR [--card models/reading-0.1.0.toml] [--seed 0]

No labelled recordings of reading exist here, so the positives are simulated: the gaze measured in a genuine clip, with
its own noise, blinks and head movement, plus the staircase of fixations and return sweeps of somebody reading lines of
text. Clips are looped to a minute at least, since an interview's answers are longer than these clips: the loop repeats
the person's movements and invents none. Genuine clips are looped alike. Licence: clips that may not train a shipped
model give two calibration numbers here and nothing else.

Prints the score by reader, cross-fitted figures by person, and writes the card's [calibration] table.
"""

from __future__ import annotations

import argparse
import csv
import math
import pathlib

import numpy as np

from inperson.calibration import fit
from inperson.detectors.reading import MAX_NOISE, MIN_EYES, RATE, ReadingFromScreen, passes, raw_score, steady
from inperson.evaluation.metrics import cllr
from inperson.media import Reader, probe
from inperson.perception import Senses, perceive

MAX_LLR = 0.4
"""Bound of the shipped calibration: positives are simulated and few persons stand behind the genuine side."""
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
    times, across, _, noise = steady(rows)
    minutes = np.isfinite(across).sum() / RATE / 60
    if noise > MAX_NOISE or minutes < 0.25:
        return None
    found = passes(times, across, noise)
    right, left = (sum(one.sign == sign for one in found) for sign in (1, -1))
    return raw_score(right, left, minutes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=pathlib.Path)
    parser.add_argument("--card", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    scores, labels, people, readers = [], [], [], []
    with open(options.video / "manifest.csv", newline="") as source:
        clips = [row for row in csv.DictReader(source) if row["label"] == "real" and float(row["duration_s"]) >= 5]
    for row in clips:
        rows = gaze(options.video / row["path"])
        rows = looped(rows) if len(rows) > 50 else rows[:0]
        base = score(rows)
        print(f"{row['source']:24} {row['person_id']:22} {'abstains' if base is None else f'{base:.2f}'}", flush=True)
        if base is None:
            continue
        scores.append(base), labels.append(0), people.append(row["person_id"]), readers.append("genuine")
        for reader in READERS:
            moved = rows.copy()
            moved[:, 1] += staircase(rows[:, 0], reader, rng)
            scores.append(score(moved)), labels.append(1), people.append(row["person_id"]), readers.append(reader)
    summary(np.array(scores), np.array(labels), np.array(people), np.array(readers))
    if options.card:
        made = fit(scores, labels, people, max_llr=MAX_LLR)
        head = options.card.read_text().split("[calibration]")[0]
        options.card.write_text(head + made.to_toml())


def summary(x: np.ndarray, y: np.ndarray, people: np.ndarray, readers: np.ndarray) -> None:
    llr = np.zeros(len(x))
    for person in set(people):
        own = people == person
        llr[own] = [fit(x[~own], y[~own], people[~own], max_llr=MAX_LLR).llr(s) for s in x[own]]
    for reader in ("genuine", *READERS):
        kept = readers == reader
        high = (llr[kept] > math.log10(2)).sum()
        middle = np.median(x[kept])
        print(f"{reader:26} n {kept.sum():3}  score median {middle:.2f}  ratio above 2: {high} of {kept.sum()}")
    print(f"persons {len(set(people))}, cross-fitted by person: Cllr {cllr(llr, y):.2f} bits")


if __name__ == "__main__":
    main()
