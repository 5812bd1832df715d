"""Synthesised recordings with known answers, for every test that needs a media file.

`write` makes a file out of pictures and sound; the other functions make pictures and sound whose content is known:
`flash_and_beep` for timing, `numbered` for the identity of frames, `tone`, `silence`, `black`.

    write(tmp_path / "a.mp4", *flash_and_beep(seconds=4.0), audio_delay=0.2)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inperson.degradation.writing import usual_scheduling

Picture = NDArray[np.uint8]
Sound = NDArray[np.float32]
Timed = tuple[float, Picture]

CODECS = {  # (video, audio) by extension
    ".mp4": ("libx264", "aac"),
    ".mov": ("libx264", "aac"),
    ".m4a": (None, "aac"),
    ".mkv": ("libx264", "aac"),
    ".webm": ("libvpx", "libopus"),
    ".avi": ("mpeg4", "pcm_s16le"),
    ".mpg": ("mpeg1video", "mp2"),
    ".ts": ("libx264", "aac"),
    ".wav": (None, "pcm_s16le"),
    ".flac": (None, "flac"),
    ".mp3": (None, "libmp3lame"),
    ".ogg": (None, "libopus"),
    ".opus": (None, "libopus"),
}
FORMATS = {".mpg": "mpeg", ".ts": "mpegts", ".mkv": "matroska", ".m4a": "ipod", ".opus": "ogg"}
FAST = {
    "libx264": {"preset": "ultrafast", "crf": "18"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "b": "1M"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "b": "1M"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
}
PEAK = 0.5  # amplitude of beeps and tones


def times(seconds: float, fps: float = 25.0, start: float = 0.0) -> list[float]:
    """Times of the frames of a constant-rate video."""
    return [start + k / fps for k in range(round(seconds * fps))]


def vfr_times(seconds: float, seed: int = 0) -> list[float]:
    """Times of a variable-rate video: steps of 20 to 120 ms in whole milliseconds."""
    rng, out = np.random.default_rng(seed), [0.0]
    while out[-1] < seconds - 0.12:
        out.append(round(out[-1] + float(rng.integers(20, 121)) / 1000, 3))
    return out


def flat(value: int, size: tuple[int, int] = (160, 120)) -> Picture:
    """Uniform grey picture of `size` (width, height)."""
    return np.full((size[1], size[0], 3), value, np.uint8)


def black(seconds: float = 2.0, fps: float = 25.0, size: tuple[int, int] = (160, 120)) -> list[Timed]:
    return [(t, flat(0, size)) for t in times(seconds, fps)]


def numbered(at: Sequence[float], size: tuple[int, int] = (160, 120)) -> Iterator[Timed]:
    """Frames that carry their number, modulo 256, as eight vertical black or white bars; `number` reads it."""
    for k, time in enumerate(at):
        bits = np.array([255 * (k >> bit & 1) for bit in range(8)], np.uint8)
        row = bits[np.arange(size[0]) * 8 // size[0]]
        yield time, np.ascontiguousarray(np.broadcast_to(row[None, :, None], (size[1], size[0], 3)))


def number(image: Picture) -> int:
    """The number in a picture that `numbered` made."""
    height, width = image.shape[:2]
    centres = [(2 * bit + 1) * width // 16 for bit in range(8)]
    return sum(1 << bit for bit, x in enumerate(centres) if image[height // 2, x].mean() > 127)


def quadrants(size: tuple[int, int] = (160, 120)) -> Picture:
    """Red top left, green top right, blue bottom left, white bottom right: shows rotation, mirrors and colours."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    image[: height // 2, width // 2 :] = (0, 255, 0)
    image[height // 2 :, : width // 2] = (0, 0, 255)
    image[height // 2 :, width // 2 :] = 255
    return image


def corners(image: Picture) -> str:
    """Colours of the four quadrants of a picture, row by row, of the letters RGBW (? for anything else)."""
    height, width = image.shape[:2]
    known = {"R": (255, 0, 0), "G": (0, 255, 0), "B": (0, 0, 255), "W": (255, 255, 255)}
    out = ""
    for y in (height // 4, 3 * height // 4):
        for x in (width // 4, 3 * width // 4):
            pixel = image[y, x].astype(int)
            out += next((k for k, v in known.items() if np.abs(pixel - v).max() < 60), "?")
    return out


def silence(seconds: float = 2.0, rate: int = 48000, channels: int = 1) -> Sound:
    return np.zeros((round(seconds * rate), channels), np.float32)


def tone(seconds: float = 2.0, rate: int = 48000, frequency: float = 440.0, amplitude: float = PEAK) -> Sound:
    """(n, 1) sine that starts at phase 0."""
    at = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * frequency * at)).astype(np.float32)[:, None]


def beeps(at: Iterable[float], seconds: float, rate: int = 48000, length: float = 0.08) -> Sound:
    """(n, 1) silence with 1 kHz beeps that start abruptly at the given times."""
    out = silence(seconds, rate)
    beep = tone(length, rate, 1000.0)
    for time in at:
        start = round(time * rate)
        out[start : start + len(beep)] = beep[: max(0, len(out) - start)]
    return out


def flash_and_beep(
    seconds: float = 3.0,
    fps: float = 25.0,
    rate: int = 48000,
    size: tuple[int, int] = (160, 120),
    at: Sequence[float] = (0.6, 1.4, 2.2),
) -> tuple[list[Timed], Sound]:
    """Black video with one white frame, and silence with a beep, at each of the times `at` (whole frames)."""
    frames = [(t, flat(255 if any(abs(t - a) < 0.5 / fps for a in at) else 0, size)) for t in times(seconds, fps)]
    return frames, beeps(at, seconds, rate)


def flashes(frames: Iterable[Any]) -> list[float]:
    """Times of the bright frames among `inperson` frames."""
    return [f.time for f in frames if f.image.mean() > 127]


def onsets(audio: Sound, rate: int = 16000, threshold: float = 0.1) -> list[float]:
    """Times (s) at which the sound rises above `threshold` after 0.2 s of quiet."""
    loud = np.flatnonzero(np.abs(audio) > threshold)
    first = loud[np.diff(loud, prepend=-rate) > 0.2 * rate] if len(loud) else loud
    return [float(i) / rate for i in first]


def write(
    path: str | Path,
    frames: Iterable[Timed] | None = None,
    audio: Sound | Sequence[Sound] | None = None,
    *,
    fps: float = 25.0,
    rate: int = 48000,
    audio_delay: float = 0.0,
    audio_gap: tuple[float, float] | None = None,
    format: str | None = None,
    video_codec: str | None = None,
    audio_codec: str | None = None,
    video_options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    rotation: float = 0,
    pixel_aspect: Fraction | None = None,
    layout: str | None = None,
    colour: dict[str, int] | None = None,
    muxer: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    time_base: Fraction = Fraction(1, 90000),
) -> Path:
    """Encode `frames` (time in s, RGB picture) and `audio` (one (n, channels) array, or several for several tracks).

    Parameters
    ----------
    fps, rate
        Nominal frame rate written to the header; sample rate of `audio`, Hz.
    audio_delay
        Seconds by which all sound is stamped later than the picture (negative: the picture later).
    audio_gap
        ``(at, length)``: sound from `at` (s) on is stamped `length` seconds later.
    format, video_codec, audio_codec
        By default what the extension calls for.
    video_options
        For the encoder.
    rotation
        Degrees clockwise by which a player turns the picture (display matrix).
    pixel_aspect
        Width to height of a pixel.
    layout
        Channel layout such as ``"5.1"``; by default mono or stereo.
    colour
        Of ``color_trc``, ``color_primaries``, ``colorspace``, ``color_range``: H.273 numbers to tag the video with.
    muxer
        Options of the muxer, e.g. ``{"live": "1"}`` for a webm as a browser makes it.
    """
    import av

    os.environ.setdefault("SVT_LOG", "0")  # the AV1 encoder talks otherwise
    path = Path(path)
    by_name = CODECS.get(path.suffix, (None, None))
    tracks = [] if audio is None else [audio] if isinstance(audio, np.ndarray) else list(audio)
    with av.open(str(path), "w", format=format or FORMATS.get(path.suffix), options=muxer or {}) as container:
        container.metadata.update(metadata or {})
        packets: list[Any] = []
        pictures = iter(frames) if frames is not None else iter(())
        first = next(pictures, None)
        if first is not None:
            codec = video_codec or by_name[0]
            assert codec is not None, f"{path.suffix} holds no video"
            stream: Any = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
            stream.height, stream.width = first[1].shape[:2]
            stream.pix_fmt = pix_fmt
            stream.options = {**FAST.get(codec, {}), **(video_options or {})}
            stream.codec_context.thread_count = 1
            if codec not in ("mpeg4", "mpeg1video", "mpeg2video"):
                stream.codec_context.time_base = time_base
            if pixel_aspect is not None:
                stream.codec_context.sample_aspect_ratio = pixel_aspect
            if rotation:
                stream.set_display_rotation(-rotation)
            for name, value in (colour or {}).items():
                setattr(stream.codec_context, name, value)
            shift = max(0.0, -audio_delay)
        sounds = []
        for sound in tracks:
            codec = audio_codec or by_name[1]
            assert codec is not None, f"{path.suffix} holds no audio"
            track: Any = container.add_stream(
                codec, rate=rate, layout=layout or {1: "mono", 2: "stereo"}[sound.shape[1]]
            )
            sounds.append((track, sound))
        if first is not None:
            with usual_scheduling():  # the first picture opens the encoder
                packets += _video(stream, first, pictures, shift, colour or {})
        for track, sound in sounds:
            for packet in _audio(track, sound, rate, max(0.0, audio_delay), audio_gap):
                packets.append(packet)
        packets.sort(key=lambda packet: float((packet.dts or 0) * packet.time_base))
        for packet in packets:
            container.mux(packet)
    return path


def _video(stream: Any, first: Timed, rest: Iterator[Timed], shift: float, colour: dict[str, int]) -> Iterator[Any]:
    import av
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    base = stream.codec_context.time_base or Fraction(1, 90000)

    def encoded(time: float, image: Picture) -> Iterator[Any]:
        frame = reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"), format=stream.pix_fmt
        )
        for name, value in colour.items():
            setattr(frame, name, value)
        frame.pts, frame.time_base = round((time + shift) / base), base
        yield from stream.encode(frame)

    yield from encoded(*first)
    for time, image in rest:
        yield from encoded(time, image)
    yield from stream.encode(None)


def _audio(stream: Any, sound: Sound, rate: int, delay: float, gap: tuple[float, float] | None) -> Iterator[Any]:
    import av

    layout, step = stream.layout.name, 960
    for k in range(0, len(sound), step):
        block = np.ascontiguousarray(sound[k : k + step].T, np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        late = gap[1] if gap and k / rate >= gap[0] else 0.0
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = k + round((delay + late) * rate)
        yield from stream.encode(frame)
    yield from stream.encode(None)


Retime = Callable[[int, float], float]


def retime(path: Path, new_time: Retime) -> Path:
    """Give each block of a Matroska file the time `new_time(track number, old time in s)`, in any order, in place.

    Muxers refuse to write times that go back; damaged and spliced recordings have them all the same. Tracks count from
    1, the video first.
    """
    data = path.read_bytes()
    (_, _, head), (_, segment, _) = list(_elements(data, 0, len(data)))[:2]
    out, cluster_time = [data[:head], b"\x18\x53\x80\x67\x01" + b"\xff" * 7], 0
    for kind, start, stop in _elements(data, segment, len(data)):
        if kind in (b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b"):  # Info, Tracks
            out.append(_element(kind, data[start:stop]))
        if kind != b"\x1f\x43\xb6\x75":  # Cluster
            continue
        for inner, a, b in _elements(data, start, stop):
            if inner == b"\xe7":
                cluster_time = int.from_bytes(data[a:b], "big")
            elif inner == b"\xa3":
                time, block = _moved(data[a:b], cluster_time, new_time)
                out.append(_cluster(time, _element(b"\xa3", block)))
            elif inner == b"\xa0":
                parts = [(k, data[c:d]) for k, c, d in _elements(data, a, b)]
                moved = {k: _moved(v, cluster_time, new_time) for k, v in parts if k == b"\xa1"}
                group = b"".join(_element(k, moved[k][1] if k in moved else v) for k, v in parts)
                out.append(_cluster(moved[b"\xa1"][0], _element(b"\xa0", group)))
    path.write_bytes(b"".join(out))
    return path


def _moved(block: bytes, cluster_time: int, new_time: Retime) -> tuple[int, bytes]:
    old = cluster_time + int.from_bytes(block[1:3], "big", signed=True)
    return round(new_time(block[0] & 0x7F, old / 1000) * 1000), block[:1] + b"\0\0" + block[3:]


def _cluster(time: int, block: bytes) -> bytes:
    return _element(b"\x1f\x43\xb6\x75", _element(b"\xe7", time.to_bytes(8, "big")) + block)


def _element(kind: bytes, body: bytes) -> bytes:
    return kind + (1 << 56 | len(body)).to_bytes(8, "big") + body


def _elements(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(identifier, start, stop) of the EBML elements in ``data[at:end]``."""
    while at < end:
        width = 9 - data[at].bit_length()
        kind, at = data[at : at + width], at + width
        width = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
        at += width
        stop = end if size == (1 << 7 * width) - 1 else at + size
        yield kind, at, stop
        at = stop
