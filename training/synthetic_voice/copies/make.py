"""From real recordings to re-synthesised copies of them, in a folder with a manifest.

    python make.py --audio FOLDER [--audio FOLDER ...] --out COPIES [--copies 1500] [--changer 700] [--accent 350]
        [--neural 0] [--vocoder FILE.py:NAME]
    python make.py --check COPIES --audio FOLDER ...

Every folder given has a `manifest.csv`. Its bona fide `train` rows that may train are copied; each copy is drawn from a
generator seeded by its own name, so a rerun gives the same, and copies already there are kept. With more folders or
larger numbers a second run adds to the first.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import accent
import changer
import griffin_lim
import lpc
import numpy as np
import phase
import sinusoidal
import soundfile
import world
from finish import finished, low_cut
from listen import likeness
from scipy.signal import resample_poly
from spectrum import RATE, Sound, rms
from vocoders import use

CARRIED = ("licence_class", "repo", "repo_path", "data_license", "language", "speaker", "sex", "accent")
"""Columns that a copy has from its original."""
COLUMNS = ("path", "label", "kind", "system", "year", "split", *CARRIED, "pair_id", "source")
SHORTEST, LONGEST = 2.0, 8.0
"""Seconds; a longer recording is cut at random."""
PARTNER = 4
"""Seconds used of each recording whose accent is drawn near."""
LARGEST_SHARE = 1 / 3
"""Of a kind's copies, at most this many come from one source."""
PER_SPEAKER = {"copies": 12, "changer": 6, "accent": 4, "neural": 6}
"""At most so many copies of a speaker that the manifest names (most have one or two)."""
PER_CLIP = {"copies": 3, "changer": 2, "accent": 1, "neural": 1}

METHODS: dict[str, dict[str, float]] = {
    "copies": {"world": 0.3, "griffin_lim": 0.22, "lpc": 0.18, "sinusoidal": 0.18, "phase": 0.12},
    "changer": {"changer": 1.0},
    "accent": {"accent": 1.0},
    "neural": {"hifigan": 1.0},
}
"""Family to methods and their shares."""
ENVELOPES = ("world", "lpc", "changer", "accent")
"""Methods that make the lowest frequencies anew."""
KINDS = {
    "copies": "vocoder_copy_synthesis",
    "changer": "vc",
    "accent": "accent_conversion",
    "neural": "vocoder_copy_synthesis",
}


def _hifigan(x: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    import hifigan  # needs torch, which the others do without

    return hifigan.copy(x, rng)


Method = Callable[[Sound, np.random.Generator], tuple[Sound, str]]
MAKERS: dict[str, Method] = {
    "world": world.copy,
    "griffin_lim": griffin_lim.copy,
    "lpc": lpc.copy,
    "sinusoidal": sinusoidal.copy,
    "phase": phase.copy,
    "changer": changer.copy,
    "hifigan": _hifigan,
}


@dataclass(frozen=True)
class Original:
    """A real recording."""

    folder: Path
    row: dict[str, str]

    @property
    def name(self) -> str:
        """The file's name in its folder: column `file` where there is one, else `path`."""
        return self.row.get("file") or self.row["path"]

    @property
    def speaker(self) -> str:
        return f"{self.row['source']}/{self.row['speaker']}" if self.row.get("speaker") else ""

    @property
    def language(self) -> str:
        """Without what some rows say of accent after it (`en; accent: ...`)."""
        return (self.row.get("language") or "").partition(";")[0].strip()


@dataclass(frozen=True)
class Job:
    """A copy to make."""

    family: str
    method: str
    original: Original
    take: int = 0
    """Which of this method's copies of the recording."""

    @property
    def path(self) -> str:
        text = f"{self.method}/{self.original.name}" + (f"/{self.take}" if self.take else "")
        return f"{self.method}__{_digest(text)[:12]}.flac"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def generator(name: str) -> np.random.Generator:
    """The one that belongs to `name`."""
    return np.random.default_rng(int(_digest(name)[:16], 16))


def originals(folders: list[Path]) -> list[Original]:
    """The bona fide `train` rows that may train, in an order that depends on their names alone."""
    found = []
    for folder in folders:
        with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
            found += [Original(folder, row) for row in csv.DictReader(file) if _may_train(row)]
    return sorted(found, key=lambda one: _digest(one.name))


def _may_train(row: dict[str, str]) -> bool:
    fits = float(row.get("duration") or SHORTEST) >= SHORTEST
    usable = row["licence_class"] in ("open", "none")
    return fits and usable and row["label"] == "bonafide" and row["split"] == "train"


def shares(sizes: dict[str, int], total: int, per_clip: int) -> dict[str, int]:
    """How many copies from each source: by the square root of its size, within its clips and `LARGEST_SHARE`."""
    limit = {name: min(per_clip * size, int(LARGEST_SHARE * total)) for name, size in sizes.items()}
    low, high = 0.0, float(total)
    for _ in range(60):
        level = (low + high) / 2
        count = sum(min(limit[name], level * size**0.5) for name, size in sizes.items())
        low, high = (level, high) if count < total else (low, level)
    return {name: round(min(limit[name], high * size**0.5)) for name, size in sizes.items()}


def plan(found: list[Original], family: str, total: int) -> list[Job]:
    """Which recordings are copied by what."""
    sources: dict[str, list[Original]] = {}
    for one in found:
        sources.setdefault(one.row["source"], []).append(one)
    wanted = shares({name: len(group) for name, group in sources.items()}, total, PER_CLIP[family])
    jobs: list[Job] = []
    taken: set[str] = set()
    made: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for name, group in sorted(sources.items()):
        count = 0
        for turn in range(PER_CLIP[family]):
            # speakers heard least come first
            rank: Counter[str] = Counter()
            order = []
            for one in group:
                rank[one.speaker] += 1
                order.append((rank[one.speaker] if one.speaker else 1, _digest(f"{turn}/{one.name}"), one))
            for _, _, one in sorted(order, key=lambda entry: entry[:2]):
                full = one.speaker and used[one.speaker] >= PER_SPEAKER[family]
                if count >= wanted[name] or full:
                    continue
                job = _next(family, one, made, taken)
                if job is None:
                    continue
                jobs.append(job)
                taken.add(job.path)
                made[job.method] += 1
                used[one.speaker] += 1
                count += 1
    return jobs


def _next(family: str, one: Original, made: Counter[str], taken: set[str]) -> Job | None:
    """The method most behind its share, of those that this recording has had least."""
    behind = sorted(METHODS[family], key=lambda method: (made[method] + 1) / METHODS[family][method])
    for take in range(PER_CLIP[family]):
        for method in behind:
            job = Job(family, method, one, take)
            if job.path not in taken:
                return job
    return None


def load(one: Original, rng: np.random.Generator) -> Sound:
    """At most `LONGEST` seconds of a recording, 16 kHz mono."""
    x, rate = soundfile.read(one.folder / one.name, dtype="float64", always_2d=True)
    mono = x.mean(axis=1)[: 180 * rate]
    if rate != RATE:
        common = int(np.gcd(rate, RATE))
        mono = resample_poly(mono, RATE // common, rate // common)
    most = int(LONGEST * RATE)
    start = int(rng.integers(len(mono) - most + 1)) if len(mono) > most else 0
    return np.ascontiguousarray(mono[start : start + most])


def partners(job: Job, found: list[Original]) -> list[Original]:
    """Three recordings of other sources, of the same language where there are as many: whose accent is drawn near."""
    if job.family != "accent":
        return []
    others = [one for one in found if one.row["source"] != job.original.row["source"]]
    near = [one for one in others if one.language == job.original.language]
    near = near if len(near) >= 3 else others
    return [near[i] for i in generator(f"partners of {job.path}").choice(len(near), 3, replace=False)]


def made(job: Job, others: list[Original]) -> tuple[Sound, str]:
    """The copy and the system's name. Raises ValueError where the recording is too short or silent."""
    rng = generator(job.path)
    x = load(job.original, rng)
    if len(x) < SHORTEST * RATE or rms(x) < 1e-4:
        raise ValueError("too short or silent")
    if job.family == "accent":
        y, system = accent.copy(x, [load(one, rng)[: PARTNER * RATE] for one in others], rng)
    else:
        y, system = MAKERS[job.method](x, rng)
    y = finished(x, y, rng)[: int(LONGEST * RATE)]
    if job.method in ENVELOPES:
        y = low_cut(y, generator(f"low cut of {job.path}"))
    if len(y) < SHORTEST * RATE:
        raise ValueError("too short")
    return y, system


def row_of(job: Job, system: str) -> dict[str, str]:
    """The copy's row of the manifest."""
    own = {"path": job.path, "label": "spoof", "kind": KINDS[job.family], "system": system, "split": "train"}
    carried = {name: job.original.row.get(name) or "" for name in CARRIED}
    return own | carried | {"year": "", "pair_id": job.original.name, "source": f"copies/{job.method}"}


def read_manifest(out: Path) -> dict[str, dict[str, str]]:
    """Rows by path; only of files that exist."""
    if not (out / "manifest.csv").exists():
        return {}
    with open(out / "manifest.csv", newline="", encoding="utf-8") as file:
        return {row["path"]: row for row in csv.DictReader(file) if (out / row["path"]).exists()}


def write_manifest(out: Path, rows: dict[str, dict[str, str]]) -> None:
    """At once, so that a reader never sees half."""
    with open(out / "manifest.part", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows.values())
    os.replace(out / "manifest.part", out / "manifest.csv")


def _write(job: Job, others: list[Original], out: Path) -> tuple[str, float]:
    """Make one file; the system's name, or "" and nothing written where it cannot be; seconds of processor time."""
    before = time.process_time()
    try:
        y, system = made(job, others)
    except (ValueError, RuntimeError) as error:
        print(f"left out {job.method} of {job.original.name}: {error}")
        return "", time.process_time() - before
    soundfile.write(out / job.path, y, RATE, subtype="PCM_16")
    return system, time.process_time() - before


def make(folders: list[Path], out: Path, counts: dict[str, int], workers: int, vocoder: str | None) -> None:
    """Make what is missing."""
    out.mkdir(parents=True, exist_ok=True)
    found = originals(folders)
    rows = read_manifest(out)
    jobs = [job for family, total in counts.items() if total for job in plan(found, family, total)]
    jobs = sorted((job for job in jobs if job.path not in rows), key=lambda job: _digest(job.path))
    spent: Counter[str] = Counter()
    with ProcessPoolExecutor(workers, initializer=use, initargs=(vocoder,)) as pool:
        results = {pool.submit(_write, job, partners(job, found), out): job for job in jobs}
        for number, result in enumerate(as_completed(results)):
            job = results[result]
            system, seconds = result.result()
            spent[job.method] += seconds
            if system:
                rows[job.path] = row_of(job, system)
            if number % 25 == 0:
                write_manifest(out, rows)
    write_manifest(out, rows)
    print(f"{len(rows)} copies in {out}; seconds of processor time: {dict(spent)}")


def check(folders: list[Path], out: Path) -> None:
    """A line for each method: copies, seconds, likeness to the original, level, peak, share of exact zeros."""
    by_name = {one.name: one for one in originals(folders)}
    table: dict[str, list[tuple[float, ...]]] = {}
    for path, row in read_manifest(out).items():
        if row["pair_id"] not in by_name:
            continue
        y, _ = soundfile.read(out / path)
        x = load(by_name[row["pair_id"]], generator(path))
        alike = likeness(x, y, align=row["kind"] == "accent_conversion")
        level = 20 * np.log10(rms(y) / rms(x))
        line = (len(y) / RATE, alike, level, float(np.abs(y).max()), float(np.mean(y == 0)))
        table.setdefault(f"{row['source']} {row['system']}", []).append(line)
    print(f"{'':40} clips seconds likeness(10 %, median) level dB  peak  zeros")
    for name, lines in sorted(table.items()):
        values = np.array(lines)
        low, middle = np.percentile(values[:, 1], [10, 50])
        print(
            f"{name:40} {len(values):5} {values[:, 0].sum():7.0f} {low:7.2f} {middle:7.2f} {values[:, 2].mean():15.1f} "
            f"{values[:, 3].max():7.2f} {values[:, 4].mean():6.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, action="append", required=True, help="folder with manifest.csv")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--copies", type=int, default=1500)
    parser.add_argument("--changer", type=int, default=700)
    parser.add_argument("--accent", type=int, default=350)
    parser.add_argument("--neural", type=int, default=0, help="copies through HiFi-GAN (hifigan.py)")
    parser.add_argument("--vocoder", help="FILE.py:NAME, a neural vocoder for a third of changer and accent copies")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--check", type=Path, metavar="COPIES", help="measure the copies in this folder, make none")
    given = parser.parse_args()
    if given.check:
        check(given.audio, given.check)
        return
    if given.out is None:
        parser.error("--out is needed")
    counts = {family: getattr(given, family) for family in METHODS}
    make(given.audio, given.out, counts, given.workers, given.vocoder)


if __name__ == "__main__":
    main()
