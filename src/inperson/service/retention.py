"""Deletes what has been kept long enough: recordings after `recording_days`, whole jobs after `result_days`."""

from __future__ import annotations

import asyncio
import time

from anyio import to_thread

from inperson.service import logs
from inperson.service.jobs import Job
from inperson.service.service import Service
from inperson.service.settings import Settings

DAY = 86_400.0
_EVERY = 60.0


def expires(job: Job, settings: Settings) -> float | None:
    """When the job and its result are deleted; None while it has not ended."""
    return None if job.finished is None else job.finished + settings.result_days * DAY


def sweep(service: Service, now: float) -> int:
    """Delete what is due at `now`; how many jobs or recordings that were."""
    settings = service.settings
    result, recording = now - settings.result_days * DAY, now - settings.recording_days * DAY
    due = service.jobs.finished_before(result, recording)
    for job in due:
        if job.finished is not None and job.finished <= result:
            service.delete(job, "retention", None)
        else:
            service.release(job)
    return len(due)


async def run(service: Service) -> None:
    """Sweep once a minute, until cancelled."""
    while True:
        try:
            await to_thread.run_sync(sweep, service, time.time())
        except Exception as error:
            logs.event("retention.failed", level=40, cause=error)
        await asyncio.sleep(_EVERY)
