"""A batch of thousands that is killed again and again, against the known answers and a batch that is left alone.

Usage: python scripts/endurance.py [--count 2000] [--engine local] [--workers 1] [--seed 0] [--left-alone FILE]

`poisoned.py` beside this file makes the recordings: 5 % broken, 1 % that crash or hang. One batch is left alone; a
second is ended by ``kill -9`` three times at random moments and resumed. With ``--engine ray`` the second runs on Ray,
and a Ray worker is killed too in each of its runs. Exits with 1 unless both give one row for each recording, each of
them the right one, the same in both, and the memory of the process that writes them stays flat.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poisoned import Made, Trapped, recordings

from inperson import batch

HERE = Path(__file__).parent
KILLS = 3
TIMEOUT = 15.0  # s; the others take a fraction of one
GROWTH = 16.0
"""MiB that the process which writes the rows may grow by after the first hundred. Own choice: it knows about a kilobyte
of each of 2,000, to skip it."""


@dataclass
class Course:
    """What was seen of one batch."""

    kills: int = 0
    workers_killed: int = 0
    memory: list[tuple[int, float]] = field(default_factory=list)
    """Rows written by this process, and its MiB in memory then."""
    minutes: float = 0.0

    def growth(self) -> float:
        """MiB from its hundredth row (or first) to its last, the largest of all processes."""
        return max((self._grown(run) for run in self._runs()), default=0.0)

    def _runs(self) -> list[list[tuple[int, float]]]:
        starts = [i for i, (rows, _) in enumerate(self.memory) if rows == 0]
        return [self.memory[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]

    @staticmethod
    def _grown(run: list[tuple[int, float]]) -> float:
        settled = [mib for rows, mib in run if rows >= 100]
        return max(settled) - settled[0] if settled else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--left-alone", type=Path, help="keep the rows of the first batch here, and take those there are"
    )
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run is not None:
        written(*options.run, options.engine, options.workers)
        return
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(endured(Path(folder), options))


def written(folder: str, out: str, engine: str, workers: int) -> None:
    """The batch itself: says after each row how many there are."""
    batch.run(
        batch.find([folder]),
        out,
        analyze=Trapped(),
        engine=engine,
        workers=workers,
        timeout=TIMEOUT,
        progress=lambda tally: print(tally.skipped, tally.finished, flush=True),
    )


def endured(folder: Path, options: argparse.Namespace) -> int:
    """Run both and judge; the exit code."""
    made, rng = recordings(folder, options.count, options.seed), random.Random(options.seed)
    print(f"{len(made)} recordings made: {dict(Counter(one.outcome for one in made.values()))}", flush=True)
    wrong = []
    plain = options.left_alone or folder / "left alone.jsonl"
    if not plain.exists():
        course = run(folder / "recordings", plain, "local", options.workers, [], rng)
        wrong += told("local, left alone", plain, made, course, 0)
    killed = folder / "killed.jsonl"
    moments = sorted(rng.sample(range(options.count // 20, options.count * 9 // 10), KILLS))
    course = run(folder / "recordings", killed, options.engine, options.workers, moments, rng)
    wrong += told(f"{options.engine}, killed", killed, made, course, KILLS)
    before, after = outcomes(plain), outcomes(killed)
    wrong += [f"{name}: differs" for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    print(*wrong[:50], f"{len(wrong)} wrong", sep="\n")
    return int(bool(wrong))


def told(name: str, out: Path, made: dict[str, Made], course: Course, kills: int) -> list[str]:
    """Print what came of a batch; what is wrong with it."""
    rows = list(batch.read(out))
    print(
        f"{name}: {len(rows)} rows in {course.minutes:.1f} min, {course.kills} times kill -9, "
        f"{course.workers_killed} workers killed, memory of the parent at most "
        f"{max(mib for _, mib in course.memory):.0f} MiB, {course.growth():+.1f} MiB after its first hundred rows; "
        f"{dict(Counter(row.error['type'] if row.error else 'report' for row in rows))}",
        flush=True,
    )
    return [f"{name}: {problem}" for problem in judged(out, rows, made, course, kills)]


def outcomes(out: Path) -> dict[str, Any]:
    """What the rows say, by the recordings' names without their folder."""
    found = {}
    for row in batch.read(out):
        said = row.error if row.report is None else json.loads(row.report.to_json())
        if row.report is not None:
            del said["media"]["path"]
        found[Path(row.paths[0]).name] = (row.key if row.report else None, said)
    return found


def run(recordings: Path, out: Path, engine: str, workers: int, moments: list[int], rng: random.Random) -> Course:
    """One batch, killed once when it has as many rows as each of `moments` and shortly after, else to its end."""
    course, begun = Course(), time.monotonic()
    command = [sys.executable, __file__, "--engine", engine, "--workers", str(workers), "--run", recordings, out]
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    for moment in [*moments, sys.maxsize]:
        environment = {**os.environ, "PYTHONPATH": path}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
            follow(running, moment, course, engine == "ray" and bool(moments), rng)
        if running.returncode not in (0, -signal.SIGKILL):
            raise SystemExit(f"the batch ended with exit code {running.returncode}")
        course.kills += running.returncode == -signal.SIGKILL
    course.minutes = (time.monotonic() - begun) / 60
    return course


def follow(running: subprocess.Popen[str], moment: int, course: Course, also_workers: bool, rng: random.Random) -> None:
    """Read what the batch says until `moment`, then kill it; on the way, kill one of its workers."""
    assert running.stdout is not None
    skipped = 0
    for line in running.stdout:
        if not line.replace(" ", "").strip().isdigit():
            continue  # Ray speaks too
        skipped, finished = map(int, line.split())
        course.memory.append((finished - skipped, memory(running.pid)))
        if also_workers and finished - skipped >= 10 and (workers := ray_workers(running.pid)):
            os.kill(rng.choice(workers), signal.SIGKILL)
            course.workers_killed += 1
            also_workers = False
        if finished >= moment:
            time.sleep(rng.uniform(0, 1))
            running.kill()
            return


def judged(out: Path, rows: list[batch.Result], made: dict[str, Made], course: Course, kills: int) -> list[str]:
    """What is wrong with these rows."""
    wrong = []
    count, paths = out.read_bytes().count(b"\n"), [path for row in rows for path in row.paths]
    if sorted(paths) != sorted(made) or not count == len(rows) == len(made):
        wrong.append(f"{count} lines and {len(rows)} rows for {len(made)} recordings")
    for row in rows:
        expected = made[row.paths[0]]
        kind = row.error["type"] if row.error else "report"
        length = row.report.media.duration if row.report and expected.seconds else None
        if kind != expected.outcome or (length is not None and abs(length - (expected.seconds or 0)) > 1e-3):
            wrong.append(f"{row.paths[0]}: {row.error or length}, expected {expected}")
    if course.kills != kills:
        wrong.append(f"{course.kills} times kill -9 instead of {kills}")
    if course.growth() > GROWTH:
        wrong.append(f"the parent grew by {course.growth():.1f} MiB")
    return wrong


def memory(pid: int) -> float:
    """MiB that a process has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def ray_workers(pid: int) -> list[int]:
    """Our actors on Ray among the descendants of a process; the others are Ray itself."""
    found: list[int] = []
    for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        try:
            if Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"ray::Worker"):
                found.append(child)
            found += ray_workers(child)
        except OSError:
            continue
    return found


if __name__ == "__main__":
    main()
