"""One recording through one preset: read on the library's clock, degraded in pieces, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from inperson import media
from inperson.degradation.background import Background, Faces, smoothed
from inperson.degradation.gain import level_of
from inperson.degradation.layouts import Layout
from inperson.degradation.picture import LowLight, fitted, resized
from inperson.degradation.presets import Preset, named
from inperson.degradation.sound import stages
from inperson.degradation.stages import Chain, Resample
from inperson.degradation.timing import Timing
from inperson.degradation.writing import Writer, replaced
from inperson.errors import InputError
from inperson.types import Chunk, Floats, Frame, Image

Progress = Callable[[float, float | None], None]
"""Called with the seconds done and the seconds the container claims, if it says."""

_USUAL_FPS = 25.0
_MOST_FPS = 60.0  # of the nominal rate that rate control is told


def degrade(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    preset: str | Preset,
    *,
    seed: int = 0,
    picture: bool = True,
    audio_track: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Write `source`, degraded as a call would, to `out`.

    Sound and picture stay where they are on the recording's clock, to the millisecond or so. A recording without
    picture stays without, one without sound likewise. The same source, preset and seed give the same content on the
    same machine and version; what is drawn differs from recording to recording, as the seed is mixed with the file's
    SHA-256. Whether a recording is genuine plays no part.

    Parameters
    ----------
    source : path-like
        Any recording that `inperson.media` reads.
    out : path-like
        Replaced at once when all went well, else left as it is. Its suffix must be ``suffix(preset, has_video)``.
    preset : str or Preset
        Name of one of `PRESETS`, or settings of your own.
    seed : int
        Not negative.
    picture : bool
        False leaves the picture out, unread, of a recording that has sound.
    audio_track : int, optional
        Take this audio track alone, from 0, as in `inperson.analyze`; it is the only one of `out`.
    progress : callable, optional

    Raises
    ------
    MediaError
        `source` cannot be read.
    InputError
        Unknown preset, no such audio track, a suffix that does not fit, `out` is `source` or cannot be written, a
        negative seed.
    """
    settings = named(preset) if isinstance(preset, str) else preset
    if seed < 0:
        raise InputError(f"the seed must be 0 or more, found {seed}")
    info = media.probe(source)
    if not picture and info.audio:
        info = replace(info, video=None)
    if audio_track is not None:
        info = replace(info, audio=tuple(track for track in info.audio if track.track == audio_track))
        if not info.audio:
            raise InputError(f"{source} has no readable audio track {audio_track}; they are counted from 0")
    target = _checked(Path(source), Path(out), settings.suffix(info.video is not None), settings.name)
    rng = np.random.default_rng([seed, int(media.sha256(source)[:16], 16)])
    with replaced(target) as file:
        _Run(source, info, settings, rng, file, audio_track).all(progress)


def _checked(source: Path, out: Path, wanted: str, name: str) -> Path:
    if out.suffix.lower() != wanted:
        raise InputError(f"preset {name} writes {wanted} for this recording; expected that suffix, found {out.name!r}")
    with suppress(OSError):
        if os.path.samefile(out, source):
            raise InputError(f"{out} is the recording itself; give the degraded one another name")
    target = Path(os.path.realpath(out))
    if target.exists() and not target.is_file():
        raise InputError(f"{out} is not a file that can be replaced")
    return target


class _Run:
    """Reads, degrades and writes one recording."""

    def __init__(
        self,
        source: str | os.PathLike[str],
        info: media.MediaInfo,
        settings: Preset,
        rng: np.random.Generator,
        file: IO[bytes],
        audio_track: int | None,
    ) -> None:
        self._source, self._info, self._audio_track = source, info, audio_track
        sound_rng, self._picture_rng, timing_rng, self._layout_rng = rng.spawn(4)
        self._timing = Timing(settings.timing, timing_rng)
        self._pictures = _Pictures(info.video, settings, self._picture_rng, self._layout_rng) if info.video else None
        self._sound = _Sound(source, info, settings, sound_rng, audio_track) if info.audio else None
        self._writer = Writer(
            file,
            settings.coding,
            self._pictures.size if self._pictures else None,
            self._pictures.fps if self._pictures else _USUAL_FPS,
            (self._sound.rate, self._sound.channels) if self._sound else None,
        )

    def all(self, progress: Progress | None) -> None:
        try:
            with media.chunks(
                self._source,
                video=self._info.video is not None,
                audio_track=self._audio_track,
                native=self._sound is not None and self._sound.native,
                each_frame=self._show,
                wanted=lambda time: self._timing.due(time) and not self._timing.frozen(time),
            ) as reader:
                for chunk in reader:
                    if self._sound is not None:
                        self._writer.sound(self._sound.push(chunk))
                    if progress is not None:
                        progress(chunk.span.end, self._info.duration)
            if self._sound is not None:
                self._writer.sound(self._sound.close())
            self._writer.close()
        except BaseException:
            self._writer.abandon()
            raise

    def _show(self, frame: Frame) -> Frame:
        """Write one frame, or not, and let its image go."""
        assert self._pictures is not None
        if self._timing.due(frame.time):
            image = self._pictures(frame, self._timing.frozen(frame.time))
            if image is not None:
                self._writer.picture(frame.time, image, 1.0 / self._pictures.fps)
                self._timing.took(frame.time)
        return replace(frame, image=None)


class _Pictures:
    """Degrades picture after picture."""

    def __init__(
        self, info: media.VideoInfo, settings: Preset, rng: np.random.Generator, layout_rng: np.random.Generator
    ) -> None:
        native = min(info.fps or _USUAL_FPS, _MOST_FPS)
        self.fps = min(native, settings.timing.fps or native)
        how = settings.picture
        self._size = fitted((info.width, info.height), how.box, how.scale)
        self._layout = Layout(settings.layout, self._size, self.fps, layout_rng) if settings.layout.kind else None
        self.size = self._layout.size if self._layout else self._size
        light, edge = rng.spawn(2)
        self._light = LowLight(how.light, light) if how.light < 1.0 else None
        self._beauty = how.beauty
        self._background = Background(how.background, edge) if how.background else None
        self._faces = Faces() if self._beauty or self._background else None
        self._last: Image | None = None

    def __call__(self, frame: Frame, frozen: bool) -> Image | None:
        """What is shown for `frame`; None where there is nothing to show."""
        if frozen or frame.image is None:
            return self._last
        image = resized(frame.image, self._size)
        if self._light is not None:
            image = self._light(image)
        if self._faces is not None:
            faces = self._faces(frame.time, image)
            image = smoothed(image, faces, self._beauty)
            image = image if self._background is None else self._background(image, faces)
        if self._layout is not None:
            image = self._layout(image)
        self._last = image
        return image


class _Sound:
    """Degrades the sound block by block: from the file's channels to those that are written.

    Where no rung is taken one or two channels (or tracks) stay as they are; a voice that travels is one channel. More
    channels, and tracks of different rates, come as the library's own mix at 16 kHz.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        info: media.MediaInfo,
        settings: Preset,
        rng: np.random.Generator,
        audio_track: int | None,
    ) -> None:
        tracks = info.audio
        columns = sum(track.channels for track in tracks)
        self.native = columns <= 2 and len({track.rate for track in tracks}) == 1
        came = tracks[0].rate if self.native else 16000
        how = settings.sound
        self._chain: Chain | None = None
        if how.untouched:
            self.rate, self.channels = came, columns if self.native else 1
        else:
            self.rate, self.channels = how.rate, 1
            level = _speech_level(source, audio_track) if how.snr is not None else 0.0
            self._chain = Chain((Resample(came, how.rate), *stages(how, rng, level)))

    def push(self, chunk: Chunk) -> Floats:
        block = chunk.native if self.native else chunk.audio[:, None]
        if self._chain is None:
            return block
        return self._chain.push(block.mean(axis=1, dtype=np.float32) if len(block) else chunk.audio[:0])[:, None]

    def close(self) -> Floats:
        return np.zeros((0, 1), np.float32) if self._chain is None else self._chain.close()[:, None]


def _speech_level(source: str | os.PathLike[str], audio_track: int | None) -> float:
    """Active level of the whole recording, in a pass of its own: one number for each 20 ms is kept."""
    powers, waiting = [], np.zeros(0, np.float32)
    with media.samples(source, audio_track=audio_track) as reader:
        for chunk in reader:
            data = np.concatenate([waiting, chunk.audio])
            whole = len(data) // 320 * 320
            waiting = data[whole:]
            powers.append(np.square(data[:whole], dtype=np.float64).reshape(-1, 320).mean(axis=1))
    return level_of(np.concatenate(powers)) if powers else 0.0
