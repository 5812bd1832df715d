"""Opening a recording safely: a whitelist by content, one demuxer, no second file, no network.

The first bytes are read and judged here, before FFmpeg sees anything. FFmpeg then gets the one demuxer that belongs to
those bytes, a Python file object instead of a name (so no text in the name or in the file is ever taken for a
protocol), a callback that refuses every further file a container might ask for, and a list of decoders. The name's
extension plays no part.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from inperson.errors import MediaError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet

HEAD_BYTES = 65536
_BUFFER_BYTES = 65536  # of one read; larger only makes seeks between interleaved streams dearer
_OPEN_SECONDS = 60.0  # FFmpeg may take this long without progress before it is interrupted
_FRIENDLY = "mp4, mov, m4a, mkv, webm, avi, wav, flac, mp3, ogg, opus, mpg or ts"

_ISO_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})

# Decoders that recordings of calls, phones, cameras and screens need; FFmpeg knows hundreds more, each a way in.
DECODERS = frozenset(
    """
    h264 hevc vp8 libvpx vp9 libvpx-vp9 av1 libdav1d mpeg1video mpeg2video mpeg4 msmpeg4v2 msmpeg4 h263 h263p theora
    mjpeg prores dnxhd ffv1 huffyuv ffvhuff utvideo rawvideo png qtrle dvvideo
    aac aac_latm mp3 mp3float mp2 mp2float mp1 mp1float opus libopus vorbis flac alac ac3 eac3 amrnb amrwb speex
    libspeex gsm gsm_ms adpcm_ms adpcm_ima_wav adpcm_ima_qt g722 g726
    pcm_s16le pcm_s16be pcm_s24le pcm_s24be pcm_s32le pcm_s32be pcm_u8 pcm_s8 pcm_f32le pcm_f32be pcm_f64le pcm_f64be
    pcm_alaw pcm_mulaw pcm_dvd pcm_bluray
    """.split()  # noqa: SIM905 - a list one can read
)

# First bytes of what people hand in by mistake, to say so in words.
_REFUSED = (
    (b"#EXTM3U", "an HLS playlist, which only names other files"),
    (b"ffconcat", "an FFmpeg concat list, which only names other files"),
    (b"[playlist]", "a playlist, which only names other files"),
    (b"<?xml", "an XML document, such as a DASH manifest or a project file, not a recording"),
    (b"<MPD", "a DASH manifest, which only names other files"),
    (b"v=0", "a session description (SDP), which only names a network stream"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (ASF, WMV, WMA)"),
    (b"FLV\x01", "Flash Video"),
    (b"FORM", "AIFF audio"),
    (b"caff", "Core Audio (CAF)"),
    (b"#!AMR", "AMR audio"),
    (b"\x89PNG", "a still image"),
    (b"\xff\xd8\xff", "a still image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"WEBVTT", "a WebVTT transcript"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that hold before anything is allocated; a recording beyond them is refused or read up to them.

    Attributes
    ----------
    side, pixels : int
        Largest width or height, and largest area, of a frame in pixels.
    streams : int
        Most streams of any kind in one file.
    audio_tracks : int
        Most audio tracks that are mixed; further ones are left out with a warning.
    channels : int
        Most channels of one audio track.
    rates : (int, int)
        Lowest and highest audio sample rate in Hz.
    frame_rate : float
        Most pictures a second, on average over the first ten seconds.
    duration : float
        Seconds; reading stops there with a warning, whatever the container claims.
    errors : int
        Packets in a row that may fail to decode before a stream is given up.
    jump : float
        Seconds; a longer step in the timestamps is closed instead of taken for silence.
    """

    side: int = 8192
    pixels: int = 36_000_000
    streams: int = 64
    audio_tracks: int = 16
    channels: int = 64
    rates: tuple[int, int] = (4000, 384_000)
    frame_rate: float = 1000.0
    duration: float = 8 * 3600.0
    errors: int = 500
    jump: float = 600.0


LIMITS = Limits()


def label(path: str | os.PathLike[str]) -> str:
    """The file's name for a message: quoted, control characters escaped, at most 120 characters."""
    name = os.fsdecode(os.path.basename(os.fspath(path)) or os.fspath(path))
    return ascii(name) if len(name) <= 120 else ascii(name[:100] + "..." + name[-17:])


@contextmanager
def media_errors(path: str | os.PathLike[str], doing: str) -> Iterator[None]:
    """Turn whatever FFmpeg, PyAV or the operating system raises inside into one `MediaError` line."""
    try:
        yield
    except MediaError:
        raise
    except (
        Exception
    ) as error:  # PyAV raises ValueError, OverflowError, UnicodeError... besides its own on hostile input
        raise MediaError(f"{label(path)}: {doing}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """A short, printable reason out of an error of FFmpeg or the operating system."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ascii(" ".join(str(text).split()))[1:-1][:200]


class Handle:
    """One open container; `close` (or leaving the ``with`` block) frees FFmpeg's state and the file.

    Only `packets` reads from it: PyAV crashes the process if a demultiplexer is resumed after its container was closed.
    """

    def __init__(self, path: str | os.PathLike[str], limits: Limits) -> None:
        import av

        av.logging.set_level(None)  # FFmpeg's log never reaches stderr; what matters is raised or counted
        self.path = Path(path)
        self.closed = False
        self._demuxing: Generator[Packet[Any], None, None] | None = None
        self.file = regular_file(path)
        try:
            self.size = os.fstat(self.file.fileno()).st_size
            self.demuxer = demuxer_of(path, self.file, self.size)
            self.container = self._open(limits)
        except BaseException:
            self.file.close()
            raise

    def _open(self, limits: Limits) -> InputContainer:
        import av

        options = {
            "protocol_whitelist": "none",
            "format_whitelist": self.demuxer,
            "codec_whitelist": ",".join(sorted(DECODERS)),
            "max_streams": str(limits.streams + 1),  # one more, to notice
            "max_pixels": str(limits.pixels),
        }
        if self.demuxer.startswith("mov"):
            options |= {"enable_drefs": "0", "use_absolute_path": "0"}
        with media_errors(self.path, "cannot be opened"):
            self.file.seek(0)
            container = av.open(
                self.file,
                "r",
                format=self.demuxer.split(",")[0],
                options=options,
                metadata_errors="replace",
                buffer_size=_BUFFER_BYTES,
                timeout=_OPEN_SECONDS,
                io_open=_refuse,
            )
        if len(container.streams) > limits.streams:
            container.close()
            raise MediaError(f"{label(self.path)}: {len(container.streams)} streams, at most {limits.streams} are read")
        return container

    def stream(self, index: int) -> Any:
        """The stream, untyped: PyAV's stubs do not tell audio from video by index."""
        return self.container.streams[index]

    def packets(self, stream: Any) -> Iterator[Packet[Any]]:
        """Packets of `stream` from the present position on, until the end or until the handle is closed."""
        self._demuxing = cast("Generator[Packet[Any], None, None]", self.container.demux(stream))
        while not self.closed:
            packet = next(self._demuxing, None)
            if packet is None:
                return
            yield packet

    def close(self) -> None:
        """Safe to call twice, and while `packets` is still held by somebody."""
        if self.closed:
            return
        self.closed = True
        if self._demuxing is not None:
            self._demuxing.close()
        self.container.close()
        self.file.close()

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _refuse(url: str, flags: int, options: dict[str, str]) -> object:
    raise PermissionError(errno.EACCES, "the container asks for another file, which is never followed")


def regular_file(path: str | os.PathLike[str]) -> FileIO:
    """Open `path` for reading without ever waiting on it; MediaError for anything but a regular file."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        raise MediaError(f"{label(path)}: cannot be opened: {reason(error)}") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise MediaError(f"{label(path)}: expected a file, found {_kind(mode)}")
    return FileIO(descriptor, "rb", closefd=True)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def demuxer_of(path: str | os.PathLike[str], file: FileIO, size: int) -> str:
    """Name of the FFmpeg demuxer that the content calls for.

    Raises
    ------
    MediaError
        Empty file, a container that is not on the list, or an MP4 whose index is missing.
    """
    with media_errors(path, "cannot be read"):
        head = file.read(HEAD_BYTES) or b""
        skipped = _id3_size(head)
        if skipped:
            file.seek(skipped)
            head = file.read(HEAD_BYTES) or b""
    if size == 0:
        raise MediaError(f"{label(path)}: the file is empty (0 bytes)")
    known = next((words for magic, words in _REFUSED if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(magic)), None)
    found = None if known else sniff(head, tagged=bool(skipped))
    if found is None:
        words = f"the content is {known}" if known else "the content is no known recording"
        raise MediaError(f"{label(path)}: {words}; expected {_FRIENDLY}")
    if found.startswith("mov"):
        with media_errors(path, "cannot be read"):
            _require_index(path, file, size)
    return found


def sniff(head: bytes, tagged: bool = False) -> str | None:
    """Demuxer for a file that begins with `head`, or None; `tagged` when an ID3 tag came before it."""
    if not tagged:
        if head[4:8] in _ISO_BOXES:
            return "mov,mp4,m4a,3gp,3g2,mj2"
        if head.startswith(b"\x1a\x45\xdf\xa3"):
            return "matroska,webm"
        if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
            return "wav"
        if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
            return "avi"
        if head.startswith(b"OggS"):
            return "ogg"
        if head.startswith(b"\x00\x00\x01\xba"):
            return "mpeg"
        if any(_is_transport(head, offset, step) for offset, step in ((0, 188), (4, 192))):
            return "mpegts"
    if head.startswith(b"fLaC"):
        return "flac"
    return "mp3" if _is_mpeg_audio(head) else None


def _is_transport(head: bytes, offset: int, step: int) -> bool:
    """MPEG transport stream: a sync byte at each of the first five packets (all there are in a shorter file)."""
    count = min(5, (len(head) - offset) // step)
    return count >= 2 and all(head[offset + k * step] == 0x47 for k in range(count))


def _id3_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag at the start; 0 if there is none. Sizes are four 7-bit digits (id3.org, ID3v2.4 §3.1)."""
    if not head.startswith(b"ID3") or len(head) < 10 or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _is_mpeg_audio(head: bytes) -> bool:
    """Four MPEG audio frames in a row that agree in version, layer and rate, beginning within the first 4 KiB.

    Fewer do where `head` is the whole of a very short file.
    """
    for start in range(min(4096, len(head) - 3)):
        if head[start] != 0xFF or head[start + 1] & 0xE0 != 0xE0:
            continue
        at, chained = start, 0
        while chained < 4 and (length := _mpeg_frame_bytes(head[at : at + 4])) and _agree(head, start, at):
            chained += 1
            at += length
        if chained == 4 or (chained >= 1 and start == 0 and at >= len(head)):
            return True
    return False


def _agree(head: bytes, one: int, other: int) -> bool:
    return head[one + 1] >> 1 == head[other + 1] >> 1 and head[one + 2] & 0x0C == head[other + 2] & 0x0C


_BITRATES = {  # kbit/s by (MPEG-1?, layer), ISO/IEC 11172-3 2.4.2.3 and 13818-3 2.4.2.3
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def _mpeg_frame_bytes(header: bytes) -> int:
    """Length of the MPEG audio frame with this 4-byte header; 0 where it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate_index, bit_index, padding = header[2] >> 2 & 3, header[2] >> 4, header[2] >> 1 & 1
    if version == 1 or layer == 4 or rate_index == 3 or bit_index in (0, 15):
        return 0
    rate = (44100, 48000, 32000)[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    bits = _BITRATES[version == 3, layer][bit_index - 1] * 1000
    if layer == 1:
        return (12 * bits // rate + padding) * 4
    return (144 if layer == 2 or version == 3 else 72) * bits // rate + padding


def _require_index(path: str | os.PathLike[str], file: FileIO, size: int) -> None:
    """An MP4 without its ``moov`` box was cut off while being written; say that instead of "invalid data"."""
    at, boxes = 0, 0
    while at + 8 <= size and boxes < 10_000:
        file.seek(at)
        header = file.read(16) or b""
        if len(header) < 8 or header[4:8] == b"moov":
            return
        length = int.from_bytes(header[:4], "big")
        if length == 1 and len(header) == 16:
            length = int.from_bytes(header[8:16], "big")
        if length < 8:  # 0 = to the end of the file; smaller values are damage
            break
        at, boxes = at + length, boxes + 1
    if at >= size or boxes == 0 or at + 8 > size:
        raise MediaError(
            f"{label(path)}: the index of the MP4 or MOV (its moov box) is missing, as when a recording is cut off "
            "before it was finished; expected the complete file"
        )
