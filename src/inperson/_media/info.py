"""What `inperson.media.probe` returns: plain values, as the container states them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """One video stream, as its container and first frame describe it.

    Attributes
    ----------
    index : int
        Stream index in the container.
    codec, profile : str
        FFmpeg's names; profile may be empty.
    width, height : int
        Upright, in square pixels: the size of `Frame.image`.
    coded_width, coded_height : int
        As stored.
    rotation : int
        Degrees clockwise that were applied to turn the stored picture upright: 0, 90, 180 or 270.
    mirrored : bool
    pixel_aspect : float
        Width to height of a stored pixel; 1.0 if square or not stated.
    fps : float or None
        Average frames per second over the first ten seconds; None if there are fewer than two frames.
    constant_rate : bool or None
        Whether those frames are evenly spaced (as far as the container's clock resolves); None if too few to tell.
    start : float or None
        Time of the first frame on the recording's clock; None if nothing could be decoded.
    duration : float or None
        Seconds, as the stream claims.
    pixel_format : str
    bit_depth : int
    hdr : str
        ``"PQ"``, ``"HLG"`` or empty.
    language, title, encoder : str
        Tags of the stream; empty if absent.
    """

    index: int
    codec: str
    profile: str
    width: int
    height: int
    coded_width: int
    coded_height: int
    rotation: int
    mirrored: bool
    pixel_aspect: float
    fps: float | None
    constant_rate: bool | None
    start: float | None
    duration: float | None
    pixel_format: str
    bit_depth: int
    hdr: str
    language: str = ""
    title: str = ""
    encoder: str = ""


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """One audio track.

    Attributes
    ----------
    track : int
        Number for `audio_track=`: 0, 1, ... among the audio tracks.
    index : int
        Stream index in the container.
    codec, profile : str
    rate : int
        Samples per second, Hz.
    channels : int
    layout : str
        FFmpeg's name of the channel layout, such as ``"mono"``, ``"stereo"``, ``"5.1"``.
    sample_format : str
    start : float or None
        Time of the first sample on the recording's clock; None if nothing could be decoded.
    duration : float or None
        Seconds, as the stream claims.
    language, title, encoder : str
    """

    track: int
    index: int
    codec: str
    profile: str
    rate: int
    channels: int
    layout: str
    sample_format: str
    start: float | None
    duration: float | None
    language: str = ""
    title: str = ""
    encoder: str = ""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a recording says about itself. Claims of the file, not measurements, except `start` and the rates.

    Attributes
    ----------
    path : str
        As given.
    container : str
        FFmpeg demuxer chosen by content, such as ``"mov,mp4,m4a,3gp,3g2,mj2"`` or ``"matroska,webm"``.
    size_bytes : int
    duration : float or None
        Seconds the container claims; None where it does not say (as in recordings made by a browser).
    origin : float
        Raw timestamp (s) of the recording's time 0: the earlier of the first frame and the first sample.
    video : VideoInfo or None
        The stream that `frames` reads; None if there is none.
    audio : tuple of AudioInfo
        Readable audio tracks.
    encoder, writing_application : str
        Tags of the container; empty if absent.
    creation_time : str
        As written in the file, normally ISO 8601; empty if absent.
    tags : dict of str to str
        All tags of the container, cut to 300 characters each, at most 64.
    warnings : tuple of str
        What is odd about the file, in sentences.
    """

    path: str
    container: str
    size_bytes: int
    duration: float | None
    origin: float
    video: VideoInfo | None
    audio: tuple[AudioInfo, ...]
    encoder: str = ""
    writing_application: str = ""
    creation_time: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
