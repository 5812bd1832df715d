"""`response_latency`: real conversations' timing against the same with simulated assistants, rendered as sound.

    python training/protocols/response_latency.py DATA OUT [--split devtest|train] [--most 16]

DATA holds ``turns/`` (RTTM of real conversations, without sound) and ``audio/`` (genuine voices). Conversations of the
test part (training/response_latency/simulate.py), seven minutes of each at most, are spoken by other voices, over
one noise, at one level; bona fide as recorded, spoof with the answers' onsets moved to where each of `ASSISTANTS` would
have let them begin. All versions of one conversation last equally long. Writes

- OUT/manifest.csv: mono, with the exact turns and the answering speaker named;
- OUT/channels.csv: the candidate on channel 1, everybody else on channel 0; the library finds the turns;
- OUT/heard.csv: the mono files with nothing supplied, where the candidate speaks clearly longest (`HEARD` times the
  next), as candidates in interviews do: elsewhere the library rightly looks at somebody else.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import manifest
import numpy as np
import sound
import split
from sound import RATE, Sound

from inperson.types import Span, Turn, merged

SIGNAL = "response_latency"
ASSISTANTS = {
    "fast": "fast (0.3-0.6 s, sd 0.15)",
    "pipeline": "pipeline (published components)",
    "slow": "slow (3 s window + components)",
}
KINDS = {"primock57": "consultation", "earnings21": "earnings call", "ami": "meeting", "voxconverse": "broadcast"}
PARTS = {"devtest": {"test": split.DEVTEST}, "train": {"fit": split.TRAIN, "calibrate": split.CALIBRATE}}
LONGEST, SHORTEST = 420.0, 240.0
"""Seconds of a conversation used, and below which it is left out."""
MAIN, HEARD = 0.7, 1.3
"""Share of the speech that is the two main speakers'; times the candidate must outspeak the next one in heard.csv."""
NOISE_DB, GAIN_DB, RMS_DB = -58.0, 4.0, -30.0
simulate = manifest.script("response_latency/simulate")
Row = dict[str, str]
Conversation = Any  # simulate.Conversation, loaded by path


def cut(conversation: Conversation, end: float) -> Conversation:
    """The conversation up to `end` seconds."""
    kept = (t for t in conversation.turns if t.span.start < end - 0.1)
    return replace(conversation, turns=tuple(Turn(Span(t.span.start, min(t.span.end, end)), t.speaker) for t in kept))


def spoken(conversation: Conversation) -> dict[str, float]:
    """Seconds by speaker."""
    speakers = {turn.speaker for turn in conversation.turns}
    return {s: sum(x.duration for x in merged(t.span for t in conversation.turns if t.speaker == s)) for s in speakers}


def usable(conversation: Conversation) -> bool:
    """Long enough, mostly between two, with enough exchanges that the detector would not abstain."""
    seconds = sorted(spoken(conversation).values(), reverse=True)
    if len(seconds) < 2 or conversation.turns[-1].span.end < SHORTEST or sum(seconds[:2]) < MAIN * sum(seconds):
        return False
    long = sum(map(simulate.is_substantive, conversation.exchanges))
    return long >= 5 and len(conversation.exchanges) - long >= 3


def chosen(folder: Path, part: str, most: int) -> list[Conversation]:
    """Conversations of one part: consultations first, then the other kinds in turn."""
    found = [cut(c, LONGEST) for c in simulate.load(folder) if simulate.split(c) == part]
    found = [c for c in found if usable(c)]
    ranked = sorted(found, key=lambda c: c.name)
    place = {c.name: sum(o.kind == c.kind and o.name < c.name for o in ranked) for c in ranked}
    return sorted(ranked, key=lambda c: (c.kind != "primock57", place[c.name], c.kind))[:most]


def versions(conversation: Conversation, seed: int = 7) -> dict[str, Conversation]:
    """As recorded and with every assistant, all cut where the shortest ends."""
    made = {"as recorded": conversation}
    made |= {name: simulate.assisted(conversation, full, seed) for name, full in ASSISTANTS.items()}
    end = min(LONGEST, *(max(t.span.end for t in c.turns) for c in made.values()))
    return {name: cut(c, end) for name, c in made.items()}


def voiced(folder: Path, part: str, names: Sequence[str], rng: np.random.Generator) -> dict[str, list[Sound]]:
    """For each speaker another person's trimmed, levelled clips, one page a speaker as long as there are pages."""
    dialogues = manifest.script("speech/dialogues")
    pool = dialogues.voices(folder, part)
    order = [pool[i] for i in rng.permutation(len(pool))]
    pages: set[str] = set()
    first = [v for v in order if v.page not in pages and not pages.add(v.page)]
    ranked = first + [v for v in order if v not in first]
    out = {}
    for name, voice in zip(names, ranked, strict=False):
        clips = [voice.clips[int(rng.integers(len(voice.clips)))]] if voice.alone else voice.clips[:8]
        heard = [(clip, *dialogues.sounding(clip)) for clip in map(dialogues.read, clips)]
        gain = float(rng.uniform(-GAIN_DB, GAIN_DB))
        out[name] = [sound.levelled(clip[a:b], sound.LEVEL_DB + gain) for clip, a, b in heard if b - a > RATE // 2]
    return out


def rendered(conversation: Conversation, voices: dict[str, list[Sound]], end: float, seed: int) -> Sound:
    """(n, 2): everybody but the candidate, and the candidate. Every turn sounds from its first moment to its last."""
    size = round(end * RATE)
    tracks = np.stack([sound.noise(size, np.random.default_rng([seed, c]), NOISE_DB) for c in (0, 1)], axis=1)
    turn_number = dict.fromkeys(voices, 0)
    for turn in conversation.turns:
        clips = voices[turn.speaker]
        start, stop = round(turn.span.start * RATE), min(size, round(turn.span.end * RATE))
        said = _said(clips, turn_number[turn.speaker], stop - start)
        turn_number[turn.speaker] += 1
        tracks[start : start + len(said), int(turn.speaker == conversation.candidate)] += said
    rms = np.sqrt(np.mean(np.square(tracks.sum(axis=1), dtype=np.float64)))
    return np.clip(tracks * np.float32(10 ** (RMS_DB / 20) / rms), -1, 1)


def _said(clips: list[Sound], number: int, size: int) -> Sound:
    parts, have = [np.zeros(0, np.float32)], 0
    while have < size:
        clip = clips[number % len(clips)]
        parts.append(clip)
        have, number = have + len(clip), number + 1
    return sound.faded(np.concatenate(parts)[: max(size, 0)], 0.01)


def rttm(conversation: Conversation, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"SPEAKER {path.stem} 1 {t.span.start:.3f} {t.span.duration:.3f} <NA> <NA> {t.speaker} <NA> <NA>"
        for t in conversation.turns
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def build(data: Path, out: Path, part: str, wanted: str, most: int) -> dict[str, list[Row]]:
    """Render and list every version of the chosen conversations."""
    made: dict[str, list[Row]] = {"manifest": [], "channels": [], "heard": []}
    for number, conversation in enumerate(chosen(data / "turns", part, most)):
        variants = versions(conversation)
        end = max(t.span.end for c in variants.values() for t in c.turns) + 0.5
        names = sorted({t.speaker for c in variants.values() for t in c.turns})
        voices = voiced(data / "audio", wanted, names, np.random.default_rng([number, 1]))
        if len(voices) < len(names):
            continue
        own = spoken(conversation)
        longest = all(own[conversation.candidate] >= HEARD * own[s] for s in own if s != conversation.candidate)
        for kind, version in variants.items():
            tracks = rendered(version, voices, end, number)
            base = out / "recordings" / f"{Path(conversation.name).stem}__{kind.replace(' ', '_')}"
            row = {"signal": SIGNAL, "label": "bonafide" if kind == "as recorded" else "spoof"}
            row |= {"person": conversation.group, "split": PARTS[wanted][part], "kind": kind}
            row |= {"corpus": KINDS[conversation.kind], "pair": Path(conversation.name).stem}
            mono, stereo = base.with_suffix(".flac"), base.with_name(base.name + "__channels.flac")
            sound.write(mono, tracks.sum(axis=1), "flac")
            sound.write(stereo, tracks, "flac")
            turns = str(rttm(version, base.with_suffix(".rttm")))
            made["manifest"].append(row | {"path": str(mono), "candidate": conversation.candidate, "turns": turns})
            made["channels"].append(row | {"path": str(stereo), "candidate": "channel:1"})
            if longest:
                made["heard"].append(row | {"path": str(mono)})
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", choices=tuple(PARTS), default="devtest")
    parser.add_argument("--most", type=int, default=16, help="conversations of each part at most")
    options = parser.parse_args()
    began = time.monotonic()
    parts = [build(options.data, options.out, part, options.split, options.most) for part in PARTS[options.split]]
    for name in parts[0]:
        rows = [row for made in parts for row in made[name]]
        if rows:
            manifest.write(options.out / f"{name}.csv", rows)
            print(f"{name}.csv\n{manifest.counts(rows, 'corpus', 'label', 'kind')}")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
