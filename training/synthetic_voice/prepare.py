"""From folders of clips to sound that a network can train on: utterances, clean and through the degradation ladder.

    python prepare.py FOLDER... --out PREPARED [--copies 2] [--calls 1] [--workers 2]

Every FOLDER holds a `manifest.csv` (README.md). For each, `PREPARED/NAME.i16` gets the utterances one after the other,
16 kHz mono int16, and `PREPARED/NAME.csv` a row for each: the manifest's columns and `version, number, offset,
samples`. The utterances are cut by the product's own code. A clip and the fakes made from it (`pair_id`) pass through
the same draw of the ladder, so that the channel is no cue. Clips and versions
that are there already are left alone; delete a folder's two files to make it again.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from degrade import FIXED, RATE, Sound, call, condition, degrade, level, load
from numpy.typing import NDArray

from inperson.detectors._utterances import Cutter
from inperson.types import Chunk, Span
from inperson.voice_activity import VoiceActivity

LONGEST = 12.0
"""Seconds read of a clip: the dialogues are longer, and would outweigh the rest."""
PEAK = 0.98


def rows(folder: Path, split: str) -> list[dict[str, str]]:
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["split"] == split]


def utterances(x: Sound) -> list[Sound]:
    """The sound of the utterances, as the detector cuts them."""
    cutter = Cutter()
    chunk = Chunk(Span(0.0, len(x) / RATE), audio=x, speech=VoiceActivity().update(x), speech_start=0.0)
    return [one.audio for one in (*cutter.push(chunk), *cutter.close())]


def channel(row: dict[str, str], version: str) -> np.random.Generator:
    """What is drawn for a version: the same for a clip and for what was made from it.

    Copies name the clip itself in `pair_id`; the clips of a page share a word there. Odd versions pair the first, even
    ones the second.
    """
    name = row["path"] if row["label"] == "bonafide" and version in ("random0", "call0", "clean") else ""
    key = name or row["pair_id"] or row["path"]
    return np.random.default_rng(list(hashlib.sha256(f"{key}/{version}".encode()).digest()[:8]))


def passed(x: Sound, row: dict[str, str], version: str) -> Sound:
    if version.startswith("random"):
        return degrade(x, channel(row, version))
    if version.startswith("call"):
        return call(x, channel(row, version))
    if version == "clean":
        return level(x)
    if version not in FIXED:
        raise SystemExit(f"unknown version {version!r}: clean, random<n>, call<n> or one of {', '.join(FIXED)}")
    return condition(x, version, channel(row, version))


def _clip(job: tuple[Path, dict[str, str], list[str]]) -> list[tuple[str, int, NDArray[np.int16]]]:
    folder, row, versions = job
    try:
        x = load(str(folder / row["path"]))[: int(LONGEST * RATE)]
    except Exception as error:
        print(f"left out {row['path']}: {error}", flush=True)
        return []
    out = []
    for number, cut in enumerate(utterances(x)):
        for version in versions:
            y = passed(cut, row, version)
            y = y * min(1.0, PEAK / (float(np.abs(y).max(initial=0.0)) + 1e-9)) if version == "clean" else y
            out.append((version, number, np.round(np.clip(y, -1, 1) * 32767).astype(np.int16)))
    return out


def prepare(folder: Path, name: str, out: Path, versions: list[str], workers: int, split: str = "train") -> None:
    """Add the clips and versions of a folder that are not there yet."""
    table, bulk = out / f"{name}.csv", out / f"{name}.i16"
    made: list[dict[str, object]] = []
    if table.exists():
        with open(table, newline="", encoding="utf-8") as file:
            made = list(csv.DictReader(file))
    offset = sum(int(str(row["samples"])) for row in made)
    there = {(row["path"], row["version"]) for row in made}
    found, lacking = [], []
    for row in rows(folder, split):
        if wanted := [version for version in versions if (row["path"], version) not in there]:
            found.append(row)
            lacking.append(wanted)
    with ProcessPoolExecutor(workers) as pool, open(bulk, "r+b" if bulk.exists() else "wb") as sound:
        sound.truncate(2 * offset)  # what an interrupted run left
        sound.seek(2 * offset)
        jobs = ((folder, row, wanted) for row, wanted in zip(found, lacking, strict=True))
        for row, cuts in zip(found, pool.map(_clip, jobs, chunksize=8), strict=True):
            for version, number, x in cuts:
                sound.write(x.tobytes())
                made.append({**row, "version": version, "number": number, "offset": offset, "samples": len(x)})
                offset += len(x)
    if not made:
        raise SystemExit(
            f"{folder}: no clips of split {split!r} with an utterance; were its sources there (collect.py)?"
        )
    with open(f"{table}.part", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(made[0]))
        writer.writeheader()
        writer.writerows(made)
    Path(f"{table}.part").rename(table)
    print(f"{name}: {len(found)} clips more, {len(made)} utterances in all, {offset / RATE / 3600:.2f} h", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", default="train")
    parser.add_argument("--copies", type=int, default=2, help="random passages through the ladder")
    parser.add_argument("--calls", type=int, default=1, help="passages through calls")
    parser.add_argument("--conditions", default="clean", help="fixed channels, comma separated")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    versions = [v for v in chosen.conditions.split(",") if v] + [f"random{i}" for i in range(chosen.copies)]
    versions += [f"call{i}" for i in range(chosen.calls)]
    for folder in chosen.folders:
        name = folder.name if folder.name != "out" else folder.parent.name
        prepare(folder, name, chosen.out, versions, chosen.workers, chosen.split)


if __name__ == "__main__":
    main()
