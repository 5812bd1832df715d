"""Pictures with sound for derived recordings: another sound under the same packets, and short clips joined."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import sound
from sound import RATE, Sound

from inperson.media import probe

SAME = {"fflags": "+bitexact"}
"""No random identifiers in the container: presets draw from a recording's hash, so figures would not come out alike."""


def with_sound(video: Path, start: float, heard: Sound, out: Path) -> None:
    """The picture of `video` from the key frame at or before `start`, packets copied, as long as `heard`, with it.

    Matroska with 16-bit PCM. Packets are kept in the order of decoding, so a few frames at the very end may be missing;
    the sound's first sample lies at the picture's first frame in that order.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    info = probe(video)
    seconds = len(heard) / RATE
    with av.open(str(video)) as source, av.open(str(out), "w", format="matroska", options=SAME) as target:
        stream = source.streams.video[0]
        picture = target.add_stream_from_template(stream)
        spoken = target.add_stream("pcm_s16le", rate=RATE, layout="mono")
        first = round((info.origin + start) / stream.time_base)
        for packet in source.demux(stream):
            if packet.pts is None:
                continue
            decoded = packet.dts if packet.dts is not None else packet.pts
            if float((decoded - first) * stream.time_base) >= seconds:
                break
            packet.pts, packet.dts, packet.stream = packet.pts - first, decoded - first, picture
            target.mux(packet)
        _say(target, spoken, heard)


def joined(clips: Sequence[Path], out: Path, rate: int = 25, crf: int = 20) -> float:
    """Clips of one format one after the other, pictures encoded anew, each with its own sound; the seconds written."""
    out.parent.mkdir(parents=True, exist_ok=True)
    heard: list[Sound] = []
    with av.open(str(out), "w", format="matroska", options=SAME) as target:
        picture = target.add_stream(
            "libx264", rate=Fraction(rate), options={"crf": str(crf), "preset": "superfast", "threads": "1", "bf": "0"}
        )
        spoken = target.add_stream("pcm_s16le", rate=RATE, layout="mono")
        shown = 0
        for clip in clips:
            before = shown
            with av.open(str(clip)) as source:
                source.streams.video[0].thread_type = "NONE"
                for frame in source.decode(video=0):
                    if not shown:
                        picture.width, picture.height, picture.pix_fmt = frame.width, frame.height, "yuv420p"
                    frame.pts, frame.time_base, frame.pict_type = shown, Fraction(1, rate), 0
                    target.mux(picture.encode(frame))
                    shown += 1
            size = (shown - before) * RATE // rate
            own = sound.load(clip)[:size]
            heard.append(np.pad(own, (0, size - len(own))))
        target.mux(picture.encode(None))
        together = np.concatenate(heard)
        _say(target, spoken, together)
    return len(together) / RATE


def _say(target: av.container.OutputContainer, stream: av.AudioStream, heard: Sound) -> None:
    whole = np.clip(np.round(heard * 32767), -32768, 32767).astype(np.int16)[None]
    for start in range(0, whole.shape[1], 4096):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(whole[:, start : start + 4096]), format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = RATE, start
        target.mux(stream.encode(frame))
    target.mux(stream.encode(None))
