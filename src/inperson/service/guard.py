"""What every request passes, before anything of its body is read: who is it, how often, how fast, how much.

Written as plain ASGI: bodies stream through it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from anyio import to_thread
from starlette.exceptions import HTTPException

from inperson.service import logs
from inperson.service.keys import Key, Keys
from inperson.service.metrics import Metrics
from inperson.service.problems import problem
from inperson.service.rates import Rates

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"})
"""Answered without a key."""
UPLOAD = "/v1/uploads"
BODY_BYTES = 6 << 20
"""Largest body of anything but an upload: a submission with its turns."""
_GRACE_SECONDS = 10.0  # before the average rate counts
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """The outermost layer of the service."""

    def __init__(
        self,
        app: App,
        keys: Keys,
        metrics: Metrics,
        rate: int,
        upload_bytes: int,
        idle_seconds: float,
        least_rate: int,
    ) -> None:
        self._app, self._keys, self._metrics, self._rate = app, keys, metrics, rate
        self._upload_bytes, self._idle, self._least = upload_bytes, idle_seconds, least_rate
        self._rates = Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get(b"x-request-id", "")
        state = scope.setdefault("state", {})
        state["request_id"] = given if _ID.fullmatch(given) else secrets.token_hex(16)
        answer = _Answer(send, state["request_id"])
        try:
            limit = self._upload_bytes if scope["path"] == UPLOAD else BODY_BYTES
            refusal = None if scope["path"] in OPEN else await self._refusal(headers, state, limit)
            if refusal is not None:
                await refusal(scope, receive, answer)
            else:
                await self._app(scope, _Body(receive, limit, self._idle, self._least), answer)
        except Exception as error:
            logs.event("request.failed", level=40, cause=error, request=state["request_id"])
            if not answer.status:
                await problem(500, "a fault of the service", state["request_id"])(scope, receive, answer)
        finally:
            self._told(scope, state, answer.status, time.monotonic() - began)

    async def _refusal(self, headers: dict[bytes, str], state: dict[str, Any], limit: int) -> Any:
        """The answer to a request that may not go on, or None; the key goes into `state`."""
        request_id = state["request_id"]
        kind, _, text = headers.get(b"authorization", "").partition(" ")
        key: Key | None = None
        if kind.lower() == "bearer":
            key = await to_thread.run_sync(self._keys.find, text.strip())
        if key is None:
            self._metrics.refused.labels("key").inc()
            asked = {"www-authenticate": "Bearer", "connection": "close"}
            return problem(401, "give a valid key: Authorization: Bearer inperson_...", request_id, asked)
        state["key"] = key
        if wait := self._rates.take(key.id, key.rate or self._rate):
            self._metrics.refused.labels("rate").inc()
            later = {"retry-after": str(int(wait) + 1), "connection": "close"}
            return problem(429, "too many requests of this key", request_id, later)
        length = headers.get(b"content-length", "")
        if length.isascii() and length.isdigit() and int(length[:19]) > limit:
            return problem(
                413, f"the body has more than the {limit} bytes allowed", request_id, {"connection": "close"}
            )
        return None

    def _told(self, scope: Scope, state: dict[str, Any], status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        key = state.get("key")
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        if route not in OPEN:
            logs.event(
                "request",
                request=state["request_id"],
                method=method,
                route=route,
                status=status,
                seconds=round(seconds, 4),
                key=None if key is None else key.id,
            )


_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE"})


class _Answer:
    """Adds the headers that every answer has; remembers the status (0 while there is none)."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self._request_id = send, request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            present = {name for name, _ in message["headers"]}
            added = {**_HEADERS, "x-request-id": self._request_id}
            own = [(n.encode(), v.encode()) for n, v in added.items() if n.encode() not in present]
            message = {**message, "headers": [*message["headers"], *own]}
        await self._send(message)


class _Body:
    """Reads the body within its limits; `HTTPException` where one is passed."""

    def __init__(self, receive: Receive, limit: int, idle: float, least: int) -> None:
        self._receive, self._limit, self._idle, self._least = receive, limit, idle, least
        self._read, self._waited, self._whole = 0, 0.0, False

    async def __call__(self) -> Message:
        if self._whole:
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
        self._whole = not message.get("more_body", False)
        if self._read > self._limit:
            raise HTTPException(413, f"the body has more than the {self._limit} bytes allowed")
        if self._waited > _GRACE_SECONDS and self._read < self._waited * self._least and not self._whole:
            raise HTTPException(408, f"the body came at less than {self._least} bytes a second")
        return message
