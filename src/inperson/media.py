"""Recordings in, chunks out: decoded once per stream, on one clock, in bounded memory.

Task
----
Read a recorded interview - picture and sound, or one of them - so that every frame and every sample carries its time
on one clock. Time 0 is the earlier of the first video frame and the first audio sample as the container's presentation
timestamps (PTS) have it, over the video stream that is read and all audio tracks; a real offset between sound and
picture therefore survives, whichever of them is asked for.

Safety
------
Recordings are hostile input. The container is recognised by its content, FFmpeg is given that one demuxer and a file
object, and every further file or address that the content names is refused; see `inperson._media.containers`. Sizes are
checked before anything is allocated and nothing is sized by a claimed duration. Damage costs what it damaged: it is
counted, reported in `Reader.warnings`, and reading goes on.

What this cannot do: a bug inside FFmpeg that crashes or hangs the process takes the process along. Whoever reads
files of strangers uses `inperson batch` or `inperson.isolation`, which give each file a confined process of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import numpy as np

from inperson._media.audio import RATE, AudioSource
from inperson._media.clock import Activity, Problems, Splices, StreamClock
from inperson._media.containers import LIMITS, Limits, label
from inperson._media.info import AudioInfo, MediaInfo, VideoInfo
from inperson._media.prefetch import prefetch
from inperson._media.probe import longest, probe, sha256
from inperson._media.video import VideoSource
from inperson.errors import InputError
from inperson.types import Chunk, Floats, Frame, Span

__all__ = [
    "AudioInfo",
    "Limits",
    "MediaInfo",
    "Reader",
    "VideoInfo",
    "chunks",
    "frames",
    "longest",
    "prefetch",
    "probe",
    "samples",
    "sha256",
]

_IMAGE_BYTES = 256 << 20  # a chunk ends early rather than hold more picture than this

_EXACT = ("mov", "matroska", "avi", "wav", "flac", "ogg")  # containers that state their length; others are estimated


def chunks(
    path: str | os.PathLike[str],
    *,
    seconds: float = 0.5,
    video: bool = True,
    audio: bool = True,
    native: bool = False,
    audio_track: int | None = None,
    video_track: int | None = None,
    each_frame: Callable[[Frame], Frame] | None = None,
    wanted: Callable[[float], bool] | None = None,
    limits: Limits = LIMITS,
    threads: int = 1,
) -> Reader:
    """Read a recording as consecutive chunks; see `Reader`, which this returns."""
    return Reader(
        path,
        seconds=seconds,
        video=video,
        audio=audio,
        native=native,
        audio_track=audio_track,
        video_track=video_track,
        each_frame=each_frame,
        wanted=wanted,
        limits=limits,
        threads=threads,
    )


def frames(
    path: str | os.PathLike[str], *, video_track: int | None = None, limits: Limits = LIMITS, threads: int = 1
) -> Iterator[Frame]:
    """Yield the frames of the recording alone, one at a time, on the same clock as `chunks`.

    Empty for a recording without picture. Raises MediaError as `probe` does.
    """
    with chunks(path, audio=False, video_track=video_track, limits=limits, threads=threads) as reader:
        yield from reader.frames()


def samples(
    path: str | os.PathLike[str],
    *,
    seconds: float = 0.5,
    native: bool = False,
    audio_track: int | None = None,
    limits: Limits = LIMITS,
) -> Reader:
    """Read the sound alone: chunks without frames, on the same clock as `chunks`.

    Empty for a recording without sound.
    """
    return Reader(path, seconds=seconds, video=False, native=native, audio_track=audio_track, limits=limits)


class Reader:
    """Iterator over the chunks of one recording; also a context manager.

    Parameters
    ----------
    path : path-like
        A local file.
    seconds : float
        Length of a chunk, 0.01 to 60 s, rounded to whole samples of 16 kHz; the last may be shorter, and one that
        would hold more than 256 MiB of images ends early.
    video, audio : bool
        What to read; the clock is the same either way.
    native : bool
        Also deliver `Chunk.native`: all channels of the chosen track at its own rate, or of all tracks that have the
        rate of the first.
    audio_track : int, optional
        Read one audio track (`AudioInfo.track`); by default all, `Chunk.audio` being their mean.
    video_track : int, optional
        Read this video stream; see `probe`.
    each_frame : callable, optional
        Applied to each frame as soon as it is decoded; what it returns goes into the chunk. Dropping the image here
        keeps one full frame in memory instead of a chunk of them.
    wanted : callable, optional
        Asked with a frame's time before it is converted to RGB, which costs about as much as decoding it; where it
        says False the frame comes without image (the first one always has one).
    limits : Limits
    threads : int
        Threads of the video decoder.

    Attributes
    ----------
    info : MediaInfo
    warnings : tuple of str
        Sentences on what is odd or damaged, as far as known by now; complete once the iteration has ended.
    duration : float
        Seconds delivered so far.

    Raises
    ------
    MediaError
        At construction, as `probe`. What turns out damaged later is counted in `warnings` instead.
    InputError
        `seconds` or `audio_track` out of range.

    Notes
    -----
    Chunks tile the time from 0 to the end of the last frame or sample. Where one of the streams starts later or ends
    earlier there are no frames, or zeros listed in `Chunk.gaps`. A recording without sound gives empty `audio`.
    Sound and picture are decoded through separate handles, each of which skips the other's data, so that bad
    interleaving costs no memory.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        seconds: float = 0.5,
        video: bool = True,
        audio: bool = True,
        native: bool = False,
        audio_track: int | None = None,
        video_track: int | None = None,
        each_frame: Callable[[Frame], Frame] | None = None,
        wanted: Callable[[float], bool] | None = None,
        limits: Limits = LIMITS,
        threads: int = 1,
    ) -> None:
        if not 0.01 <= seconds <= 60.0:
            raise InputError(f"seconds must be 0.01 to 60, found {seconds}")
        self.info = probe(path, video_track=video_track, limits=limits)
        tracks = _chosen_tracks(self.info, audio_track)
        self._step = round(seconds * RATE)
        self._at = 0  # start of the next chunk, in samples of 16 kHz
        self._problems = Problems()
        self._video: VideoSource | None = None
        self._audio: list[AudioSource] = []
        self._native_rate = tracks[0].rate if native and audio and tracks else 0
        video_info = self.info.video
        streams = [track.index for track in self.info.audio] + ([video_info.index] if video_info else [])
        splices, activity = Splices(), Activity(path, streams, limits)

        def clock(name: str, stream: int) -> StreamClock:
            return StreamClock(name, stream, self.info.origin, limits.jump, splices, activity, self._problems)

        try:
            if video and video_info:
                index = video_info.index
                line = clock("video", index)
                self._video = VideoSource(path, index, line, limits, self._problems, threads, wanted)
            for track in tracks if audio else ():
                rate = self._native_rate if track.rate == self._native_rate else 0
                own = clock("audio", track.index)
                self._audio.append(AudioSource(path, track.index, own, limits, self._problems, rate))
        except BaseException:
            self.close()
            raise
        self._pending = _each(self._video, each_frame)
        self._next: Frame | None = None
        self._started = False
        complete = (video or not self.info.video) and (audio or not self.info.audio) and audio_track is None
        self._whole = complete and self.info.container.startswith(_EXACT)

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.info.warnings + self._problems.messages()

    @property
    def damage(self) -> int:
        """How often, so far, content was lost, left out or repaired by the decoder, gaps in the sound included."""
        return self._problems.damage

    @property
    def duration(self) -> float:
        return self._at / RATE

    def close(self) -> None:
        """Free the decoders and the file; iterating further yields nothing. Safe to call twice."""
        sources: list[Any] = [*([self._video] if self._video else []), *self._audio]
        self._video, self._audio = None, []
        for source in sources:
            source.close()

    def __del__(self) -> None:
        if hasattr(self, "_audio"):
            self.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Reader:
        return self

    def __next__(self) -> Chunk:
        if not self._started:
            self._started = True
            self._next = next(self._pending, None)
        stop = self._at + self._step
        shown, stop = self._frames_until(stop)
        for source in self._audio:
            source.fill(stop / RATE)
        if self._next is None and all(source.done for source in self._audio):
            stop = min(stop, self._end())
        if stop <= self._at:
            self._check_length()
            self.close()
            raise StopIteration
        chunk = self._chunk(self._at, stop, tuple(shown))
        self._at = stop
        return chunk

    def frames(self) -> Iterator[Frame]:
        """Yield the remaining frames one by one instead of in chunks."""
        if self._next is not None:
            yield self._next
        self._started, self._next = True, None
        yield from self._pending

    def _frames_until(self, stop: int) -> tuple[list[Frame], int]:
        """Frames before sample `stop`, and where the chunk has to end for want of memory (normally `stop`)."""
        shown: list[Frame] = []
        held = 0
        while self._next is not None and self._next.time < stop / RATE:
            if held > _IMAGE_BYTES and (cut := int(self._next.time * RATE)) > max(self._at, int(shown[-1].time * RATE)):
                return shown, cut
            shown.append(self._next)
            held += 0 if self._next.image is None else self._next.image.nbytes
            self._next = next(self._pending, None)
        return shown, stop

    def _check_length(self) -> None:
        """Note where less could be read than the container promised."""
        promised = self.info.duration or 0.0
        if self._whole and promised - self.duration > max(1.0, 0.02 * promised):
            self._problems.add(
                f"the recording ends before the {promised:.1f} s that its container promises", self.duration
            )
        self._whole = False

    def _end(self) -> int:
        """Index of the sample at which the recording ends, once everything has been read."""
        ends = [source.line.end for source in self._audio]
        if self._video is not None:
            ends.append(round(self._video.end * RATE))
        return max(ends, default=0)

    def _chunk(self, start: int, stop: int, shown: tuple[Frame, ...]) -> Chunk:
        span = Span(start / RATE, stop / RATE)
        if not self._audio:
            return Chunk(span, shown)
        audio, channels, gaps = self._sound(start, stop)
        native = self._native(start, stop)
        return Chunk(span, shown, audio, channels, native, self._native_rate if native.size else 0, gaps)

    def _sound(self, start: int, stop: int) -> tuple[Floats, Floats, tuple[Span, ...]]:
        taken = [source.line.take(start, stop, 2 if source.stereo else 1) for source in self._audio]
        if len(taken) > 1:
            channels = np.stack([block.mean(axis=1, dtype=np.float32) for block, _ in taken], axis=1)
        else:
            channels = taken[0][0]
        audio: Floats = channels.mean(axis=1, dtype=np.float32)
        if channels.shape[1] == 1:
            channels = np.zeros((0, 0), np.float32)
        holes = _common([hole for _, hole in taken])
        return audio, channels, tuple(Span(a / RATE, b / RATE) for a, b in holes)

    def _native(self, start: int, stop: int) -> Floats:
        rate = self._native_rate
        first, last = round(start / RATE * rate), round(stop / RATE * rate)
        blocks = [s.native.take(first, last, s.channels)[0] for s in self._audio if s.native is not None]
        return np.concatenate(blocks, axis=1) if blocks else np.zeros((0, 0), np.float32)


def _each(video: VideoSource | None, change: Callable[[Frame], Frame] | None) -> Iterator[Frame]:
    for frame in video or ():
        yield change(frame) if change else frame


def _chosen_tracks(info: MediaInfo, audio_track: int | None) -> tuple[AudioInfo, ...]:
    if audio_track is None:
        return info.audio
    chosen = tuple(track for track in info.audio if track.track == audio_track)
    if not chosen:
        known = ", ".join(str(track.track) for track in info.audio) or "none"
        raise InputError(f"{label(info.path)}: audio track {audio_track} asked for, readable tracks: {known}")
    return chosen


def _common(holes: list[list[tuple[int, int]]]) -> list[tuple[int, int]]:
    """Index ranges in which every track has a hole; each track's ranges are sorted."""
    common = holes[0]
    for other in holes[1:]:
        both = ((max(a, c), min(b, d)) for a, b in common for c, d in other)
        common = [(a, b) for a, b in both if b > a]
    return common
