"""How well the fluent part of an answer is found behind a filled pause or a breath, on real speech.

    python training/response_latency/onsets.py FOLDER [--most 80] [--noise -62]

FOLDER holds recordings of one person each. Each is put behind a question and a gap as it is, and again behind a made-up
filled pause ("uh": a standing vowel of 0.3 to 0.7 s; "um": with a nasal) and a silence, or a breath. What is printed is
by how much the fluent part so found lies from where it is found without them, and how often the first sound and the
filled pause are found. Made-up vowels stand stiller than real ones: real filled pauses are found less often.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from inperson.detectors._answers.onset import Onset, onset
from inperson.detectors._answers.sound import Listening
from inperson.detectors._answers.units import Loudness
from inperson.media import Reader
from inperson.speech import Listener
from inperson.types import Chunk, Span

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from answering import RATE, breath, held

QUESTION = 1.0
KINDS = ("uh", "um", "breath")
LEVEL = 0.05


def clip(path: Path) -> np.ndarray | None:
    """Its sound from the first loud frame on, at one level; None for under 3 s."""
    with Reader(path, each_frame=lambda frame: frame, wanted=lambda time: False) as reader:
        sound = np.concatenate([chunk.audio for chunk in reader])
    power = np.convolve(np.square(sound), np.ones(320) / 320, "same")
    loud = np.flatnonzero(power > np.percentile(power, 95) * 10**-2.5)
    if not len(loud) or loud[-1] - loud[0] < 3 * RATE:
        return None
    sound = sound[loud[0] : loud[-1]][: 8 * RATE]
    return sound * np.float32(LEVEL / np.sqrt(np.mean(np.square(sound))))


def read(parts: list[tuple[float, np.ndarray]], noise: float, rng: np.random.Generator) -> Onset | None:
    end = max(at + len(sound) / RATE for at, sound in parts)
    audio = 10 ** (noise / 20) * rng.standard_normal(int((end + 1) * RATE)).astype(np.float32)
    for at, sound in parts:
        audio[round(at * RATE) :][: len(sound)] += sound
    listener, listening = Listener(speakers=False), Listening()
    for first in range(0, len(audio), RATE):
        piece = audio[first : first + RATE].astype(np.float32)
        listening.push(listener.update(Chunk(Span(first / RATE, (first + len(piece)) / RATE), audio=piece)))
    heard = listening.finish()
    loudness = Loudness.of(heard, np.ones(len(heard), bool))
    start = min(at for at, _ in parts)
    return None if loudness is None else onset(heard, QUESTION, Span(max(start, QUESTION + 0.2), end), loudness)


def filled(kind: str, rng: np.random.Generator) -> np.ndarray:
    f0 = float(rng.uniform(90, 220))
    if kind == "breath":
        return breath(float(rng.uniform(0.2, 0.5)), int(rng.integers(1000)))
    vowel = held(float(rng.uniform(0.3, 0.7)), "uh", f0)
    return vowel if kind == "uh" else np.concatenate([vowel[: int(0.3 * RATE)], held(0.25, "m", f0)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, default=80, help="recordings that are used")
    parser.add_argument("--noise", type=float, default=-62.0, help="dB below full scale; the speech is at -26")
    args = parser.parse_args()
    clips = (clip(path) for path in sorted(args.folder.rglob("*")) if path.is_file())
    clips = [one for one in clips if one is not None][: args.most]
    for kind in KINDS:
        rng = np.random.default_rng(7)
        shifts, firsts, found = [], [], []
        for sound in clips:
            gap, silence = rng.uniform(0.4, 1.2), rng.uniform(0.3, 1.2)
            lead = filled(kind, rng)
            start = QUESTION + gap + len(lead) / RATE + silence
            alone, behind = read([(start, sound)], args.noise, rng), None
            behind = read([(QUESTION + gap, lead), (start, sound)], args.noise, rng)
            if alone is None or behind is None or alone.fluent is None or behind.fluent is None:
                continue
            shifts.append(behind.fluent - alone.fluent)
            firsts.append(behind.first - (alone.first if kind == "breath" else QUESTION + gap))
            found.append(behind.breath is not None if kind == "breath" else bool(behind.fillers))
        off = np.abs(shifts)
        print(
            f"{kind:6} {len(off)} of {len(clips)}: fluent part off by {np.median(off):.3f} s (median), more than 0.1 s "
            f"in {np.mean(off > 0.1):.0%}; first sound off by more than 0.1 s in {np.mean(np.abs(firsts) > 0.1):.0%}; "
            f"{kind} found in {np.mean(found):.0%}"
        )


if __name__ == "__main__":
    main()
