"""Made-up answers with known moments: syllables, held vowels, breaths, over a little noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.signal import butter, sosfilt

from inperson.detectors._answers.sound import Listening, Sound
from inperson.types import Chunk, Span

RATE = 16_000
HOP = 512
Placed = tuple[float, np.ndarray]
VOWELS = {"a": (800, 1200), "e": (500, 1900), "i": (300, 2300), "o": (450, 850), "uh": (550, 1450), "m": (250, 1100)}
"""Hz of the first two formants, about."""


def voiced(f0: np.ndarray, formants: np.ndarray, level: float = 0.05) -> np.ndarray:
    """Harmonics of `f0` (n,) Hz under two moving resonances (n, 2) Hz; rms `level`."""
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    out = np.zeros(len(f0))
    for harmonic in range(1, 31):
        hertz = harmonic * f0
        first, second = (np.exp(-(((hertz - formants[:, i]) / 120.0) ** 2)) for i in (0, 1))
        out += (first + 0.5 * second + 0.01) * np.sin(harmonic * phase)
    return (level * out / np.sqrt(np.mean(out**2))).astype(np.float32)


def held(seconds: float, vowel: str = "uh", f0: float = 110.0, slope: float = 0.0) -> np.ndarray:
    """A vowel that stands; `slope` in semitones a second moves its pitch."""
    time = np.arange(int(seconds * RATE)) / RATE
    sound = voiced(f0 * 2 ** (slope * time / 12), np.tile(np.array(VOWELS[vowel], float), (len(time), 1)))
    return (sound * np.clip(np.minimum(time, time[::-1]) / 0.02, 0, 1)).astype(np.float32)


def spoken(syllables: int, rate: float = 5.0, f0: float = 120.0, slope: float = 0.0, seed: int = 0) -> np.ndarray:
    """Syllables, `rate` a second: a hiss of 40 ms, then a vowel that swells and turns into the next one."""
    rng = np.random.default_rng(seed)
    size = int(RATE / rate)
    names = [list(VOWELS)[i % 4] for i in np.cumsum(rng.integers(1, 4, syllables + 1))]
    path = np.array([VOWELS[name] for name in names], float)
    place = np.arange(syllables * size) / size
    formants = np.stack([np.interp(place, np.arange(syllables + 1), path[:, i]) for i in (0, 1)], axis=1)
    time = np.arange(len(place)) / RATE
    hiss, vowel = np.zeros(size), np.zeros(size)
    edge = int(0.04 * RATE)
    hiss[:edge], vowel[edge:] = np.hanning(edge), np.hanning(size - edge)
    sound = voiced(f0 * 2 ** (slope * time / 12), formants) * np.tile(vowel, syllables)
    sound += 0.01 * rng.standard_normal(len(sound)) * np.tile(hiss, syllables)
    return (0.05 * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


def breath(seconds: float = 0.35, seed: int = 3) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    noise = sosfilt(butter(2, [1000, 5000], "bandpass", fs=RATE, output="sos"), noise)
    return (0.006 * noise / np.std(noise) * np.hanning(len(noise))).astype(np.float32)


def mixed(seconds: float, parts: Sequence[Placed], floor: float = 0.0005) -> np.ndarray:
    """The parts at their times (s) over noise."""
    out = floor * np.random.default_rng(1).standard_normal(int(seconds * RATE)).astype(np.float32)
    for at, sound in parts:
        first = round(at * RATE)
        out[first : first + len(sound)] += sound
    return out.astype(np.float32)


def chunks(audio: np.ndarray, voice: Sequence[Span], step: float = 0.5) -> Iterator[Chunk]:
    """Chunks of `step` seconds in which voice activity is sure of `voice`."""
    times = (np.arange(len(audio) // HOP) + 0.5) * HOP / RATE
    speech = np.array([0.95 if any(t in span for span in voice) else 0.02 for t in times], np.float32)
    size, done = round(step * RATE), 0
    for first in range(0, len(audio), size):
        piece = audio[first : first + size]
        ready = min((first + len(piece)) // HOP, len(speech))
        span = Span(first / RATE, (first + len(piece)) / RATE)
        yield Chunk(span, audio=piece, speech=speech[done:ready], speech_start=done * HOP / RATE)
        done = ready


def heard(audio: np.ndarray, voice: Sequence[Span], step: float = 0.5) -> Sound:
    listening = Listening()
    for chunk in chunks(audio, voice, step):
        listening.push(chunk)
    return listening.finish()
