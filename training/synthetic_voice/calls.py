"""Held-out scores behind each call of training: is genuine speech pushed over the threshold of clean clips?

python calls.py PREPARED RUNS --sound NAME... --statistics NAME
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from corpus import ATTACKS, Corpus, read
from degrade import CALLS
from finish import blend, blended, scored
from numpy.typing import NDArray
from prepare import channel

from inperson.evaluation import metrics

VERSION = "call0"


def presets(corpus: Corpus) -> NDArray[np.str_]:
    """The call that each row went through, drawn again as `prepare.py` drew it; empty for other versions."""
    out = np.full(len(corpus), "", dtype="U20")
    for i in np.flatnonzero(corpus["version"] == VERSION):
        row = {name: str(corpus[name][i]) for name in ("path", "label", "pair_id")}
        out[i] = channel(row, VERSION).choice(CALLS)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--sound", nargs="+", required=True)
    parser.add_argument("--statistics", required=True)
    chosen = parser.parse_args()
    corpus, branches = scored(read(chosen.prepared), chosen.runs, [*chosen.sound, chosen.statistics])
    score = blended(blend(corpus, branches), branches)[:, 0]
    real, attack = corpus.spoof == 0, np.isin(corpus["kind"], ATTACKS)
    level = np.quantile(score[real & (corpus["version"] == "clean")], 0.95)
    behind = np.where(corpus["version"] == VERSION, presets(corpus), corpus["version"])
    for name in sorted(set(behind)):
        here = (behind == name) & (real | attack)
        error = 100 * metrics.eer(score[here], corpus.spoof[here])
        over = 100 * np.mean(score[here & real] > level)
        print(f"{name:15s} {np.sum(here & real)} genuine, {np.sum(here & attack)} attacks: EER {error:.0f} %, ", end="")
        print(f"genuine over the clean 5 % threshold {over:.0f} %")


if __name__ == "__main__":
    main()
