"""Tells a caller's server that a job has ended: signed, tried again with growing pauses, also across restarts.

::

    POST <webhook>
    Inperson-Delivery: <id, the same in every try>
    Inperson-Signature: t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body" in hex>[,v1=...]

    {"type": "job.succeeded", "job": "<id>", "error": null}

A result is not in it: who gets the call fetches it with a key. Redirects count as failures.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import sqlite3
import time
from contextlib import suppress

from anyio import CapacityLimiter, to_thread

from inperson.service import logs
from inperson.service.addresses import Refused, allowed
from inperson.service.calls import Unreachable, call
from inperson.service.service import Service

TRIES = 13
"""With pauses that triple from 10 s to 12 hours at most: more than two days in all."""
LONGEST_PAUSE = 43_200.0
_AT_ONCE = 8
_LOOK = 1.0
_GONE = 410


def payload(job: str, state: str, error: str | None) -> str:
    """The body of a call."""
    return json.dumps({"type": f"job.{state}", "job": job, "error": error}, separators=(",", ":"))


def signature(secrets: tuple[bytes, ...], body: str, at: int) -> str:
    """The value of ``Inperson-Signature``: one ``v1`` for each secret."""
    signed = f"{at}.{body}".encode()
    parts = [hmac.new(secret, signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={part}" for part in parts)])


def pause(attempts: int, first: float) -> float:
    """Seconds to wait after so many failed tries, with a fifth of chance so that calls do not come in herds."""
    return float(min(first * 3 ** (attempts - 1), LONGEST_PAUSE)) * random.uniform(0.8, 1.2)


class Webhooks:
    """The calls of one service that are due."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def run(self) -> None:
        """Make calls as they fall due, until cancelled."""
        threads = CapacityLimiter(_AT_ONCE)  # of their own: a receiver may be slow, requests must not be
        while True:
            try:
                due = await to_thread.run_sync(self._due)
                await asyncio.gather(*(to_thread.run_sync(self._try, row, limiter=threads) for row in due))
            except Exception as error:
                logs.event("webhooks.failed", level=40, cause=error)
            await asyncio.sleep(_LOOK)

    def _due(self) -> list[sqlite3.Row]:
        return self._service.database.rows(
            "SELECT * FROM deliveries WHERE next <= ? ORDER BY next LIMIT ?", time.time(), _AT_ONCE
        )

    def _try(self, row: sqlite3.Row) -> None:
        outcome = self._sent(row)
        attempts = row["attempts"] + 1
        done = outcome in ("delivered", "refused") or attempts >= TRIES
        first = self._service.settings.webhook_retry_seconds
        self._service.database.change(
            "UPDATE deliveries SET attempts = ?, outcome = ?, next = ? WHERE id = ?",
            *(attempts, outcome, None if done else time.time() + pause(attempts, first), row["id"]),
        )
        self._service.metrics.webhooks.labels(outcome).inc()
        logs.event("webhook", delivery=row["id"], job=row["job"], outcome=outcome, attempts=attempts, last=done)

    def _sent(self, row: sqlite3.Row) -> str:
        settings = self._service.settings
        headers = {
            "Content-Type": "application/json",
            "Inperson-Delivery": row["id"],
            "Inperson-Signature": signature(self._service.secrets, row["body"], int(time.time())),
        }
        with suppress(Unreachable):
            try:
                address = allowed(row["url"], settings.webhooks, "webhooks")
                private = settings.private_addresses
                with call("POST", address, private=private, headers=headers, body=row["body"].encode()) as answer:
                    if 200 <= answer.status < 300:
                        return "delivered"
                    return "refused" if answer.status == _GONE else "failed"
            except Refused:
                return "refused"
        return "failed"
