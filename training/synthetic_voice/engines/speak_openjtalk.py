"""Japanese speech of Open JTalk (HTS): the voice Mei of package `pyopenjtalk-plus`, at several pitches."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from corpus import Clip, build
from numpy.typing import NDArray
from texts import generator, sentence


def speak(clip: Clip) -> tuple[NDArray[np.float32], int]:
    """Samples at 48 kHz."""
    import pyopenjtalk

    draw = generator(f"settings {clip.path}")
    speed, half_tones = float(draw.uniform(0.8, 1.25)), float(draw.uniform(-6, 3))
    samples, rate = pyopenjtalk.tts(sentence(clip.path, "ja"), speed=speed, half_tone=half_tones)
    return np.asarray(samples, np.float32) / 32768.0, int(rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=60)
    chosen = parser.parse_args()
    clips = [
        Clip(
            path=f"openjtalk/{index:04d}.flac",
            system="Open JTalk HTS mei",
            speaker="openjtalk:mei",
            source="generated/openjtalk",
            data_license="CC-BY-3.0",
            language="ja",
            sex="female",
            year="2015",
        )
        for index in range(chosen.clips)
    ]
    build(chosen.out, clips, speak)


if __name__ == "__main__":
    main()
