"""The sound of a moment as a spectrogram, with the seams of a block period where one was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inperson import _glimpse
from inperson.page.pictures import Picture, Source, jpeg
from inperson.types import Floats, Image

if TYPE_CHECKING:
    from inperson.report import Finding, Moment

WINDOW, HOP = 400, 80
"""25 ms and 5 ms at 16 kHz: harmonics and seams both show."""
DYNAMIC = 70.0
"""dB from black to white."""
SHORTEST, LONGEST = 2.0, 6.0
"""Seconds shown."""
WIDTH, HEIGHT = 640, 128
SEAM_ROWS = 12


def strip(source: Source, finding: Finding, moment: Moment) -> list[Picture]:
    """Up to `LONGEST` seconds from the moment's start; none without sound."""
    length = min(max(moment.end - moment.start, SHORTEST), LONGEST)
    start = max(0.0, min(moment.start, source.report.media.duration - length))
    sound = _glimpse.sound(source.info, start, start + length, deadline=source.deadline)
    if len(sound) < 4 * WINDOW or not sound.any():
        return []
    levels = spectrogram(sound)
    image = _drawn(levels)
    words = f"Spectrogram of {length:.1f} s from {start:.1f} s, 0 to 8 kHz from bottom to top, darker is louder"
    period = finding.measurements.get("block_period")
    if period is not None:
        image = _ticked(image, seams(levels, period.value / 1000), length)
        words += (
            f". The ticks on top are {period.value:.0f} ms apart, the block period measured, placed where abrupt "
            "changes in this stretch add up most"
        )
    return [
        Picture(
            alt=f"Spectrogram of the moment's first {length:.1f} seconds",
            caption=words + ".",
            uri=jpeg(image),
            width=image.shape[1],
            height=image.shape[0],
            shape="sound",
        )
    ]


def spectrogram(sound: Floats) -> NDArray[np.float64]:
    """Levels (201, n) in dB, every 5 ms; sound of at least one window."""
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), WINDOW)[::HOP] * np.hanning(WINDOW)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1))).T
    return np.asarray(10 * np.log10(power + 1e-10), np.float64)


def seams(levels: NDArray[np.float64], period: float) -> list[float]:
    """Times (s) at which blocks of `period` seconds would meet: the phase with the largest summed change."""
    change = np.abs(np.diff(levels, axis=1)).mean(axis=0)
    step = HOP / _glimpse.RATE
    count = max(1, round(period / step))
    offsets = np.arange(count)
    sums = [
        float(change[np.round(np.arange(offset, len(change), period / step)).astype(int)].mean()) for offset in offsets
    ]
    first = float(offsets[int(np.argmax(sums))]) * step + WINDOW / 2 / _glimpse.RATE
    return [float(time) for time in np.arange(first, len(change) * step, period)]


def _drawn(levels: NDArray[np.float64]) -> Image:
    import cv2

    top = float(np.percentile(levels, 99.7))
    shade = 255 * (1 - np.clip((levels - top + DYNAMIC) / DYNAMIC, 0, 1))
    sized = cv2.resize(shade[::-1].astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(sized, 0, 255), np.uint8)


def _ticked(image: Image, times: list[float], length: float) -> Image:
    rows = np.full((SEAM_ROWS, image.shape[1]), 255, np.uint8)
    for time in times:
        x = round(time / length * (image.shape[1] - 1))
        rows[2:, max(0, x - 1) : x + 1] = 0
    return np.vstack([rows, image])
