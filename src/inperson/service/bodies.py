"""Requests' bodies within their limits of size and speed, and the headers that every answer has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_DRAINED_BYTES = 1 << 20
_GRACE_SECONDS = 10.0  # before the average rate counts


class Answer:
    """Adds the headers that every answer has; remembers the status (0 while there is none).

    A refusal before the body was read ends the connection. A little of the body is read first, or a client that is
    still sending would lose its connection before it sees why.
    """

    def __init__(self, send: Send, request_id: str, body: Body) -> None:
        self._send, self._request_id, self._body = send, request_id, body
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            added = {**_HEADERS, "x-request-id": self._request_id}
            if self.status >= 400 and not self._body.whole:
                added["connection"] = "close"
                if self.status != 408:
                    await self._body.drain()
            present = {name for name, _ in message["headers"]}
            own = [(n.encode(), v.encode()) for n, v in added.items() if n.encode() not in present]
            message = {**message, "headers": [*message["headers"], *own]}
        await self._send(message)


class Body:
    """Reads the body within its limits; `HTTPException` where one is passed.

    Attributes
    ----------
    announced : int
        Bytes that the client says will come; 0 if it does not say.
    whole : bool
        Whether all of it was read.
    """

    def __init__(self, receive: Receive, headers: dict[bytes, str], limit: int, idle: float, least: int) -> None:
        self._receive, self.limit, self._idle, self._least = receive, limit, idle, least
        self._read, self._waited = 0, 0.0
        length = headers.get(b"content-length", "")
        self.announced = int(length[:19]) if length.isascii() and length.isdigit() else 0
        self.whole = not self.announced and b"transfer-encoding" not in headers
        self._ended = False
        self._asks = headers.get(b"expect", "").lower() == "100-continue"

    async def drain(self) -> None:
        """Read what comes within a second, a mebibyte at most; nothing from a client that asked before it sends."""
        left = 0 if self._asks and not self._read else _DRAINED_BYTES
        try:
            async with asyncio.timeout(1.0):
                while left > 0 and not self.whole:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    self.whole = not message.get("more_body", False)
        except TimeoutError:
            return

    async def __call__(self) -> Message:
        if self._ended:
            return await self._receive()  # a disconnect, whenever it comes
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._idle):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, f"nothing came for {self._idle:g} s") from None
        self._waited += time.monotonic() - began
        if message["type"] != "http.request":
            return message
        self._read += len(message.get("body", b""))
        self.whole = self._ended = not message.get("more_body", False)
        if self._read > self.limit:
            raise HTTPException(413, f"the body has more than the {self.limit} bytes allowed")
        if self._waited > _GRACE_SECONDS and self._read < self._waited * self._least and not self.whole:
            raise HTTPException(408, f"the body came at less than {self._least} bytes a second")
        return message
