"""Which systems of a measurement spoke in training too, on other pages: those are no unseen systems.

    python training/protocols/known.py FOLDER... [--choosing VOICES] --out training/protocols/known_systems.txt

FOLDERs are what ``training/synthetic_voice/collect.py`` wrote for training, and `engines/` made here; VOICES holds the
public pages, of which the choosing half trains (grown.py). The list holds the families of names (`corpus.family`, by
which cross-validation keeps relatives apart) of all synthetic speech in them, class `none` included. It errs towards
known: P-Flow counts, since another name with a lone P before it does.
"""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

import manifest
import split

LIST = Path(__file__).with_name("known_systems.txt")
YES, NO = "the system, on other pages", "nothing of it"


def family(row: dict[str, str]) -> str:
    return str(manifest.script("synthetic_voice/corpus").family(row["system"], ""))


@functools.cache
def families() -> frozenset[str]:
    return frozenset(LIST.read_text(encoding="utf-8").split("\n")) - {""}


def seen(row: dict[str, str]) -> str:
    """What training knows of a synthetic clip's system; nothing is said of genuine speech, which no system made."""
    if row["label"] != "spoof":
        return ""
    return YES if family(row) in families() else NO


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--choosing", type=Path, nargs="*", default=[], help="folders of which one half trains")
    parser.add_argument("--out", type=Path, default=LIST)
    options = parser.parse_args()
    rows = [row for folder in options.folders for row in manifest.read(folder / "manifest.csv")]
    pages = [row for folder in options.choosing for row in manifest.read(folder / "manifest.csv")]
    rows += [row for row in pages if split.half(row["source"]) == split.CALIBRATE]
    found = sorted({family(row) for row in rows if row["label"] == "spoof"} - {""})
    options.out.write_text("".join(f"{name}\n" for name in found), encoding="utf-8")
    print(f"{len(found)} families of systems")


if __name__ == "__main__":
    main()
