"""Dialogues with known turns, assembled from single-speaker clips, and the shared ones with reference turns.

Clips come from a folder with ``manifest.csv`` (columns path, label, split, source, speaker, repo_path). Where the
publisher names no speaker, a whole page counts as one voice that gives one clip a dialogue, and a dialogue holds at
most one such page: popular corpora (LJSpeech, VCTK) recur on many pages, and two voices must not be one person.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 16000
Floats = NDArray[np.float32]
Turns = list[tuple[float, float, str]]  # start, end, speaker


@dataclass(frozen=True)
class Voice:
    """One speaker's clips; `alone` where only one of them may be used at a time (speaker not named)."""

    name: str
    page: str
    clips: tuple[Path, ...]
    alone: bool = False


@dataclass(frozen=True)
class Dialogue:
    """Sound (16 kHz mono) with two references: `turns` trimmed to where the clips sound, `whole` as cut."""

    name: str
    audio: Floats
    turns: Turns
    whole: Turns
    channels: Floats | None = None


def voices(folder: Path, split: str) -> list[Voice]:
    """The bona fide speakers of one split."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] == "bonafide" and row["split"] == split]
    named: dict[tuple[str, str], list[Path]] = defaultdict(list)
    unnamed: dict[str, list[Path]] = defaultdict(list)
    for row in rows:
        if row["source"].startswith("real_dialogue"):
            continue
        speaker = row["speaker"] or _speaker_in_name(row["source"], row["repo_path"])
        page = row["source"].split("/")[0]
        if speaker:
            named[page, speaker].append(folder / row["path"])
        else:
            unnamed[row["source"]].append(folder / row["path"])
    out = [Voice(name, page, tuple(sorted(clips))) for (page, name), clips in sorted(named.items())]
    return out + [Voice(page, page, tuple(sorted(clips)), True) for page, clips in sorted(unnamed.items())]


def _speaker_in_name(page: str, path: str) -> str:
    """freevc's page writes the speaker into the file name: M_p259_464.wav, F_8463_287645_....wav."""
    found = re.search(r"/([MF]_p?\d+)_", path) if page == "freevc_demo" else None
    return found[1] if found else ""


def read(path: Path) -> Floats:
    """A FLAC file as 16 kHz mono."""
    import av

    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
        parts = [r.to_ndarray()[0] for f in container.decode(audio=0) for r in resampler.resample(f)]
        parts += [r.to_ndarray()[0] for r in resampler.resample(None)]
    return np.concatenate(parts).astype(np.float32)


def sounding(clip: Floats) -> tuple[int, int]:
    """First and last sample that sound, from level alone.

    20 ms frames, 300 to 4000 Hz (some pages hum louder than 30 dB under the voice), within 30 dB of the clip's 95th
    percentile and, where it has a noise floor (10th percentile), 10 dB above that; three frames in a row, so that a
    click does not count.
    """
    frames = clip[: len(clip) // 320 * 320].reshape(-1, 320) * np.hanning(320)
    band = np.abs(np.fft.rfft(frames, axis=1))[:, 6:81]
    level = 10 * np.log10(np.mean(np.square(band), axis=1) + 1e-12)
    floor, top = np.percentile(level, [10, 95])
    over = level > max(top - 30, min(floor + 10, top - 15))
    loud = np.flatnonzero(over[:-2] & over[1:-1] & over[2:])
    return (int(loud[0]) * 320, (int(loud[-1]) + 3) * 320) if len(loud) else (0, len(clip))


def pieces(voice: Voice, rng: np.random.Generator) -> list[Floats]:
    """Cut a voice's clips into pieces of 1 to 6 s, at the quietest moment near the wished cut."""
    clips = [voice.clips[rng.integers(len(voice.clips))]] if voice.alone else list(voice.clips)
    out = []
    for path in clips:
        clip = read(path)
        while len(clip) > 0.8 * RATE:
            size = _cut(clip, float(rng.uniform(1.0, 6.0)))
            out.append(clip[:size])
            clip = clip[size:]
    rng.shuffle(out)  # type: ignore[arg-type]
    return [piece for piece in out if np.abs(piece).max() > 1e-3]


def _cut(clip: Floats, seconds: float) -> int:
    wish = int(seconds * RATE)
    if len(clip) - wish < 0.8 * RATE:
        return len(clip)
    low = max(int(0.8 * RATE), wish - int(0.4 * RATE))
    near = np.convolve(np.square(clip[low : wish + int(0.4 * RATE)]), np.ones(480), "same")
    return low + int(np.argmin(near))


def offset(rng: np.random.Generator) -> float:
    """A floor-transfer offset in s, like the mock consultations over video: median 0.45, quartiles near 0.1 and 0.8."""
    return float(np.clip(0.45 + 0.5 * rng.standard_t(6), -1.0, 3.0))


def assemble(pool: list[Voice], speakers: int, rng: np.random.Generator, name: str, brief: bool = False) -> Dialogue:
    """One dialogue of 30 to 90 s: random levels, one noise floor, gaps and overlaps as in video calls.

    With `brief`, the last speaker has one piece of 0.6 to 1.2 s of speech, said again and again.
    """
    chosen = _choose(pool, speakers, rng)
    store = {voice.name: pieces(voice, rng) for voice in chosen}
    if brief:
        piece = store[chosen[-1].name][0]
        first = sounding(piece)[0]
        store[chosen[-1].name] = [piece[first : first + int(rng.uniform(0.6, 1.2) * RATE)]]
    gains = {voice.name: 10 ** (rng.uniform(-6, 6) / 20) for voice in chosen}
    target, time, end = rng.uniform(30, 90), rng.uniform(0.2, 1.5), 0.0
    placed: list[tuple[float, Floats, str]] = []
    queue: dict[str, list[Floats]] = {key: [] for key in store}
    speaker = chosen[0].name
    while end < target:
        queue[speaker] = queue[speaker] or list(store[speaker])
        piece = queue[speaker].pop(0)
        level = 0.05 / (np.sqrt(np.mean(np.square(piece))) + 1e-9)
        placed.append((time, piece * np.float32(level * gains[speaker]), speaker))
        end = time + len(piece) / RATE
        follow = speaker if speakers == 1 or rng.random() < 0.2 else str(rng.choice([k for k in store if k != speaker]))
        time = end + (abs(offset(rng)) if follow == speaker else max(offset(rng), -0.5 * len(piece) / RATE))
        speaker = follow
    return _mix(placed, rng, name)


def _choose(pool: list[Voice], speakers: int, rng: np.random.Generator) -> list[Voice]:
    """Different people, 40 % of the time from one page (one channel), with at most one unnamed page among them."""
    first = _draw(pool, rng)
    chosen = [first]
    same_page = rng.random() < 0.4 and sum(voice.page == first.page for voice in pool) >= speakers
    while len(chosen) < speakers:
        unnamed = any(voice.alone for voice in chosen)
        fit = [v for v in pool if v not in chosen and not (unnamed and v.alone)]
        fit = [v for v in fit if not same_page or v.page == first.page]
        chosen.append(_draw(fit, rng))
    return chosen


def _draw(pool: list[Voice], rng: np.random.Generator) -> Voice:
    """Half the time by page (rare channels count), half by voice."""
    if rng.random() < 0.5:
        page = str(rng.choice(sorted({voice.page for voice in pool})))
        pool = [voice for voice in pool if voice.page == page]
    return pool[rng.integers(len(pool))]


def _mix(placed: list[tuple[float, Floats, str]], rng: np.random.Generator, name: str) -> Dialogue:
    length = int((max(time + len(piece) / RATE for time, piece, _ in placed) + rng.uniform(0.2, 1.0)) * RATE)
    names = list(dict.fromkeys(who for _, _, who in placed))
    tracks = np.zeros((length, len(names)), np.float32)
    turns, whole = [], []
    for time, piece, who in placed:
        at = int(time * RATE)
        tracks[at : at + len(piece), names.index(who)] += piece
        first, last = sounding(piece)
        turns.append(((at + first) / RATE, (at + last) / RATE, who))
        whole.append((at / RATE, (at + len(piece)) / RATE, who))
    noise = rng.standard_normal((length, len(names) + 1)).astype(np.float32)
    noise = (noise + np.roll(noise, 1, axis=0)) * np.float32(0.035 * 10 ** (-rng.uniform(20, 45) / 20))
    audio = tracks.sum(axis=1) + noise[:, -1]
    peak = max(1.0, float(np.abs(audio).max()))
    return Dialogue(name, (audio / peak).astype(np.float32), turns, whole, (tracks + noise[:, :-1]) / np.float32(peak))


def assembled(folder: Path, split: str, speakers: int, count: int, seed: int, brief: bool = False) -> list[Dialogue]:
    """`count` dialogues, reproducible from `seed`."""
    pool = voices(folder, split)
    rngs = np.random.default_rng([seed, speakers]).spawn(count)
    return [assemble(pool, speakers, rng, f"{split}-{speakers}-{seed}-{i}", brief) for i, rng in enumerate(rngs)]
