"""Files: H.264 and AAC in MP4 as a recorder writes them, FLAC for voices, RTTM for who spoke when."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from .voices import RATE

Samples = NDArray[np.float64]
Picture = NDArray[np.uint8]


def write_mp4(path: Path, pictures: Iterator[Picture], fps: int, sound: Samples, crf: int = 25) -> None:
    """Write pictures (BGR) and mono sound at 48 kHz, both starting at 0."""
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        first = next(pictures)
        video = container.add_stream("libx264", rate=fps)
        video.height, video.width = first.shape[:2]
        video.pix_fmt = "yuv420p"
        video.options = {"crf": str(crf), "preset": "medium", "threads": "1", "g": str(fps * 4)}
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        audio.bit_rate = 96_000
        frames = _sound_frames(sound)
        pending = next(frames, None)
        for index, picture in enumerate(_chain(first, pictures)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(video.encode(frame))
            while pending is not None and pending.pts / RATE <= index / fps:
                container.mux(audio.encode(pending))
                pending = next(frames, None)
        while pending is not None:
            container.mux(audio.encode(pending))
            pending = next(frames, None)
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def delay_audio(source: Path, target: Path, seconds: float) -> None:
    """The same packets, every audio timestamp `seconds` later."""
    with av.open(str(source)) as old, av.open(str(target), "w", options={"movflags": "faststart"}) as new:
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.dts is None or packet.pts is None:
                continue
            if packet.stream.type == "audio":
                late = round(seconds / packet.time_base)
                packet.pts, packet.dts = packet.pts + late, packet.dts + late
            packet.stream = streams[packet.stream.index]
            new.mux(packet)


def write_flac(path: Path, sound: Samples, rate: int) -> None:
    """Write mono 16-bit FLAC."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=rate, layout="mono", format="s16")
        whole = np.clip(np.rint(sound * 32767), -32768, 32767).astype(np.int16)
        for start in range(0, len(whole), 4096):
            frame = av.AudioFrame.from_ndarray(whole[None, start : start + 4096], format="s16", layout="mono")
            frame.rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_rttm(path: Path, recording: str, turns: list[tuple[float, float, str]]) -> None:
    """Write (start, end, speaker) as RTTM, sorted by start."""
    lines = [f"SPEAKER {recording} 1 {start:.3f} {end - start:.3f} <NA> <NA> {who} <NA> <NA>"
             for start, end, who in sorted(turns)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _sound_frames(sound: Samples) -> Iterator[av.AudioFrame]:
    whole = np.clip(sound, -1, 1).astype(np.float32)
    for start in range(0, len(whole), 1024):
        frame = av.AudioFrame.from_ndarray(whole[None, start : start + 1024], format="fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield frame


def _chain(first: Picture, rest: Iterator[Picture]) -> Iterator[Picture]:
    yield first
    yield from rest
