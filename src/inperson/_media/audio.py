"""Decoded sound: each audio track on the recording's clock, at 16 kHz and, when asked for, at its own rate.

A frame of samples goes where its timestamp says only when that differs from where the samples before it end: small
differences are rounding and jitter, and cutting sound at each of them would do harm. A difference that stays is a gap
(left as zeros and reported) or an overlap (the repeated samples are dropped).
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from inperson._media.clock import Problems, StreamClock
from inperson._media.containers import Handle, Limits, reason
from inperson._media.decode import decoded, sane
from inperson.types import Floats

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler

RATE = 16000  # Hz of `Chunk.audio`
_DRIFT = 0.020  # s; a frame off its place by less is taken to follow on
_STEP = 0.250  # s; a frame off by more is a gap or overlap at once
_PATIENCE = 0.100  # s of frames that must agree before a difference between the two counts as a gap or overlap


class Line:
    """Samples at known places of an endless line at one rate; what was never put there reads as zero.

    Holds only what was put and not yet taken; a gap of any length costs nothing.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.end = 0  # index after the last sample put
        self._pieces: deque[tuple[int, Floats]] = deque()

    def put(self, index: int, samples: Floats) -> None:
        """Place (n, c) `samples` at `index`; what lies before `end` is dropped."""
        late = max(0, self.end - index)
        if late >= len(samples):
            return
        self._pieces.append((index + late, samples[late:]))
        self.end = index + len(samples)

    def take(self, start: int, stop: int, columns: int) -> tuple[Floats, list[tuple[int, int]]]:
        """Samples (stop - start, columns) and the index ranges that hold none; pieces before `stop` are forgotten."""
        out = np.zeros((stop - start, columns), np.float32)
        holes, reached = [], start
        while self._pieces and self._pieces[0][0] < stop:
            index, samples = self._pieces[0]
            a, b = max(index, start), min(index + len(samples), stop)
            if b > a:
                shared = min(columns, samples.shape[1])
                out[a - start : b - start, :shared] = samples[a - index : b - index, :shared]
                if a > reached:
                    holes.append((reached, a))
                reached = b
            if index + len(samples) > stop:
                break
            self._pieces.popleft()
        if stop > reached:
            holes.append((reached, stop))
        return out, holes


class _Run:
    """An unbroken run of frames of one format: resampled as a whole, placed at one start.

    `layout` is FFmpeg's name of the wanted channel layout, None to keep the frames' own; with `mean` the channels are
    averaged instead.
    """

    def __init__(self, line: Line, frame: AudioFrame, layout: str | None, start: float, mean: bool = False) -> None:
        from av import AudioResampler

        # Packed samples, because PyAV 18 reads past the end of the plane table of planar frames of 8 channels and more.
        # The bound, because swresample keeps a downmix within 1 by itself only for integer formats.
        self._resampler: AudioResampler = AudioResampler("flt", layout, line.rate, options={"rematrix_maxval": "1.0"})
        self._line = line
        self._mean = mean
        self._rates = line.rate / frame.sample_rate
        self._start = self._next = round(start * line.rate)
        self._fed = 0

    def push(self, frame: AudioFrame) -> None:
        self._fed += frame.samples
        self._write(self._resampler.resample(frame), limit=None)

    def close(self) -> None:
        """Flush; the resampler's tail beyond the last input sample is cut."""
        self._write(self._resampler.resample(None), limit=self._start + round(self._fed * self._rates))

    def _write(self, frames: list[AudioFrame], limit: int | None) -> None:
        for frame in frames:
            samples = frame.to_ndarray().astype(np.float32, copy=False).reshape(-1, frame.layout.nb_channels)
            if not np.isfinite(samples).all():
                samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
            if self._mean:
                samples = samples.mean(axis=1, keepdims=True)
            if limit is not None:
                samples = samples[: max(0, limit - self._next)]
            self._line.put(self._next, samples)
            self._next += len(samples)


class AudioSource:
    """One audio track: `fill` decodes as far as needed, then `line` (16 kHz) and `native` give the samples.

    `stereo` tells whether the 16 kHz line has two columns; otherwise it has the mono mix alone.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        index: int,
        clock: StreamClock,
        limits: Limits,
        problems: Problems,
        native_rate: int = 0,
    ) -> None:
        self._handle = Handle(path, limits)
        self._stream = self._handle.stream(index)
        self._clock, self._limits, self._problems = clock, limits, problems
        self.stereo = self._stream.codec_context.layout.nb_channels == 2  # a plain WAV says "2 channels"
        self.channels = self._stream.codec_context.layout.nb_channels
        self.line = Line(RATE)
        self.native = Line(native_rate) if native_rate else None
        self._runs: list[_Run] = []
        self._format: tuple[Any, ...] = ()
        self._expected = 0.0  # where the next sample would follow on, s
        self._waiting: list[tuple[AudioFrame, float]] = []
        self._frames = sane(decoded(self._handle, self._stream, limits, problems, lambda: self._expected))
        self._begun = False
        self.done = False

    @property
    def end(self) -> float:
        """Seconds up to which samples have been placed."""
        end = self.line.end / RATE
        return end if self.native is None else min(end, self.native.end / self.native.rate)

    def close(self) -> None:
        self._frames.close()  # type: ignore[attr-defined]
        self._handle.close()

    def fill(self, until: float) -> None:
        """Decode until samples beyond `until` (s) are there, or the track has ended."""
        while not self.done and self.end <= until:
            frame = next(self._frames, None)
            if frame is None or self._expected > self._limits.duration:
                self._finish(stopped=frame is not None)
                return
            if frame.samples > 0 and frame.sample_rate > 0:
                self._try(frame)

    def _try(self, frame: AudioFrame) -> None:
        try:
            self._arrive(frame)
        except Exception as error:  # a format that swresample refuses, as damaged headers produce
            self._problems.add(f"audio frame that could not be converted ({reason(error)})", self._expected, True)
            self._runs, self._waiting = [], []
            self._expected += frame.samples / frame.sample_rate

    def _finish(self, stopped: bool) -> None:
        if stopped:
            self._problems.add(f"reading stopped at the limit of {self._limits.duration / 3600:g} h", self._expected)
        try:
            if self._waiting:
                self._settle(min((off for _, off in self._waiting), key=abs))
            self._close_runs()
        except Exception as error:
            self._problems.add(f"audio frame that could not be converted ({reason(error)})", self._expected, True)
        self.done = True

    def _arrive(self, frame: AudioFrame) -> None:
        """Decide whether `frame` follows on, or a gap or overlap comes before it."""
        low, high = self._limits.rates
        if not low <= frame.sample_rate <= high or frame.layout.nb_channels > self._limits.channels:
            self._problems.add("audio frame with an impossible rate or channel count, left out", self._expected, True)
            return
        off = self._offset(frame)
        first, self._begun = not self._begun, True
        if first or abs(off) > _STEP:
            if self._waiting:
                self._settle(min((o for _, o in self._waiting), key=abs))
                off = self._offset(frame)
            self._settle(off, counted=not first)
            self._append(frame)
        elif abs(off) <= _DRIFT:
            self._settle(0.0)  # those that waited were jitter
            self._append(frame)
        else:
            self._wait(frame, off)

    def _offset(self, frame: AudioFrame) -> float:
        """Seconds by which the frame's timestamp lies after the end of the samples before it."""
        queued = sum(f.samples / f.sample_rate for f, _ in self._waiting)
        raw = frame.time
        if raw is None:
            self._problems.add("audio frame without a timestamp, taken to follow on", self._expected)
            return self._waiting[-1][1] if self._waiting else 0.0
        expected = self._expected + queued
        return self._clock.time(raw, expected) - expected

    def _wait(self, frame: AudioFrame, off: float) -> None:
        """Hold the frame until it is clear whether the difference stays or was jitter."""
        if self._waiting and (off > 0) != (self._waiting[0][1] > 0):
            self._settle(0.0)
        self._waiting.append((frame, off))
        if sum(f.samples / f.sample_rate for f, _ in self._waiting) >= _PATIENCE:
            self._settle(min((o for _, o in self._waiting), key=abs))

    def _settle(self, off: float, counted: bool = True) -> None:
        """Move the place of the next sample by `off` (0: not at all), then append the frames that waited."""
        if off:
            if counted:
                what = (
                    "gap in the sound, filled with zeros"
                    if off > 0
                    else "overlapping sound, the repeated part left out"
                )
                self._problems.add(what, self._expected, damage=True)
            self._close_runs()
            self._expected += off
        waiting, self._waiting = self._waiting, []
        for frame, _ in waiting:
            self._append(frame)

    def _append(self, frame: AudioFrame) -> None:
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if not self._runs or form != self._format:
            self._close_runs()
            self._format = form
            self._runs = self._new_runs(frame)
        frame.pts = None  # the run keeps its own count
        for run in self._runs:
            run.push(frame)
        self._expected += frame.samples / frame.sample_rate

    def _new_runs(self, frame: AudioFrame) -> list[_Run]:
        count = frame.layout.nb_channels
        if self.stereo:
            runs = [_Run(self.line, frame, None if count == 2 else "stereo", self._expected)]
        elif count > 2 and frame.layout.name.endswith(" channels"):  # of unknown meaning: FFmpeg would guess
            runs = [_Run(self.line, frame, None, self._expected, mean=True)]
        else:
            runs = [_Run(self.line, frame, "mono", self._expected)]
        if self.native is not None:
            same = count == self.channels
            layout = None if same else self._stream.codec_context.layout.name
            runs.append(_Run(self.native, frame, layout, self._expected))
        return runs

    def _close_runs(self) -> None:
        runs, self._runs = self._runs, []
        for run in runs:
            run.close()
