"""`synthetic_voice` on clips as they are found: nothing cut, levelled or repeated, no turns supplied.

    python training/protocols/synthetic_voice_clips.py DEV OUT [--least 4.0]

DEV is a folder that ``training/synthetic_voice/collect.py --split devtest`` wrote. Writes OUT/manifest.csv for
``inperson evaluate``: every clip of at least `--least` seconds, neural codecs and vocoder copies left out. File trivia
tells part of the classes here (`docs/evaluation.md`), so read it beside the protocol of synthetic_voice.py.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import manifest
import soundfile
import split
from synthetic_voice import RESYNTHESIS, SIGNAL, person

KEPT = ("kind", "source", "language", "accent", "sex", "licence_class")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dev", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--least", type=float, default=4.0)
    options = parser.parse_args()
    made = []
    for row in manifest.read(options.dev / "manifest.csv"):
        path = options.dev / row["path"]
        if row["kind"] in RESYNTHESIS or soundfile.info(path).duration < options.least:
            continue
        made.append(
            {
                "path": str(path.resolve()),
                "signal": SIGNAL,
                "label": row["label"],
                "person": person(row),
                "split": split.DEVTEST,
                **{name: row[name] for name in KEPT},
                "language": row["language"].split(";")[0],
                "generator": row["system"],
            }
        )
    options.out.mkdir(parents=True, exist_ok=True)
    manifest.write(options.out / "manifest.csv", made)
    print(manifest.counts(made, "label", "kind"))


if __name__ == "__main__":
    main()
