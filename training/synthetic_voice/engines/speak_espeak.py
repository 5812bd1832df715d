"""Speech of eSpeak NG: formant and Klatt synthesis with many of its voice variants, accents and languages."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from corpus import Clip, build, sound
from numpy.typing import NDArray
from texts import generator, sentence

VARIANTS = (
    "m1",
    "m3",
    "m5",
    "m7",
    "f1",
    "f2",
    "f4",
    "f5",
    "klatt",
    "klatt2",
    "klatt3",
    "klatt4",
    "klatt5",
    "klatt6",
    "Andy",
    "Annie",
    "Michael",
    "Lee",
    "Mario",
    "Diogo",
    "Hugo",
    "Denis",
    "linda",
    "max",
    "steph2",
    "travis",
    "victor",
    "rob",
    "belinda",
    "caleb",
    "ed",
    "iven3",
)
VOICES = {
    "en-us": "American",
    "en-gb": "British",
    "en-gb-scotland": "Scottish",
    "en-029": "Caribbean",
    "es": "",
    "fr-fr": "",
    "de": "",
    "it": "",
    "pt-br": "",
    "ru": "",
    "cs": "",
    "fi": "",
    "ca": "",
}
ENGLISH = 0.7  # share of the clips


def plan(index: int) -> Clip:
    """Manifest line of clip number `index`."""
    draw = generator(f"espeak {index}")
    english = draw.random() < ENGLISH
    voice = str(draw.choice([name for name in VOICES if name.startswith("en") == english]))
    variant = VARIANTS[index % len(VARIANTS)]
    return Clip(
        path=f"espeak/{index:04d}.flac",
        system=f"eSpeak NG {'Klatt' if variant.startswith('klatt') else 'formant'}",
        speaker=f"espeak:{voice}+{variant}",
        source="generated/espeak",
        data_license="output of GPL-3.0-or-later software",
        language=voice[:2],
        accent=VOICES[voice],
        year="2022",
    )


def speak(clip: Clip) -> tuple[NDArray[np.float32], int]:
    """Samples at 22.05 kHz."""
    draw = generator(f"settings {clip.path}")
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "speech.wav"
        setting = ["-s", str(draw.integers(130, 200)), "-p", str(draw.integers(25, 75)), "-w", str(wave)]
        text = sentence(clip.path, clip.language)
        subprocess.run(["espeak-ng", "-v", clip.speaker.split(":")[1], *setting, text], check=True)
        return sound(wave)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=96)
    chosen = parser.parse_args()
    build(chosen.out, [plan(index) for index in range(chosen.clips)], speak)


if __name__ == "__main__":
    main()
