"""The log: one JSON object a line on standard error, made of known fields only.

No file name, address of a recording, option, IP address or message of an exception is ever written: they may be about
a person. Of an unexpected exception there are its class and the places in the code.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger("inperson.service")


def event(name: str, level: int = logging.INFO, cause: BaseException | None = None, **fields: Any) -> None:
    """Log one event; fields of None are left out."""
    if cause is not None:
        fields["error"] = type(cause).__name__
        frames = traceback.extract_tb(cause.__traceback__)
        fields["at"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames[-6:]]
    log.log(level, name, extra={"fields": {key: value for key, value in fields.items() if value is not None}})


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": record.levelname.lower(), "event": record.getMessage(), **fields}
        return json.dumps(line, default=str)


class _Server(logging.Formatter):
    """What uvicorn says: its event alone where it has arguments or a traceback, for those may quote a request."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        line = {"time": time, "level": record.levelname.lower(), "event": "server", "said": said.splitlines()[0][:200]}
        return json.dumps(line)


def to_stderr(level: int = logging.INFO) -> None:
    """Send the service's and the server's log to standard error."""
    for name, formatter in (("inperson.service", _Lines()), ("uvicorn", _Server())):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(formatter)
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level if name != "uvicorn" else max(level, logging.WARNING))
        logger.propagate = False
