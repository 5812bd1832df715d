"""uvicorn around the application: TLS, deadlines for requests that never come to their point, an orderly end."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from inperson.errors import InputError
from inperson.service import logs
from inperson.service.app import create_app
from inperson.service.service import Service
from inperson.service.settings import Settings

HEAD_SECONDS = 10.0
"""A request's head must be whole this long after its first byte, and the first byte of the first one after the
connection. Own choice; uvicorn itself waits for ever."""
_HEAD_BYTES = 32 << 10
_CONNECTIONS = 1000
_FAREWELL_SECONDS = 10


class Deadlines(H11Protocol):
    """Closes connections whose request does not come."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._forget()
        elif self._waiting is None:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._waiting = self.loop.call_later(HEAD_SECONDS, self._late)

    def _forget(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _late(self) -> None:
        self._waiting = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()


def serve(settings: Settings) -> None:
    """Run the service until SIGINT or SIGTERM.

    Raises
    ------
    InputError
        The data folder cannot be used, or the address is taken.
    """
    listening = _listening(settings)
    try:
        service = Service(settings)
    except BaseException:
        listening.close()
        raise
    logs.to_stderr()
    host, port = listening.getsockname()[:2]
    logs.event("listening", host=host, port=port, tls=settings.tls_certificate is not None)
    uvicorn.Server(configured(service)).run(sockets=[listening])


def configured(service: Service) -> uvicorn.Config:
    """How uvicorn serves an open service."""
    return uvicorn.Config(
        create_app(service),
        http=Deadlines,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_FAREWELL_SECONDS,
        limit_concurrency=_CONNECTIONS,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        ssl_certfile=service.settings.tls_certificate,
        ssl_keyfile=service.settings.tls_key,
    )


def _listening(settings: Settings) -> socket.socket:
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        opened = socket.create_server((settings.host, settings.port), family=family, backlog=512)
    except OSError as error:
        raise InputError(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}") from None
    opened.set_inheritable(False)
    return opened
