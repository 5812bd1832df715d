"""`lip_sync`: faces with their own voice against the same faces with somebody else's.

    python training/protocols/lip_sync.py DATA OUT [--split devtest|train]

DATA holds ``video/`` and ``talking/`` with their manifests. Every picture is written once with its own sound and
`SHIFTS` times with the sound of another recording, by the same code, packets copied, all of one cell (half and length)
equally long. The sounds go round in a circle: each is heard once with its own face and equally often with others', so
neither picture nor sound alone can tell the class. Writes OUT/manifest.csv (split ``calibrate`` and ``devtest``:
recordings that the shipped weights have not seen), with ``--split train`` the recordings that they have, and
OUT/driven.csv: mouths generated from the sound, which agree with it by construction, against the genuine ones.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import manifest
import numpy as np
import pictures
import sound
import split

SIGNAL = "lip_sync"
WEIGHTS = ("grid", "grid_lipnet", "latentsync_src", "pyfeat")
"""Sources whose clips trained the shipped weights (training/lip_sync/README.md).."""
LENGTHS = {split.CALIBRATE: (4.8,), split.DEVTEST: (4.8,), split.TRAIN: (9.9,)}
"""Seconds of a recording. Most genuine clips with sound last 5 s."""
SHIFTS = 3
Row = dict[str, str]


@dataclass(frozen=True)
class Scene:
    """A genuine picture with its own sound, `seconds` long."""

    path: Path
    seconds: float
    person: str
    source: str
    licence: str
    half: str
    name: str
    heard: sound.Sound


def genuine(data: Path) -> Iterator[tuple[Path, Row, str]]:
    """Recordings with sound that is or may be the speaker's own: path, row, half."""
    rows = manifest.read(data / "video" / "manifest.csv")
    halves = split.halves(rows)
    for row in rows:
        if row["label"] == "real" and row["has_audio"] == "1" and row["av_ok"] in ("yes", "unknown"):
            yield data / "video" / row["path"], row, split.TRAIN if row["source"] in WEIGHTS else halves[row["path"]]


def grid(data: Path, out: Path) -> list[tuple[Path, Row, str]]:
    """The GRID speaker's clips of 3 s, five at a time: real lips and voice, with jump cuts."""
    rows = manifest.read(data / "talking" / "manifest.csv")
    found = []
    for i in range(0, len(rows) - 4, 5):
        path = out / "joined" / f"grid_{i // 5}.mkv"
        seconds = pictures.joined([data / "talking" / row["path"] for row in rows[i : i + 5]], path)
        row = {"duration_s": str(seconds), "person_id": rows[i]["person_id"], "source": "grid", "licence_class": "open"}
        found.append((path, row, split.TRAIN))
    return found


def short(stem: str) -> str:
    """A name of at most 60 characters: two of them must fit into a file's name, and no two clips may share one."""
    return stem if len(stem) <= 60 else f"{stem[:51]}-{hashlib.sha256(stem.encode()).hexdigest()[:8]}"


def scenes(material: Sequence[tuple[Path, Row, str]], half: str, seconds: float) -> list[Scene]:
    """The first `seconds` of every recording of this half that is long enough, two people never out of order."""
    found = []
    for path, row, own in material:
        if own == half and float(row["duration_s"]) >= seconds:
            rng = np.random.default_rng(list(path.name.encode()))
            size = round(seconds * sound.RATE)
            heard = sound.levelled(sound.load(path)[:size])
            heard = np.pad(heard, (0, size - len(heard))) + sound.noise(size, rng)
            who = row["person_id"] or path.stem
            found.append(Scene(path, seconds, who, row["source"], row["licence_class"], half, short(path.stem), heard))
    return sorted(found, key=lambda scene: (scene.person, scene.name))


def circle(count: int, shifts: int = SHIFTS) -> list[tuple[int, int]]:
    """(picture, sound) of every recording: each with its own, then with those `1..shifts` places on.

    Empty where there are too few for every shift to be another's.
    """
    if count <= shifts:
        return []
    return [(i, (i + shift) % count) for shift in range(shifts + 1) for i in range(count)]


def cell(found: Sequence[Scene], out: Path) -> list[Row]:
    """All recordings of one half and length."""
    made = []
    for i, j in circle(len(found)):
        seen, heard = found[i], found[j]
        path = out / "clips" / f"{seen.half}_{seen.seconds:g}_{seen.name}__{heard.name if i != j else 'own'}.mkv"
        pictures.with_sound(seen.path, 0.0, heard.heard, path)
        kind = "own" if i == j else "other_clip_same_person" if seen.person == heard.person else "other_person"
        made.append(described(seen, path, kind) | {"voice": heard.person, "pair": seen.name})
    return made


def described(seen: Scene, path: Path, kind: str) -> Row:
    return {
        "path": str(path),
        "signal": SIGNAL,
        "label": "bonafide" if kind == "own" else "spoof",
        "person": seen.person,
        "split": seen.half,
        "kind": kind,
        "source": seen.source,
        "licence_class": seen.licence,
        "seconds": f"{seen.seconds:g}",
        "seen": "weights" if seen.source in WEIGHTS else "calibration" if seen.half == split.CALIBRATE else "no",
    }


def driven(data: Path, out: Path, seconds: float) -> list[Row]:
    """Generated mouths, written by the same code."""
    rows = [row for row in manifest.read(data / "video" / "manifest.csv") if row["av_ok"] == "driven"]
    material = [(data / "video" / row["path"], row, split.DEVTEST) for row in rows]
    generators = {short(path.stem): row["generator"] for path, row, _ in material}
    made = []
    for scene in scenes(material, split.DEVTEST, seconds):
        path = out / "clips" / f"driven_{scene.name}.mkv"
        pictures.with_sound(scene.path, 0.0, scene.heard, path)
        made.append(described(scene, path, "talking_head") | {"generator": generators[scene.name]})
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", choices=("devtest", "train"), default="devtest")
    options = parser.parse_args()
    began = time.monotonic()
    halves = (split.CALIBRATE, split.DEVTEST) if options.split == "devtest" else (split.TRAIN,)
    material = list(genuine(options.data))
    if options.split == "train":
        material += grid(options.data, options.out)
    cells = [scenes(material, half, seconds) for half in halves for seconds in LENGTHS[half]]
    rows = [row for found in cells for row in cell(found, options.out)]
    manifest.write(options.out / "manifest.csv", rows)
    print(manifest.counts(rows, "split", "seconds", "label", "kind"))
    if options.split == "devtest":
        own = [row for row in rows if row["kind"] == "own" and row["seconds"] == "4.8"]
        heads = driven(options.data, options.out, 4.8)
        manifest.write(options.out / "driven.csv", [*heads, *own])
        print(f"driven.csv: {len(heads)} generated, {len(own)} genuine")
    print(f"{len({row['person'] for row in rows})} persons, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
