"""Recordings of minutes, joined from the clips of one voice and sent through one channel: pooling is fitted on them.

    python long_recordings.py make --corpora .../base .../engines --out LONG [--longest 600] [--limit 300]
    python long_recordings.py make --corpora .../audio .../more --natural --out NATURAL
    python long_recordings.py score --recordings LONG --prepared PREPARED --runs RUNS --sound NAME... --out rows.csv

A voice is what shares page, speaker, kind and system in a corpus's manifest. Its clips (split `train` only) are
shuffled and joined with pauses; a clip is used once, so a voice gives as many disjoint recordings as it has speech for.
A file of `NATURAL` seconds or more is a recording by itself. Those, alone taken with `--natural`, show how windows that
follow one another correlate; shuffled clips cannot.
The channel is one of `--channels` draws of `degrade.drawn`, dealt to real and synthetic voices of all pages alike: two
voices with one channel number share suppression, band, codec and loss, as two sides of a call do, while room, noise,
microphone and level are each voice's own (what the interviewer's voice is good for is fitted on such pairs). A further
recording for each page that has both classes, `label = changed`, switches midway between real and synthetic speech, in
either order, in one channel.

Shorter recordings need no files: `pooling.py` takes 10 s, 30 s and 2 min out of the rows by their times.

`score` gives one row a window, by the network of the fold that held the recording's page and systems out. Voices made
by these scripts trained every fold, and are left out.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import torch
from compare_branch import load as load_branch
from corpus import ATTACKS, FOLDS, folds, read
from degrade import RATE, Rng, Sound, drawn, level, load
from export import Blend, Together
from finish import nets
from learn import LONGEST
from measured import statistics as measured

from inperson.degradation.sound import whole
from inperson.detectors._utterances import Cutter, Utterance
from inperson.types import Chunk, Span
from inperson.voice_activity import VoiceActivity

SHORTEST = 10.0
"""Seconds of clips below which a voice gives no recording."""
NATURAL = 20.0
"""Seconds of a single file that make it a recording of its own."""
PAUSES = (0.3, 1.2)
"""Seconds between the clips, as between the sentences of an answer."""
TURN = (0.3, 0.7)
"""Share of a changed recording after which it changes."""
Script = Sequence[tuple[Sequence[Path], float]]
"""What a recording is joined of: clips and the most seconds of them, one after the other."""
KEYS = ("page", "label", "kind", "system", "clips", "channel", "change_at")
COLUMNS = ("path", *KEYS, "speaker", "licence_class", "seconds")
ROWS = ("recording", *KEYS, "start", "end", "logit", "converted", "codec")


@dataclass(frozen=True)
class Voice:
    """The clips of one voice: (file, seconds) each."""

    page: str
    label: str
    kind: str
    system: str
    speaker: str
    licence: str
    clips: tuple[tuple[Path, float], ...]

    @property
    def name(self) -> str:
        text = "|".join((self.page, self.label, self.kind, self.system, self.speaker, self.licence))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.clips)


def seeded(name: str) -> Rng:
    return np.random.default_rng(list(hashlib.sha256(name.encode()).digest()[:8]))


def voices(corpora: Iterable[Path], natural: bool = False) -> list[Voice]:
    """Every voice of the corpora's `train` rows with at least `SHORTEST` seconds; or long single files alone."""
    found: dict[tuple[str, ...], list[tuple[Path, float]]] = defaultdict(list)
    for corpus in corpora:
        with open(corpus / "manifest.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["split"] != "train":
                    continue
                path = corpus / (row.get("file") or row["path"])
                seconds = float(row.get("duration") or 0) or soundfile.info(path).duration
                if seconds >= NATURAL:
                    row["speaker"] += f"@{path.stem}"
                elif natural:
                    continue
                key = ("source", "label", "kind", "system", "speaker", "licence_class")
                found[tuple(row[name] for name in key)].append((path, seconds))
    made = [Voice(*key, tuple(sorted(clips))) for key, clips in sorted(found.items())]
    return [voice for voice in made if voice.seconds >= SHORTEST]


def spread(found: Sequence[Voice], limit: int) -> list[Voice]:
    """At most `limit` voices, taken from the pages and labels in turn, so that none crowds out the others."""
    of: dict[tuple[str, str], list[Voice]] = defaultdict(list)
    for voice in sorted(found, key=lambda v: hashlib.sha256(v.name.encode()).digest()):
        of[voice.page, voice.label].append(voice)
    turns: list[Voice] = []
    while len(turns) < limit and any(of.values()):
        turns += [held.pop() for held in of.values() if held]
    return turns[:limit]


def parts(voice: Voice, longest: float) -> list[list[Path]]:
    """Disjoint, shuffled lists of clips of up to `longest` seconds each; a rest under `SHORTEST` is left out."""
    rng = seeded(f"parts/{voice.name}")
    made: list[list[Path]] = []
    held, seconds = [], 0.0
    for i in rng.permutation(len(voice.clips)):
        path, length = voice.clips[i]
        held.append(path)
        seconds += length
        if seconds >= longest:
            made.append(held)
            held, seconds = [], 0.0
    return made + ([held] if seconds >= SHORTEST else [])


def joined(paths: Sequence[Path], longest: float, rng: Rng) -> Sound:
    """Clips, each at one level, with pauses between; cut at `longest` seconds."""
    pieces: list[Sound] = []
    length = 0
    for path in paths:
        pause = np.zeros(int(rng.uniform(*PAUSES) * RATE), np.float32)
        pieces += [level(load(str(path))[: int(longest * RATE)]), pause]
        length += len(pieces[-1]) + len(pieces[-2])
        if length >= longest * RATE:
            break
    return np.concatenate(pieces)[: int(longest * RATE)]


def sent(x: Sound, channel: int, name: str) -> Sound:
    """A room, microphone and level of the voice's own; suppression, band, codec and loss are the channel's."""
    call, own = drawn(seeded(f"channel/{channel}")), drawn(seeded(f"own/{name}"))
    place = {name: getattr(own, name) for name in ("room", "direct", "snr", "noise", "microphone", "level")}
    return np.clip(whole(level(x), replace(call, **place), seeded(f"noise/{name}")), -1, 1)


def make(found: Sequence[Voice], out: Path, longest: float, channels: int, limit: int, parts_each: int) -> None:
    """Write the recordings and their manifest; recordings that are there already are kept."""
    out.mkdir(parents=True, exist_ok=True)
    chosen = spread(found, limit)
    jobs = [(voice, i, paths) for voice in chosen for i, paths in enumerate(parts(voice, longest)[:parts_each])]
    rows = []
    for voice, i, paths in jobs:
        name = f"{voice.label}-{voice.name}-{i}"
        channel = int(seeded(f"deal/{name}").integers(channels))
        rows.append(_written(out, name, voice, channel, "", [(paths, longest)]))
        if len(rows) % 20 == 0:
            _manifest(out / "manifest.csv", rows)
    rows += list(_changed(chosen, out, longest, channels))
    _manifest(out / "manifest.csv", rows)
    print(f"{len(rows)} recordings, {sum(float(row['seconds']) for row in rows) / 3600:.2f} hours, in {out}")


def _changed(chosen: Sequence[Voice], out: Path, longest: float, channels: int) -> Iterator[dict[str, str]]:
    """One recording a page with both classes, of the voice of either that has most speech; two minutes at most."""
    for page in sorted({voice.page for voice in chosen}):
        here = [voice for voice in chosen if voice.page == page and voice.seconds >= 2 * SHORTEST]
        real = max((v for v in here if v.label == "bonafide"), key=lambda v: v.seconds, default=None)
        fake = max((v for v in here if v.label == "spoof" and v.kind in ATTACKS), key=lambda v: v.seconds, default=None)
        if real is None or fake is None:
            continue
        name = f"changed-{real.name}-{fake.name}"
        rng = seeded(name)
        order = [real, fake] if rng.random() < 0.5 else [fake, real]
        total = min(2 * min(real.seconds, fake.seconds), longest, 120.0)
        turn = float(rng.uniform(*TURN)) * total
        clips = [[path for path, _ in voice.clips] for voice in order]
        script = [(clips[0], turn), (clips[1], total - turn)]
        row = _written(out, name, fake, int(rng.integers(channels)), f"{turn:.2f}", script)
        yield {**row, "label": "changed", "kind": f"{order[0].label}_first"}


def _written(out: Path, name: str, voice: Voice, channel: int, change_at: str, script: Script) -> dict[str, str]:
    path = out / f"{name}.flac"
    if not path.exists():
        pieces = [joined(paths, seconds, seeded(f"join/{name}/{i}")) for i, (paths, seconds) in enumerate(script)]
        held = path.with_suffix(".part.flac")
        soundfile.write(held, sent(np.concatenate(pieces), channel, name), RATE, subtype="PCM_16")
        held.rename(path)
    seconds, clips = f"{soundfile.info(path).duration:.2f}", sum(len(paths) for paths, _ in script)
    keys = (voice.page, voice.label, voice.kind, voice.system, str(clips), str(channel), change_at)
    return dict(zip(COLUMNS, (path.name, *keys, voice.speaker, voice.licence, seconds), strict=True))


def _manifest(path: Path, rows: Sequence[dict[str, str]]) -> None:
    held = path.with_suffix(".part")
    with open(held, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    held.rename(path)


def windows(path: Path) -> list[Utterance]:
    """A recording's windows, cut as the detector cuts them."""
    x, cutter = load(str(path)), Cutter()
    chunk = Chunk(Span(0.0, len(x) / RATE), audio=x, speech=VoiceActivity().update(x), speech_start=0.0)
    return [*cutter.push(chunk), *cutter.close()]


def scored(
    recordings: Path, prepared: Path, runs: Path, sound: list[str], statistics: str, blend: Blend
) -> Iterator[dict[str, str]]:
    """Rows of the recordings whose page a fold held out, by that fold's networks."""
    torch.set_num_threads(1)
    corpus = read(prepared)
    fold = dict(zip(corpus["page"], folds(corpus), strict=True))
    with open(recordings / "manifest.csv", newline="", encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    for number in range(FOLDS):
        heard = nets(sound, [runs / f"{name}-{number}.pt" for name in sound])
        blended = Together(heard, load_branch(runs / f"{statistics}-{number}.pt"), blend).eval()
        for row in listed:
            if fold.get(row["page"], -1) != number:
                continue
            for one in windows(recordings / row["path"]):
                numbers = torch.from_numpy(measured(one.audio))[None]
                with torch.inference_mode():
                    logits = blended(torch.from_numpy(one.audio[:LONGEST])[None], numbers).numpy()[0]
                yield _row(row, one.span, logits)


def _row(row: dict[str, str], span: Span, logits: np.ndarray) -> dict[str, str]:
    same = {name: row[name] for name in KEYS}
    values = (span.start, span.end, *(float(logit) for logit in logits))
    numbers = dict(zip(("start", "end", "logit", "converted", "codec"), (f"{v:.4f}" for v in values), strict=True))
    return {"recording": row["path"], **same, **numbers}


def write_rows(path: Path, rows: Iterable[dict[str, str]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ROWS)
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make")
    making.add_argument("--corpora", type=Path, nargs="+", required=True, help="folders with manifest.csv")
    making.add_argument("--out", type=Path, required=True)
    making.add_argument("--natural", action="store_true", help="only files that are long by themselves")
    making.add_argument("--longest", type=float, default=600.0)
    making.add_argument("--channels", type=int, default=24)
    making.add_argument("--limit", type=int, default=300, help="voices at most")
    making.add_argument("--parts", type=int, default=2, help="recordings of one voice at most")
    scoring = commands.add_parser("score")
    scoring.add_argument("--recordings", type=Path, required=True)
    scoring.add_argument("--prepared", type=Path, required=True, help="what compare.py read: tells the folds")
    scoring.add_argument("--runs", type=Path, required=True, help="where compare.py wrote the weights")
    scoring.add_argument("--sound", nargs="+", required=True, help="families of networks on sound, with their tags")
    scoring.add_argument("--statistics", required=True, help="name of the networks on statistics")
    scoring.add_argument("--blend", type=float, nargs="+", required=True, help="what finish.py --blend printed")
    scoring.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    if chosen.command == "make":
        found = voices(chosen.corpora, chosen.natural)
        make(found, chosen.out, chosen.longest, chosen.channels, chosen.limit, chosen.parts)
    else:
        named = (chosen.sound, chosen.statistics, Blend.of(chosen.blend))
        write_rows(chosen.out, scored(chosen.recordings, chosen.prepared, chosen.runs, *named))


if __name__ == "__main__":
    main()
