"""What a worker process sent back, checked: it has read a hostile file and is not trusted."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError

from inperson.report import Report
from inperson.service import logs
from inperson.service.jobs import Job

KINDS = frozenset({"MediaError", "InputError", "ModelError", "Timeout", "Memory", "Crash", "Fetch", "Interrupted"})
"""Types of error that are expected; any other is a bug to report."""
_CLASS = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MESSAGE_CHARS = 2000


def checked(job: Job, outcome: dict[str, Any]) -> tuple[Report | None, dict[str, str] | None]:
    """A report, or an error as ``{"type", "message"}`` without this machine's paths."""
    try:
        if "report" in outcome:
            return Report.model_validate(outcome["report"]), None
        kind, message = str(outcome["error"]["type"]), str(outcome["error"]["message"])
    except (ValidationError, KeyError, TypeError):
        kind, message = "Crash", "the worker sent no valid report"
    if not _CLASS.fullmatch(kind):
        kind = "Crash"
    if kind not in KINDS:
        logs.event("job.fault", level=40, job=job.id, error=kind)
    return None, {"type": kind, "message": _without_paths(message[:_MESSAGE_CHARS], job)}


def _without_paths(message: str, job: Job) -> str:
    """`message` with the job's folder replaced by what lies in it."""
    words = []
    for word in message.split(" "):
        _, found, rest = word.partition(job.id)
        words.append(f"the {rest.strip('/:,.') or 'recording'}" if found else word)
    return " ".join(words)
