"""The queue: jobs and their results in SQLite.

A job is ``queued``, then ``running`` under a `run` of its own, then ``succeeded`` or ``failed``. Only the run
that a job has now can end it, in the transaction that writes its result and its webhook call: so a job ends once,
whoever was killed when.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inperson.service.database import Database
from inperson.service.schemas import STATES


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is stored. Times are seconds since 1970; `source` is gone once the recording was fetched."""

    id: str
    owner: str
    key: str
    state: str
    created: float
    options: dict[str, Any]
    fingerprint: str
    run: str | None = None
    attempts: int = 0
    started: float | None = None
    finished: float | None = None
    source: str | None = None
    sha256: str | None = None
    size: int | None = None
    stored: bool = False
    error: dict[str, str] | None = None
    idempotency: str | None = None


class Conflict(Exception):
    """Another job of this owner has the idempotency key; it is the argument."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.id)
        self.job = job


class Jobs:
    """The jobs of one service."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job: Job) -> None:
        """Queue a job; it is on the disk when this returns.

        Raises
        ------
        Conflict
            Its idempotency key is taken.
        """
        values = (
            *(job.id, job.owner, job.key, "queued", job.created, job.source, job.sha256, job.size, job.stored),
            *(json.dumps(job.options), job.idempotency, job.fingerprint),
        )
        try:
            self._database.change(
                "INSERT INTO jobs (id, owner, key, state, created, source, sha256, size, stored, options, idempotency, "
                "fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *values,
            )
        except sqlite3.IntegrityError:
            other = self.same(job.owner, job.idempotency)
            if other is None:
                raise
            raise Conflict(other) from None

    def same(self, owner: str, idempotency: str | None) -> Job | None:
        """The job of this owner with this idempotency key, if any."""
        if idempotency is None:
            return None
        row = self._database.row("SELECT * FROM jobs WHERE owner = ? AND idempotency = ?", owner, idempotency)
        return None if row is None else _job(row)

    def get(self, id: str, owner: str | None = None) -> Job | None:
        """One job; with `owner`, only if it is theirs."""
        row = self._database.row("SELECT * FROM jobs WHERE id = ? AND (? IS NULL OR owner = ?)", id, owner, owner)
        return None if row is None else _job(row)

    def page(self, owner: str | None, state: str | None, before: Job | None, limit: int) -> list[Job]:
        """Jobs, newest first, from after `before` on."""
        created, last = (before.created, before.id) if before else (float("inf"), "")
        rows = self._database.rows(
            "SELECT * FROM jobs WHERE (? IS NULL OR owner = ?) AND (? IS NULL OR state = ?) "
            "AND (created < ? OR (created = ? AND id < ?)) ORDER BY created DESC, id DESC LIMIT ?",
            *(owner, owner, state, state, created, created, last, limit),
        )
        return [_job(row) for row in rows]

    def claim(self) -> Job | None:
        """Take the oldest queued job for a new run."""
        with self._database.transaction() as connection:
            row = connection.execute("SELECT id FROM jobs WHERE state = 'queued' ORDER BY created LIMIT 1").fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE jobs SET state = 'running', run = ?, attempts = attempts + 1, started = ? WHERE id = ?",
                (secrets.token_hex(8), time.time(), row["id"]),
            )
            return _job(connection.execute("SELECT * FROM jobs WHERE id = ?", (row["id"],)).fetchone())

    def fetched(self, job: Job, sha256: str, size: int) -> bool:
        """Note what was fetched and forget where from; false if the job is gone."""
        changed = self._database.change(
            "UPDATE jobs SET sha256 = ?, size = ?, stored = 1, source = NULL WHERE id = ? AND run = ?",
            *(sha256, size, job.id, job.run),
        )
        return changed == 1

    def finish(
        self, job: Job, report: str | None, error: Mapping[str, str] | None, call: tuple[str, str] | None
    ) -> bool:
        """End the run of `job` with a result or an error, and plan the webhook `call` (address, body).

        False, and nothing is written, if the job is gone or another run has it.
        """
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE jobs SET state = ?, run = NULL, source = NULL, finished = ?, error = ? "
                "WHERE id = ? AND run = ? AND state = 'running'",
                (
                    "failed" if report is None else "succeeded",
                    time.time(),
                    None if error is None else json.dumps(error),
                    job.id,
                    job.run,
                ),
            ).rowcount
            if changed and report is not None:
                connection.execute("INSERT INTO results (job, report) VALUES (?, ?)", (job.id, report))
            if changed and call is not None:
                connection.execute(
                    "INSERT INTO deliveries (id, job, url, body, next) VALUES (?, ?, ?, ?, ?)",
                    (secrets.token_hex(16), job.id, *call, time.time()),
                )
        return bool(changed)

    def give_back(self, job: Job) -> None:
        """Queue again what an orderly stop interrupted; that start does not count."""
        self._database.change(
            "UPDATE jobs SET state = 'queued', run = NULL, attempts = attempts - 1 WHERE id = ? AND run = ?",
            *(job.id, job.run),
        )

    def interrupted(self) -> list[Job]:
        """Jobs that were running when the service was killed."""
        return [_job(row) for row in self._database.rows("SELECT * FROM jobs WHERE state = 'running'")]

    def again(self, job: Job) -> None:
        """Queue a job again that the service was killed in."""
        self._database.change("UPDATE jobs SET state = 'queued', run = NULL WHERE id = ? AND run = ?", job.id, job.run)

    def dropped(self, job: Job) -> None:
        """Note that the recording is no longer held."""
        self._database.change("UPDATE jobs SET stored = 0 WHERE id = ?", job.id)

    def delete(self, job: Job) -> bool:
        """Remove a job with its result and planned calls, also from the database's own files."""
        changed = self._database.change("DELETE FROM jobs WHERE id = ?", job.id)
        self._database.scrub()
        return changed == 1

    def report(self, job: Job) -> str | None:
        """The result as JSON."""
        row = self._database.row("SELECT report FROM results WHERE job = ?", job.id)
        return None if row is None else str(row["report"])

    def finished_before(self, result: float, recording: float) -> list[Job]:
        """Jobs whose result (or, if still stored, recording) is due to go."""
        rows = self._database.rows(
            "SELECT * FROM jobs WHERE finished IS NOT NULL AND (finished <= ? OR (stored = 1 AND finished <= ?))",
            *(result, recording),
        )
        return [_job(row) for row in rows]

    def ids(self) -> set[str]:
        return {row["id"] for row in self._database.rows("SELECT id FROM jobs")}

    def counts(self) -> dict[str, int]:
        """Jobs by state, zeros included."""
        rows = self._database.rows("SELECT state, count(*) AS many FROM jobs GROUP BY state")
        return dict.fromkeys(STATES, 0) | {row["state"]: row["many"] for row in rows}


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    values["options"] = json.loads(values["options"])
    values["error"] = None if values["error"] is None else json.loads(values["error"])
    values["stored"] = bool(values["stored"])
    return Job(**values)
