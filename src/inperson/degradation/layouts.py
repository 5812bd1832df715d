"""What a recording of the call shows: the picture alone, or as one tile among others, or enlarged.

In the layouts with tiles the picture first goes through a live H.264 encoder and decoder at the tile's own size, as the
participant's stream does before the service composes the recording.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from inperson.degradation.picture import fitted, resized
from inperson.types import Image

Kind = Literal["", "gallery", "speaker", "upscaled"]


class Place(NamedTuple):
    """Where a tile lies on the canvas, pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class LayoutSettings:
    """How the recording is composed.

    Attributes
    ----------
    kind : str
        ``""``: the picture alone. ``"gallery"``: one of four tiles, at a drawn place. ``"speaker"``: a small tile over
        the large picture of somebody else. ``"upscaled"``: alone, enlarged to the canvas.
    canvas : (int, int)
        Width and height of the recording.
    tile : (int, int)
        Box of the participant's own stream before it is composed.
    tile_rate : int
        Bit/s of that stream.
    """

    kind: Kind = ""
    canvas: tuple[int, int] = (1280, 720)
    tile: tuple[int, int] = (640, 360)
    tile_rate: int = 500_000


class Layout:
    """Composes the recording's picture from the participant's.

    Parameters
    ----------
    settings : LayoutSettings
        Of a kind other than ``""``.
    size : (int, int)
        Width and height of the pictures that will come.
    fps : float
        About how many a second.
    rng : numpy.random.Generator
        Draws the tile's place and the other tiles.
    """

    def __init__(self, settings: LayoutSettings, size: tuple[int, int], fps: float, rng: np.random.Generator) -> None:
        upright = size[1] > size[0] and settings.kind == "upscaled"
        self.size = settings.canvas[::-1] if upright else settings.canvas
        self.stream_size = fitted(size, settings.tile)
        self._passage = PicturePassage(self.stream_size, settings.tile_rate, fps)
        self._kind, self._rng = settings.kind, rng
        self._places = list(_places(settings.kind, self.size))
        own = int(rng.integers(len(self._places))) if settings.kind == "gallery" else len(self._places) - 1
        self.place = _inside(self._places.pop(own), self.stream_size)
        self._canvas = np.full((self.size[1], self.size[0], 3), 26, np.uint8)
        self._colours = rng.integers(30, 110, (len(self._places), 3))
        for place, colour in zip(self._places, self._colours, strict=True):
            _flat_tile(self._canvas, place, colour)

    def __call__(self, image: Image) -> Image:
        stream = self._passage(resized(image, self.stream_size))
        canvas = self._canvas.copy()
        _put(canvas, self.place, stream)
        return canvas


def _places(kind: Kind, canvas: tuple[int, int]) -> Iterator[Place]:
    """The tiles of a layout; the participant's is the last, or a drawn one of a gallery."""
    width, height = canvas
    if kind == "gallery":
        w, h = width // 2 - 12, height // 2 - 12
        for y in (8, height // 2 + 4):
            for x in (8, width // 2 + 4):
                yield Place(x, y, w, h)
    elif kind == "speaker":
        yield Place(0, 0, width, height)
        yield Place(width - width // 4 - 16, 16, width // 4, height // 4)
    else:
        yield Place(0, 0, width, height)


def _inside(place: Place, size: tuple[int, int]) -> Place:
    """The largest place of the shape of `size` in the middle of `place`."""
    scale = min(place.width / size[0], place.height / size[1])
    width, height = min(place.width, round(size[0] * scale)), min(place.height, round(size[1] * scale))
    return Place(place.x + (place.width - width) // 2, place.y + (place.height - height) // 2, width, height)


def _put(canvas: Image, place: Place, image: Image) -> None:
    x, y, width, height = place
    canvas[y : y + height, x : x + width] = resized(image, (width, height))


def _flat_tile(canvas: Image, place: Place, colour: np.ndarray[Any, Any]) -> None:
    """A participant with the camera off: a plain tile with a disc where the picture would be."""
    import cv2

    x, y, width, height = place
    canvas[y : y + height, x : x + width] = colour // 2
    centre = (x + width // 2, y + height // 2)
    cv2.circle(canvas, centre, min(width, height) // 5, [int(c) for c in colour + 60], -1, cv2.LINE_AA)


class PicturePassage:
    """A picture through a live H.264 encoder and decoder in memory, one in, one out.

    Parameters
    ----------
    size : (int, int)
        Width and height, even.
    bit_rate : int
        Bit/s.
    fps : float
        About how many pictures a second.
    """

    def __init__(self, size: tuple[int, int], bit_rate: int, fps: float) -> None:
        from fractions import Fraction

        from av import CodecContext
        from av.codec.context import Flags
        from av.video.reformatter import VideoReformatter

        from inperson.degradation.writing import Coding, encoder_options

        encoder: Any = CodecContext.create("libx264", "w")
        encoder.width, encoder.height = size
        encoder.pix_fmt, encoder.thread_count = "yuv420p", 1
        encoder.framerate = Fraction(fps).limit_denominator(1001)
        encoder.time_base = 1 / encoder.framerate
        encoder.bit_rate = bit_rate
        encoder.options = encoder_options(Coding(video_rate=bit_rate), fps)
        encoder.open()
        decoder: Any = CodecContext.create("h264", "r")
        decoder.thread_count = 1
        decoder.flags |= Flags.low_delay
        self._encoder, self._decoder = encoder, decoder
        self._there, self._back = VideoReformatter(), VideoReformatter()
        self._count = 0
        self._last: Image | None = None

    def __call__(self, image: Image) -> Image:
        from av import VideoFrame

        frame = VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="rgb24")
        frame = self._there.reformat(frame, format="yuv420p", threads=1)
        frame.pts, frame.time_base = self._count, self._encoder.time_base
        self._count += 1
        for packet in self._encoder.encode(frame):
            for decoded in self._decoder.decode(packet):
                self._last = np.asarray(self._back.reformat(decoded, format="rgb24", threads=1).to_ndarray(), np.uint8)
        return image if self._last is None else self._last
