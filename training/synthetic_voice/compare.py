"""The same protocol for every recipe: whole pages held out with every system of theirs.

    python compare.py PREPARED --out RUNS --families resnet_spectrum,lcnn_lfcc [--folds 0,1,2] [--samples 20000]
    python compare.py PREPARED --out RUNS --families whisper_2 --on EARLIER/NAME ...

Prints figures of the held-out clips and writes `RUNS/NAME.npz` (the scores) and `RUNS/NAME-FOLD.pt` (the weights). A
fold whose weights are there is not trained again. With `--on`, each goes on from `EARLIER/NAME-FOLD.pt`: folds stay
where they are when pages are added (corpus.folds), but then a system of a page that was added may have been heard.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from corpus import OPEN, UNLICENSED, Corpus, beside, folds, measures, read, trains
from families import FAMILIES
from figures import clips, false_alarms, line, threshold, worst_systems
from learn import Recipe, Source, score, train
from pictures import Pictures

TESTED = ("clean", "random0", "call0")


def source(prepared: Path, corpus: Corpus, family: str) -> Source:
    """Pictures, where the family can look at them."""
    return Pictures(prepared, corpus) if hasattr(FAMILIES[family]().front, "finish") else corpus


def held_out(prepared: Path, recipe: Recipe, which: list[int], out: Path, name: str, licences: tuple[str, ...]) -> None:
    corpus = read(prepared)
    fold, may = folds(corpus), measures(corpus) & np.isin(corpus["version"], TESTED)
    result = np.full((len(corpus), 3), np.nan, np.float32)
    for number in which:
        held = fold == number
        weights = out / f"{name}-{number}.pt"
        net = FAMILIES[recipe.family]()
        if weights.exists():
            net.load_state_dict(torch.load(weights, weights_only=True))
        else:
            rows = trains(corpus, held, licences)
            net = train(
                source(prepared, corpus.take(rows), recipe.family),
                replace(recipe, seed=recipe.seed + number, on=recipe.on and f"{recipe.on}-{number}.pt"),
                f"{name} fold {number}",
            )
            torch.save(net.state_dict(), weights)
        rows = np.flatnonzero(held & may & ~beside(corpus, held))
        result[rows] = score(net, corpus.take(rows))
    done = np.isfinite(result[:, 0])
    np.savez(out / f"{name}.npz", scores=result)
    report(name, corpus.take(done), result[done])


def report(name: str, corpus: Corpus, scores: np.ndarray) -> None:
    c = clips(corpus, scores[:, 0])
    print(line(name, c))
    level = threshold(c.of())
    print("  worst systems:", "; ".join(f"{s} {a:.2f} ({n})" for a, s, n in worst_systems(c.clean(), 8)[:12]))
    alarms = [f"{s} {100 * a:.0f} % of {n}" for a, s, n in false_alarms(c, level)[:10]]
    print("  false alarms at the 5 % threshold:", "; ".join(alarms), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--folds", default="0,1,2")
    parser.add_argument("--tag", default="")
    parser.add_argument("--all", action="store_true", help="train on every page and stop: what ships")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--unlicensed", action="store_true", help="train on licence class none too")
    parser.add_argument("--threads", type=int, default=1)
    options = dict.fromkeys(("made", "mix", "kinds", "smooth", "rate", "gentle", "moved"), float)
    options |= {"samples": int, "batch": int, "start": str, "on": str}
    for name, kind in options.items():
        parser.add_argument(f"--{name}", type=kind, default=getattr(Recipe(""), name))
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    chosen.out.mkdir(parents=True, exist_ok=True)
    licences = UNLICENSED if chosen.unlicensed else OPEN
    for family in chosen.families.split(","):
        settings = {n: getattr(chosen, n) for n in (*options, "seed")}
        recipe, name = Recipe(family, **settings), family + chosen.tag
        if chosen.all:
            corpus = read(chosen.prepared)
            rows = trains(corpus, np.zeros(len(corpus), bool), licences)
            made = source(chosen.prepared, corpus.take(rows), family)
            recipe = replace(recipe, on=recipe.on and f"{recipe.on}-all.pt")
            torch.save(train(made, recipe, name).state_dict(), chosen.out / f"{name}-all.pt")
        else:
            held_out(chosen.prepared, recipe, [int(f) for f in chosen.folds.split(",")], chosen.out, name, licences)


if __name__ == "__main__":
    main()
