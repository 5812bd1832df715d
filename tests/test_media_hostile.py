"""Hostile and broken recordings: one clear error or what could be read, never another file, a crash or a hang."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import clips
import numpy as np
import pytest

from inperson import media
from inperson.errors import MediaError

LINUX = sys.platform == "linux"


def refused(path: Path, says: str) -> None:
    """Every way in refuses the file with one printable line that names it."""
    for way in (media.probe, media.chunks, lambda p: list(media.frames(p))):
        with pytest.raises(MediaError, match=says) as caught:
            way(path)
        text = str(caught.value)
        assert text.isprintable()
        assert text.isascii()
        assert len(text) < 500
        assert text.startswith(ascii(path.name)[:20])


class Watched:
    """Tells through inotify whether anybody opened a file."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK)
        assert libc.inotify_add_watch(self._descriptor, os.fsencode(path), 0x20) >= 0  # IN_OPEN

    def opened(self) -> bool:
        try:
            return len(os.read(self._descriptor, 4096)) > 0
        except BlockingIOError:
            return False


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    folder = tmp_path / "secret"
    folder.mkdir()
    return clips.write(folder / "canary.ts", *clips.flash_and_beep(1.0, at=(0.4,)))


def hls(target: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n".encode()


PLAYLISTS = {
    "hls": hls,
    "bom": lambda target: b"\xef\xbb\xbf" + hls(target),
    "concat": lambda target: f"ffconcat version 1.0\nfile '{target}'\n".encode(),
    "dash": lambda target: f"<?xml version='1.0'?><MPD><Period><BaseURL>{target}</BaseURL></Period></MPD>".encode(),
    "sdp": lambda target: b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "m3u": lambda target: f"{target}\n".encode(),
    "pls": lambda target: f"[playlist]\nFile1={target}\n".encode(),
}


@pytest.mark.skipif(not LINUX, reason="inotify")
@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("name", ["a.mp4", "a.m3u8", "a.mkv"])
def test_playlists_are_refused_and_not_followed(tmp_path: Path, canary: Path, kind: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(PLAYLISTS[kind](str(canary)))
    watched = Watched(canary)
    refused(path, "the content is")
    assert not watched.opened()


@pytest.mark.skipif(not LINUX, reason="inotify")
def test_the_watch_would_notice(tmp_path: Path, canary: Path) -> None:
    """Control: FFmpeg left to itself does open the file that a playlist names."""
    import av

    path = tmp_path / "a.mp4"
    path.write_bytes(hls(str(canary)))
    watched = Watched(canary)
    with av.open(str(path), format="hls", options={"allowed_extensions": "ALL", "extension_picky": "0"}) as container:
        assert len(container.streams) == 2
    assert watched.opened()


@pytest.mark.skipif(not LINUX, reason="inotify")
@pytest.mark.parametrize(
    "mangle", ["concat:{0}", "concat:{0}|{0}", "subfile,,start,0,end,0,,:{0}", "file:{0}", "async:{0}"]
)
def test_protocols_in_a_name_are_just_characters(tmp_path: Path, canary: Path, mangle: str) -> None:
    watched = Watched(canary)
    with pytest.raises(MediaError, match="cannot be opened"):
        media.probe(mangle.format(canary))
    assert not watched.opened()


def test_a_file_with_a_protocol_for_a_name_is_read_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clips.write(tmp_path / "x.wav", None, clips.tone(1.0))
    for name in ("concat:a.wav|b.wav", "http:x", "subfile,,start,0,end,9,,:x.wav", "-i", "%d.wav"):
        os.rename("x.wav", name)
        assert media.probe(name).audio[0].rate == 48000
        os.rename(name, "x.wav")


def test_no_connection_is_made(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        path = tmp_path / "a.mp4"
        path.write_bytes(hls(url))
        refused(path, "HLS playlist")
        with pytest.raises(MediaError, match="cannot be opened"):
            media.probe(url)
        with pytest.raises(BlockingIOError):
            server.accept()


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def rebuilt(data: bytes, dref: bytes) -> bytes:
    """The boxes of an MP4, each `dref` payload replaced (lengths follow; `moov` lies behind the media data)."""
    out, at = b"", 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + size]
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
            body = rebuilt(body, dref)
        out += box(kind, dref if kind == b"dref" else body)
        at += size
    return out


def alias(path: Path) -> bytes:
    """A data reference of QuickTime: an alias record that names another file by its absolute path."""
    name = os.fsencode(path)
    record = (
        bytes(10) + b"\x06volume".ljust(28, b"\0") + bytes(12) + (bytes([8]) + b"whatever").ljust(64, b"\0") + bytes(16)
    )
    record += struct.pack(">hh", 0, 0) + bytes(16) + struct.pack(">hH", 2, len(name)) + name + bytes(len(name) % 2)
    record += struct.pack(">hH", -1, 0)
    return bytes(4) + struct.pack(">I", 1) + box(b"alis", bytes(4) + record)


@pytest.mark.skipif(not LINUX, reason="inotify")
def test_external_data_of_a_quicktime_file_is_not_opened(tmp_path: Path, canary: Path) -> None:
    import av

    path = clips.write(tmp_path / "a.mov", *clips.flash_and_beep(1.0, at=(0.4,)))
    path.write_bytes(rebuilt(path.read_bytes(), alias(canary)))
    watched = Watched(canary)
    refused(path, "nothing in video stream 0 could be decoded")
    assert not watched.opened()
    with av.open(str(path), options={"enable_drefs": "1", "use_absolute_path": "1"}):
        pass  # control: FFmpeg left to itself follows the reference
    assert watched.opened()


def test_containers_outside_the_list_are_refused(tmp_path: Path) -> None:
    import av

    for name, form, codec in (("a.mp4", "flv", "flv1"), ("a.mp4", "asf", "wmv2"), ("a.mp4", "nut", "mpeg4")):
        path = clips.write(tmp_path / name, clips.black(0.4), format=form, video_codec=codec)
        with av.open(str(path)) as container:
            assert container.streams.video  # FFmpeg itself would read it
        refused(path, "the content is .*expected mp4")


def test_codecs_outside_the_list_are_refused(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.avi", clips.black(0.4), video_codec="msvideo1", pix_fmt="rgb555le")
    refused(path, "nothing to read: video stream 0 has .*msvideo1|could be decoded")


def test_what_is_not_a_file(tmp_path: Path) -> None:
    refused(tmp_path, "expected a file, found a directory")
    refused(tmp_path / "missing", "cannot be opened: No such file")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "expected a file, found a named pipe")
    with pytest.raises(MediaError, match="found a named pipe"):
        media.sha256(tmp_path / "pipe")
    with pytest.raises(MediaError, match="expected a file, found a device"):
        media.probe("/dev/zero")
    with pytest.raises(MediaError, match="cannot be opened"):
        media.probe("a\0b")


def test_names_are_escaped_in_messages(tmp_path: Path) -> None:
    refused(tmp_path / "a\n\x1b[31mb\u202e.mp4", r"^'a\\n\\x1b\[31mb\\u202e\.mp4': cannot be opened")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\0", "no known recording"),
        (b"hello, this is no video\n" * 100, "no known recording"),
        (bytes(1 << 20), "no known recording"),
        (np.random.default_rng(0).bytes(200_000), "no known recording"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "moov box"),
        (b"\x1a\x45\xdf\xa3" + bytes(100), "cannot be opened"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "cannot be opened"),
        (b"OggS" + bytes(60), "cannot be opened|nothing to read"),
        (b"ID3\x04\0\0\x7f\x7f\x7f\x7f", "no known recording"),
        (b"\xff\xfb\x90\x64" + bytes(10), "no known recording|could be decoded|cannot be opened"),
        (b"\0\0\x01\xba" + bytes(3000), "cannot be opened|nothing to read"),
        ((b"\x47" + bytes(187)) * 20, "cannot be opened|nothing to read"),
    ],
    ids=lambda v: None if isinstance(v, str) else repr(v[:8]),
)
def test_content_that_is_no_recording(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    refused(path, says)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.mpg", "a.wav", "a.mp3", "a.flac", "a.ogg"])
def test_the_extension_does_not_matter(tmp_path: Path, name: str) -> None:
    frames, sound = clips.flash_and_beep(1.2, at=(0.6,))
    video = None if name in ("a.wav", "a.mp3", "a.flac", "a.ogg") else frames
    path = clips.write(tmp_path / name, video, sound)
    for other in ("b.txt", "b", "b.m3u8", "b.mp4", "b.jpg"):
        path = path.rename(tmp_path / other)
        audio = np.concatenate([chunk.audio for chunk in media.chunks(path)])
        assert clips.onsets(audio) == pytest.approx([0.6], abs=0.03)


def seconds_read(path: Path) -> float:
    """How much of the file can be read; 0.0 where it is refused in due form."""
    message = ""
    try:
        reader = media.chunks(path)
    except MediaError as error:
        message = str(error)
    if message:
        assert message.isprintable()
        assert message.startswith(f"{path.name!a}: ")
        return 0.0
    for _ in reader:
        pass
    return reader.duration


TRUNCATED = ["a.mp4", "fast.mp4", "a.mkv", "a.webm", "a.avi", "a.ts", "a.mpg", "a.wav", "a.mp3", "a.flac", "a.ogg"]


@pytest.mark.parametrize("name", TRUNCATED)
def test_truncation_at_every_tenth(tmp_path: Path, name: str) -> None:
    frames = None if name in ("a.wav", "a.mp3", "a.flac", "a.ogg") else clips.numbered(clips.times(3.0))
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (144_000, 1)).astype(np.float32)
    muxer = {"movflags": "+faststart"} if name == "fast.mp4" else None
    path = clips.write(tmp_path / name, frames, sound, muxer=muxer)
    data, durations = path.read_bytes(), []
    for tenth in range(1, 10):
        path.write_bytes(data[: len(data) * tenth // 10])
        durations.append(seconds_read(path))
    assert durations == sorted(durations)
    if name == "a.mp4":
        assert durations == [0.0] * 9  # its index is at the end
    else:
        assert durations[-1] > 1.9
        assert durations[4] > 0.7


def test_damage_in_the_middle_costs_the_middle(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.ts", *clips.flash_and_beep(3.0), video_options={"g": "5"})
    data = bytearray(path.read_bytes())
    start = len(data) // 2
    data[start : start + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(data)
    reader = media.chunks(path)
    frames = [f for c in reader for f in c.frames]
    assert 50 < len(frames) <= 75
    assert frames[-1].time > 2.7
    assert reader.warnings != ()


def patched(path: Path, old: bytes, new: bytes, count: int = 1) -> Path:
    data = path.read_bytes()
    assert old in data
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new, count))
    return path


def test_absurd_duration_is_only_a_claim(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mkv", clips.black(1.0))
    data = path.read_bytes()
    at = data.index(b"\x44\x89\x88") + 3  # Duration, a float in milliseconds
    path.write_bytes(data[:at] + struct.pack(">d", 1e12) + data[at + 8 :])
    reader = media.chunks(path)
    assert sum(len(chunk.frames) for chunk in reader) == 25
    assert reader.info.duration == 1e9
    assert reader.duration == pytest.approx(1.0, abs=0.05)


def test_pictures_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.avi", clips.black(0.4), video_codec="rawvideo", pix_fmt="bgr24")
    patched(path, struct.pack("<IiI", 40, 160, 120)[:8], struct.pack("<Ii", 40, 60000))
    refused(path, "60000 x 120 pixels; expected 1 to 8192 a side")
    path = clips.write(tmp_path / "b.mkv", clips.black(0.4))
    with pytest.raises(MediaError, match="160 x 120 pixels"):
        media.probe(path, limits=media.Limits(pixels=10_000))
    with pytest.raises(MediaError, match="160 x 120 pixels"):
        media.probe(path, limits=media.Limits(side=128))


def test_a_picture_that_grows_beyond_the_limit_is_left_out(tmp_path: Path) -> None:
    """The header of the file says 160 x 120; the pictures inside say otherwise."""
    frames = [(t, clips.flat(90, (640, 480))) for t in clips.times(0.4)]
    path = clips.write(tmp_path / "a.mkv", frames, clips.tone(0.5), video_codec="libvpx", audio_codec="pcm_s16le")
    data = path.read_bytes()
    width, height = b"\xb0\x82\x02\x80", b"\xba\x82\x01\xe0"
    assert width in data
    assert height in data
    path.write_bytes(data.replace(width, b"\xb0\x82\x00\xa0").replace(height, b"\xba\x82\x00\x78"))
    limits = media.Limits(pixels=100_000)
    try:
        reader = media.chunks(path, limits=limits)
    except MediaError:
        return
    assert all(f.image.nbytes <= 300_000 for c in reader for f in c.frames)


def test_absurd_frame_rates_are_refused(tmp_path: Path) -> None:
    frames = [(n / 4000, clips.flat(90, (64, 48))) for n in range(400)]
    path = clips.write(tmp_path / "a.mp4", frames, fps=4000)
    refused(path, "4000 pictures a second; at most 1000 are read")


def test_absurd_headers_cost_milliseconds_and_no_memory(tmp_path: Path) -> None:
    """What a header promises is judged before anything of that size is made."""
    resource = pytest.importorskip("resource")
    avi = clips.write(tmp_path / "a.avi", clips.black(0.4), video_codec="rawvideo", pix_fmt="bgr24")
    patched(avi, struct.pack("<IiI", 40, 160, 120)[:8], struct.pack("<Ii", 40, 2_000_000_000))
    loud = wav(tmp_path / "b.wav", np.zeros((1000, 1), np.int16), 2_000_000_000)
    long = tmp_path / "c.mp4"
    long.write_bytes(box(b"ftyp", b"isomiso2avc1mp41") + struct.pack(">I4sQ", 1, b"moov", 1 << 62) + bytes(64))
    media.probe(clips.write(tmp_path / "fine.wav", None, clips.tone(0.2)))  # what is loaded once is not the header's
    most, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    for path in (avi, loud, long):
        with pytest.raises(MediaError):
            media.probe(path)
    assert time.process_time() - begun < 0.3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 20_000


def test_too_many_streams(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mkv", None, [clips.silence(0.1, 8000)] * 70, rate=8000, audio_codec="pcm_s16le")
    refused(path, "streams")
    path = clips.write(tmp_path / "b.mkv", None, [clips.silence(0.1, 8000)] * 20, rate=8000, audio_codec="pcm_s16le")
    info = media.probe(path)
    assert len(info.audio) == 16
    assert info.warnings == ("20 audio tracks, of which the first 16 are read",)


def wav(path: Path, samples: np.ndarray, rate: int, form: int = 1) -> Path:
    """A WAV file with any header."""
    data = samples.tobytes()
    channels, width = samples.shape[1], samples.itemsize
    header = struct.pack("<HHIIHH", form, channels, rate, rate * channels * width, channels * width, 8 * width)
    body = b"WAVEfmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


@pytest.mark.parametrize("rate", [1, 3999, 1_000_000_000])
def test_absurd_sample_rates_are_refused(tmp_path: Path, rate: int) -> None:
    refused(
        wav(tmp_path / "a.wav", np.zeros((1000, 1), np.int16), rate), "Hz; expected 4000 to 384000|cannot be opened"
    )


@pytest.mark.parametrize("channels", [3, 9, 33])
def test_many_channels_of_unknown_meaning_are_averaged(tmp_path: Path, channels: int) -> None:
    samples = np.zeros((16000, channels), np.int16)
    samples[:, -1] = 16384
    path = wav(tmp_path / "a.wav", samples, 16000)
    chunks = list(media.chunks(path, native=True))
    assert np.concatenate([c.audio for c in chunks])[8000] == pytest.approx(0.5 / channels, abs=1e-3)
    assert chunks[0].native.shape == (8000, channels)
    assert chunks[0].native[100, -1] == pytest.approx(0.5)
    assert chunks[0].channels.shape == (0, 0)


def test_dozens_of_streams_that_are_wrong_make_a_short_message(tmp_path: Path) -> None:
    import av

    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=1000, layout="mono") for _ in range(40)]
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 100), np.int16), layout="mono")
        frame.rate, frame.pts, frame.time_base = 1000, 0, Fraction(1, 1000)
        container.mux([packet for stream in streams for packet in stream.encode(frame)])
    refused(path, "audio stream 2 has 1000 Hz; expected 4000 to 384000; and 37 more streams$")


def test_more_channels_than_the_limit(tmp_path: Path) -> None:
    refused(
        wav(tmp_path / "a.wav", np.zeros((1000, 65), np.int16), 16000),
        "65 channels; expected 1 to 64|cannot be opened|decoded",
    )


def test_nan_in_float_sound_becomes_zero(tmp_path: Path) -> None:
    samples = np.full((16000, 1), 0.25, np.float32)
    samples[4000:4010], samples[5000] = np.nan, np.inf
    audio = np.concatenate([c.audio for c in media.chunks(wav(tmp_path / "a.wav", samples, 16000, form=3))])
    assert np.isfinite(audio).all()
    assert audio[3000] == 0.25
    assert audio[4005] == 0.0


def test_encrypted_recordings_are_named(tmp_path: Path) -> None:
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76a6c65c" * 4, "encryption_kid": "a7e61c37" * 4}
    path = clips.write(tmp_path / "a.mp4", *clips.flash_and_beep(), muxer=key)
    refused(path, "video stream 0 could not|nothing in video stream 0 could be decoded: video is encrypted")


def test_only_other_streams(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mkv", None, clips.tone(1.0), audio_codec="pcm_s16le")
    patched(path, b"\x83\x81\x02", b"\x83\x81\x11")  # track type: audio becomes subtitles
    refused(path, "neither sound nor picture")


def test_reading_stops_at_the_longest_duration(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mkv", *clips.flash_and_beep(3.0))
    reader = media.chunks(path, limits=media.Limits(duration=1.0))
    frames = [f for c in reader for f in c.frames]
    assert frames[-1].time <= 1.0
    assert reader.duration < 1.5
    assert any("reading stopped at the limit" in w for w in reader.warnings)


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = clips.write(tmp_path / "a.ts", *clips.flash_and_beep(1.2, at=(0.6,)))
    data = bytearray(path.read_bytes())
    data[9000:12000] = bytes(3000)
    path.write_bytes(data)
    capfd.readouterr()
    for _ in media.chunks(path):
        pass
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
def test_no_file_stays_open(tmp_path: Path) -> None:
    good = clips.write(tmp_path / "a.mkv", *clips.flash_and_beep(1.2, at=(0.6,)))
    bad = tmp_path / "b.mkv"
    bad.write_bytes(good.read_bytes()[:300])
    media.probe(good)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(MediaError):
            media.probe(bad)
        list(media.chunks(good))
        next(media.chunks(good)), next(media.frames(good))
        with media.chunks(good) as reader:
            next(reader)
        assert list(reader) == []
    assert len(os.listdir("/proc/self/fd")) == before


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    out = bytearray(data)
    for at in rng.integers(0, len(out), int(rng.integers(1, 200))):
        out[at] = rng.integers(0, 256)
    return bytes(out)


def in_the_head(data: bytes, rng: np.random.Generator) -> bytes:
    out = bytearray(data)
    for at in rng.integers(4, min(len(out), 1500), 6):
        out[at] ^= 1 << rng.integers(0, 8)
    return bytes(out)


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: int(rng.integers(1, len(data)))]


def swapped(data: bytes, rng: np.random.Generator) -> bytes:
    a, b = sorted(int(v) for v in rng.integers(0, len(data), 2))
    return data[:a] + data[b:] + data[a:b]


def repeated(data: bytes, rng: np.random.Generator) -> bytes:
    a, b = sorted(int(v) for v in rng.integers(0, len(data), 2))
    return data[:b] + data[a:b] + data[b:]


MUTATIONS: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (flipped, in_the_head, cut, swapped, repeated)

READ_ALL = """
import sys, time
from inperson import media
from inperson.errors import MediaError
for path in sys.argv[1:]:
    began = time.monotonic()
    try:
        with media.chunks(path, native=True) as reader:
            frames = sum(len(chunk.frames) for chunk in reader)
        line = f"{reader.duration:.1f} s, {frames} frames, {len(reader.warnings)} warnings"
        assert all(w.isprintable() for w in reader.warnings), reader.warnings
        assert reader.duration < 1300, reader.duration
    except MediaError as error:
        line = str(error)
        assert line.isprintable(), line
    took = time.monotonic() - began
    assert took < 30, (path, took)
    print(line)
"""


def mutate(folder: Path, count: int, seed: int) -> list[Path]:
    """`count` damaged files made from clips of every container."""
    frames, sound = clips.flash_and_beep(1.2, at=(0.6,))
    sources = [
        clips.write(
            folder / f"{k}-source{suffix}", None if suffix in (".wav", ".mp3", ".flac", ".ogg") else frames, sound
        )
        for k, suffix in enumerate(
            (".mp4", ".mkv", ".webm", ".avi", ".ts", ".mpg", ".mov", ".wav", ".mp3", ".flac", ".ogg")
        )
    ]
    rng, made = np.random.default_rng(seed), []
    for k in range(count):
        source, mutation = sources[k % len(sources)], MUTATIONS[(k // len(sources) + k) % len(MUTATIONS)]
        path = folder / f"{k}-{mutation.__name__}{source.suffix}"
        path.write_bytes(mutation(source.read_bytes(), rng))
        made.append(path)
    return made


def test_mutated_files_end_in_a_result_or_one_error(tmp_path: Path) -> None:
    made = mutate(tmp_path, 44, seed=7)
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, *map(str, made)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == len(made)
    assert sum("frames" in line for line in lines) > 10
