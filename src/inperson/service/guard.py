"""What every request passes, before anything of its body is read: who is it, how often, how fast, how much.

Written as plain ASGI: bodies stream through it.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from anyio import to_thread

from inperson.service import logs
from inperson.service.bodies import Answer, Body, Receive, Scope, Send
from inperson.service.keys import Key, Keys
from inperson.service.metrics import Metrics
from inperson.service.problems import problem
from inperson.service.rates import Rates

App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"})
"""Answered without a key."""
UPLOAD = "/v1/uploads"
BODY_BYTES = 6 << 20
"""Largest body of anything but an upload: a submission with its turns."""
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


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
        limit = self._upload_bytes if scope["path"] == UPLOAD else BODY_BYTES
        body = Body(receive, headers, limit, self._idle, self._least)
        answer = Answer(send, state["request_id"], body)
        try:
            refusal = None if scope["path"] in OPEN else await self._refusal(headers, state, body)
            if refusal is not None:
                await refusal(scope, receive, answer)
            else:
                await self._app(scope, body, answer)
        except Exception as error:
            logs.event("request.failed", level=40, cause=error, request=state["request_id"])
            if not answer.status:
                await problem(500, "a fault of the service", state["request_id"])(scope, receive, answer)
        finally:
            self._told(scope, state, answer.status, time.monotonic() - began)

    async def _refusal(self, headers: dict[bytes, str], state: dict[str, Any], body: Body) -> Any:
        """The answer to a request that may not go on, or None; the key goes into `state`."""
        request_id = state["request_id"]
        kind, _, text = headers.get(b"authorization", "").partition(" ")
        key: Key | None = None
        if kind.lower() == "bearer":
            key = await to_thread.run_sync(self._keys.find, text.strip())
        if key is None:
            self._metrics.refused.labels("key").inc()
            asked = {"www-authenticate": "Bearer"}
            return problem(401, "give a valid key: Authorization: Bearer inperson_...", request_id, asked)
        state["key"] = key
        if wait := self._rates.take(key.id, key.rate or self._rate):
            self._metrics.refused.labels("rate").inc()
            later = {"retry-after": str(int(wait) + 1)}
            return problem(429, "too many requests of this key", request_id, later)
        if body.announced > body.limit:
            return problem(413, f"the body has more than the {body.limit} bytes allowed", request_id)
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
