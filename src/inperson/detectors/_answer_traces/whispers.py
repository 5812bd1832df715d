"""Whispering: sound shaped as speech is, syllable by syllable and formant by formant, without a voice in it.

A whisper has no pitch, but its level rises and falls three to eight times a second and its spectrum moves on smoothly
from one sound to the next. Breath and fans do neither, typing moves in jumps, and speech has a voice in most of its
time.

Every constant without a source is an own choice on whispers made from training speech
(training/answer_traces/whispering.py: prediction filters driven by noise), as no openly licensed recordings of
whispering were at hand.
"""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._voice_traces._blocks import HOP, HOP_SECONDS, MARGIN, RATE, Array, Block, Mask
from inperson.types import Span

WINDOW = 1024
"""Samples (64 ms): four periods of a low voice."""
EDGES = (500, 900, 1400, 2000, 2800, 3800, 5000, 7500)
"""Hz: bands in which formants of whispers lie; the first four remain of a telephone."""
VOICE_HZ = (80, 1000)
PITCH_HZ = (70, 400)
VOICED = 0.6
"""Periodicity from which a hop is voiced."""
LOUD_DB = 9.0
"""dB over the quiet parts of the seconds around."""
AROUND_SECONDS = 20.0
QUIET = 10
"""Percentile of the level that counts as quiet."""
HOLES = 6
"""Hops (0.19 s) of silence within a whisper: a closure, a short pause."""
SHORTEST = 1.0
"""Seconds."""
LEAST_LOUD = 0.6
MOST_VOICED = 0.25
"""Shares of a stretch's hops. Of voiced speech half and more is voiced, of made whispers a quarter at most (train
part)."""
SYLLABLES_HZ = (2.5, 8.0)
MODULATION = 0.3
"""Share of the level's movement (0.5 Hz and faster) at the rate of syllables (Greenberg, Speech Communication 29,
1999: 3 to 8 Hz)."""
LIVELY_DB = 3.5
"""Standard deviation of the level within the stretch."""
MOVES_DB = 2.5
"""Standard deviation of the bands around the stretch's own mean spectrum, level taken out."""
SMOOTH = 0.35
"""Correlation of that movement from hop to hop; none in noise and clicks."""

INNOCENT = (
    "A sigh, a breath, thinking aloud, rustling, a voice in another room or radio, or somebody else present explain it."
)

_BINS = np.round(np.array(EDGES) * WINDOW / RATE).astype(int)
_TAPER = np.hanning(WINDOW).astype(np.float32)


class Hops:
    """Band levels (dB), periodicity and missing sound every 32 ms; about 500 bytes a second."""

    def __init__(self) -> None:
        self._start: float | None = None
        self._values = array("f")
        self._gap = bytearray()

    def push(self, block: Block) -> None:
        """Take in the next block."""
        if self._start is None:
            self._start = block.start
        at = MARGIN + HOP // 2 - WINDOW // 2
        windows = np.lib.stride_tricks.sliding_window_view(block.sound[at:], WINDOW)[::HOP][: len(block.speech)]
        power = np.abs(np.fft.rfft(windows * _TAPER, axis=1)) ** 2 / WINDOW**2
        bands = np.add.reduceat(power[:, : _BINS[-1]], _BINS[:-1], axis=1)
        rows = np.column_stack([10 * np.log10(bands + 1e-13), _periodicity(power)])
        self._values.extend(rows.astype(np.float32).ravel().tolist())
        self._gap.extend(block.gap.tobytes())

    def read(self) -> tuple[float, Array, Array, Mask]:
        """Time of the first hop, band levels (n, 7), periodicity (n,), and where sound is missing (n,)."""
        rows = np.array(self._values, np.float64).reshape(-1, len(EDGES))
        return self._start or 0.0, rows[:, :-1], rows[:, -1], np.frombuffer(bytes(self._gap), bool)


def whispers(hops: Hops) -> list[Span]:
    """Stretches that sound like whispering, in order of time; empty for silence, noise and voiced speech."""
    start, bands, periodic, gap = hops.read()
    if not len(bands):
        return []
    level = 10 * np.log10((10 ** (bands[:, 1:6] / 10)).sum(axis=1))
    loud = (level > _quiet(level) + LOUD_DB) & ~gap
    found = []
    for low, high in _stretches(loud):
        if (high - low) * HOP_SECONDS >= SHORTEST and _is_whisper(
            bands[low:high], level[low:high], loud[low:high], periodic[low:high]
        ):
            found.append(Span(start + low * HOP_SECONDS, start + high * HOP_SECONDS))
    return found


def _is_whisper(bands: Array, level: Array, loud: Mask, periodic: Array) -> bool:
    if loud.mean() < LEAST_LOUD or (periodic[loud] >= VOICED).mean() > MOST_VOICED or level.std() < LIVELY_DB:
        return False
    moves, smooth = movement(bands[loud])
    return modulation(level) >= MODULATION and moves >= MOVES_DB and smooth >= SMOOTH


def modulation(level: Array) -> float:
    """Share of the level's movement at the rate of syllables."""
    power = np.abs(np.fft.rfft((level - level.mean()) * np.hanning(len(level)), 4 * len(level))) ** 2
    rate = np.fft.rfftfreq(4 * len(level), HOP_SECONDS)
    total = power[rate >= 0.5].sum()
    inside = power[(rate >= SYLLABLES_HZ[0]) & (rate <= SYLLABLES_HZ[1])].sum()
    return float(inside / total) if total > 0 else 0.0


def movement(bands: Array) -> tuple[float, float]:
    """How far the spectrum moves around its mean (dB), and how smoothly: its correlation from hop to hop."""
    shape = bands - bands.mean(axis=1, keepdims=True)
    shape = shape - shape.mean(axis=0)
    power = float((shape**2).mean())
    return power**0.5, float((shape[1:] * shape[:-1]).mean() / power) if power > 0 else 0.0


def _periodicity(power: Array) -> Array:
    """Largest normalised autocorrelation of the voice's band at a lag of a pitch."""
    rate = np.fft.rfftfreq(WINDOW, 1 / RATE)
    kept = power * ((rate >= VOICE_HZ[0]) & (rate <= VOICE_HZ[1]))
    own = np.fft.irfft(kept, axis=1)
    taper = np.fft.irfft(np.abs(np.fft.rfft(_TAPER, 2 * WINDOW)) ** 2)[:WINDOW]
    low, high = RATE // PITCH_HZ[1], RATE // PITCH_HZ[0]
    lags = own[:, low:high] / (taper[low:high] / taper[0])
    return np.asarray(lags.max(axis=1) / np.maximum(own[:, 0], 1e-15))


def _quiet(level: Array) -> Array:
    """The level of the quiet parts around each hop."""
    half = round(AROUND_SECONDS / 2 / HOP_SECONDS)
    marks = np.arange(0, len(level) + half, half)
    floors = [
        np.percentile(level[max(m - half, 0) : m + half], QUIET) if m - half < len(level) else np.nan for m in marks
    ]
    return np.interp(np.arange(len(level)), marks, np.nan_to_num(floors, nan=float(np.percentile(level, QUIET))))


def _stretches(loud: Mask) -> list[tuple[int, int]]:
    """First and last (exclusive) hop of each loud stretch, short holes closed."""
    at: NDArray[np.intp] = np.flatnonzero(loud)
    if not len(at):
        return []
    cuts = np.flatnonzero(np.diff(at) > HOLES)
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(at, cuts + 1)]
