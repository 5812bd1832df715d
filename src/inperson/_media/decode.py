"""The decoding loop: packets of one stream in, frames out, damage counted, never endless."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from inperson._media.clock import Problems
from inperson._media.containers import Handle, Limits, reason

_LONE = 1.0  # s; a timestamp this far off both neighbours, which fit each other, is a mistake
_DEMUX_RETRIES = 8  # FFmpeg may find its way again after damage in the container; not for ever


def decoded(handle: Handle, stream: Any, limits: Limits, problems: Problems, now: Callable[[], float]) -> Iterator[Any]:
    """Frames of `stream`, the other streams skipped at the source; `now` tells the time for the list of problems."""
    from av.stream import Discard

    for other in handle.container.streams:
        other.discard = Discard.default if other.index == stream.index else Discard.all
    if not stream.codec_context.is_open:
        stream.codec_context.options = {"max_pixels": str(limits.pixels)}
    failed = 0
    for packet in _packets(handle, stream, problems, now):
        if handle.closed:
            return
        if packet is not None and packet.has_sidedata("encryption_info"):
            problems.add(f"{stream.type} is encrypted from here on", now())
            return
        try:
            frames = packet.decode() if packet is not None else stream.codec_context.decode(None)
        except EOFError:
            return
        except Exception as error:  # FFmpegError, or what PyAV makes of nonsense parameters
            failed += 1
            problems.add(f"{stream.type} packet that could not be decoded ({reason(error)})", now(), damage=True)
            if failed >= limits.errors:
                problems.add(f"{stream.type} given up after {failed} undecodable packets in a row", now())
                return
            continue
        if frames:
            failed = 0
        for frame in frames:
            if frame.time_base is None:  # frames flushed without a packet
                frame.time_base = stream.time_base
            yield frame
            if handle.closed:
                return


def sane(frames: Iterator[Any]) -> Iterator[Any]:
    """The same frames, one later: a lone absurd timestamp between two that fit each other becomes None."""
    before: float | None = None
    held: Any = None
    for frame in itertools.chain(frames, (None,)):
        if held is not None:
            now: float | None = held.time
            if frame is not None and _astray(before, now, frame.time):
                held.pts = now = None
            before = before if now is None else now
            yield held
        held = frame


def _astray(before: float | None, now: float | None, after: float | None) -> bool:
    if before is None or now is None or after is None:
        return False
    return abs(now - before) > _LONE >= abs(after - before)


def _packets(handle: Handle, stream: Any, problems: Problems, now: Callable[[], float]) -> Iterator[Any]:
    """Packets, then None to flush the decoder. Damage in the container ends them early, after some retries."""
    retries = 0
    while True:
        try:
            for packet in handle.packets(stream):
                if packet.size:
                    retries = 0
                    yield packet
            break
        except Exception as error:
            problems.add(f"damage in the container while reading {stream.type} ({reason(error)})", now(), damage=True)
            retries += 1
            if retries > _DEMUX_RETRIES:
                break
    yield None
