"""Speech of Hibari: a small network that predicts spectral envelopes, and a harmonic-plus-noise synthesiser.

Package `hibari-tts` bundles voice `heart`; its British spelling rules give a second pronunciation.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from corpus import Clip, build
from numpy.typing import NDArray
from texts import generator, sentence

SPEEDS = (0.8, 1.25)


@cache
def _voice(british: bool) -> Any:
    from hibari import Hibari
    from hibari.g2p import G2P

    return Hibari(g2p=G2P(british=british))


def speak(clip: Clip) -> tuple[NDArray[np.float32], int]:
    """Samples at 24 kHz."""
    draw = generator(f"settings {clip.path}")
    voice = _voice(clip.accent == "British")
    speed, seed = float(draw.uniform(*SPEEDS)), int(draw.integers(2**31))
    return np.asarray(voice(sentence(clip.path), speed=speed, seed=seed)), int(voice.sample_rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=200)
    chosen = parser.parse_args()
    clips = [
        Clip(
            path=f"hibari/{index:04d}.flac",
            system="Hibari heart",
            speaker="hibari:heart",
            source="generated/hibari",
            data_license="Apache-2.0",
            sex="female",
            accent="British" if index % 4 == 3 else "American",
            year="2026",
        )
        for index in range(chosen.clips)
    ]
    build(chosen.out, clips, speak)


if __name__ == "__main__":
    main()
