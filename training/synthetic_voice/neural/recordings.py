"""Real speech for the small generators: found in manifests, cut to pieces, kept in one file that training maps.

    python recordings.py --audio .../audio --more .../more --out POOL

Only bona fide rows of split `train` are taken. `--more` is optional: a folder whose manifest names the file in `file`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE = 16000
PIECE = (1.5, 6.0)
"""Shortest and longest piece, seconds."""
PIECES = 4
"""Most pieces of one recording: dialogues last 30 s."""
MOST = {"speechocean762": 500, "picovoice_s2i": 250}
"""Most recordings of a source; the two large ones would outweigh the rest."""
CLASSES = ("open", "none")
"""Licence classes that may train; `open` alone trains the generators here, both are copied."""

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Piece:
    """A cut of real speech; `start` and `length` are samples in the pool's sound file."""

    path: str
    number: int
    start: int
    length: int
    licence_class: str
    source: str
    language: str
    speaker: str
    year: str
    repo: str
    repo_path: str
    data_license: str


def rows(audio: Path, more: Path | None) -> list[dict[str, str]]:
    """Bona fide training rows, each recording once, with its file under `file`; the order is drawn by name."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for folder, column, place in ((audio, "path", "repo_path"), (more, "file", "path")):
        if folder is None:
            continue
        with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["split"] == "train" and row["label"] == "bonafide" and row["licence_class"] in CLASSES:
                    kept = row | {"file": str(folder / row[column]), "name": row[column], "repo_path": row[place]}
                    found.setdefault((row["repo"], row[place]), kept)
    return sorted(found.values(), key=lambda row: hashlib.sha256(row["name"].encode()).digest())


def load(path: str) -> Sound:
    """A file's sound, 16 kHz mono."""
    with av.open(path) as container:
        resampler = av.AudioResampler("fltp", "mono", RATE)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32)


def trimmed(x: Sound) -> Sound:
    """Without edges 35 dB under the loudest 20 ms."""
    hop = RATE // 50
    power = np.square(x[: len(x) // hop * hop]).reshape(-1, hop).mean(1)
    loud = np.flatnonzero(power > power.max() * 10**-3.5) if len(power) else np.zeros(0, int)
    return x[loud[0] * hop : (loud[-1] + 1) * hop] if len(loud) else x[:0]


def pieces(x: Sound) -> list[Sound]:
    """Cuts of at most `PIECE[1]` seconds, edges trimmed; none where the sound is too short or silent."""
    longest = int(PIECE[1] * RATE)
    cuts = [trimmed(x[at : at + longest]) for at in range(0, min(len(x), PIECES * longest), longest)]
    return [cut for cut in cuts if len(cut) >= PIECE[0] * RATE and np.sqrt(np.mean(cut**2)) > 1e-4]


def build(audio: Path, more: Path | None, out: Path) -> int:
    """Write `sound.i16` and `pieces.csv`; returns the number of pieces."""
    out.mkdir(parents=True, exist_ok=True)
    taken: dict[str, int] = {}
    kept, at = [], 0
    with open(out / "sound.i16", "wb") as sound:
        for row in rows(audio, more):
            source = row["source"]
            taken[source] = taken.get(source, 0) + 1
            if taken[source] > MOST.get(source, 10**9):
                continue
            held = {field.name: row.get(field.name, "") for field in fields(Piece)} | {"path": row["name"]}
            try:
                cuts = pieces(load(row["file"]))
            except (av.FFmpegError, ValueError, IndexError) as error:
                print(f"left out {row['name']}: {error}")
                continue
            for number, cut in enumerate(cuts):
                sound.write((np.clip(cut, -1, 1) * 32767).astype("<i2").tobytes())
                kept.append(held | {"number": number, "start": at, "length": len(cut)})
                at += len(cut)
    with open(out / "pieces.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Piece)])
        writer.writeheader()
        writer.writerows(kept)
    return len(kept)


class Pool:
    """The pieces and their sound, level included."""

    def __init__(self, folder: Path) -> None:
        whole = {"number", "start", "length"}
        with open(folder / "pieces.csv", newline="", encoding="utf-8") as file:
            self.pieces = [
                Piece(**{name: int(value) if name in whole else value for name, value in row.items()})
                for row in csv.DictReader(file)
            ]
        self._sound = np.memmap(folder / "sound.i16", "<i2", "r")

    def sound(self, piece: Piece, offset: int = 0, length: int | None = None) -> Sound:
        """Samples of one piece in -1 to 1."""
        end = piece.length if length is None else min(offset + length, piece.length)
        return self._sound[piece.start + offset : piece.start + end].astype(np.float32) / 32768


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--more", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    print(build(arguments.audio, arguments.more, arguments.out), "pieces")
