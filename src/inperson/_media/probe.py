"""What the container says about a recording, and where its one clock starts."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inperson._media.clock import Problems
from inperson._media.containers import DECODERS, LIMITS, Handle, Limits, label, media_errors, regular_file
from inperson._media.decode import decoded
from inperson._media.info import AudioInfo, MediaInfo, VideoInfo
from inperson._media.video import UPRIGHT, Orientation, check_size, orientation, square_size
from inperson.errors import MediaError

_RATE_SECONDS = 10.0  # s of packets looked at to tell a constant frame rate from a variable one
_RATE_PACKETS = 600
_FIRST_PACKETS = 500  # packets of a stream tried before it is taken for undecodable
_ENCRYPTED = frozenset({"encv", "enca", "drms", "drmi"})  # ISO/IEC 14496-12 sample entries, and iTunes'
_BYTES_A_SECOND = (40_000, 1000)  # more than most calls are recorded at; less than any speech codec in use makes
_TEXT = 300  # characters kept of a tag
_REASONS = 3  # streams of which an error says what is wrong


def sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the file's bytes as 64 hexadecimal digits, read in pieces. Raises MediaError if it cannot be read."""
    digest = hashlib.sha256()
    with media_errors(path, "cannot be read"), regular_file(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def probe(path: str | os.PathLike[str], *, video_track: int | None = None, limits: Limits = LIMITS) -> MediaInfo:
    """Read what the container says, and decode the first frame of each stream to learn where the clock starts.

    Parameters
    ----------
    path : path-like
        A local file. Its name and extension do not matter.
    video_track : int, optional
        Which video stream to describe (0, 1, ... among the video streams); by default the one marked as default, else
        the largest.
    limits : Limits

    Returns
    -------
    MediaInfo

    Raises
    ------
    MediaError
        Not a file, empty, no known container, damaged beyond reading, encrypted, neither sound nor picture that can be
        decoded, or beyond `limits`.
    """
    warnings: list[str] = []
    with Handle(path, limits) as handle:
        container = handle.container
        with media_errors(path, "cannot be read"):
            videos, audios = _usable(path, handle, limits, warnings)
            chosen = _choose_video(path, videos, video_track, warnings)
            tags = {_clean(k): _clean(v) for k, v in list(container.metadata.items())[:64]}
            duration = container.duration / 1e6 if container.duration and container.duration > 0 else None
        read = [*([chosen] if chosen else []), *audios]
        firsts = {stream.index: _first(path, stream.index, limits) for stream in read}
        origin = min((first.raw for first in firsts.values() if first.raw is not None), default=None)
        silent = [
            f"nothing in {s.type} stream {s.index} could be decoded{firsts[s.index].why}"
            for s in read
            if firsts[s.index].raw is None
        ]
        if origin is None:
            raise MediaError(f"{label(path)}: {_few(silent)[:400]}")
        warnings += silent
        with media_errors(path, "cannot be read"):
            video = _video_info(path, handle, chosen, firsts[chosen.index], origin, limits) if chosen else None
            audio = tuple(_audio_info(k, s, firsts[s.index], origin) for k, s in enumerate(audios))
    lower = {key.lower(): value for key, value in tags.items()}
    return MediaInfo(
        path=os.fsdecode(path),
        container=handle.demuxer,
        size_bytes=handle.size,
        duration=duration,
        origin=origin,
        video=video if video and video.start is not None else None,
        audio=tuple(track for track in audio if track.start is not None),
        encoder=lower.get("encoder", lower.get("isft", "")),
        writing_application=lower.get(
            "writing_application", lower.get("com.apple.quicktime.software", lower.get("software", ""))
        ),
        creation_time=lower.get("creation_time", lower.get("date", "")),
        tags=tags,
        warnings=tuple(warnings),
    )


def longest(path: str | os.PathLike[str], limits: Limits = LIMITS) -> float:
    """How long (s) a recording can be: what its container claims, or more if its size is more than that would fill.

    For setting a time limit, not for measuring. Raises as `probe`.
    """
    info = probe(path, limits=limits)
    least, most = (info.size_bytes / rate for rate in _BYTES_A_SECOND)
    claimed = most if info.duration is None else max(info.duration, least)
    return min(claimed, limits.duration)


@dataclass(frozen=True, slots=True)
class _First:
    """First decoded frame of a stream: raw time (None: there is none, and `why`), and how the picture stands."""

    raw: float | None = None
    why: str = ""
    orientation: Orientation = UPRIGHT
    hdr: str = ""


def _first(path: str | os.PathLike[str], index: int, limits: Limits) -> _First:
    problems = Problems()
    with Handle(path, limits) as handle:
        stream = handle.stream(index)
        bounded = replace(limits, errors=_FIRST_PACKETS)
        for frame in decoded(handle, stream, bounded, problems, lambda: 0.0):
            raw = frame.time or 0.0
            if stream.type == "audio":
                return _First(raw)
            with media_errors(path, "cannot be read"):
                hdr = {16: "PQ", 18: "HLG"}.get(frame.color_trc, "")
                return _First(raw, "", orientation(frame), hdr)
    return _First(None, "".join(f": {message}" for message in problems.messages()[:1]))


def _usable(
    path: str | os.PathLike[str], handle: Handle, limits: Limits, warnings: list[str]
) -> tuple[list[Any], list[Any]]:
    """Video and audio streams that may be decoded; why others may not goes to `warnings`, or raises if none is left."""
    from av.stream import Disposition

    pictures = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails  # covers, not video
    videos: list[Any] = []
    audios: list[Any] = []
    refused: list[str] = []
    for stream in handle.container.streams:
        if stream.type not in ("video", "audio") or stream.disposition & pictures:
            continue
        why = _unusable(path, stream, limits)
        if why:
            refused.append(f"{stream.type} stream {stream.index} {why}")
        else:
            (videos if stream.type == "video" else audios).append(stream)
    if not videos and not audios:
        raise MediaError(f"{label(path)}: nothing to read: {_few(refused) or 'it holds neither sound nor picture'}")
    warnings += refused
    if len(audios) > limits.audio_tracks:
        warnings.append(f"{len(audios)} audio tracks, of which the first {limits.audio_tracks} are read")
    return videos, audios[: limits.audio_tracks]


def _few(reasons: list[str]) -> str:
    """The first few: a file can have dozens of streams, each wrong in the same way."""
    more = len(reasons) - _REASONS
    return "; ".join(reasons[:_REASONS]) + (f"; and {more} more streams" if more > 0 else "")


def _unusable(path: str | os.PathLike[str], stream: Any, limits: Limits) -> str:
    context = stream.codec_context
    if context is None:
        return "has a codec for which there is no decoder"
    if context.codec_tag in _ENCRYPTED:
        return "is encrypted"
    if context.name not in DECODERS:
        return f"has the codec {_clean(context.name)}, which is not on the list of decoders"
    if stream.type == "video":
        try:
            check_size(path, context.width, context.height, limits)
        except MediaError as error:
            return str(error).split(": ", 1)[1]
        return ""
    low, high = limits.rates
    if not low <= context.sample_rate <= high:
        return f"has {context.sample_rate} Hz; expected {low} to {high}"
    if not 1 <= context.channels <= limits.channels:
        return f"has {context.channels} channels; expected 1 to {limits.channels}"
    return ""


def _choose_video(path: str | os.PathLike[str], videos: list[Any], track: int | None, warnings: list[str]) -> Any:
    from av.stream import Disposition

    if track is not None:
        if not 0 <= track < len(videos):
            raise MediaError(f"{label(path)}: video track {track} asked for, but there are {len(videos)}")
        return videos[track]
    if not videos:
        return None
    best = max(videos, key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height, -s.index))
    if len(videos) > 1:
        warnings.append(f"{len(videos)} video streams, of which stream {best.index} is read")
    return best


def _video_info(
    path: str | os.PathLike[str], handle: Handle, stream: Any, first: _First, origin: float, limits: Limits
) -> VideoInfo:
    context, aspect = stream.codec_context, stream.sample_aspect_ratio
    size = square_size(context.width, context.height, aspect)
    check_size(path, *size, limits)
    if first.orientation.swaps:
        size = size[1], size[0]
    fps, constant = _rates(handle, stream)
    if fps is not None and fps > limits.frame_rate:
        raise MediaError(f"{label(path)}: {fps:.0f} pictures a second; at most {limits.frame_rate:.0f} are read")
    form = context.format
    return VideoInfo(
        index=stream.index,
        codec=context.name,
        profile=_clean(context.profile or ""),
        width=size[0],
        height=size[1],
        coded_width=context.width,
        coded_height=context.height,
        rotation=first.orientation.turns * 90,
        mirrored=first.orientation.mirrored,
        pixel_aspect=float(aspect) if aspect else 1.0,
        fps=fps,
        constant_rate=constant,
        start=None if first.raw is None else first.raw - origin,
        duration=_claimed(stream),
        pixel_format=form.name if form else "",
        bit_depth=max((c.bits for c in form.components), default=8) if form else 8,
        hdr=first.hdr,
        **_stream_tags(stream),
    )


def _audio_info(track: int, stream: Any, first: _First, origin: float) -> AudioInfo:
    context = stream.codec_context
    return AudioInfo(
        track=track,
        index=stream.index,
        codec=context.name,
        profile=_clean(context.profile or ""),
        rate=context.sample_rate,
        channels=context.channels,
        layout=context.layout.name,
        sample_format=context.format.name if context.format else "",
        start=None if first.raw is None else first.raw - origin,
        duration=_claimed(stream),
        **_stream_tags(stream),
    )


def _rates(handle: Handle, stream: Any) -> tuple[float | None, bool | None]:
    """Frames per second and whether they are evenly spaced, from packet timestamps, without decoding."""
    times: list[float] = []
    known = 0.0  # packets come in decoding order: every frame up to this time has been seen
    try:
        for packet in handle.packets(stream):
            if packet.pts is None or packet.is_discard:
                known = np.inf  # the empty packet after the last
                continue
            times.append(float(packet.pts * packet.time_base))
            known = float((packet.pts if packet.dts is None else packet.dts) * packet.time_base)
            if len(times) >= _RATE_PACKETS or times[-1] - times[0] > _RATE_SECONDS:
                break
    except Exception:  # damage further on is found, counted and reported when the recording is read
        pass
    seen = np.array([time for time in times if time <= known])
    return spacing(seen, float(stream.time_base or 0))


def spacing(times: np.ndarray[Any, np.dtype[np.float64]], tick: float) -> tuple[float | None, bool | None]:
    """Average rate (Hz) and evenness of frame `times` (s); `tick` is the container's clock resolution (s)."""
    steps = np.diff(np.sort(times))
    steps = steps[(steps > 0) & (steps < 10)]
    if len(steps) < 1:
        return None, None
    fps = 1.0 / float(steps.mean())
    if len(steps) < 4:
        return fps, None
    middle = float(np.median(steps))
    even = np.abs(steps - middle) <= max(1.1 * tick, 0.02 * middle)
    return fps, bool(even.mean() >= 0.98)


def _claimed(stream: Any) -> float | None:
    return (
        float(stream.duration * stream.time_base)
        if stream.duration and stream.time_base and stream.duration > 0
        else None
    )


def _stream_tags(stream: Any) -> dict[str, str]:
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    return {name: _clean(tags.get(name, "")) for name in ("language", "title", "encoder")}


def _clean(text: str) -> str:
    """Printable, single-line, bounded."""
    return "".join(c if c.isprintable() else " " for c in text[:_TEXT]).strip()
