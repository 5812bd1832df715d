"""API keys: made once, shown once, kept as hashes.

A key is ``inperson_<id>_<secret>``: 64 bits to find it by, 256 random bits to prove it. Only the SHA-256 of the secret
is kept; a slow hash would add nothing, because a secret of 256 random bits cannot be guessed.

Jobs belong to an owner, and so do keys: all keys of an owner see the same jobs, so that a key can be replaced by a new
one while jobs are running, and no other owner's.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass

from inperson.errors import InputError
from inperson.service.database import Database

SCOPES = ("submit", "read", "delete", "metrics", "admin")
"""``admin`` sees every owner's jobs and the head of the audit log; it holds no other scope by itself."""
_KEY = re.compile(r"inperson_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: everything but its secret. Times are seconds since 1970."""

    id: str
    name: str
    owner: str
    scopes: frozenset[str]
    rate: int | None
    created: float
    expires: float | None
    revoked: float | None

    def state(self, now: float) -> str:
        """``valid``, ``expired`` or ``revoked``."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "valid"


class Keys:
    """The keys of one service."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        name: str,
        scopes: Iterable[str],
        owner: str = "default",
        rate: int | None = None,
        days: float | None = None,
    ) -> tuple[Key, str]:
        """Make a key. The text, with its secret, is nowhere else.

        Raises
        ------
        InputError
            A scope is not known, a name is no word, or a number is out of range.
        """
        wanted = frozenset(scopes)
        if not wanted or not wanted <= set(SCOPES):
            raise InputError(f"scopes are of {', '.join(SCOPES)}; found {', '.join(sorted(wanted)) or 'none'}")
        for what, word in (("name", name), ("owner", owner)):
            if not _WORD.fullmatch(word):
                raise InputError(f"the {what} of a key is a word of letters, digits, '.', '-' and '_', found {word!r}")
        if (rate is not None and rate < 1) or (days is not None and days <= 0):
            raise InputError("a key's rate and days are more than 0")
        secret, now = secrets.token_urlsafe(32), time.time()
        expires = None if days is None else now + days * 86400
        key = Key(secrets.token_hex(8), name, owner, wanted, rate, now, expires, None)
        self._database.change(
            "INSERT INTO keys (id, name, owner, scopes, hash, rate, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            key.id,
            name,
            owner,
            ",".join(sorted(wanted)),
            _hash(secret),
            rate,
            now,
            expires,
        )
        return key, f"inperson_{key.id}_{secret}"

    def all(self) -> list[Key]:
        """Every key ever made, oldest first."""
        return [_key(row) for row in self._database.rows("SELECT * FROM keys ORDER BY created")]

    def revoke(self, id: str) -> Key:
        """End a key at once; its jobs stay with their owner.

        Raises
        ------
        InputError
            There is no such key.
        """
        self._database.change("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", time.time(), id)
        row = self._database.row("SELECT * FROM keys WHERE id = ?", id)
        if row is None:
            raise InputError(f"no key has the id {id!r}; inperson keys list shows them")
        return _key(row)

    def find(self, text: str) -> Key | None:
        """The valid key that `text` proves, or None, without telling by time how much of it was right."""
        match = _KEY.fullmatch(text)
        id, secret = match.groups() if match else ("", "")
        row = self._database.row("SELECT * FROM keys WHERE id = ?", id)
        expected = bytes(32) if row is None else row["hash"]
        if not hmac.compare_digest(_hash(secret), expected) or row is None:
            return None
        key = _key(row)
        return key if key.state(time.time()) == "valid" else None


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _key(row: sqlite3.Row) -> Key:
    return Key(
        row["id"],
        row["name"],
        row["owner"],
        frozenset(row["scopes"].split(",")),
        row["rate"],
        row["created"],
        row["expires"],
        row["revoked"],
    )
