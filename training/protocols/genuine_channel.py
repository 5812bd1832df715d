"""A channel with many genuine recordings: one speaker's short clips joined to longer ones.

    python training/protocols/genuine_channel.py CLIPS OUT [--seconds 24] [--most 120] [--signals reading]

CLIPS is a folder of short clips of one speaker in one format, such as GRID's. They are shuffled (seeded) and each is
used once. OUT/manifest.csv holds bona fide rows alone, for every signal: it shows whether a calibration on site keeps
false alarms at the rate it promises. The turns say that the speaker has the word from end to end: the pauses between
the clips' sentences would else leave `reading`, which looks at 20 s of answers, too little.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import manifest
import numpy as np
import pictures
import split

SIGNALS = "reading"
SUFFIXES = (".mpg", ".mp4", ".mkv", ".avi", ".mov", ".webm")


def groups(clips: list[Path], each: int, most: int, seed: int = 0) -> list[list[Path]]:
    """`most` groups at most, of `each` clips; none in two of them, what is left over in none."""
    order = [clips[i] for i in np.random.default_rng(seed).permutation(len(clips))]
    return [order[i : i + each] for i in range(0, len(order) - each + 1, each)][:most]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=24.0)
    parser.add_argument("--clip-seconds", type=float, default=3.0, help="length of one clip")
    parser.add_argument("--most", type=int, default=120, help="recordings at most")
    parser.add_argument("--signals", default=SIGNALS)
    parser.add_argument("--person", default="grid_s1")
    options = parser.parse_args()
    began = time.monotonic()
    clips = sorted(path for path in options.clips.iterdir() if path.suffix.lower() in SUFFIXES)
    each = max(1, round(options.seconds / options.clip_seconds))
    rows = []
    for i, members in enumerate(groups(clips, each, options.most)):
        path = options.out / "recordings" / f"{i:03d}.mkv"
        seconds = pictures.joined(members, path)
        turns = manifest.one_turn(path.with_suffix(".rttm"), seconds, "candidate")
        facts = {"label": "bonafide", "person": f"{options.person}/{i:03d}", "split": split.DEVTEST, "kind": "genuine"}
        facts["turns"] = str(turns)
        rows += [{"path": str(path), "signal": signal, **facts} for signal in options.signals.split(",")]
    manifest.write(options.out / "manifest.csv", rows)
    print(f"{manifest.counts(rows, 'signal', 'label')}\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
