"""Copies and conversions of real speech by every checkpoint at hand, with their manifest.

    python generate.py --pool POOL --ckpt CKPT --out OUT [--each 40] [--only framegan,flow]

A variant is a generator's checkpoint and its options (sampling steps, codebooks, vocoder, own or another's voice); each
makes up to `--each` clips and is one `system`. What a variant copies is drawn from its name, so a rerun makes the same
and keeps what is there; new checkpoints add variants. Pieces of both licence classes are copied and keep their class.
"""

from __future__ import annotations

import argparse
import csv
import fcntl
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import speakers
import torch
from recordings import RATE, Piece, Pool, Sound
from systems import SYSTEMS
from torch import Tensor, nn

LEVEL = -23.0
"""dBFS at which a generator sees a piece; its copy gets the piece's own level back."""
SHORTEST = 2.0
YEAR = "2026"
_INHERITED = ("licence_class", "repo", "repo_path", "data_license", "language", "speaker", "sex", "accent")
COLUMNS = ("path", "label", "kind", "system", "year", "split", *_INHERITED, "pair_id", "source")
BOOKS = (2, 4, 8)
SINCE = (0.2, 0.35, 0.5)
"""Where on the flow's path another generator's wave enters."""

Make = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(1, samples) wave, (1, 256) own and wanted speaker, to (1, about as many samples)."""


@dataclass(frozen=True)
class Variant:
    """One system: its name, engine family, kind of copy, whether it needs speakers, and how it makes a wave."""

    system: str
    family: str
    kind: str
    voices: bool
    make: Make


def nets(folder: Path, name: str, most: int = 9) -> Iterator[tuple[str, nn.Module]]:
    """(steps trained, generator) of the latest marked checkpoints, the most trained first."""
    marked = [path for path in folder.glob(f"{name}.*.pt") if path.suffixes[0] != ".last"]
    for path in sorted(marked, key=lambda path: -int(path.suffixes[0][1:]))[:most]:
        net = SYSTEMS[name].build()
        net.load_state_dict(torch.load(path))
        yield path.suffixes[0][1:], net.eval()


def variants(folder: Path, only: list[str]) -> Iterator[Variant]:
    """Everything that the checkpoints can make, of some families or of all; the latest checkpoints first."""
    for name in SYSTEMS:
        family = name.split("-")[0]
        if only and family not in only:
            continue
        for steps, net in nets(folder, name):
            for suffix, kind, make in _options(family, net, folder):
                yield Variant(f"neural-{name}-{steps}{suffix}", family, kind, family == "convert", make)


def _options(family: str, net: nn.Module, folder: Path) -> Iterator[tuple[str, str, Make]]:
    """(suffix of the system's name, kind, how) of each way to use a generator."""
    if family == "flow":
        yield "-ode6", net.kind, lambda x, a, b: net(net.spectra.mel(x), 6)
        for steps, first in _latest(folder, "framegan-base"):
            for since in SINCE:
                yield (
                    f"-after{steps}-{since:.0%}".rstrip("%"),
                    net.kind,
                    lambda x, a, b, f=first, s=since: net(net.spectra.mel(x), 5, f.copy(x), s),
                )
    elif family == "codec":
        for count in BOOKS:
            yield f"-{count}x8bit", net.kind, lambda x, a, b, n=count: net.copy(x, n)
    elif family == "convert":
        for short, vocode in _vocoders(folder):
            yield f"-{short}-other", "vc", lambda x, a, b, v=vocode: v(net(net.spectra.mel(x), a, b)[1])
            own = f"-{short}-own", "vocoder_copy_synthesis"
            yield *own, lambda x, a, b, v=vocode: v(net(net.spectra.mel(x), a, a)[1])
    else:
        yield "", net.kind, lambda x, a, b: net.copy(x)


def _latest(folder: Path, name: str) -> list[tuple[str, nn.Module]]:
    return list(nets(folder, name, 1))


def _vocoders(folder: Path) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """Those that take the converter's frames, by family and steps trained; the flow after the frame-level GAN."""
    for name in ("framegan-base", "upsampler-base"):
        for steps, net in _latest(folder, name):
            yield f"{name.split('-')[0]}-{steps}", net
    for steps, flow in _latest(folder, "flow-base"):
        for _, first in _latest(folder, "framegan-base"):
            yield f"flow-{steps}", lambda mel, n=flow, f=first: n(mel, 5, f(mel), SINCE[1])


def chosen(pieces: list[Piece], count: int, rng: np.random.Generator) -> list[Piece]:
    """Pieces from many sources: a source is drawn by the root of its size, at most a third of them from one."""
    held: dict[str, list[Piece]] = {}
    for index in rng.permutation(len(pieces)):
        held.setdefault(pieces[index].source, []).append(pieces[index])
    left = {source: min(len(found), -(-count // 3)) for source, found in held.items()}
    weights = {source: len(found) ** 0.5 for source, found in held.items()}
    out: list[Piece] = []
    while len(out) < count and any(left.values()):
        names = [source for source in sorted(left) if left[source]]
        odds = np.array([weights[source] for source in names])
        source = names[rng.choice(len(names), p=odds / odds.sum())]
        left[source] -= 1
        out.append(held[source].pop())
    return out


def copied(variant: Variant, x: Sound, own: Sound, other: Sound) -> Sound:
    """One clip through a variant, at its own level."""
    level = np.sqrt(np.mean(x**2)) + 1e-9
    wave = torch.from_numpy(x * (10 ** (LEVEL / 20) / level))[None]
    with torch.inference_mode():
        y = variant.make(wave, torch.from_numpy(own)[None], torch.from_numpy(other)[None])[0].numpy()
    y = y * (level / (np.sqrt(np.mean(y**2)) + 1e-9))
    return (y * min(1.0, 0.99 / (np.abs(y).max() + 1e-9))).astype(np.float32)


def run(variant: Variant, pool: Pool, voices: dict[str, np.ndarray], out: Path, each: int) -> list[dict[str, str]]:
    """Make a variant's clips; returns their manifest rows."""
    rng = np.random.default_rng(list(hashlib.sha256(variant.system.encode()).digest()[:8]))
    pieces = [
        p for p in pool.pieces if p.length >= SHORTEST * RATE and (not variant.voices or speakers.key(p) in voices)
    ]
    names = sorted(voices)
    silent = np.zeros(256, np.float32)
    rows = []
    for piece in chosen(pieces, each, rng):
        other = voices[names[rng.integers(len(names))]] if variant.voices else silent
        own = voices[speakers.key(piece)] if variant.voices else silent
        stem = hashlib.sha256(speakers.key(piece).encode()).hexdigest()[:12]
        path = out / f"{variant.system}__{stem}.flac"
        if not path.exists():
            torch.manual_seed(int(stem[:8], 16))
            soundfile.write(path, copied(variant, pool.sound(piece), own, other), RATE, "PCM_16")
        rows.append(row(variant, piece, path.name))
    return rows


def row(variant: Variant, piece: Piece, name: str) -> dict[str, str]:
    inherited = {column: getattr(piece, column, "") for column in _INHERITED}
    return inherited | {
        "path": name,
        "label": "spoof",
        "kind": variant.kind,
        "system": variant.system,
        "year": YEAR,
        "split": "train",
        "pair_id": piece.path,
        "source": f"neural/{variant.family}",
    }


def write(system: str, rows: list[dict[str, str]], out: Path) -> None:
    """Add a system's rows to the manifest and replace it at once; calls for several families may run side by side."""
    with open(out / "manifest.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = {line["path"]: line for line in [*held(out), *rows]}
        draft = out / "manifest.csv.part"
        with open(draft, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(found.values())
        draft.replace(out / "manifest.csv")
    print(system, sum(line["system"] == system for line in found.values()), flush=True)


def held(out: Path) -> list[dict[str, str]]:
    """The manifest's rows so far."""
    if not (out / "manifest.csv").exists():
        return []
    with open(out / "manifest.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--ckpt", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=40)
    parser.add_argument("--only", default="", help="families, by commas")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    pool = Pool(arguments.pool)
    voices = speakers.read(arguments.pool) if (arguments.pool / "speakers.npz").exists() else {}
    for variant in variants(arguments.ckpt, arguments.only.split(",") if arguments.only else []):
        if voices or not variant.voices:
            write(variant.system, run(variant, pool, voices, arguments.out, arguments.each), arguments.out)


if __name__ == "__main__":
    main()
