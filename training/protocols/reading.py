"""`reading`: gaze of genuine clips, as it is and with simulated reading added, clean and through presets.

    python training/protocols/reading.py VIDEO OUT [--degrade zoom-720p,teams-360p] [--split devtest|calibrate]

VIDEO is a folder of clips with a manifest.csv. No recording of somebody reading exists in the collection, so a spoof
cannot be a file: gaze is measured in the genuine clip as decoded (after the preset, if any), looped to a minute, and
the simulated staircase of a reader added to those numbers (training/reading/simulate.py). What matters most here are
the false alarms on the genuine side, which are measured. Writes OUT/reading.csv and, made of it, the files of
`inperson evaluate`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import manifest
import numpy as np
import split

from inperson import models
from inperson.calibration import Calibration, confidence
from inperson.detectors._gaze_grid import RATE, steady
from inperson.detectors.reading import MAX_NOISE, ReadingFromScreen
from inperson.evaluation.rows import Row as Result

SIGNAL = "reading"
SHORTEST = 5.0
"""Seconds of a clip, as in training/reading/simulate.py."""
TABLE = "reading.csv"
simulate = manifest.script("reading/simulate")
Row = dict[str, str]


@dataclass(frozen=True)
class Scored:
    """One line of reading.csv; `score`, `llr` and `quality` are None where the detector abstains."""

    path: str
    signal: str
    label: str
    person: str
    split: str
    condition: str
    kind: str
    source: str
    licence_class: str
    score: float | None
    llr: float | None
    quality: float | None
    reason: str = ""


def quality(rows: np.ndarray) -> float:
    """As `ReadingFromScreen` puts it, for somebody who speaks all the time."""
    times, across, _, noise = steady(rows)
    measured = np.isfinite(across)
    share = float(measured.mean()) if len(times) else 0.0
    return min(1.0, float(measured.sum()) / RATE / 60) * (1 - noise / MAX_NOISE / 2) * min(1.0, share / 0.8)


def measured(path: Path, condition: str) -> np.ndarray:
    """Gaze of the clip as it is (``clean``) or through a preset."""
    if condition == "clean":
        return np.asarray(simulate.gaze(path))
    from inperson.degradation import PRESETS, degrade

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"copy{PRESETS[condition].suffix(True)}"
        degrade(path, copy, condition)
        return np.asarray(simulate.gaze(copy))


def scored(row: Row, half: str, gaze: np.ndarray, condition: str, calibration: Calibration) -> Iterator[Scored]:
    """The genuine row and one for each simulated reader; only the genuine one where the detector abstains."""
    looped = simulate.looped(gaze) if len(gaze) > 50 else gaze[:0]
    rng = np.random.default_rng([7, *f"{row['path']}".encode()])
    about = (row["person_id"] or row["path"], half, condition)
    where = (row["source"], row["licence_class"])
    for kind in ("genuine", *simulate.READERS):
        moved = looped.copy()
        if kind != "genuine" and len(moved):
            moved[:, 1] += simulate.staircase(looped[:, 0], kind, rng)
        value = simulate.score(moved)
        label = "bonafide" if kind == "genuine" else "spoof"
        llr = None if value is None else calibration.llr(value)
        reason = "" if value is not None else "eyes too small, too noisy or hardly measured"
        good = None if value is None else quality(moved)
        yield Scored(row["path"], SIGNAL, label, *about, kind, *where, value, llr, good, reason)


def table(made: Sequence[Scored]) -> str:
    """All lines as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Scored.__dataclass_fields__)
    for one in made:
        cells = (getattr(one, name) for name in Scored.__dataclass_fields__)
        writer.writerow("" if cell is None else cell for cell in cells)
    return text.getvalue()


def evaluated(made: Sequence[Scored], conditions: Sequence[str], out: Path, prior: float = 0.5) -> None:
    """The same files as `inperson evaluate` writes, from these scores."""
    from inperson.evaluation.document import Source, documented
    from inperson.evaluation.tasks import Settings
    from inperson.evaluation.writing import write

    text = table(made)
    (out / TABLE).write_text(text, encoding="utf-8")
    source = Source(TABLE, hashlib.sha256(text.encode()).hexdigest(), len(made))
    rows = [result(one, prior) for one in made]
    settings = Settings(prior=prior, recheck=False)
    write(documented(source, rows, conditions, settings, by=("kind", "source", "split")), rows, out)


def result(one: Scored, prior: float) -> Result:
    """One line as the evaluation takes it."""
    return Result(
        path=one.path,
        signal=SIGNAL,
        label=int(one.label == "spoof"),
        group=f"person {one.person}",
        condition=one.condition,
        status="abstained" if one.score is None else "scored",
        score=one.score,
        llr=one.llr,
        confidence=None if one.llr is None else confidence(one.llr, prior),
        quality=one.quality,
        reason=one.reason,
        columns={name: getattr(one, name) for name in ("kind", "source", "split", "licence_class")},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--degrade", default="", metavar="A,B")
    parser.add_argument("--split", choices=(split.CALIBRATE, split.DEVTEST), help="both halves by default")
    parser.add_argument("--most", type=int, help="clips at most, to try it out")
    options = parser.parse_args()
    began = time.monotonic()
    rows = manifest.read(options.video / "manifest.csv")
    halves = split.halves(rows)
    kept = [r for r in rows if r["label"] == "real" and float(r["duration_s"]) >= SHORTEST]
    kept = [r for r in kept if options.split in (None, halves[r["path"]])][: options.most]
    conditions = ("clean", *(name for name in options.degrade.split(",") if name))
    calibration = Calibration.from_card(models.card(ReadingFromScreen.model).calibration, ReadingFromScreen.model)
    made: list[Scored] = []
    for row in kept:
        for condition in conditions:
            gaze = measured(options.video / row["path"], condition)
            made += scored(row, halves[row["path"]], gaze, condition, calibration)
    options.out.mkdir(parents=True, exist_ok=True)
    evaluated(made, conditions, options.out)
    lines = [vars(one) | {"is": "scored" if one.score is not None else "abstains"} for one in made]
    print(manifest.counts(lines, "condition", "split", "label", "is"))
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
