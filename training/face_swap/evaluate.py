"""Score genuine and swapped video with the shipped detector, calibrate, and report what was measured.

Usage: python evaluate.py VIDEO_DIR SCORES.csv [--card models/face_swap-0.1.0.toml]

VIDEO_DIR holds recordings and a manifest.csv (path, label, kind, person_id, source, licence_class). Of a ``mixed`` file
the left panel is genuine, the right one swapped, of the same person in one encode. With --card the [calibration] table
of that card is rewritten from all rows; the figures printed are cross-fitted: each person's confidence comes from a
calibration that never saw that person. Nothing here trains the linear model.
"""

from __future__ import annotations

import argparse
import csv
import math
import pathlib
from dataclasses import dataclass, replace

import numpy as np

from inperson.calibration import fit
from inperson.detectors._face_texture import NAMES
from inperson.detectors.face_swap import FaceSwap
from inperson.evaluation import bootstrap, metrics
from inperson.media import Reader, probe
from inperson.perception import Senses, perceive
from inperson.types import Candidate, Reading, Track


@dataclass(frozen=True)
class Row:
    path: str
    label: int
    kind: str
    person: str
    source: str
    score: float
    reason: str
    values: tuple[float, ...] = ()
    """Medians in the order of `NAMES`; empty where the detector abstained."""


def readings(folder: pathlib.Path, row: dict[str, str]) -> list[Row]:
    path = folder / row["path"]
    senses = Senses(frozenset({"faces"}), probe(path))
    detector = FaceSwap()
    with Reader(path, audio=False, each_frame=senses.see) as reader:
        for chunk in perceive(reader, senses):
            detector.update(chunk)
    session = senses.session()
    width = session.media.video.width
    out = []
    for panel, label in panels(row):
        inside = [t for t in session.tracks if panel is None or (centre(t) < width / 2) == (panel == "left")]
        main = max(inside, key=lambda t: t.duration, default=None)
        who = Candidate(main.track, None, "", (main.track,)) if main else Candidate(None, None, "no face")
        found = detector.finish(replace(session, candidate=who))
        kind = "genuine" if not label else row["kind"] if row["label"] != "mixed" else "face_swap"
        scored = isinstance(found, Reading)
        score, reason = (found.score, "") if scored else (math.nan, found.reason)
        values = tuple(found.measurements[name].value for name in NAMES) if scored else ()
        out.append(Row(row["path"], label, kind, row["person_id"] or row["path"], row["source"], score, reason, values))
    return out


def panels(row: dict[str, str]) -> list[tuple[str | None, int]]:
    if row["label"] == "mixed":
        return [("left", 0), ("right", 1)]
    return [(None, int(row["label"] == "fake"))]


def centre(track: Track) -> float:
    return (track.box[0] + track.box[2]) / 2


def auc(rows: list[Row]) -> str:
    """AUC with a 95 % interval from resampled persons."""
    scores, labels = np.array([r.score for r in rows]), np.array([r.label for r in rows])
    found = bootstrap.interval(metrics.auc, scores, labels, groups=[r.person for r in rows], labels=labels)
    return f"{found:.2f} ({labels.sum()} against {(1 - labels).sum()})"


def cross_fitted(rows: list[Row]) -> np.ndarray:
    """log10 likelihood ratio of each row from a calibration without its person."""
    out = np.zeros(len(rows))
    for person in {r.person for r in rows}:
        rest = [r for r in rows if r.person != person]
        made = fit([r.score for r in rest], [r.label for r in rest], [r.person for r in rest], max_llr=MAX_LLR)
        for i, r in enumerate(rows):
            if r.person == person:
                out[i] = made.llr(r.score)
    return out


MAX_LLR = 0.5
"""Bound of the shipped calibration: few generators stand behind it."""


def report(rows: list[Row]) -> None:
    scored = [r for r in rows if math.isfinite(r.score)]
    print(f"{len(rows)} faces, {len(scored)} scored, {len(rows) - len(scored)} abstained")
    swaps = [r for r in scored if r.kind in ("genuine", "face_swap")]
    print("AUC swapped against all genuine, pooled:", auc(swaps))
    print("AUC talking heads against all genuine (not this signal):", auc([r for r in scored if r.kind != "face_swap"]))
    pairs: dict[str, dict[int, Row]] = {r.path: {} for r in swaps}
    for r in swaps:
        pairs[r.path][r.label] = r
    both = [(p[0], p[1]) for p in pairs.values() if len(p) == 2]
    higher = sum(fake.score > real.score for real, fake in both)
    print(f"pairs from one encode in which the swapped half scores higher: {higher} of {len(both)}")
    for i, name in enumerate(NAMES):
        print(f"  {name:8} higher in {sum(fake.values[i] > real.values[i] for real, fake in both)} of {len(both)}")
    llr, labels = cross_fitted(swaps), np.array([r.label for r in swaps])
    cost = metrics.cllr(llr, labels)
    print(f"cross-fitted by person: Cllr {cost:.2f} bits, log10 LR from {llr.min():+.2f} to {llr.max():+.2f}")
    over = (llr > math.log10(2)) & (labels == 0)
    print(f"genuine faces above a likelihood ratio of 2: {over.sum()} of {(labels == 0).sum()}")
    for r in (r for r, high in zip(swaps, over, strict=True) if high):
        print(f"  {r.source}: {r.path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=pathlib.Path)
    parser.add_argument("scores", type=pathlib.Path)
    parser.add_argument("--card", type=pathlib.Path)
    options = parser.parse_args()
    with open(options.video / "manifest.csv", newline="") as source:
        rows = [r for row in csv.DictReader(source) for r in readings(options.video, row)]
    with open(options.scores, "w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(Row.__dataclass_fields__)
        writer.writerows([getattr(r, name) for name in Row.__dataclass_fields__] for r in rows)
    report(rows)
    if options.card:
        used = [r for r in rows if math.isfinite(r.score) and r.kind in ("genuine", "face_swap")]
        made = fit([r.score for r in used], [r.label for r in used], [r.person for r in used], max_llr=MAX_LLR)
        head = options.card.read_text().split("[calibration]")[0]
        options.card.write_text(head + made.to_toml())


if __name__ == "__main__":
    main()
