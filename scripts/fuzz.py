"""Damage recordings and see that each gives a report or one clear error.

Usage: python scripts/fuzz.py [FILE ... | --short] [--minutes 10 | --count 20000] [--seed 0] [--workers 2] [--keep DIR]

Damaged copies (`mutations.py` beside this file) go through the confined processes that `inperson batch` uses, with the
confinement set to kill at an attempt to leave it. A control comes first: an analyser that opens a file and a socket
must be stopped, else nothing that follows means anything. Exits with 1 if a process crashed or hung, tried to reach the
network or start a program, ended in an error that is none of inperson's own, opened a file that is neither its
recording nor a library or model, or if damage made a finding speak for its signal by `BOLDER` more than the undamaged
file. `--keep` saves the copies that did.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import resource
import shutil
import socket
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mutations import mutated
from short_clips import short_clips

from inperson import Analyzer, analyze, batch
from inperson.errors import AnalysisError
from inperson.isolation import Confinement, IsolatedAnalyzer, in_force
from inperson.report import Report

SAMPLES = Path(__file__).parents[1] / "samples"
BOLDER = 0.35
"""Log10 likelihood ratio."""
EXPECTED = ("MediaError",)
ROUND = 500  # copies on the disk at once, and for one start of the workers
TINY = 9  # of ten copies with --short


@dataclass(frozen=True, slots=True)
class Watching:
    """The usual analyser, noting what files Python opens meanwhile; `secret` lies beside the recordings."""

    analyzer: Analyzer = field(default_factory=Analyzer)

    def prepare(self) -> None:
        self.analyzer.prepare()

    def reads(self, path: str) -> list[str]:
        return self.analyzer.reads(path)

    def seconds(self, path: str) -> float:
        return self.analyzer.seconds(path)

    def __call__(self, path: str) -> Report:
        opened: set[str] = set()
        here = {path, tempfile.gettempdir()}
        libraries = tuple(os.path.abspath(place) for place in (*sys.path, sys.prefix, sys.base_prefix) if place)
        system = ("/proc/", "/sys/", "/dev/", "/usr/lib", "/usr/share/zoneinfo", "/etc/localtime", *libraries)

        def note(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "open" and isinstance(arguments[0], str | bytes):
                name = os.path.abspath(os.fsdecode(arguments[0]))
                if name not in here and not name.startswith((tempfile.gettempdir(), *system)):
                    opened.add(name)

        sys.addaudithook(note)
        report = self.analyzer(path)
        strays = tuple(f"opened {name}" for name in sorted(opened) if not name.startswith(str(SAMPLES.parent)))
        return report.model_copy(update={"warnings": (*report.warnings, *strays)})


def leaves(path: str, how: str = "") -> Report:
    """The control: what the confinement must stop."""
    socket.socket()
    raise AssertionError("a socket could be opened")


def peeks(path: str) -> Report:
    Path("/etc/passwd").read_bytes()
    raise AssertionError("another file could be read")


def controlled() -> None:
    """See the confinement stop what it must."""
    for attempt, kind in ((leaves, "Crash"), (peeks, "PermissionError")):
        with IsolatedAnalyzer(attempt, confinement=Confinement(kill=True)) as one:
            try:
                one(SAMPLES / "genuine_voice.flac")
            except AnalysisError as error:
                if error.kind == kind:
                    continue
        raise SystemExit(f"the confinement does not hold on this system: {in_force()}")


@dataclass
class Found:
    """What came out so far."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[Any, ...]] = field(default_factory=list)

    def judge(self, row: batch.Result, file: Path, kind: str, bold: dict[str, float]) -> bool:
        """Count a row; whether anything is wrong with it."""
        before = len(self.wrong)
        if row.error is not None:
            self.outcomes[f"{kind}: {row.error['type']}"] += 1
            if row.error["type"] not in EXPECTED or "\n" in row.error["message"]:
                self.wrong.append((row.paths[0], file, kind, row.error))
        elif row.report is not None:
            self.outcomes[f"{kind}: report"] += 1
            for finding in row.report.findings:
                if (finding.llr or 0.0) > bold.get(finding.signal, 0.0) + BOLDER:
                    self.wrong.append((row.paths[0], file, kind, finding.signal, finding.llr))
            strays = [warning for warning in row.report.warnings if warning.startswith("opened ")]
            self.wrong.extend((row.paths[0], file, kind, stray) for stray in strays)
        return len(self.wrong) > before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--count", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=300.0)
    parser.add_argument("--signals", help="only these, separated by commas")
    parser.add_argument(
        "--short", action="store_true", help="the first 3 s and, nine times in ten, 1 s of a sample in ten containers"
    )
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = options.files or [
            SAMPLES / n for n in ("candidate_only.mp4", "genuine_voice.flac", "synthetic_voice.flac")
        ]
        if options.short:
            files = _short(Path(folder))
        sys.exit(fuzzed(files, options))


def _short(folder: Path) -> list[Path]:
    """Long enough for scores, and so short that many can be tried."""
    for name in ("3", "1"):
        (folder / name).mkdir()
    source = SAMPLES / "candidate_only.mp4"
    return [*short_clips(source, folder / "3"), *TINY * short_clips(source, folder / "1", 1.0, (160, 120))]


def fuzzed(files: list[Path], options: argparse.Namespace) -> int:
    """Damage, run and judge; the exit code."""
    count = options.count or (200 if options.minutes is None else sys.maxsize)
    end = time.monotonic() + 60 * (options.minutes or 1e6)
    signals = None if options.signals is None else tuple(options.signals.split(","))
    controlled()
    bold = {
        file: {f.signal: max(f.llr or 0.0, 0.0) for f in analyze(file, signals=signals).findings} for file in set(files)
    }
    rng, found, done = random.Random(options.seed), Found(), 0
    read = functools.cache(Path.read_bytes)
    begun, memory = time.monotonic(), _memory()
    while done < count and time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            made: dict[str, tuple[Path, str]] = {}
            for i in range(min(ROUND, count - done)):
                file, other = rng.choice(files), rng.choice(files)
                kind, content = mutated(read(file), read(other), rng)
                path = Path(folder) / f"{done + i:06d}{file.suffix}"
                path.write_bytes(content)
                made[str(path)] = file, kind
            out = Path(folder) / "results.jsonl"
            analyzer = Watching(Analyzer(signals=signals))
            with_limits = {"workers": options.workers, "timeout": options.timeout}
            batch.run(made, out, analyze=analyzer, confinement=Confinement(kill=True), **with_limits)
            rows = list(batch.read(out))
            for row in rows:
                file, kind = made[row.paths[0]]
                if found.judge(row, file, kind, bold[file]) and options.keep is not None:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy(row.paths[0], options.keep)
            named = sum(len(row.paths) for row in rows)
            if named != len(made):
                found.wrong.append((f"{len(made) - named} of {len(made)} without a row",))
            done += len(made)
        print(
            json.dumps({"done": done, "wrong": len(found.wrong), "minutes": round((time.monotonic() - begun) / 60, 1)})
        )
        sys.stdout.flush()
    return told(found, done, begun, memory)


def told(found: Found, done: int, begun: float, memory: int) -> int:
    """Print what came out; 1 if anything is wrong."""
    for outcome, count in sorted(found.outcomes.items()):
        print(f"{outcome:44} {count}")
    print(
        f"{done} files in {(time.monotonic() - begun) / 60:.1f} min, {len(found.wrong)} wrong; "
        f"the parent grew by {(_memory() - memory) >> 10} MiB; {in_force()}"
    )
    for item in found.wrong:
        print(*item)
    return int(bool(found.wrong))


def _memory() -> int:
    """KiB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
