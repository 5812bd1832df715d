"""How far the offsets found in a mix lie from the true ones, on the protocol's assembled conversations.

    python training/response_latency/heard_offsets.py OUT [--kind "as recorded"] [--most 8]

OUT is what training/protocols/response_latency.py wrote (``manifest.csv`` with the true turns, ``heard.csv`` without).
Each recording goes through the library's own reading, diarization and exchanges. A true exchange is found if one of the
same person begins its answer within a second of it.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from inperson.detectors.response_latency import ResponseLatency
from inperson.exchanges import Exchange, exchanges
from inperson.media import Reader, probe
from inperson.perception import Senses, perceive
from inperson.transcripts import read_turns
from inperson.types import Session, Turn, merged

NEAR = 1.0


def heard(path: Path) -> tuple[ResponseLatency, Session]:
    """The detector and the session after the whole recording; nobody's answers have been looked at yet."""
    detector = ResponseLatency()
    senses = Senses(detector.needs, probe(path))
    with Reader(path, each_frame=senses.see) as reader:
        for chunk in perceive(reader, senses):
            detector.update(chunk)
    return detector, senses.session()


def label_of(turns: tuple[Turn, ...], true: tuple[Turn, ...], candidate: str) -> str:
    """The found speaker who talks longest while the true candidate does."""
    own = merged(turn.span for turn in true if turn.speaker == candidate)

    def shared(speaker: str) -> float:
        spans = merged(turn.span for turn in turns if turn.speaker == speaker)
        return sum(both.duration for a in spans for b in own if (both := a & b))

    return max(sorted({turn.speaker for turn in turns}), key=shared)


def errors(found: list[Exchange], true: list[Exchange]) -> Iterator[float]:
    for one in true:
        near = [e for e in found if abs(e.answer.start - one.answer.start) <= NEAR]
        if near:
            best = min(near, key=lambda e: abs(e.answer.start - one.answer.start))
            yield best.offset - one.offset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kind", default="as recorded")
    parser.add_argument("--most", type=int, default=8)
    args = parser.parse_args()
    with open(args.out / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == args.kind and row.get("turns")][: args.most]
    every: list[float] = []
    total = 0
    for row in rows:
        detector, session = heard(args.out / row["path"])
        true = read_turns(args.out / row["turns"])
        wanted = exchanges(true, row["candidate"])
        if not session.turns or not wanted:
            continue
        who = label_of(session.turns, true, row["candidate"])
        known = replace(session, candidate=replace(session.candidate, speaker=who))
        made = list(errors(detector._exchanges(known), wanted))
        every += made
        total += len(wanted)
        middle = np.median(np.abs(made)) if made else float("nan")
        print(f"{row['path'][-50:]}: {len(made)} of {len(wanted)} exchanges, median |error| {middle:.2f} s", flush=True)
    if every:
        middle, most = np.percentile(np.abs(every), [50, 90])
        bias = np.median(every)
        print(f"{len(every)} of {total} exchanges; error {bias:+.2f} s (median)")
        print(f"|error| {middle:.2f} s (median), {most:.2f} s (90 %)")


if __name__ == "__main__":
    main()
