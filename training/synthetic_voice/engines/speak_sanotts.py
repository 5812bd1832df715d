"""Speech of sanoTTS: networks of about 1.5 million weights distilled from Piper (VITS), eight voices.

Runs the WebAssembly runtime in the folder `web` of a checkout of the public repository Ampixa/sanoTTS, through Node.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from corpus import Clip, build
from numpy.typing import NDArray
from texts import generator, sentence

# Voice: language, sex, accent
VOICES = {
    "amy": ("en", "female", "American"),
    "hfc": ("en", "female", "American"),
    "kristin": ("en", "female", "American"),
    "chinese": ("zh", "", ""),
    "hindi": ("hi", "", ""),
    "indonesian": ("id", "", ""),
    "nepali": ("ne", "", ""),
    "vietnamese": ("vi", "", ""),
}
ROTATION = ("amy", "hfc", "kristin", "chinese", "amy", "hfc", "kristin", "hindi", "amy", "hfc", "kristin", "vietnamese")
ROTATION += ("amy", "hfc", "kristin", "indonesian", "amy", "hfc", "kristin", "nepali")
SCALE = (0.8, 1.25)


class Runtime:
    """One Node process that speaks order after order."""

    def __init__(self, web: Path, scratch: Path) -> None:
        program = Path(__file__).with_name("sanotts.cjs")
        self.raw = scratch / "speech.raw"
        self.process = subprocess.Popen(
            ["node", str(program), str(web)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def speak(self, clip: Clip) -> tuple[NDArray[np.float32], int]:
        """Samples at 22.05 kHz. Raises ValueError when the runtime has ended."""
        scale = float(generator(f"settings {clip.path}").uniform(*SCALE))
        order = {"voice": clip.speaker.split(":")[1], "text": sentence(clip.path, clip.language), "scale": scale}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(order | {"out": str(self.raw)}) + "\n")
        self.process.stdin.flush()
        rate = int(self.process.stdout.readline())
        return np.fromfile(self.raw, "<f4"), rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--web", type=Path, required=True, help="the folder web of Ampixa/sanoTTS")
    parser.add_argument("--clips", type=int, default=240)
    chosen = parser.parse_args()
    names = [ROTATION[index % len(ROTATION)] for index in range(chosen.clips)]
    clips = [
        Clip(
            path=f"sanotts/{index:04d}.flac",
            system=f"sanoTTS {name}",
            speaker=f"sanotts:{name}",
            source="generated/sanotts",
            data_license="output of GPL-3.0 software and weights",
            language=VOICES[name][0],
            sex=VOICES[name][1],
            accent=VOICES[name][2],
            year="2026",
        )
        for index, name in enumerate(names)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        build(chosen.out, clips, Runtime(chosen.web.resolve(), Path(scratch)).speak)


if __name__ == "__main__":
    main()
