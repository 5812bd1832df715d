"""Ways to damage a recording, for `fuzz.py`."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

_ABSURD = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, (1 << 64) - 1)
_BOXES = (
    *(b"stsz", b"stco", b"co64", b"stsc", b"stts", b"ctts", b"stsd", b"tkhd", b"mdhd", b"mvhd", b"elst", b"hdlr"),
    *(b"avc1", b"avcC", b"mp4a", b"esds", b"dref", b"trun", b"tfhd", b"moov", b"mdat", b"fLaC", b"fmt ", b"data"),
)
Rng = random.Random


def mutated(content: bytes, other: bytes, rng: Rng) -> tuple[str, bytes]:
    """One damaged copy, and what was done to it."""
    kind = rng.choice(sorted(KINDS))
    data = bytearray(content)
    KINDS[kind](data, other, rng)
    if rng.random() < 0.2:
        also = rng.choice(sorted(KINDS))
        KINDS[also](data, other, rng)
        kind = f"{kind} and more"
    return kind, bytes(data)


def flip(data: bytearray, other: bytes, rng: Rng) -> None:
    """Bytes anywhere."""
    for _ in range(rng.choice((1, 10, 200, 5000))):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)


def header(data: bytearray, other: bytes, rng: Rng) -> None:
    """Bytes in the first or last kilobytes, where the headers are."""
    size = min(4096, len(data))
    start = rng.choice((0, len(data) - size))
    for _ in range(rng.choice((1, 10, 200))):
        if size:
            data[start + rng.randrange(size)] = rng.randrange(256)


def field(data: bytearray, other: bytes, rng: Rng) -> None:
    """A number near the name of a box becomes absurd."""
    for _ in range(rng.choice((1, 3))):
        at = _find(data, rng) + rng.randrange(-8, 40)
        form = rng.choice(("<H", ">H", "<I", ">I", ">Q"))
        value = rng.choice(_ABSURD) & ((1 << 8 * struct.calcsize(form)) - 1)
        if 0 <= at <= len(data) - struct.calcsize(form):
            struct.pack_into(form, data, at, value)


def cut(data: bytearray, other: bytes, rng: Rng) -> None:
    """The tail is missing."""
    if data:
        del data[rng.randrange(len(data)) :]


def hole(data: bytearray, other: bytes, rng: Rng) -> None:
    """A piece is missing."""
    if data:
        start = rng.randrange(len(data))
        del data[start : start + rng.randrange(1, 2 + len(data) // 4)]


def zeros(data: bytearray, other: bytes, rng: Rng) -> None:
    """A piece was never written."""
    if data:
        start = rng.randrange(len(data))
        size = min(rng.choice((16, 4096, 1 << 16)), len(data) - start)
        data[start : start + size] = bytes(size)


def repeat(data: bytearray, other: bytes, rng: Rng) -> None:
    """A piece stands there several times."""
    if data:
        start = rng.randrange(len(data))
        piece = bytes(data[start : start + rng.choice((8, 512, 1 << 14))])
        data[start:start] = piece * rng.choice((1, 10, 100))


def swap(data: bytearray, other: bytes, rng: Rng) -> None:
    """The header of another recording."""
    size = rng.choice((16, 512, 4096))
    data[:size] = other[:size]


def splice(data: bytearray, other: bytes, rng: Rng) -> None:
    """Another recording goes on in the middle."""
    if data and other:
        data[rng.randrange(len(data)) :] = other[rng.randrange(len(other)) :]


def boxes(data: bytearray, other: bytes, rng: Rng) -> None:
    """A box of one name gets another."""
    at = _find(data, rng)
    data[at : at + 4] = rng.choice(_BOXES)


def refer(data: bytearray, other: bytes, rng: Rng) -> None:
    """What names other files and addresses, in front of or instead of the recording."""
    target = rng.choice(("/etc/passwd", "http://127.0.0.1:9/a.ts", "file:///etc/passwd", "concat:/etc/passwd"))
    texts = (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{target}'\n",
        f"<?xml version='1.0'?><MPD><Period><BaseURL>{target}</BaseURL></Period></MPD>",
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n{target}",
    )
    text = rng.choice(texts).encode()
    if rng.random() < 0.5:
        data[: len(text)] = text
    else:
        at = _find(data, rng)
        data[at + 4 : at + 4 + len(text)] = text


KINDS: dict[str, Callable[[bytearray, bytes, Rng], None]] = {
    one.__name__: one for one in (flip, header, field, cut, hole, zeros, repeat, swap, splice, boxes, refer)
}


def _find(data: bytearray, rng: Rng) -> int:
    """Where one of the names stands; anywhere if none does."""
    places = [at for at in (data.find(name, rng.randrange(max(1, len(data) // 2))) for name in _BOXES) if at >= 0]
    places += [at for at in map(data.find, _BOXES) if at >= 0]
    return rng.choice(places) if places else rng.randrange(max(1, len(data)))
