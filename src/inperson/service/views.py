"""A job as callers see it."""

from __future__ import annotations

from datetime import UTC, datetime

from inperson.service import retention
from inperson.service.jobs import Job
from inperson.service.schemas import Failure, JobView, Progress, Recording
from inperson.service.service import Service
from inperson.service.submission import SCRATCH
from inperson.service.work import noted


def view(service: Service, job: Job) -> JobView:
    """A job as callers see it."""
    progress = None
    if job.state == "running" and (read := noted(service.folder(job) / SCRATCH)) is not None:
        done, duration = read
        fraction = None if duration is None else round(min(done / duration, 1.0), 4)
        progress = Progress(read=done, duration=duration, fraction=fraction)
    return JobView(
        id=job.id,
        state=job.state,  # type: ignore[arg-type]  # checked by pydantic
        created=_time(job.created) or "",
        started=_time(job.started),
        finished=_time(job.finished),
        expires=_time(retention.expires(job, service.settings)),
        attempts=job.attempts,
        recording=Recording(sha256=job.sha256, bytes=job.size, stored=job.stored),
        progress=progress,
        error=None if job.error is None else Failure(**job.error),
        options=job.options,
    )


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
