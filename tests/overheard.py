"""Made sounds around an answer: keys, clicks, breath and whispers, at 16 kHz, with known times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inperson.testing import rechunk
from inperson.types import Chunk, Span

RATE = 16000
Sound = NDArray[np.float32]


def room(seconds: float, level_db: float = -70.0, seed: int = 0) -> Sound:
    """Steady noise."""
    return np.random.default_rng(seed).normal(0, 10 ** (level_db / 20), round(seconds * RATE)).astype(np.float32)


def struck(times: list[float], seconds: float, seed: int = 1, alike: bool = True) -> Sound:
    """Impacts of 20 ms at these times: one board's keys are alike, things on a table are not."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE), np.float32)
    tone = rng.normal(0, 1, 9)
    for time in times:
        shape = tone if alike else 4 * rng.normal(0, 1, 9)
        at, size = round(time * RATE), round(0.08 * RATE)
        noise = np.fft.rfft(rng.normal(0, 1, size))
        noise *= 10 ** (np.interp(np.linspace(0, 8, len(noise)), range(9), 2 * shape) / 20)
        knock = np.fft.irfft(noise, size) * np.exp(-np.arange(size) / (0.012 * RATE))
        out[at : at + size] += (0.05 * 10 ** (rng.normal(0, 2) / 20) * knock)[: len(out) - at]
    return out


def fingers(start: float, end: float, seed: int = 2) -> list[float]:
    """Times of keystrokes and their releases, as irregular as people's."""
    rng = np.random.default_rng(seed)
    times, now = [], start
    while now < end - 0.15:
        times += [now, now + float(rng.uniform(0.08, 0.11))]
        now += max(0.13, float(rng.lognormal(np.log(0.24), 0.35)))
    return [time for time in times if time < end]


def murmur(seconds: float, voice: bool, seed: int = 3) -> Sound:
    """Syllables, four a second, of noise (a whisper) or of a pulse train (a voice), through three moving formants."""
    rng = np.random.default_rng(seed)
    size = round(seconds * RATE)
    source = rng.normal(0, 1, size)
    if voice:
        source = np.zeros(size)
        source[:: RATE // 125] = 12.0
    frame, hop = 512, 256
    rate = np.fft.rfftfreq(frame, 1 / RATE)
    out = np.zeros(size + frame)
    for at in range(0, size - frame, hop):
        turn = 2 * np.pi * 2.1 * at / RATE
        middles = 600 + 200 * np.sin(turn), 1500 + 600 * np.sin(1.3 * turn + 1), 2700 + 400 * np.sin(0.8 * turn + 2)
        gain = sum(np.exp(-((rate - f) ** 2) / (2 * 150**2)) for f in middles) + 0.01
        loud = 10 ** (-(25 * (0.5 - 0.5 * np.cos(2 * np.pi * 4.0 * at / RATE))) / 20)
        out[at : at + frame] += np.fft.irfft(np.fft.rfft(source[at : at + frame] * np.hanning(frame)) * gain * loud)
    out = out[:size] / np.abs(out).max()
    return (0.03 * out).astype(np.float32)


def chunks(
    sound: Sound, spoken: list[Span] | None = None, channels: list[Sound] | None = None, seconds: float = 0.5
) -> list[Chunk]:
    """The sound in chunks, with the speech probability that a perfect detector would give."""
    hops = len(sound) // 512
    probability = np.zeros(hops, np.float32)
    for span in spoken or []:
        probability[round(span.start / 0.032) : round(span.end / 0.032)] = 1.0
    sides = np.zeros((0, 0), np.float32) if channels is None else np.stack([c[: hops * 512] for c in channels], axis=1)
    whole = Chunk(Span(0.0, hops * 0.032), audio=sound[: hops * 512], channels=sides, speech=probability)
    return rechunk([whole], seconds)
