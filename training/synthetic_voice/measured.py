"""The statistics of prepared utterances, measured once and kept beside them.

    python measured.py PREPARED [--versions clean,random0,random1,call0] [--workers 2]

For each NAME of `PREPARED/NAME.csv` and version writes `PREPARED/NAME.VERSION.npz` with `keys` (path and version) and
`x` (as `inperson.detectors._voice_features.measure` gives them). Only a clip's first utterance is measured, and the
version `AGAIN` after one more passage through `batches.channel`: the ladder's draws have no low cut, and without it a
telephone's looked synthetic.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from batches import channel
from corpus import Corpus, read
from numpy.typing import NDArray

from inperson.detectors._voice_features import measure, names

Floats = NDArray[np.float32]
AGAIN = "random1"
_corpus: Corpus


def _open(prepared: Path) -> None:
    global _corpus
    _corpus = read(prepared)


def _row(i: int) -> Floats:
    try:
        return statistics(heard(_corpus, i))
    except ValueError:
        return np.full(len(names()), np.nan, np.float32)


def heard(corpus: Corpus, i: int) -> Floats:
    """The sound of a row, through one more channel if it is the version `AGAIN`."""
    sound = corpus.sound(i).astype(np.float32) / 32768
    if corpus["version"][i] != AGAIN:
        return sound
    seed = hashlib.sha256(f"{corpus['path'][i]}|{AGAIN}".encode()).digest()[:8]
    return channel(sound[None] / (np.sqrt(np.mean(np.square(sound))) + 1e-6), np.random.default_rng(list(seed)))[0]


def statistics(sound: Floats) -> Floats:
    """(327,) of one utterance."""
    return np.array(list(measure(sound).values()), np.float32)


def build(prepared: Path, version: str, workers: int) -> None:
    corpus = read(prepared)
    with ProcessPoolExecutor(workers, initializer=_open, initargs=(prepared,)) as pool:
        for number, path in enumerate(corpus.files):
            keep(prepared, Path(str(path.filename)).stem, corpus, number, version, pool, _row)


def keep(
    folder: Path,
    name: str,
    corpus: Corpus,
    number: int,
    version: str,
    pool: ProcessPoolExecutor,
    row: Callable[[int], NDArray[np.floating[Any]]],
) -> None:
    """Write `folder/NAME.VERSION.npz`: what `row` makes of each first utterance of file `number`, where it lacks."""
    out = folder / f"{name}.{version}.npz"
    wanted = np.flatnonzero((corpus.file == number) & (corpus["version"] == version) & (corpus["number"] == "0"))
    if not len(wanted):
        return
    keys = np.char.add(np.char.add(corpus["path"][wanted], "|"), version)
    held = dict(zip(*(np.load(out)[n] for n in ("keys", "x")), strict=True)) if out.exists() else {}
    rows = [int(i) for i, key in zip(wanted, keys, strict=True) if key not in held]
    made = pool.map(row, rows, chunksize=32)
    held |= {f"{corpus['path'][i]}|{version}": x for i, x in zip(rows, made, strict=True)}
    np.savez(out, keys=np.array(list(held)), x=np.stack(list(held.values())))
    print(f"{out.name}: {len(rows)} more, {len(held)} in all", flush=True)


def table(prepared: Path, corpus: Corpus, rated: bool = False) -> tuple[Floats, NDArray[np.bool_]]:
    """What was measured of each row, and which rows were: (rows, 327), with `rated.py`'s beside them (rows, 2375)."""
    x = np.concatenate([_read(folder, corpus) for folder in (prepared, prepared / "rated")[: 1 + rated]], axis=1)
    return x, np.isfinite(x).all(axis=1)


def _read(folder: Path, corpus: Corpus) -> Floats:
    held: dict[str, Floats] = {}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as there:
            held |= dict(zip(there["keys"].tolist(), there["x"], strict=True))
    if not held:
        raise SystemExit(f"{folder}: expected NAME.VERSION.npz, found none; run measured.py or rated.py first")
    x = np.full((len(corpus), len(next(iter(held.values())))), np.nan, np.float32)
    keys = np.char.add(np.char.add(corpus["path"], "|"), corpus["version"])
    for i in np.flatnonzero(corpus["number"] == "0"):
        found = held.get(str(keys[i]))
        if found is not None:
            x[i] = found
    return x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--versions", default="clean,random0,random1,call0")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    for version in chosen.versions.split(","):
        build(chosen.prepared, version, chosen.workers)


if __name__ == "__main__":
    main()
