"""The service's one SQLite file: jobs, results, webhook deliveries, keys.

Write-ahead log with ``synchronous=FULL``: what a transaction wrote is on the disk when it ends, also if the power goes.
``secure_delete`` overwrites what is deleted, and `Database.scrub` empties the write-ahead log after it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inperson.errors import InputError

VERSION = 1
SCHEMA = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    run TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    source TEXT,
    sha256 TEXT,
    size INTEGER,
    stored INTEGER NOT NULL,
    options TEXT NOT NULL,
    error TEXT,
    idempotency TEXT,
    fingerprint TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX jobs_idempotency ON jobs (owner, idempotency) WHERE idempotency IS NOT NULL;
CREATE INDEX jobs_state ON jobs (state, created);
CREATE INDEX jobs_owner ON jobs (owner, created);
CREATE TABLE results (
    job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    report TEXT NOT NULL
) STRICT;
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next REAL,
    outcome TEXT
) STRICT;
CREATE INDEX deliveries_next ON deliveries (next) WHERE next IS NOT NULL;
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    scopes TEXT NOT NULL,
    hash BLOB NOT NULL,
    rate INTEGER,
    created REAL NOT NULL,
    expires REAL,
    revoked REAL
) STRICT;
"""


class Database:
    """An open database; threads take turns.

    Raises
    ------
    InputError
        The file cannot be opened, is something else, or is of a newer inperson.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        try:
            self._connection = _opened(path)
            version = self._prepared()
        except OSError as error:
            raise InputError(f"cannot open {path}: {error.strerror}") from None
        except sqlite3.Error as error:
            raise InputError(f"{path} is no database of this service, or cannot be used: {error}") from None
        if version > VERSION:
            self.close()
            raise InputError(f"{path} is of a newer inperson; use that one")

    def _prepared(self) -> int:
        """Make the tables of a new file; the version of what is there."""
        try:
            for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                self._connection.execute(f"PRAGMA {setting}")
            with self.transaction() as connection:
                version = int(connection.execute("PRAGMA user_version").fetchone()[0])
                if version == 0:
                    for statement in SCHEMA.split(";"):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version={VERSION}")
            return version
        except sqlite3.Error:
            self._connection.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, alone; on the disk when it ends."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> sqlite3.Row | None:
        found = self.rows(query, *values)
        return found[0] if found else None

    def change(self, statement: str, *values: Any) -> int:
        """Rows changed, on the disk."""
        with self.transaction() as connection:
            return connection.execute(statement, values).rowcount

    def scrub(self) -> None:
        """Empty the write-ahead log, where what was just deleted may still be read."""
        with self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _opened(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection
