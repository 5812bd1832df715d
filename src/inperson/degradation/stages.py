"""What all rungs on sound have in common: blocks in, blocks out, aligned, whatever the length of the blocks.

A stage takes mono blocks with `push` and gives what it can; `close` gives the rest. All its output together is as long
as all its input (at the stage's output rate), and sample i of the one belongs to sample i of the other: delays of
filters and codecs are taken out. So a chain of stages leaves sound and picture where they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from inperson.types import Floats

EMPTY: Floats = np.zeros(0, np.float32)

_STEEP = {"filter_size": "128"}  # FFmpeg's usual 32 lets a tenth of an octave beyond half the rate pass


class Stage(Protocol):
    """One rung. Use each object for one sound only."""

    def push(self, x: Floats) -> Floats:
        """Take (n,) samples in [-1, 1] or so; give (m,) samples, possibly none yet."""

    def close(self) -> Floats:
        """Give the samples still held back. Nothing may be pushed afterwards."""


def through(x: Floats, stages: Iterable[Stage], block: int = 16000) -> Floats:
    """A whole sound (n,) through `stages` in turn, in blocks of `block` samples. Empty in, empty out."""
    chain = Chain(tuple(stages))
    parts = [chain.push(np.asarray(x[k : k + block], np.float32)) for k in range(0, len(x), block)]
    return np.concatenate([*parts, chain.close()])


class Chain:
    """Stages one after another, itself a stage."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = stages

    def push(self, x: Floats) -> Floats:
        for stage in self._stages:
            x = stage.push(x)
        return x

    def close(self) -> Floats:
        out = EMPTY
        for stage in self._stages:
            out = np.concatenate([stage.push(out), stage.close()])
        return out


class Filter:
    """A linear filter: `taps` by fast convolution, less `delay` samples (for a symmetric one, its middle)."""

    def __init__(self, taps: Floats, delay: int = 0) -> None:
        self._taps = np.asarray(taps, np.float32)
        self._skip = delay
        self._tail = np.zeros(len(taps) - 1, np.float32)
        self._taken = self._given = 0

    def push(self, x: Floats) -> Floats:
        from scipy.signal import oaconvolve

        if not len(x):
            return EMPTY
        y = oaconvolve(x, self._taps)
        y[: len(self._tail)] += self._tail
        self._tail = np.asarray(y[len(x) :], np.float32)
        self._taken += len(x)
        ready = np.asarray(y[: len(x)], np.float32)
        skipped = min(self._skip, len(ready))
        self._skip -= skipped
        self._given += len(ready) - skipped
        return ready[skipped:]

    def close(self) -> Floats:
        rest = self._tail[self._skip :][: self._taken - self._given]
        return np.pad(rest, (0, self._taken - self._given - len(rest)))


class Resample:
    """Another sampling rate, by FFmpeg's resampler; `close` makes the length right to the sample."""

    def __init__(self, before: int, after: int) -> None:
        self._before, self._after = before, after
        self._resampler: Any = None
        self._taken = self._given = 0
        if before != after:
            from av import AudioResampler

            self._resampler = AudioResampler("flt", "mono", after, options=_STEEP)

    def push(self, x: Floats) -> Floats:
        if self._resampler is None or not len(x):
            return x
        self._taken += len(x)
        out = joined(self._resampler.resample(audio_frame(x, self._before)))
        self._given += len(out)
        return out

    def close(self) -> Floats:
        if self._resampler is None or not self._taken:
            return EMPTY
        missing = max(0, round(self._taken * self._after / self._before) - self._given)
        rest = joined(self._resampler.resample(None))[:missing]
        return np.pad(rest, (0, missing - len(rest)))


def audio_frame(x: Floats, rate: int) -> Any:
    """(n,) or (n, channels) samples as one of PyAV's frames, packed 32-bit float."""
    from av import AudioFrame

    channels = 1 if x.ndim == 1 else x.shape[1]
    packed = np.ascontiguousarray(x, np.float32).reshape(1, -1)
    frame = AudioFrame.from_ndarray(packed, format="flt", layout="mono" if channels == 1 else "stereo")
    frame.sample_rate = rate
    return frame


def joined(frames: Iterable[Any]) -> Floats:
    """The samples of packed or planar mono frames, one after another; empty for none."""
    parts = [np.asarray(frame.to_ndarray(), np.float32).reshape(-1) for frame in frames]
    return np.concatenate(parts) if parts else EMPTY
