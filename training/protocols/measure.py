"""One command a signal: write its protocol, evaluate it clean and under four presets, put the figures into its card.

    python training/protocols/measure.py SIGNAL DATA OUT [--adopt] [--workers 2]

What is measured for a signal, and what cannot be shown, is in docs/evaluation.md. An interrupted run goes on. Without
``--adopt`` the reports are written under OUT and the card stays as it is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CARDS = HERE.parents[1] / "scripts" / "cards.py"
PRESETS = "zoom-720p,teams-360p,phone,bluetooth"
PARTS: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    # signal: (part of the card, manifest, options of inperson evaluate); the first part is the headline
    "synthetic_voice": (
        ("", "manifest.csv", ("--degrade", PRESETS)),
        ("resynthesis", "resynthesis.csv", ()),
    ),
    "face_swap": (
        ("", "manifest.csv", ("--degrade", PRESETS, "--split", "devtest")),
        ("pooled", "pooled.csv", ("--split", "devtest")),
        ("talking heads", "talking_heads.csv", ("--split", "devtest")),
    ),
    "lip_sync": (
        ("", "manifest.csv", ("--degrade", PRESETS, "--split", "devtest")),
        ("driven", "driven.csv", ("--split", "devtest")),
    ),
    "response_latency": (
        ("", "heard.csv", ("--degrade", PRESETS)),
        ("exact turns", "manifest.csv", ("--degrade", "phone,zoom-720p")),
        ("one channel each", "channels.csv", ()),
    ),
    "reading": (),  # its protocol measures by itself: a simulated reader is no file
}


def run(*command: str | Path) -> None:
    print("$", *command, flush=True)
    subprocess.run([str(word) for word in command], check=True)


def adopt(evaluation: Path, part: str, *commands: str) -> None:
    stated = [word for command in commands for word in ("--command", command)]
    run(sys.executable, CARDS, "adopt", evaluation, "--part", part, *stated)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("signal", choices=PARTS)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--adopt", action="store_true", help="put the figures into the card")
    parser.add_argument("--workers", default="2")
    options = parser.parse_args()
    protocol = HERE / f"{options.signal}.py"
    told = f"python training/protocols/measure.py {options.signal} DATA OUT --adopt"
    if options.signal == "reading":
        out = options.out / "headline"
        run(sys.executable, protocol, options.data / "video", out, "--split", "devtest", "--degrade", PRESETS)
        if options.adopt:
            adopt(out / "evaluation.json", "", told)
    else:
        run(sys.executable, protocol, options.data, options.out)
    for part, manifest, more in PARTS[options.signal]:
        out = options.out / (part.replace(" ", "_") or "headline")
        words = ("evaluate", options.out / manifest, "--out", out, *more, "--no-recheck", "--workers", options.workers)
        run(sys.executable, "-m", "inperson", *words)
        if options.adopt:
            adopt(out / "evaluation.json", part, told)
    if options.adopt:
        run(sys.executable, CARDS, "write")


if __name__ == "__main__":
    main()
