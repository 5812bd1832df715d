"""Damage recordings and see that each gives a report or one clear error.

Usage: python scripts/fuzz.py [FILE ...] [--count 200] [--seed 0] [--workers 2]

Bytes are flipped (anywhere, or in the first kilobytes where the headers are), tails cut, pieces removed, and headers
swapped between files. Runs them as `inperson batch` does. Exits with 1 if a worker crashed or hung, if an error was
none of inperson's own, or if damage made a finding speak for its signal by `BOLDER` more than the undamaged file.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from inperson import analyze, batch

SAMPLES = Path(__file__).parents[1] / "samples"
BOLDER = 0.35
"""Log10 likelihood ratio."""
EXPECTED = ("MediaError",)


def mutated(content: bytes, other: bytes, rng: random.Random) -> tuple[str, bytes]:
    """One damaged copy, and what was done to it."""
    kind = rng.choice(("flip", "flip header", "cut", "hole", "swap header"))
    data = bytearray(content)
    if kind in ("flip", "flip header"):
        reach = len(data) if kind == "flip" else min(4096, len(data))
        for _ in range(rng.choice((1, 10, 200))):
            data[rng.randrange(reach)] = rng.randrange(256)
    elif kind == "cut":
        del data[rng.randrange(len(data)) :]
    elif kind == "hole":
        start = rng.randrange(len(data))
        del data[start : start + rng.randrange(1, 1 + len(data) // 4)]
    else:
        size = rng.choice((16, 512, 4096))
        data[:size] = other[:size]
    return kind, bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    files = options.files or [SAMPLES / n for n in ("candidate_only.mp4", "genuine_voice.flac", "synthetic_voice.flac")]
    rng = random.Random(options.seed)
    bold = {file: {f.signal: max(f.llr or 0.0, 0.0) for f in analyze(file).findings} for file in files}
    made: dict[str, tuple[Path, str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for i in range(options.count):
            file, other = rng.choice(files), rng.choice(files)
            kind, content = mutated(file.read_bytes(), other.read_bytes(), rng)
            path = Path(folder) / f"{i:04d}{file.suffix}"
            path.write_bytes(content)
            made[str(path)] = file, kind
        out = Path(folder) / "results.jsonl"
        batch.run(made, out, workers=options.workers, timeout=300.0)
        lines = [json.loads(line) for line in out.read_text().splitlines()]
    sys.exit(judged(lines, made, bold))


def judged(
    lines: list[dict[str, object]], made: dict[str, tuple[Path, str]], bold: dict[Path, dict[str, float]]
) -> int:
    """Print what came out; 1 if anything is wrong."""
    outcomes: Counter[str] = Counter()
    wrong = []
    for line in lines:
        if "error" in line:
            name, error = str(line["path"]), line["error"]
            outcomes[f"{made[name][1]}: {error['type']}"] += 1
            if error["type"] not in EXPECTED or "\n" in error["message"]:
                wrong.append((name, *made[name], error))
            continue
        name = str(line["media"]["path"])
        outcomes[f"{made[name][1]}: report"] += 1
        for finding in line["findings"]:
            if (finding["llr"] or 0.0) > bold[made[name][0]].get(finding["signal"], 0.0) + BOLDER:
                wrong.append((name, *made[name], finding["signal"], finding["llr"]))
    for outcome, count in sorted(outcomes.items()):
        print(f"{outcome:32} {count}")
    print(f"{len(lines)} of {len(made)} files, {len(wrong)} wrong")
    for item in wrong:
        print(*item)
    return int(bool(wrong) or len(lines) != len(made))


if __name__ == "__main__":
    main()
