"""Which measurements of delivery tell reading aloud from speaking freely, and by how much.

    python training/response_latency/delivery.py READ FREE [--least 3] [--most 12]

READ and FREE are folders of recordings of one person each, read aloud and spoken freely; what stands before a double
underscore in a file's name is its source. Prints, for each measurement of `detectors/_answers/delivery`, the AUC for
reading with its 95 % interval (recordings resampled), in the direction that others found (``-``: fewer or less in read
speech), and the AUC with each source of READ left out in turn, lowest and highest.
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

import numpy as np

from inperson.detectors._answers import delivery
from inperson.detectors._answers.sound import Listening, Sound
from inperson.detectors._answers.units import Loudness
from inperson.evaluation import bootstrap, metrics
from inperson.media import Reader
from inperson.speech import Listener
from inperson.types import Span

FEWER = {"pauses", "pause_share", "pause_length", "pause_spread", "unit_spread", "held", "rate", "rate_spread"}
"""Lower in read speech as published (see the module measured here); the others are higher."""
AT_LEAST = 2
"""Pauses or stretches that a clip must have for how they vary; the product asks for more, clips are short."""


def heard(path: Path) -> Sound:
    listener, listening = Listener(speakers=False), Listening()
    with Reader(path, each_frame=lambda frame: frame, wanted=lambda time: False) as reader:
        for chunk in reader:
            listening.push(listener.update(chunk))
    return listening.finish()


def read(path: Path, most: float) -> delivery.Delivery | None:
    sound = heard(path)
    loudness = Loudness.of(sound, np.ones(len(sound), bool))
    whole = Span(sound.start, min(sound.span.end, sound.start + most))
    return None if loudness is None else delivery.delivery(sound, [whole], loudness)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("read", type=Path)
    parser.add_argument("free", type=Path)
    parser.add_argument("--least", type=float, default=3.0, help="seconds of voice that a recording must have")
    parser.add_argument("--most", type=float, default=12.0, help="seconds of each recording that are used")
    args = parser.parse_args()
    delivery.LEAST, delivery.FEWEST = args.least, AT_LEAST
    found = [
        (aloud, path.name.split("__")[0], one)
        for folder, aloud in ((args.read, True), (args.free, False))
        for path in files(folder)
        if (one := read(path, args.most)) is not None
    ]
    print(f"{sum(a for a, *_ in found)} read, {sum(not a for a, *_ in found)} free")
    for name in (field.name for field in fields(delivery.Delivery)):
        sign = -1.0 if name in FEWER else 1.0
        rows = [(a, s, sign * getattr(one, name)) for a, s, one in found if np.isfinite(getattr(one, name))]
        labels, values = [a for a, *_ in rows], [value for *_, value in rows]
        interval = bootstrap.interval(metrics.auc, values, labels, groups=range(len(rows)), labels=labels, seed=0)
        without = [
            metrics.auc([v for _, s, v in rows if s != out], [a for a, s, _ in rows if s != out])
            for out in sorted({s for a, s, _ in rows if a})
        ]
        medians = [float(np.median([sign * v for a, _, v in rows if a == aloud])) + 0.0 for aloud in (True, False)]
        print(
            f"{name:13} {'-' if sign < 0 else '+'}  {sum(labels):3} read {medians[0]:6.2f}  "
            f"{len(labels) - sum(labels):3} free {medians[1]:6.2f}  AUC {interval:.2f}  "
            f"without one source {min(without):.2f} to {max(without):.2f}"
        )


if __name__ == "__main__":
    main()
