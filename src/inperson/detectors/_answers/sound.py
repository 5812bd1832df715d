"""What is kept of the sound every 16 ms: level, breath band, pitch, and how the spectrum's shape changes."""

from __future__ import annotations

import functools
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from inperson.detectors._voice_traces._blocks import HOP, MARGIN, RATE, Array, Block, Blocks, Mask
from inperson.detectors._voice_traces._fft import rfft
from inperson.detectors._voice_traces._frames import BREATH_BAND, pitch
from inperson.types import Chunk, Floats, Span

STEP = 256
"""Samples (16 ms): half the hop of the speech probability; a syllable lasts ten of them."""
SECONDS = STEP / RATE
PER_HOP = HOP // STEP
WINDOW = 512
"""32 ms Hann, as in `_voice_traces._frames`."""
SHAPE_BAND = (100.0, 4000.0)
"""Hz in which the spectrum's shape is followed: the first three formants; telephone speech ends at 3.4 kHz."""
SHAPE_BANDS = 18
"""Bands of equal width in mel: about one a critical band (Zwicker 1961 counts 18 up to 4.4 kHz)."""
SHAPE_FLOOR_DB = 30.0
"""Bands this far below the frame's loudest one count as that low, so that noise between formants is no change."""
REACH = 2
"""Frames on either side (32 ms) between which the change is taken: longer than a glottal period, not than a phone."""
ACTIVE_DB = 40.0
"""Frames within this of the block's loudest are measured for pitch, as in `_voice_traces`."""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """The recording every 16 ms; n frames.

    Attributes
    ----------
    start : float
        Seconds: where the first frame begins. Frame i lies at ``start + (i + 0.5) * SECONDS``.
    level, breath : (n,) float32
        dB below full scale (mean square 1 is 0 dB): whole band, and 1 to 6 kHz.
    log_f0 : (n,) float32
        Natural log of F0 in Hz; NaN where none was sought.
    periodicity : (n,) float32
        In [0, 1].
    change : (n,) float32
        dB: mean absolute change of the spectrum's shape over 64 ms, level taken out.
    speech : (n,) float32
        Speech probability.
    gap : (n,) bool
        No sound was recorded or read here.
    """

    start: float
    level: Floats
    breath: Floats
    log_f0: Floats
    periodicity: Floats
    change: Floats
    speech: Floats
    gap: Mask

    def __len__(self) -> int:
        return len(self.level)

    @property
    def span(self) -> Span:
        return Span(self.start, self.time(len(self)))

    def index(self, time: float) -> int:
        """The frame that begins nearest to `time`, within the recording."""
        return int(min(max(round((time - self.start) / SECONDS), 0), len(self)))

    def time(self, index: int) -> float:
        """Where a frame begins."""
        return self.start + index * SECONDS

    def part(self, span: Span) -> Self:
        """The frames of one stretch; empty where it lies outside."""
        a, b = self.index(span.start), self.index(span.end)
        level, breath, log_f0, periodicity, change, speech = (
            values[a:b] for values in (self.level, self.breath, self.log_f0, self.periodicity, self.change, self.speech)
        )
        return type(self)(self.time(a), level, breath, log_f0, periodicity, change, speech, self.gap[a:b])

    def within(self, spans: Sequence[Span]) -> Mask:
        """Which frames lie in any of `spans`."""
        out = np.zeros(len(self), bool)
        for span in spans:
            out[self.index(span.start) : self.index(span.end)] = True
        return out


class Listening:
    """Feed chunks to `push`; `finish` gives the series. Holds a few seconds of sound."""

    def __init__(self) -> None:
        self._blocks = Blocks()
        self._start: float | None = None
        self._level, self._breath, self._f0, self._periodicity, self._change = (array("f") for _ in range(5))
        self._speech = array("f")
        self._gap = bytearray()

    def push(self, chunk: Chunk) -> None:
        """Take in the next chunk."""
        for block in self._blocks.push(chunk):
            self._take(block)

    def finish(self) -> Sound:
        """All that was heard; of no length where the recording has no sound."""
        for block in self._blocks.close():
            self._take(block)
        level, breath, f0, periodicity, change, speech = (
            np.array(held, np.float32)
            for held in (self._level, self._breath, self._f0, self._periodicity, self._change, self._speech)
        )
        gap = np.repeat(np.frombuffer(bytes(self._gap), bool), PER_HOP)
        return Sound(self._start or 0.0, level, breath, f0, periodicity, change, np.repeat(speech, PER_HOP), gap)

    def _take(self, block: Block) -> None:
        if self._start is None:
            self._start = block.start
        power = _power(block)
        count = len(block.speech) * PER_HOP
        inner = power[REACH : REACH + count]
        level, breath = _levels(inner)
        log_f0, periodicity = _pitch(block, level)  # also between words: a breath must be told from a voice
        self._level.extend(level.tolist())
        self._breath.extend(breath.tolist())
        self._f0.extend(log_f0.tolist())
        self._periodicity.extend(periodicity.tolist())
        self._change.extend(changes(power)[:count].tolist())
        self._speech.extend(block.speech.tolist())
        self._gap.extend(block.gap.tobytes())


def _power(block: Block) -> Array:
    """Power spectra (frames, bins) of the block's frames and `REACH` more on either side; a sum is a mean square."""
    count = len(block.speech) * PER_HOP + 2 * REACH
    first = MARGIN + STEP // 2 - WINDOW // 2 - REACH * STEP
    frames = np.lib.stride_tricks.sliding_window_view(block.sound[first:], WINDOW)[::STEP][:count]
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    made: Array = np.square(np.abs(rfft(frames * window))) * (2.0 / (WINDOW * float(np.sum(window**2))))
    return made


def _levels(power: Array) -> tuple[Floats, Floats]:
    low, high = (round(f * WINDOW / RATE) for f in BREATH_BAND)
    return _db(power[:, 2:].sum(axis=1)), _db(power[:, low:high].sum(axis=1))


def _pitch(block: Block, level: Floats) -> tuple[Floats, Floats]:
    """Every second frame of the 8 ms grid on which `pitch` works is this one's."""
    loud = level > max(float(level.max()) - ACTIVE_DB, -100.0)
    wanted = np.zeros(2 * len(level), bool)
    wanted[1::2] = loud
    log_f0, periodicity = pitch(block, wanted)
    return log_f0[1::2], periodicity[1::2]


def changes(power: Array) -> Floats:
    """Change (n - 2 * REACH,) in dB of the shape of power spectra (n, bins) `REACH` frames before and after each."""
    bands = power @ _bands()
    bands = bands + 10 ** (-SHAPE_FLOOR_DB / 10) * bands.max(axis=1, keepdims=True) + 1e-14
    shape = 10 * np.log10(bands)
    shape -= shape.mean(axis=1, keepdims=True)
    return np.asarray(np.abs(shape[2 * REACH :] - shape[: -2 * REACH]).mean(axis=1), np.float32)


@functools.lru_cache(maxsize=1)
def _bands() -> Floats:
    """(bins, bands): rectangular bands of equal width in mel (1127 ln(1 + f / 700), O'Shaughnessy 1987)."""
    low, high = (1127 * np.log1p(edge / 700) for edge in SHAPE_BAND)
    edges = 700 * np.expm1(np.linspace(low, high, SHAPE_BANDS + 1) / 1127)
    hertz = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    # bands narrower than a bin take the nearest one
    weights = [(hertz >= low) & (hertz < high) for low, high in pairwise(edges)]
    for weight, middle in zip(weights, (edges[:-1] + edges[1:]) / 2, strict=True):
        weight[np.argmin(np.abs(hertz - middle))] = True
    return np.array(weights, np.float32).T


def _db(power: Array) -> Floats:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)), np.float32)
