"""A few seconds out of a recording, without reading what comes before them.

For looking again at what was found: same clock, same whitelisted containers and decoders as `inperson.media`, reached
by seeking to the keyframe before. Where the timestamps of a recording jump (its report says "closed as a splice"),
times past the jump cannot be reached like this, and nothing is returned for them rather than something else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import numpy as np

from inperson._media.clock import Problems
from inperson._media.containers import LIMITS, Handle, Limits, media_errors
from inperson._media.decode import decoded
from inperson._media.info import MediaInfo
from inperson._media.video import ToRgb, check_size, square_size
from inperson.types import Floats, Frame

RATE = 16000
"""Hz of the sound returned."""
LEAD = 0.3
"""Seconds of sound decoded before what is wanted: codecs need a few packets to settle."""


def frames(
    info: MediaInfo,
    start: float,
    end: float,
    *,
    wanted: Callable[[float], bool] | None = None,
    deadline: float = float("inf"),
    limits: Limits = LIMITS,
) -> Iterator[Frame]:
    """Frames whose time lies in [start, end), those that `wanted` (asked with the time) agrees to.

    Parameters
    ----------
    info : MediaInfo
        From `inperson.media.probe`.
    start, end : float
        Seconds on the recording's clock.
    wanted : callable, optional
    deadline : float
        Value of `time.monotonic` at which decoding stops: a damaged index can make the way long.
    limits : Limits

    Yields
    ------
    Frame
        With image. None for a recording without picture, or where nothing is shown in that time.

    Raises
    ------
    MediaError
        The file cannot be opened, sought in or shown.
    """
    if info.video is None:
        return
    with Handle(info.path, limits) as handle:
        stream = handle.stream(info.video.index)
        rgb = ToRgb(stream.sample_aspect_ratio, 1)
        for time, frame in _from(handle, stream, info.origin, start, limits, deadline):
            if time >= end:
                return
            if time >= start and (wanted is None or wanted(time)):
                check_size(info.path, frame.width, frame.height, limits)
                check_size(info.path, *square_size(frame.width, frame.height, stream.sample_aspect_ratio), limits)
                with media_errors(info.path, "cannot be converted to RGB"):
                    image = rgb(frame)
                yield Frame(time=time, image=image, size=(image.shape[1], image.shape[0]))


def sound(info: MediaInfo, start: float, end: float, *, deadline: float = float("inf")) -> Floats:
    """The sound of [start, end) at 16 kHz, all tracks mixed to one.

    Returns
    -------
    (n,) float32
        Zeros where nothing could be decoded; empty for a recording without sound.

    Raises
    ------
    MediaError
        The file cannot be opened or sought in.
    """
    count = max(0, round((end - start) * RATE))
    if not info.audio:
        return np.zeros(0, np.float32)
    out = np.zeros(count, np.float32)
    for track in info.audio:
        with Handle(info.path, LIMITS) as handle:
            out += _track(handle, handle.stream(track.index), info.origin, start, count, deadline)
    return out / np.float32(len(info.audio))


def _track(handle: Handle, stream: Any, origin: float, start: float, count: int, deadline: float) -> Floats:
    from av import AudioResampler

    out = np.zeros(count, np.float32)
    resampler: Any = AudioResampler("flt", "mono", RATE, options={"rematrix_maxval": "1.0"})
    at: int | None = None
    for time, frame in _from(handle, stream, origin, max(start - LEAD, 0.0), LIMITS, deadline):
        if time >= start + count / RATE:
            break
        if at is None:
            at = round((time - start) * RATE)
        with media_errors(handle.path, "sound cannot be resampled"):
            parts = [part.to_ndarray().reshape(-1) for part in resampler.resample(frame)]
        for part in parts:
            low, high = max(at, 0), min(at + len(part), count)
            if high > low:
                out[low:high] = np.nan_to_num(part[low - at : high - at], nan=0.0, posinf=0.0, neginf=0.0)
            at += len(part)
    return np.clip(out, -1.0, 1.0)


def _from(
    handle: Handle, stream: Any, origin: float, start: float, limits: Limits, deadline: float
) -> Iterator[tuple[float, Any]]:
    """Decoded frames with their times from the keyframe before `start` on."""
    raw = origin + start
    with media_errors(handle.path, "cannot be sought in"):
        if start > 0 and stream.time_base:
            handle.container.seek(int(raw / float(stream.time_base)), stream=stream, backward=True)
    for frame in decoded(handle, stream, limits, Problems(), lambda: start):
        if monotonic() > deadline:
            return
        if frame.time is not None:
            yield frame.time - origin, frame


def same(path: str | os.PathLike[str], size: int, digest: str) -> bool:
    """Whether a file is the one that was analysed: by size, then SHA-256."""
    from inperson._media.probe import sha256

    try:
        return os.path.getsize(path) == size and sha256(path) == digest
    except OSError:
        return False
