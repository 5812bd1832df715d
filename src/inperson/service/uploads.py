"""An upload: multipart/form-data taken apart as it arrives, the recording straight to the disk.

Parts are known by their field name. The file name that a client gives is never looked at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anyio import to_thread
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from inperson.service.schemas import TURNS_CHARS
from inperson.service.spool import Spool

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

SMALL = {b"options": 64 << 10, b"turns": TURNS_CHARS}
"""Parts that are kept in memory, and how many bytes they may have."""
RECORDING = b"recording"
_WRITE_BYTES = 1 << 20


class BadForm(Exception):
    """The body is no form as documented; the text says what is wrong."""


@dataclass(slots=True)
class Form:
    """What came beside the recording."""

    small: dict[bytes, bytes] = field(default_factory=dict)
    recording: bool = False


async def receive(content_type: str, chunks: AsyncIterator[bytes], spool: Spool) -> Form:
    """Read a whole form; its recording goes into `spool`.

    Raises
    ------
    BadForm
        It is no form, a part is unknown, twice there, too long or missing.
    TooLarge, DiskFull
        As `Spool.write`.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 70:
        raise BadForm("expected multipart/form-data with a boundary")
    parts = _Parts()
    parser = MultipartParser(boundary, parts.callbacks())
    async for chunk in chunks:
        try:
            parser.write(chunk)
        except MultipartParseError:
            raise BadForm("the multipart body cannot be parsed") from None
        if len(parts.waiting) >= _WRITE_BYTES:
            await to_thread.run_sync(spool.write, parts.taken())
    await to_thread.run_sync(spool.write, parts.taken())
    if not parts.ended:
        raise BadForm("the multipart body ends before its last boundary")
    if not parts.form.recording:
        raise BadForm("the form has no part named recording")
    return parts.form


class _Parts:
    """Listens to the parser: which part is it, and where do its bytes go?"""

    def __init__(self) -> None:
        self.form = Form()
        self.waiting = bytearray()
        self.ended = False
        self._header = [bytearray(), bytearray()]
        self._name: bytes | None = None

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._named,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def taken(self) -> bytes:
        """What waits for the disk."""
        data, self.waiting = bytes(self.waiting), bytearray()
        return data

    def _begin(self) -> None:
        self._name = None
        self._header = [bytearray(), bytearray()]

    def _header_end(self) -> None:
        name, value = (bytes(part) for part in self._header)
        self._header = [bytearray(), bytearray()]
        if name.lower() == b"content-disposition":
            kind, options = parse_options_header(value)
            self._name = options.get(b"name") if kind == b"form-data" else None

    def _named(self) -> None:
        name = self._name
        if name == RECORDING and not self.form.recording:
            self.form.recording = True
        elif name in SMALL and name not in self.form.small:
            self.form.small[name] = b""
        else:
            raise BadForm("the parts of the form are recording, options and turns, each once at most")

    def _data(self, data: bytes, start: int, end: int) -> None:
        name = self._name
        if name == RECORDING:
            self.waiting += data[start:end]
            return
        assert name is not None
        self.form.small[name] += data[start:end]
        if len(self.form.small[name]) > SMALL[name]:
            raise BadForm(f"the part {name.decode()} has more than {SMALL[name]} bytes")

    def _end(self) -> None:
        self.ended = True
