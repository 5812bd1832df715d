"""From the manifest of recordings to a table of features: one row an utterance.

    python data.py --audio .../audio --out features.npz [--split train] [--copies 5] [--conditions clean,opus_16k]

The utterances are cut and measured by the code that runs in the product (`inperson.detectors._utterances` and
`_voice_features`), from the product's own speech probabilities (`inperson.voice_activity`).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from degrade import RATE, Sound, condition, degrade, load

from inperson.detectors import _voice_features
from inperson.detectors._utterances import Cutter, Utterance
from inperson.types import Chunk, Span
from inperson.voice_activity import VoiceActivity

LONGEST = 12.0
"""Seconds read of a recording: the dialogues are longer, and would outweigh the rest."""


@dataclass(frozen=True)
class Table:
    """Rows of features and what they belong to; columns of `text` by name."""

    x: np.ndarray
    text: dict[str, np.ndarray]

    def save(self, path: Path) -> None:
        np.savez_compressed(path, x=self.x, **self.text)

    @classmethod
    def read(cls, path: Path) -> Table:
        with np.load(path, allow_pickle=False) as held:
            return cls(held["x"], {name: held[name] for name in held.files if name != "x"})


def rows(audio: Path, split: str) -> list[dict[str, str]]:
    """The manifest's rows of one split."""
    with open(audio / "manifest.csv", newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["split"] == split]


def utterances(x: Sound) -> Iterator[Utterance]:
    """As the detector cuts them."""
    cutter = Cutter()
    span = Span(0.0, len(x) / RATE)
    yield from cutter.push(Chunk(span, audio=x, speech=VoiceActivity().update(x), speech_start=0.0))
    yield from cutter.close()


def _job(job: tuple[str, list[str], int]) -> list[tuple[list[float], str, int, float, float, float]]:
    """All versions of one recording: (features, version, utterance number, seconds, bandwidth, SNR)."""
    path, versions, seed = job
    x = load(path)[: int(LONGEST * RATE)]
    out = []
    for version in versions:
        digest = hashlib.sha256(f"{Path(path).name}/{version}/{seed}".encode()).digest()
        rng = np.random.default_rng(list(digest[:8]))
        y = degrade(x, rng) if version.startswith("random") else condition(x, version, rng)
        for number, cut in enumerate(utterances(y)):
            try:
                values = list(_voice_features.measure(cut.audio).values())
            except ValueError:
                continue
            noise = np.percentile(cut.hop_power, 10) + 1e-12
            snr = 10 * np.log10(np.mean(np.square(cut.audio)) / noise + 1e-12)
            band = _voice_features.effective_bandwidth(cut.audio)
            out.append((values, version, number, len(cut.audio) / RATE, band, float(snr)))
    return out


def build(audio: Path, split: str, versions: list[str], workers: int, seed: int = 0) -> Table:
    """Measure every recording of a split in every version."""
    found = rows(audio, split)
    jobs = [(str(audio / row["path"]), versions, seed) for row in found]
    x: list[list[float]] = []
    text: dict[str, list[object]] = {}
    with ProcessPoolExecutor(workers) as pool:
        for row, made in zip(found, pool.map(_job, jobs, chunksize=4), strict=True):
            for values, version, number, seconds, band, snr in made:
                x.append(values)
                extra = {"version": version, "number": number, "seconds": seconds, "band": band, "snr": snr}
                for name, value in {**row, **extra}.items():
                    text.setdefault(name, []).append(value)
    return Table(np.array(x, np.float32), {name: np.array(values) for name, values in text.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path, required=True, help="folder with manifest.csv and the recordings")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", default="train")
    parser.add_argument("--copies", type=int, default=5, help="random passages through the ladder")
    parser.add_argument("--conditions", default="clean", help="fixed channels, comma separated")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    versions = [name for name in chosen.conditions.split(",") if name]
    versions += [f"random{i}" for i in range(chosen.copies)]
    table = build(chosen.audio, chosen.split, versions, chosen.workers)
    table.save(chosen.out)
    print(f"{len(table.x)} utterances of {len(set(table.text['path']))} recordings, {table.x.shape[1]} numbers each")


if __name__ == "__main__":
    main()
