"""Speech of SVOX Pico (hidden Markov models, as on early Android): its six voices, from package `ttspico`."""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from corpus import Clip, build
from numpy.typing import NDArray
from texts import generator, sentence

RATE = 16_000
ACCENTS = {"en-GB": "British", "en-US": "American", "de-DE": "", "es-ES": "", "fr-FR": "", "it-IT": ""}
ROTATION = ("en-GB", "en-US", "de-DE", "en-GB", "es-ES", "en-US", "fr-FR", "it-IT")


@cache
def _engine(voice: str) -> Any:
    from ttspico import TtsEngine

    return TtsEngine(voice)


def speak(clip: Clip) -> tuple[NDArray[np.float32], int]:
    """Samples at 16 kHz."""
    draw = generator(f"settings {clip.path}")
    engine = _engine(clip.speaker.split(":")[1])
    engine.rate, engine.pitch = int(draw.integers(80, 125)), int(draw.integers(75, 130))  # per cent
    engine.volume = int(draw.integers(35, 70))  # per cent; at 100 its loud vowels clip
    samples = np.frombuffer(engine.speak(sentence(clip.path, clip.language)), "<i2")
    return samples.astype(np.float32) / 32768.0, RATE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=160)
    chosen = parser.parse_args()
    voices = [ROTATION[index % len(ROTATION)] for index in range(chosen.clips)]
    clips = [
        Clip(
            path=f"pico/{index:04d}.flac",
            system=f"SVOX Pico {voice}",
            speaker=f"pico:{voice}",
            source="generated/pico",
            data_license="Apache-2.0",
            language=voice[:2],
            sex="female",
            accent=ACCENTS[voice],
            year="2009",
        )
        for index, voice in enumerate(voices)
    ]
    build(chosen.out, clips, speak)


if __name__ == "__main__":
    main()
