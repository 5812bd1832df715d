"""Generated clips on disk: 16 kHz mono FLAC files of 2 to 8 s and one manifest that several engines share."""

from __future__ import annotations

import csv
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from texts import generator

RATE = 16_000
SHORTEST, LONGEST = 2.0, 8.0  # s
RESAMPLERS = ("VHQ", "HQ", "MQ")  # of soxr: all clean, so that no single filter edge marks generated speech
COLUMNS = (
    "path",
    "label",
    "kind",
    "system",
    "year",
    "split",
    "licence_class",
    "repo",
    "repo_path",
    "data_license",
    "language",
    "speaker",
    "sex",
    "accent",
    "pair_id",
    "source",
)


@dataclass(frozen=True)
class Clip:
    """One line of the manifest; every clip here is synthetic and may train."""

    path: str
    system: str
    speaker: str
    source: str
    data_license: str
    language: str = "en"
    sex: str = ""
    accent: str = ""
    kind: str = "tts"
    year: str = ""
    label: str = "spoof"
    split: str = "train"
    licence_class: str = "open"
    repo: str = ""
    repo_path: str = ""
    pair_id: str = ""


def missing(out: Path, clip: Clip) -> bool:
    """Whether the clip still has to be spoken."""
    return not (out / clip.path).exists()


def keep(out: Path, clip: Clip, samples: NDArray[np.float32], rate: int) -> bool:
    """Writes one clip (mono samples at `rate` Hz) as FLAC, cut to 8 s; False, and nothing written, when under 2 s."""
    quality = str(generator(f"resampler {clip.path}").choice(RESAMPLERS))
    mono = soxr.resample(np.asarray(samples, np.float32).ravel(), rate, RATE, quality=quality)[: int(LONGEST * RATE)]
    if len(mono) < SHORTEST * RATE or not np.isfinite(mono).all() or float(np.abs(mono).max()) < 1e-3:
        return False
    peak = max(1.0, float(np.abs(mono).max()) / 0.99)
    target = out / clip.path
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    soundfile.write(partial, mono / peak, RATE, subtype="PCM_16", format="FLAC")
    partial.replace(target)
    return True


def record(out: Path, clips: list[Clip]) -> None:
    """Adds the clips that exist to `manifest.csv`, atomically; engines may run side by side."""
    manifest = out / "manifest.csv"
    with _locked(out / ".manifest.lock"):
        rows = {row["path"]: row for row in _read(manifest)}
        rows |= {clip.path: asdict(clip) for clip in clips if not missing(out, clip)}
        partial = manifest.with_suffix(".partial")
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows[path] for path in sorted(rows))
        os.replace(partial, manifest)


def build(out: Path, clips: list[Clip], speak: Callable[[Clip], tuple[NDArray[np.float32], int]]) -> None:
    """Speaks the clips that are missing; `speak` gives samples and their rate in Hz. The manifest grows on the way."""
    for index, clip in enumerate(clips):
        if missing(out, clip):
            keep(out, clip, *speak(clip))
        if index % 5 == 4:
            record(out, clips[: index + 1])
    record(out, clips)


def sound(wave: Path) -> tuple[NDArray[np.float32], int]:
    """Samples and rate of a mono file that a program wrote."""
    samples, rate = soundfile.read(wave, dtype="float32")
    return samples, int(rate)


def _read(manifest: Path) -> list[dict[str, str]]:
    if not manifest.exists():
        return []
    with manifest.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
