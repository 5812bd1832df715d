"""How the explainable traces are distributed over genuine and synthetic training speech.

    python traces.py --audio .../audio [--audio .../more] --out traces.csv [--table traces.md]

A clip of some seconds holds hardly a pause, so up to eight clips of one page and system are read as one recording, with
a gap between. For each measurement: quartiles on genuine and on synthetic recordings, in how many it could be read, and
per kind of synthesis the AUC (larger value taken as synthetic; 0.5 tells nothing, under 0.5 points the other way) with
an interval over whole pages, and the mean AUC inside pages that hold both classes, where file and channel are the same.
Most are near 0.5, and that is their use: they explain a recording, they do not decide. The rows are kept in `--out`;
what is in there is not measured again.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from inperson import media
from inperson.detectors._voice_traces import VoiceTraces
from inperson.errors import InpersonError
from inperson.evaluation import bootstrap, metrics
from inperson.types import Chunk, Span
from inperson.voice_activity import HOP, RATE, VoiceActivity

KEPT = ("path", "label", "kind", "system", "source")
MIN_RECORDINGS = 8
"""Recordings of a class below which no AUC is printed."""
BETWEEN = 16
"""Hops of gap between clips."""
LONGEST = 12.0
"""Seconds of a clip that are read."""


def recordings(folder: Path, join: int, most: int) -> Iterator[tuple[list[Path], dict[str, str]]]:
    """Files that are read as one, and the row of the first; of a page, system and kind at most `most` recordings.

    Clips of the train split, in the order of a hash of their path.
    """
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    rows.sort(key=lambda row: hashlib.sha256(row["path"].encode()).hexdigest())
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    # Some pages list a file twice; the same clip again and again would be a period of its own.
    for row in {row.get("file", row["path"]): row for row in rows}.values():
        groups.setdefault((row["source"], row["kind"], row["system"]), []).append(row)
    for group in groups.values():
        for i in range(0, min(len(group), join * most), join):
            part = group[i : i + join]
            if i == 0 or len(part) == join:
                yield [folder / row.get("file", row["path"]) for row in part], part[0]


def measure(paths: list[Path]) -> dict[str, float]:
    """All measurements of the files read as one, as the detector makes them."""
    traces = VoiceTraces()
    start, rate = 0.0, 0
    for path in paths:
        activity = VoiceActivity()
        with media.samples(path, seconds=LONGEST, native=True) as reader:
            info = reader.info
            chunk = next(iter(reader), None)
        if chunk is None or not info.audio:
            continue
        rate = rate or info.audio[0].rate
        hops = len(chunk.audio) // HOP
        end = start + hops * HOP / RATE
        speech = activity.update(chunk.audio[: hops * HOP])
        native = chunk.native if chunk.native_rate == rate else np.zeros((0, 0), np.float32)
        sound = Chunk(
            Span(start, end),
            audio=chunk.audio[: hops * HOP],
            native=native,
            native_rate=rate if len(native) else 0,
            gaps=tuple(Span(start + gap.start, start + gap.end) for gap in chunk.gaps),
            speech=speech,
            speech_start=start,
        )
        between = Span(end, end + BETWEEN * HOP / RATE)
        silence = np.zeros(BETWEEN * HOP, np.float32)
        traces.push(sound)
        traces.push(Chunk(between, audio=silence, gaps=(between,), speech=silence[::HOP], speech_start=end))
        start = between.end
    return {name: one.value for name, one in traces.finish(container_rate=rate).items()}


def collect(folders: list[Path], out: Path, join: int, most: int) -> list[dict[str, str]]:
    """Rows (one a recording and measurement) of what was measured before and now."""
    rows: list[dict[str, str]] = []
    if out.exists():
        with open(out, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    done = {row["path"] for row in rows}
    with open(out, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*KEPT, "measurement", "value"])
        if not done:
            writer.writeheader()
        for folder in folders:
            for paths, row in recordings(folder, join, most):
                if row["path"] in done:
                    continue
                try:
                    found = measure(paths)
                except InpersonError as error:
                    print(f"left out {row['path']}: {error}")
                    continue
                # A row without a measurement says that the recording was looked at.
                for name, value in {"": 0.0, **found}.items():
                    rows.append({**{key: row[key] for key in KEPT}, "measurement": name, "value": f"{value:.6g}"})
                    writer.writerow(rows[-1])
                file.flush()
    return rows


def inside_pages(value: np.ndarray, spoof: np.ndarray, page: np.ndarray) -> tuple[float, int]:
    """Mean AUC over pages with at least three recordings of either class, and their number."""
    found = []
    for one in np.unique(page):
        here = page == one
        if min(spoof[here].sum(), (1 - spoof[here]).sum()) >= 3:
            found.append(metrics.auc(value[here], spoof[here]))
    return (float(np.mean(found)) if found else float("nan")), len(found)


def table(rows: list[dict[str, str]], draws: int) -> str:
    """The figures as a table in Markdown."""
    looked = {label: sum(not r["measurement"] and r["label"] == label for r in rows) for label in ("bonafide", "spoof")}
    made = [r["kind"] for r in rows if r["label"] == "spoof" and not r["measurement"]]
    kinds = [kind for kind in sorted(set(made)) if made.count(kind) >= MIN_RECORDINGS]
    lines = [
        f"{looked['bonafide']} genuine and {looked['spoof']} synthetic recordings.",
        "",
        f"| measurement | genuine: quartiles (number) | {' | '.join(kinds)} | all, inside pages (pages) |",
        f"| --- | --- | {' | '.join('---' for _ in kinds)} | --- |",
    ]
    for name in sorted({r["measurement"] for r in rows} - {""}):
        here = [r for r in rows if r["measurement"] == name]
        value, spoof, page = _columns(here)
        if (spoof == 0).sum() < MIN_RECORDINGS or not spoof.any():
            continue
        cells = [_auc([r for r in here if r["label"] == "bonafide" or r["kind"] == kind], draws) for kind in kinds]
        inside, pages = inside_pages(value, spoof, page)
        lines.append(f"| `{name}` | {_quartiles(value[spoof == 0])} | {' | '.join(cells)} | {inside:.2f} ({pages}) |")
    return "\n".join(lines)


def _columns(rows: list[dict[str, str]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    spoof = np.array([r["label"] == "spoof" for r in rows]).astype(int)
    return np.array([float(r["value"]) for r in rows]), spoof, np.array([r["source"] for r in rows])


def _auc(rows: list[dict[str, str]], draws: int) -> str:
    value, spoof, page = _columns(rows)
    if min(spoof.sum(), (1 - spoof).sum()) < MIN_RECORDINGS:
        return "too few"
    found = bootstrap.interval(metrics.auc, value, spoof, groups=page, labels=spoof, draws=draws)
    return f"{found:.2f} ({spoof.sum()})"


def _quartiles(value: np.ndarray) -> str:
    return " / ".join(f"{q:.3g}" for q in np.percentile(value, [25, 50, 75])) + f" ({len(value)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path, required=True, action="append", help="folder with manifest.csv and files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--join", type=int, default=8, help="clips read as one recording")
    parser.add_argument("--most", type=int, default=4, help="most recordings of a page, kind and system")
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--table", type=Path, help="also write the table there")
    chosen = parser.parse_args()
    made = table(collect(chosen.audio, chosen.out, chosen.join, chosen.most), chosen.draws)
    print(made)
    if chosen.table:
        chosen.table.write_text(made + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
