"""Spectra of openly licensed genuine speech without pictures, as further negatives for train.py.

    python training/lip_sync/voices.py AUDIO --out VOICES

AUDIO holds ``manifest.csv`` with path, label, split and licence_class; of the split ``train`` the bona fide recordings
with an open licence are read, the first ten seconds each.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from inperson.lips.sound import MelStream
from inperson.media import Reader

SECONDS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with open(args.audio / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if (r["split"], r["label"]) == ("train", "bonafide")]
    rows = [row for row in rows if row["licence_class"] == "open"]
    for number, row in enumerate(rows):
        mel = MelStream()
        with Reader(args.audio / row["path"]) as reader:
            for chunk in reader:
                if chunk.span.start < SECONDS:
                    mel.push(chunk.audio)
        spectra = mel.finish()
        if len(spectra) >= 100:
            np.save(args.out / f"{number:04d}.npy", spectra.astype(np.float16))
    print(f"{len(rows)} recordings")


if __name__ == "__main__":
    main()
