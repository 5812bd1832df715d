"""What turns parameters into sound at the end of a conversion: WORLD, harmonics and noise, Griffin-Lim, or a network.

The hook for a neural vocoder is a function from sound to sound that measures its own mel bands of what it is given and
makes sound of them: `--vocoder FILE.py:NAME`. It is given 16 kHz float64 samples, shape (n,), and returns the same.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import world
from griffin_lim import inverted, spectrum_of
from sinusoidal import Style, synthesise
from spectrum import Sound, chosen, mel_bands, stft
from world import Frames

Neural = Callable[[Sound], Sound]
_neural: dict[str, Neural] = {}
"""By the name of its file."""


def use(place: str | None) -> None:
    """Take `FILE.py:NAME` as the neural vocoder, if any; its folder becomes importable for it."""
    if place is None:
        return
    file, _, name = place.partition(":")
    path = Path(file).resolve()
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _neural[path.stem] = getattr(module, name)


def draw(rng: np.random.Generator) -> str:
    """A vocoder's name: a neural one in a third, where there is one."""
    return chosen(rng, harmonic=0.55, WORLD=0.3, griffin=0.15, **dict.fromkeys(_neural, 0.5))


def render(frames: Frames, length: int, how: str, style: Style, rng: np.random.Generator) -> Sound:
    """Sound of `frames` by the vocoder `how`."""
    if how == "WORLD":
        return world.synthesise(frames, length)
    y = synthesise(frames, length, style, rng)
    if how in _neural:
        z = np.asarray(_neural[how](y), np.float64)[:length]
        return np.pad(z, (0, length - len(z)))
    if how == "griffin":
        amplitude = np.abs(stft(y, 1024, 256))
        mels = amplitude @ mel_bands(80, 513).T
        start = np.exp(2j * np.pi * rng.random(amplitude.shape))
        return inverted(spectrum_of(mels, 513, 4), start, 1024, 256, length, int(rng.integers(10, 30)), 0.99)
    return y
