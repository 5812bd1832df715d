"""Speech of Flite: three Clustergen (statistical), two diphone and one unit-selection voice of Debian's `flite`."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from corpus import Clip, build, sound
from numpy.typing import NDArray
from texts import generator, sentence

# Voice: kind, method, accent. `awb_time` is left out: it can only tell the time.
VOICES = {
    "awb": ("tts", "Clustergen", "Scottish"),
    "rms": ("tts", "Clustergen", "American"),
    "slt": ("tts", "Clustergen", "American"),
    "kal": ("concat", "diphone", "American"),
    "kal16": ("concat", "diphone", "American"),
}


def speak(clip: Clip) -> tuple[NDArray[np.float32], int]:
    """Samples at the voice's rate, 8 or 16 kHz."""
    draw = generator(f"settings {clip.path}")
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "speech.wav"
        command = [
            "flite",
            "-voice",
            clip.speaker.split(":")[1],
            "--setf",
            f"duration_stretch={draw.uniform(0.8, 1.3):.2f}",
        ]
        if clip.kind == "concat":
            command += ["--setf", f"int_f0_target_mean={draw.uniform(80, 130):.0f}"]
        subprocess.run([*command, "-t", sentence(clip.path), "-o", str(wave)], check=True, capture_output=True)
        return sound(wave)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=100)
    chosen = parser.parse_args()
    names = [list(VOICES)[index % len(VOICES)] for index in range(chosen.clips)]
    clips = [
        Clip(
            path=f"flite/{index:04d}.flac",
            kind=VOICES[name][0],
            system=f"Flite {VOICES[name][1]} {name}",
            speaker=f"flite:{name}",
            source="generated/flite",
            data_license="BSD-style (CMU)",
            sex="female" if name == "slt" else "male",
            accent=VOICES[name][2],
            year="2018",
        )
        for index, name in enumerate(names)
    ]
    build(chosen.out, clips, speak)


if __name__ == "__main__":
    main()
