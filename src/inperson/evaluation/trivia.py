"""What can be told of a file without looking for any signal in it: the trivia that must not give the label away.

If duration, level or codec alone tell bona fide from spoof recordings, then every figure measured on them may describe
the files instead of the signal; `inperson.evaluation.leak` tests that.

Features
--------
duration (s), bit_rate (bit/s of the whole file), sample_rate (Hz), channels, width and height (pixels), frame_rate
(Hz); level and peak (dB re full scale, of all tracks mixed down); silence_start, silence_end (s below a hundredth of
the peak, in blocks of 10 ms); zeros_start, zeros_end (s of exact zeros); container, audio_codec, video_codec (text);
and band_edge (Hz, the highest frequency of the mean spectrum within 60 dB of its peak), which is half a property of the
channel and is therefore kept apart (`ASIDE`). A feature that the file does not have is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inperson.types import Floats

NUMBERS = (
    *("duration", "bit_rate", "sample_rate", "channels", "width", "height", "frame_rate"),
    *("level", "peak", "silence_start", "silence_end", "zeros_start", "zeros_end", "band_edge"),
)
WORDS = ("container", "audio_codec", "video_codec")
ASIDE = ("band_edge",)
Trivia = dict[str, float | str | None]

_BLOCK = 0.01  # s
_QUIET = 0.01  # of the peak: -40 dB
_FFT = 1024
_BAND = 1e-6  # -60 dB
_SPECTRUM_SECONDS = 120.0  # sound that the mean spectrum is taken of
_FLOOR = 1e-6  # -120 dB re full scale: the level of nothing


def measure(path: str | Path) -> Trivia:
    """Read a file once and return its trivia, every name of `NUMBERS` and `WORDS`.

    Raises
    ------
    MediaError
        It cannot be read.
    """
    from inperson.media import probe, samples

    info = probe(path)
    sound = _Sound()
    if info.audio:
        with samples(path, native=True) as reader:
            for chunk in reader:
                if chunk.native.size:
                    sound.add(chunk.native.mean(axis=1, dtype=np.float32), chunk.native_rate)
    seconds = sound.seconds or info.duration or 0.0
    first = info.audio[0] if info.audio else None
    video = info.video
    return {
        "container": info.container,
        "audio_codec": first.codec if first else None,
        "video_codec": video.codec if video else None,
        "duration": round(seconds, 3),
        "bit_rate": round(8 * info.size_bytes / seconds) if seconds else None,
        "sample_rate": first.rate if first else None,
        "channels": first.channels if first else None,
        "width": video.width if video else None,
        "height": video.height if video else None,
        "frame_rate": round(video.fps, 3) if video and video.fps else None,
        **sound.facts(),
    }


def of_report(media: Mapping[str, Any]) -> Trivia:
    """What a report's ``media`` tells; the rest (level, edges, band) is None."""
    video = media.get("video") or {}
    audio = (media.get("audio") or [{}])[0]
    known = {
        "container": media.get("container"),
        "audio_codec": audio.get("codec"),
        "video_codec": video.get("codec"),
        "duration": media.get("duration"),
        "bit_rate": round(8 * media["size_bytes"] / media["duration"]) if media.get("duration") else None,
        "sample_rate": audio.get("rate"),
        "channels": audio.get("channels"),
        "width": video.get("width"),
        "height": video.get("height"),
        "frame_rate": video.get("rate"),
    }
    return {name: known.get(name) for name in (*WORDS, *NUMBERS)}


class _Sound:
    """Sound taken in bit by bit: an envelope, the edges' zeros, a mean spectrum."""

    def __init__(self) -> None:
        self.rate = 0
        self.count = 0
        self.energy = 0.0
        self.first = -1  # index of the first and last sample that is not exactly zero
        self.last = -1
        self.peaks: list[Floats] = []
        self.rest: Floats = np.zeros(0, np.float32)
        self.tail: Floats = np.zeros(0, np.float32)
        self.spectrum: NDArray[np.float64] = np.zeros(_FFT // 2 + 1)

    @property
    def seconds(self) -> float:
        return self.count / self.rate if self.rate else 0.0

    def add(self, sound: Floats, rate: int) -> None:
        self.rate = rate
        loud = np.flatnonzero(sound)
        if loud.size:
            self.first = self.count + int(loud[0]) if self.first < 0 else self.first
            self.last = self.count + int(loud[-1])
        self.count += len(sound)
        self.energy += float(np.square(sound, dtype=np.float64).sum())
        self._envelope(sound)
        if self.seconds < _SPECTRUM_SECONDS:
            self._spectrum(sound)

    def _envelope(self, sound: Floats) -> None:
        size = max(1, round(_BLOCK * self.rate))
        joined = np.concatenate([self.rest, np.abs(sound)])
        whole = len(joined) // size * size
        self.peaks.append(joined[:whole].reshape(-1, size).max(axis=1))
        self.rest = joined[whole:]

    def _spectrum(self, sound: Floats) -> None:
        joined = np.concatenate([self.tail, sound])
        whole = len(joined) // _FFT * _FFT
        frames = joined[:whole].reshape(-1, _FFT) * np.hanning(_FFT)
        self.spectrum += np.square(np.abs(np.fft.rfft(frames, axis=1))).sum(axis=0)
        self.tail = joined[whole:]

    def facts(self) -> Trivia:
        names = ("level", "peak", "silence_start", "silence_end", "zeros_start", "zeros_end", "band_edge")
        if not self.count:
            return dict.fromkeys(names)
        last = [self.rest.max(keepdims=True)] if self.rest.size else []
        peaks = np.concatenate([*self.peaks, *last])
        peak = float(peaks.max(initial=0.0))
        heard = np.flatnonzero(peaks > _QUIET * peak)
        values = (
            _decibels(math.sqrt(self.energy / self.count)),
            _decibels(peak),
            heard[0] * _BLOCK if heard.size else self.seconds,
            (len(peaks) - 1 - heard[-1]) * _BLOCK if heard.size else self.seconds,
            (self.first if self.first >= 0 else self.count) / self.rate,
            (self.count - 1 - self.last) / self.rate,
            self._edge(),
        )
        return {
            name: None if value is None else round(float(value), 4) for name, value in zip(names, values, strict=True)
        }

    def _edge(self) -> float | None:
        top = self.spectrum.max(initial=0.0)
        if top <= 0:
            return None
        return float(np.flatnonzero(self.spectrum > _BAND * top)[-1]) * self.rate / _FFT


def _decibels(amplitude: float) -> float:
    return 20 * math.log10(max(amplitude, _FLOOR))
