"""The recording that comes out: one file, one picture, one sound, both on the clock they were read on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from inperson.degradation.stages import audio_frame
from inperson.errors import InputError
from inperson.types import Floats, Image

VideoEncoder = Literal["h264", "vp8", "vp9", "av1"]
AudioEncoder = Literal["aac", "opus", "g711u", "g711a", "mp3"]
ContainerName = Literal["mp4", "webm", "mkv"]

_CLOCK = Fraction(1, 90000)
_ENCODERS: dict[str, str] = {"h264": "libx264", "vp8": "libvpx", "vp9": "libvpx-vp9", "av1": "libsvtav1"}
_SOUND: dict[str, str] = {
    "aac": "aac",
    "opus": "libopus",
    "g711u": "pcm_mulaw",
    "g711a": "pcm_alaw",
    "mp3": "libmp3lame",
}
_USUAL_RATE = 48000
_KEY_SECONDS = 10.0  # s between key frames: calls send them on demand, recordings every few seconds


@dataclass(frozen=True, slots=True)
class Coding:
    """What the recording is written as.

    Attributes
    ----------
    container : str
        ``"mp4"``, ``"webm"`` or ``"mkv"``.
    video : str
        ``"h264"``, ``"vp8"``, ``"vp9"`` or ``"av1"``, at the settings of a live call.
    video_rate : int
        Bit/s of the picture; 0 for constant quality.
    crf : int
        Constant rate factor of H.264, where `video_rate` is 0.
    audio : str
        ``"aac"``, ``"opus"``, ``"g711u"``, ``"g711a"`` or ``"mp3"``.
    audio_rate : int
        Bit/s a channel.
    alone : str
        Instead of `audio`, for a recording without picture; ``""`` for the same.
    """

    container: ContainerName = "mp4"
    video: VideoEncoder = "h264"
    video_rate: int = 0
    crf: int = 23
    audio: AudioEncoder = "aac"
    audio_rate: int = 96000
    alone: AudioEncoder | Literal[""] = ""

    def sound_of(self, has_video: bool) -> AudioEncoder:
        """The encoder of the sound, beside a picture or alone."""
        return self.audio if has_video or not self.alone else self.alone


def container_of(coding: Coding, has_video: bool) -> tuple[str, str]:
    """Suffix of the file's name, and FFmpeg's name of the container."""
    if has_video:
        return f".{coding.container}", {"mkv": "matroska"}.get(coding.container, coding.container)
    alone = {"aac": (".m4a", "ipod"), "opus": (".ogg", "ogg"), "mp3": (".mp3", "mp3")}
    return alone.get(coding.sound_of(False), (".wav", "wav"))


@contextmanager
def replaced(path: Path) -> Iterator[IO[bytes]]:
    """A new file beside `path` that takes its name when all went well, and is gone when not.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        with open(part, "xb") as file:
            yield file
        os.replace(part, path)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def usual_scheduling() -> Iterator[None]:
    """Undo what SVT-AV1 does where it runs as root: it makes its threads, and the caller's, real-time ones.

    A real-time thread goes before everything else on the machine, and so does every process that it starts.
    """
    before = _real_time()
    try:
        yield
    finally:
        for thread in _real_time() - before:
            with suppress(OSError):  # it has ended
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _real_time() -> set[int]:
    """Threads of this process that are scheduled in real time; empty where the system has no such list."""
    found = set()
    with suppress(OSError):
        for thread in map(int, os.listdir("/proc/self/task")):
            with suppress(OSError):
                if os.sched_getscheduler(thread) in (os.SCHED_FIFO, os.SCHED_RR):
                    found.add(thread)
    return found


class Writer:
    """Encodes pictures and sound into an open file; `close` completes it.

    Parameters
    ----------
    file : binary file
        Writable and seekable.
    coding : Coding
    size : (int, int) or None
        Width and height of the picture, both even; None for none.
    fps : float
        What the picture's rate is about: rate control needs it. Times are what `picture` says.
    sound : (int, int) or None
        Sampling rate (Hz) and channels (1 or 2) of what `sound` will get; None for no sound.

    Raises
    ------
    InputError
        FFmpeg lacks an encoder.
    """

    def __init__(
        self, file: IO[bytes], coding: Coding, size: tuple[int, int] | None, fps: float, sound: tuple[int, int] | None
    ) -> None:
        import av

        os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder talks otherwise
        self._container: Any = av.open(file, "w", format=container_of(coding, size is not None)[1])
        self._video = self._audio = None
        self._written = 0
        if size is not None:
            self._video = _video_stream(self._container, coding, size, fps)
            self._into_yuv = _converter()
            self._last = -1
        if sound is not None:
            self._rate, channels = sound
            encoder = coding.sound_of(size is not None)
            opened = _audio_stream(self._container, encoder, coding.audio_rate * channels, self._rate, channels)
            self._audio, self._resampler = opened
        with usual_scheduling():
            self._container.start_encoding()

    def picture(self, time: float, image: Image, lasts: float) -> None:
        """One RGB picture shown from `time` (s) on, for `lasts` seconds as far as one can tell."""
        import av

        assert self._video is not None
        frame = self._into_yuv(av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="rgb24"))
        frame.pts, frame.time_base = max(round(time / _CLOCK), self._last + 1), _CLOCK
        frame.duration = max(1, round(lasts / _CLOCK))
        self._last = frame.pts
        self._container.mux(self._video.encode(frame))

    def sound(self, block: Floats) -> None:
        """The next samples, (n, channels); the first one lies at time 0."""
        if len(block):
            self._encode(self._resampler.resample(audio_frame(np.clip(block, -1.0, 1.0), self._rate)))

    def close(self) -> None:
        """Flush the encoders and complete the file."""
        if self._audio is not None:
            self._encode(self._resampler.resample(None))
            self._container.mux(self._audio.encode(None))
        if self._video is not None:
            self._container.mux(self._video.encode(None))
        self._container.close()

    def abandon(self) -> None:
        """Free the encoders of a file that will not be kept."""
        try:
            self._container.close()
        except Exception:  # whatever it objects to: the file is about to be removed
            return

    def _encode(self, frames: list[Any]) -> None:
        assert self._audio is not None
        for frame in frames:
            frame.pts, frame.time_base = self._written, Fraction(1, frame.sample_rate)
            self._written += frame.samples
            self._container.mux(self._audio.encode(frame))


def _known(encoder: str) -> str:
    """The encoder's name, if this FFmpeg has it."""
    import av

    if encoder not in av.codecs_available:
        raise InputError(f"the FFmpeg inside PyAV {av.__version__} has no encoder {encoder}; PyAV's own wheels have it")
    return encoder


def _video_stream(container: Any, coding: Coding, size: tuple[int, int], fps: float) -> Any:
    stream = container.add_stream(_known(_ENCODERS[coding.video]), rate=Fraction(fps).limit_denominator(1001))
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.options = encoder_options(coding, fps)
    context = stream.codec_context
    if coding.video_rate:
        context.bit_rate = coding.video_rate
    context.thread_count = 1
    context.time_base = _CLOCK
    context.colorspace, context.color_range = 6, 1  # SMPTE 170M, limited: what the conversion from RGB makes
    return stream


def encoder_options(coding: Coding, fps: float) -> dict[str, str]:
    """Options of the live settings of each encoder, with nothing in them that depends on the machine's speed.

    libvpx takes a negative cpu-used for VP8 as fixed, a positive one as "as fast as this machine needs". SVT-AV1's own
    live mode (low delay, constant rate) waits for itself for ever on a busy machine, unless its threads go before all
    others, so AV1 is written with reordered frames at a variable rate.
    """
    keys = str(round(_KEY_SECONDS * fps))
    limit = {"maxrate": str(coding.video_rate), "bufsize": str(coding.video_rate)} if coding.video_rate else {}
    if coding.video == "h264":
        quality = limit or {"crf": str(coding.crf)}
        return {"preset": "superfast", "tune": "zerolatency", "g": keys, **quality}
    if coding.video == "av1":
        return {"preset": "12", "g": keys, "svtav1-params": "lp=1:pred-struct=2:rc=1"}
    speed = {"vp8": "-8", "vp9": "8"}[coding.video]
    return {"deadline": "realtime", "cpu-used": speed, "lag-in-frames": "0", "g": keys, **limit}


def _audio_stream(container: Any, encoder: str, bit_rate: int, rate: int, channels: int) -> tuple[Any, Any]:
    """The stream, its encoder open, and what brings samples into its format."""
    from av import AudioResampler

    layout = "mono" if channels == 1 else "stereo"
    stream = container.add_stream(_known(_SOUND[encoder]), rate=_written_rate(encoder, rate), layout=layout)
    context = stream.codec_context
    if not encoder.startswith("g711"):
        context.bit_rate = bit_rate
    context.open()
    return stream, AudioResampler(context.format, layout, context.sample_rate, context.frame_size or 960)


def _written_rate(encoder: str, rate: int) -> int:
    """Sampling rate of the file: that of the sound where usual, else 48 kHz, as recordings have it."""
    if encoder.startswith("g711"):
        return 8000
    return rate if encoder != "opus" and rate in (16000, 22050, 24000, 32000, 44100) else _USUAL_RATE


def _converter() -> Any:
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    return lambda frame: reformatter.reformat(frame, format="yuv420p", threads=1)
