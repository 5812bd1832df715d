"""How often typing and whispering are found where they were mixed in, and how often where nobody put any.

    python evaluate.py AUDIO... --keys KEYS [--split devtest] [--video VIDEO] --out traces.json --table traces.md

AUDIO holds genuine speech with a ``manifest.csv`` (columns path, label, split), KEYS what keystrokes.py wrote.
Thresholds were chosen on the train split and on every second keyboard (`CHOSE`); what is reported is of the
others. False alarms are counted anywhere in a recording, per hour; a report shows only those around an answer.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mixtures import RATE, SPEECH_DB, Sound, between, levelled, load, through, typed, whispered

from inperson.detectors._answer_traces import keys, whispers
from inperson.detectors._answer_traces.listening import Ear
from inperson.errors import InpersonError
from inperson.evaluation import bootstrap
from inperson.types import Chunk, Span
from inperson.voice_activity import HOP, SpeechSpans, VoiceActivity

PRESETS = ("clean", "zoom-720p", "teams-360p", "bluetooth", "phone")
TYPING_DB = (0, 10, 20, 30)
"""dB by which the strokes' peaks lie under the level of the speech."""
WHISPER_DB = (10, 20, 30)
TYPING_SECONDS, WHISPER_SECONDS = 4.0, 3.0
CHOSE = ("room-CA_tb14", "room-G213")
"""Keyboards of the room recordings that chose thresholds; of the sound packs the first, third... in order."""


def heard(sound: Sound) -> tuple[list[Span], list[Span], float]:
    """Typing, whispering, and seconds without speech, as the library hears them."""
    count = len(sound) // HOP
    sound = sound[: count * HOP]
    speech = VoiceActivity().update(sound)
    ear = Ear()
    ear.push(Chunk(Span(0.0, count * HOP / RATE), audio=sound, speech=speech))
    machine = SpeechSpans(0.0)
    spoken = machine.update(speech.tolist()) + machine.finish()
    typing = [burst.span for burst in keys.bursts(ear.onsets(), spoken)]
    return typing, whispers.whispers(ear.hops()), float((speech < 0.5).sum() * HOP / RATE)


def clips(folder: Path, split: str) -> list[Path]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split and row["label"] == "bonafide"]
    return sorted({folder / (row.get("file") or row["path"]) for row in rows})


def videos(folder: Path) -> list[Path]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] == "real" and row["has_audio"] == "1"]
    return sorted({folder / (row.get("file") or row["path"]) for row in rows})


def false_alarms(paths: Sequence[Path]) -> dict[str, Any]:
    """Counts over genuine recordings, and which."""
    found: dict[str, Any] = {
        "recordings": 0,
        "hours": 0.0,
        "quiet_hours": 0.0,
        "typing": 0,
        "whispering": 0,
        "where": [],
    }
    for path in paths:
        try:
            sound = load(path)
        except InpersonError as error:
            print(f"left out {path.name}: {error}")
            continue
        if len(sound) < RATE:
            continue
        typing, whispering, quiet = heard(sound)
        found["recordings"] += 1
        found["hours"] += len(sound) / RATE / 3600
        found["quiet_hours"] += quiet / 3600
        found["typing"] += len(typing)
        found["whispering"] += len(whispering)
        if typing or whispering:
            found["where"].append(path.parent.name + "/" + path.name.split("__")[0])
    return found


def keyboards(folder: Path) -> dict[str, list[Sound]]:
    """Strokes of the keyboards that chose nothing."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    packs = [name for name in names if name.startswith("pack-")]
    kept = [name for name in names if name not in CHOSE and name not in packs[::2]]
    return {name: [load(path) for path in sorted((folder / name).iterdir())] for name in kept}


def mixed(
    boards: dict[str, list[Sound]], speech: list[Sound], preset: str, trials: int, rng: np.random.Generator
) -> Iterator[tuple[str, str, float, bool, int]]:
    """``(what, source, dB under speech, found, found elsewhere)`` for each mixture."""

    def pick(seconds: float) -> Sound:
        long = [one for one in speech if len(one) >= seconds * RATE]
        one = long[int(rng.integers(len(long)))]
        return one[: round(seconds * RATE)]

    for board, strokes in boards.items():
        for below in TYPING_DB:
            for _ in range(trials):
                made = between(pick(3.0), typed(strokes, TYPING_SECONDS, below, rng), pick(3.0), rng)
                typing, _, _ = heard(through(made.sound, preset, rng))
                hits = [span for span in typing if (c := span & made.mixed) and c.duration >= 0.5]
                yield "typing", board, below, bool(hits), len(typing) - len(hits)
    for below in WHISPER_DB:
        for _ in range(trials * len(boards)):
            whisper = levelled(whispered(pick(WHISPER_SECONDS), rng), SPEECH_DB - below)
            made = between(pick(3.0), whisper, pick(3.0), rng)
            _, whispering, _ = heard(through(made.sound, preset, rng))
            hits = [span for span in whispering if (c := span & made.mixed) and c.duration >= 0.5]
            yield "whispering", "", below, bool(hits), len(whispering) - len(hits)


def recall(rows: Sequence[tuple[str, str, float, bool, int]]) -> list[dict[str, Any]]:
    """Share found for each kind of sound and level; whole keyboards are drawn again for the interval."""
    out = []
    for what, below in sorted({(row[0], row[2]) for row in rows}):
        mine = [row for row in rows if (row[0], row[2]) == (what, below)]
        groups = [row[1] or str(i) for i, row in enumerate(mine)]
        share = bootstrap.share_interval([row[3] for row in mine], groups)
        out.append(
            {
                "what": what,
                "below": below,
                "found": [round(v, 3) for v in (share.value, share.low, share.high)],
                "mixtures": len(mine),
                "elsewhere": sum(row[4] for row in mine),
            }
        )
    return out


def table(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        "| genuine recordings | number | hours (without speech) | typing | whispering |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, one in found["genuine"].items():
        hours = f"{one['hours']:.2f} ({one['quiet_hours']:.2f})"
        lines.append(f"| {name} | {one['recordings']} | {hours} | {one['typing']} | {one['whispering']} |")
    levels = [("typing", below) for below in TYPING_DB] + [("whispering", below) for below in WHISPER_DB]
    lines += ["", "| mixed in, found (%) | " + " | ".join(f"{w}, {b} dB under" for w, b in levels) + " | elsewhere |"]
    lines.append("| --- |" + " --- |" * (len(levels) + 1))
    for preset, rows in found["mixed"].items():
        by = {(row["what"], row["below"]): row for row in rows}
        cells = ["{:.0f} [{:.0f}, {:.0f}]".format(*(100 * v for v in by[level]["found"])) for level in levels]
        elsewhere = f"{sum(row['elsewhere'] for row in rows)} of {sum(row['mixtures'] for row in rows)}"
        lines.append(f"| {preset} | " + " | ".join(cells) + f" | {elsewhere} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path, nargs="+", help="the first one's speech is mixed with, too")
    parser.add_argument("--keys", type=Path, help="folder of keystrokes; without it only false alarms are counted")
    parser.add_argument("--video", type=Path, help="folder of videos with manifest.csv (path, label, has_audio)")
    parser.add_argument("--split", default="devtest")
    parser.add_argument("--trials", type=int, default=5, help="mixtures a keyboard, level and preset")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--table", type=Path)
    args = parser.parse_args()
    began = time.monotonic()
    paths = clips(args.audio[0], args.split)
    found: dict[str, Any] = {"genuine": {}, "mixed": {}}
    for number, folder in enumerate(args.audio):
        name = f"speech, {args.split}" + (f" ({number + 1})" if number else "")
        found["genuine"][name] = false_alarms(clips(folder, args.split))
    if args.video:
        found["genuine"]["videos"] = false_alarms(videos(args.video))
    if args.keys:
        boards, speech = keyboards(args.keys), [load(path) for path in paths]
        for number, preset in enumerate(PRESETS):
            rows = list(mixed(boards, speech, preset, args.trials, np.random.default_rng([7, number])))
            found["mixed"][preset] = recall(rows)
            print(f"{time.monotonic() - began:5.0f} s  {preset}", flush=True)
    args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    text = table(found)
    print(text)
    if args.table:
        args.table.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
