"""Decoded pictures: upright, square pixels, 8-bit RGB, each with its time on the recording's clock."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from inperson._media.clock import Problems, StreamClock
from inperson._media.containers import Handle, Limits, label, media_errors
from inperson._media.decode import decoded, sane
from inperson.errors import MediaError
from inperson.types import Frame, Image

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter

_PQ, _HLG, _BT709 = 16, 18, 1  # transfer characteristics, ITU-T H.273 table 3
_ASPECTS = (0.25, 4.0)  # pixel aspect ratios outside are taken for damage and ignored
_USUAL_PERIOD = 1 / 25  # s, where neither the stream nor a frame says how long a frame lasts


@dataclass(frozen=True, slots=True)
class Orientation:
    """How to turn a decoded picture upright: `turns` quarter turns clockwise, after a mirror if `mirrored`."""

    turns: int = 0
    mirrored: bool = False

    @property
    def swaps(self) -> bool:
        """Whether width and height change places."""
        return self.turns % 2 == 1


UPRIGHT = Orientation()


def orientation(frame: VideoFrame) -> Orientation:
    """Read the display matrix that came with `frame`; angles are rounded to quarter turns."""
    from av.sidedata.sidedata import Type

    side: Any = frame.side_data
    try:
        data = bytes(side[Type.DISPLAYMATRIX])
    except KeyError:
        return UPRIGHT
    if len(data) < 36:
        return UPRIGHT
    # 3x3 matrix, row-major, 16.16 fixed point: (a, b) is the image of the x axis, (c, d) of the y axis
    a, b, _, c, d = (float(v) for v in np.frombuffer(data[:20], np.int32))
    if a * d - b * c == 0:
        return UPRIGHT
    mirrored = a * d - b * c < 0
    angle = math.degrees(math.atan2(b, a)) if not mirrored else math.degrees(math.atan2(-b, -a))
    return Orientation(turns=round(angle / 90) % 4, mirrored=mirrored)


def upright(image: Image, how: Orientation) -> Image:
    """`image` mirrored and turned as `how` says; the same array if there is nothing to do."""
    if how == UPRIGHT:
        return image
    if how.mirrored:
        image = image[:, ::-1]
    return np.ascontiguousarray(np.rot90(image, -how.turns))


def square_size(width: int, height: int, aspect: Fraction | float | None) -> tuple[int, int]:
    """Size in square pixels of a picture whose pixels have this width-to-height ratio; one side grows, none shrinks."""
    ratio = float(aspect) if aspect else 1.0
    if not _ASPECTS[0] <= ratio <= _ASPECTS[1]:
        ratio = 1.0
    return (max(1, round(width * ratio)), height) if ratio > 1 else (width, max(1, round(height / ratio)))


def check_size(path: str | os.PathLike[str], width: int, height: int, limits: Limits) -> None:
    """Raise MediaError where a picture of this size must not be decoded."""
    if width < 1 or height < 1 or max(width, height) > limits.side or width * height > limits.pixels:
        raise MediaError(
            f"{label(path)}: picture of {width} x {height} pixels; expected 1 to {limits.side} a side and at most "
            f"{limits.pixels / 1e6:.0f} million pixels"
        )


class ToRgb:
    """Converts decoded frames to upright RGB arrays, reusing one converter.

    Colours follow the stream's tags (matrix, range); untagged ones are read as BT.601 limited range, as FFmpeg and
    OpenCV do. PQ and HLG pictures are brought to BT.709 with diffuse white (203 cd/m2, ITU-R BT.2408) at 255.
    """

    def __init__(self, aspect: Fraction | float | None, threads: int) -> None:
        from av.video.reformatter import VideoReformatter

        self._aspect = aspect
        self._threads = threads
        self._converter: VideoReformatter = VideoReformatter()
        self._turned: tuple[int, Orientation] | None = None  # FFmpeg's angle, and the matrix it came from

    def __call__(self, frame: VideoFrame) -> Image:
        width, height = square_size(frame.width, frame.height, self._aspect)
        options: dict[str, Any] = {"format": "rgb24", "threads": self._threads}
        if (width, height) != (frame.width, frame.height):
            options |= {"width": width, "height": height, "interpolation": "BICUBIC"}
        if frame.color_trc in (_PQ, _HLG):
            options |= {"dst_color_trc": _BT709, "dst_color_primaries": _BT709}
        image = self._converter.reformat(frame, **options).to_ndarray()
        if self._turned is None or self._turned[0] != frame.rotation:
            self._turned = frame.rotation, orientation(frame)
        return upright(np.asarray(image, np.uint8), self._turned[1])


class VideoSource:
    """The frames of one video stream, in order of presentation.

    `end` is the time at which the last frame read so far stops being shown.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        index: int,
        clock: StreamClock,
        limits: Limits,
        problems: Problems,
        threads: int,
        wanted: Callable[[float], bool] | None = None,
    ) -> None:
        self.end = 0.0
        self._wanted = wanted
        self._clock, self._limits, self._problems = clock, limits, problems
        self._handle = Handle(path, limits)
        self._stream = self._handle.stream(index)
        self._stream.codec_context.thread_count = threads
        self._stream.codec_context.thread_type = "AUTO"
        self._period = frame_period(self._stream)
        self._tick = float(self._stream.time_base or 0)
        self._rgb = ToRgb(self._stream.sample_aspect_ratio, threads)
        self._size: tuple[int, int] | None = None  # height and width of the last image
        self._unstamped = 0

    def close(self) -> None:
        self._handle.close()

    def __iter__(self) -> Iterator[Frame]:
        """Frames with strictly increasing times; those out of order or too large are counted and left out."""
        last = -math.inf
        for frame in sane(decoded(self._handle, self._stream, self._limits, self._problems, lambda: self.end)):
            time = self._time(frame)
            if time <= last or time < 0:
                self._problems.add("video frame with a repeated or backward timestamp, left out", max(self.end, 0.0))
                continue
            if time > self._limits.duration:
                self._problems.add(f"reading stopped at the limit of {self._limits.duration / 3600:g} h", time)
                return
            skipped = self._wanted is not None and self._size is not None and not self._wanted(time)
            image = None if skipped else self._image(frame, time)
            last, self.end = time, time + self._lasts(frame)
            if self._size is not None and (skipped or image is not None):
                yield Frame(time=time, image=image, size=self._size[::-1])

    def _time(self, frame: VideoFrame) -> float:
        raw = frame.time
        if raw is None:
            self._unstamped += 1
            if self._unstamped > 1:  # MPEG-1 leaves the last frame without one as a rule
                self._problems.add("video frame without a timestamp, placed by the frame rate", self.end)
            return self.end
        return self._clock.time(raw, self.end)

    def _lasts(self, frame: VideoFrame) -> float:
        """Seconds that `frame` is shown, as far as it says so itself; at most one second."""
        own = frame.duration * self._tick
        return own if 0.0 < own <= 1.0 else self._period

    def _image(self, frame: VideoFrame, time: float) -> Image | None:
        try:
            check_size(self._handle.path, frame.width, frame.height, self._limits)
            check_size(
                self._handle.path,
                *square_size(frame.width, frame.height, self._stream.sample_aspect_ratio),
                self._limits,
            )
            with media_errors(self._handle.path, "cannot be converted to RGB"):
                image = self._rgb(frame)
        except MediaError:
            self._problems.add("video frame that is too large or of an unknown pixel format, left out", time)
            return None
        if frame.is_corrupt:
            self._problems.add("damaged video frame, shown as the decoder repaired it", time, damage=True)
        if self._size is not None and self._size != image.shape[:2]:
            self._problems.add("video changes its size", time)
        self._size = image.shape[:2]
        return image


def frame_period(stream: Any) -> float:
    """Seconds a frame usually lasts: from the average rate, else the guessed one, else 1/25; 1 ms to 1 s."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 1 <= float(rate) <= 1000:
            return 1.0 / float(rate)
    return _USUAL_PERIOD
