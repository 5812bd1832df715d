"""Small recordings for `endurance.py`, each of its own content; some are broken, crash or hang by construction.

What is damaged at random (`mutations.py`) may still be read, so its outcome is not known beforehand; of these it is.
"""

from __future__ import annotations

import ctypes
import random
import time
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from short_clips import short_clips

from inperson import Analyzer
from inperson.report import Report

SAMPLES = Path(__file__).parents[1] / "samples"
SHARES = {"MediaError": 0.05, "Crash": 0.005, "Timeout": 0.005}
RATE = 16_000


@dataclass(frozen=True, slots=True)
class Made:
    """What must come of a recording: ``"report"`` or a type of error; and its length (s) where that tells it apart."""

    outcome: str
    seconds: float | None = None


class Trapped(Analyzer):
    """The usual analyser, which crashes or hangs in the middle of a recording that ends in the word."""

    __slots__ = ()

    def __call__(self, path: str | Path, progress: Any = None, *, cancel: Any = None) -> Report:
        end = Path(path).read_bytes()[-16:]
        traps = {b"Crash": lambda *_: ctypes.string_at(0), b"Timeout": lambda *_: time.sleep(1e6)}
        sprung = next((trap for word, trap in traps.items() if word in end), progress)
        return Analyzer.__call__(self, path, sprung, cancel=cancel)


def recordings(folder: Path, count: int, seed: int) -> dict[str, Made]:
    """Write `count` recordings into `folder`: what must come of each, by path."""
    rng = random.Random(seed)
    outcomes = [outcome for outcome, share in SHARES.items() for _ in range(round(share * count))]
    outcomes += ["report"] * (count - len(outcomes))
    rng.shuffle(outcomes)
    clips = folder / "clips"
    clips.mkdir()
    films = [p.read_bytes() for p in short_clips(SAMPLES / "candidate_only.mp4", clips, 1.0, (160, 120))[:2]]
    voice = _voice(SAMPLES / "genuine_voice.flac")
    (out := folder / "recordings").mkdir()
    made = {}
    for number, outcome in enumerate(outcomes):
        mark = f"{number:06d} {outcome}".encode()
        if outcome == "MediaError":
            path, seconds = out / f"{number:06d}.mp4", None
            path.write_bytes(_broken(films[0], mark, rng))
        elif outcome == "report" and rng.random() < 0.5:
            path = out / f"{number:06d}.wav"
            seconds = _spoken(path, voice, number, rng)
        else:
            path, seconds = out / f"{number:06d}.mp4", None
            path.write_bytes(
                rng.choice(films) + (8 + len(mark)).to_bytes(4, "big") + b"free" + mark
            )  # ISO/IEC 14496-12
        made[str(path)] = Made(outcome, seconds)
    return made


def _broken(film: bytes, mark: bytes, rng: random.Random) -> bytes:
    """No recording, in one of the ways that a platform's storage knows."""
    ways = (
        film[: len(film) // 3] + mark,  # an upload that broke off: the index at the end is missing
        bytes(rng.randbytes(5000)) + mark,
        b"<html><body>404 Not Found</body></html>" + mark,
        b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n" + mark,
        film[:4] + b"ftyp" + bytes(3000) + mark,
    )
    return rng.choice(ways)


def _voice(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s16", "mono", RATE)
        frames = [*container.decode(audio=0), None]
        return np.concatenate([one.to_ndarray()[0] for frame in frames for one in resampler.resample(frame)])


def _spoken(path: Path, voice: np.ndarray, number: int, rng: random.Random) -> float:
    """A stretch of speech whose length no other recording has."""
    samples = RATE + number * 8
    start = rng.randrange(max(1, len(voice) - samples))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(voice[start : start + samples].tobytes())
    return samples / RATE
