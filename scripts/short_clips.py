"""The first seconds of a recording in many containers and codecs: small files are analysed fast."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av

FORMS = {
    "a.mp4": ("libx264", "aac"),
    "b.mov": ("mpeg4", "aac"),
    "c.mkv": ("libx264", "flac"),
    "d.webm": ("libvpx", "libopus"),
    "e.avi": ("mjpeg", "pcm_s16le"),
    "f.ts": ("mpeg2video", "mp2"),
    "g.wav": (None, "pcm_s16le"),
    "h.mp3": (None, "libmp3lame"),
    "i.ogg": (None, "libopus"),
    "j.flac": (None, "flac"),
}


def short_clips(source: Path, folder: Path, seconds: float = 3.0, size: tuple[int, int] = (320, 240)) -> list[Path]:
    """Write one file for each of `FORMS` into `folder`."""
    with av.open(str(source)) as container:
        pictures = [f.reformat(*size, "rgb24") for f in _until(seconds, container.decode(video=0))]
    with av.open(str(source)) as container:
        sounds = list(_until(seconds, container.decode(audio=0)))
    return [_written(folder / name, pictures, sounds, *codecs) for name, codecs in FORMS.items()]


def _until(seconds: float, frames: Any) -> Any:
    for frame in frames:
        if frame.time > seconds:
            return
        yield frame


def _written(path: Path, pictures: list[Any], sounds: list[Any], video: str | None, audio: str) -> Path:
    with av.open(str(path), "w") as out:
        picture = None if video is None else out.add_stream(video, rate=25)
        sound = out.add_stream(audio, rate=48000, layout="mono")
        if picture is not None:
            picture.width, picture.height = pictures[0].width, pictures[0].height
            picture.pix_fmt = "yuvj420p" if video == "mjpeg" else "yuv420p"
            for number, frame in enumerate(pictures):
                frame.pts, frame.time_base = number, Fraction(1, 25)
                out.mux(picture.encode(frame))
            out.mux(picture.encode(None))
        resampler = av.AudioResampler(sound.format.name, "mono", 48000)
        fifo = av.AudioFifo()
        at = 0
        for frame in [*sounds, None]:
            for one in resampler.resample(frame):
                one.pts = None
                fifo.write(one)
        size = sound.frame_size or 1024
        while (one := fifo.read(size)) is not None:
            one.pts, one.time_base, at = at, Fraction(1, 48000), at + one.samples
            out.mux(sound.encode(one))
        out.mux(sound.encode(None))
    return path
