"""Takes jobs from the queue, one a slot, and sees each to its end.

A job is analysed in a process of its own (`inperson.service.child`) which can be killed at any moment: on deletion,
when the service stops, and by the kernel's hand when the service itself is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter, to_thread

from inperson import __version__
from inperson.batch import default_workers
from inperson.report import Report
from inperson.service import logs
from inperson.service.addresses import Refused, allowed
from inperson.service.checking import KINDS, checked
from inperson.service.fetching import FetchError, Stopped, fetch
from inperson.service.jobs import Job
from inperson.service.service import Service
from inperson.service.settings import MIB
from inperson.service.spool import Spool
from inperson.service.submission import RECORDING, SCRATCH, TURNS
from inperson.service.webhooks import payload

_ANSWER_BYTES = 256 * MIB
_PATIENCE = 180.0  # seconds beyond the job's own limit before its supervisor is given up
_LOOK = 5.0  # seconds between looks at the queue that nobody asked for


@dataclass(slots=True)
class _Active:
    """What runs for a job now, and how to stop it."""

    stop: threading.Event = field(default_factory=threading.Event)
    process: asyncio.subprocess.Process | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def kill(self) -> None:
        self.stop.set()
        self.kill_process()

    def kill_process(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.kill()


class Runner:
    """The slots of one service.

    Attributes
    ----------
    slots : int
        Jobs at once.
    alive : bool
        Whether all slots are at work.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self.slots = service.settings.workers or default_workers(service.settings.memory)
        self._work = asyncio.Event()
        self._fetches = CapacityLimiter(self.slots)  # threads of their own: storage may be slow, requests must not be
        self._active: dict[str, _Active] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Put the jobs back that the last kill interrupted, and begin."""
        service = self._service
        for job in service.jobs.interrupted():
            if job.attempts < service.settings.attempts:
                service.jobs.again(job)
            else:
                text = f"the service was killed {job.attempts} times while this recording was analysed"
                self._finish(job, None, {"type": "Interrupted", "message": text})
        self._tasks = [asyncio.create_task(self._slot()) for _ in range(self.slots)]

    async def close(self) -> None:
        """Stop all slots; what they had goes back into the queue."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def alive(self) -> bool:
        return all(not task.done() for task in self._tasks)

    def wake(self) -> None:
        """There is a new job."""
        self._work.set()

    async def stop(self, job: Job) -> None:
        """End what runs for a job that was deleted. A storage that does not answer is not waited for."""
        active = self._active.get(job.id)
        if active is not None:
            active.kill()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await active.ended.wait()

    async def _slot(self) -> None:
        while True:
            try:
                self._work.clear()  # before the look: a job that comes after it wakes the slot
                job = await to_thread.run_sync(self._service.jobs.claim)
                if job is None:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK):
                            await self._work.wait()
                    continue
                await self._see_through(job)
            except Exception as error:  # a full disk, say: the job is still in the queue or stays running till restart
                logs.event("runner.failed", level=40, cause=error)
                await asyncio.sleep(_LOOK)

    async def _see_through(self, job: Job) -> None:
        active = self._active[job.id] = _Active()
        began = time.monotonic()
        try:
            report, error = await self._outcome(job, active)
            self._service.metrics.job_seconds.observe(time.monotonic() - began)
            if not active.stop.is_set():
                await to_thread.run_sync(self._finish, job, report, error)
        except asyncio.CancelledError:
            active.kill()
            with suppress(Exception):
                if active.process is not None:
                    await asyncio.shield(active.process.wait())
            self._service.jobs.give_back(job)
            raise
        except Exception:
            if self._service.jobs.get(job.id) is None:
                return  # deleted under way, with its folder
            try:
                if job.attempts >= self._service.settings.attempts:
                    self._finish(job, None, {"type": "Interrupted", "message": "a fault of the service; see its log"})
            finally:
                self._service.jobs.again(job)  # nothing changes if it has ended
            raise
        finally:
            active.ended.set()
            self._active.pop(job.id, None)
            if active.stop.is_set() and self._service.jobs.get(job.id) is None:
                self._service.drop_recording(job)

    async def _outcome(self, job: Job, active: _Active) -> tuple[Report | None, dict[str, str] | None]:
        try:
            if job.source is not None:
                await to_thread.run_sync(self._fetch, job, active, abandon_on_cancel=True, limiter=self._fetches)
            outcome = await self._analyse(job, active)
        except FetchError as error:
            return None, {"type": "Fetch", "message": str(error)}
        except Stopped:
            return None, None
        return checked(job, outcome)

    def _fetch(self, job: Job, active: _Active) -> None:
        settings = self._service.settings
        folder = self._service.folder(job)

        def spool() -> Spool:
            return Spool(settings.incoming, settings.upload_mib * MIB, settings.reserve_mib * MIB)

        try:
            address = allowed(str(job.source), settings.sources, "sources")  # the settings may be others by now
            got = fetch(address, spool, private=settings.private_addresses, seconds=settings.timeout, stop=active.stop)
        except Refused as error:
            raise FetchError(str(error)) from None
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            got.keep(folder / RECORDING)
        finally:
            got.close()
        self._service.audit.append(
            "job.fetched", job=job.id, key=job.key, owner=job.owner, sha256=got.sha256, bytes=got.size
        )
        self._service.metrics.received.labels("url").inc(got.size)
        if not self._service.jobs.fetched(job, got.sha256, got.size):
            raise Stopped

    async def _analyse(self, job: Job, active: _Active) -> dict[str, Any]:
        settings, folder = self._service.settings, self._service.folder(job)
        await to_thread.run_sync(_emptied, folder / SCRATCH)
        told = {
            "path": str(folder.absolute() / RECORDING),
            "options": self._arguments(job),
            "analyse": settings.analyse,
            "timeout": settings.timeout,
            "memory": settings.memory,
        }
        if active.stop.is_set():
            raise Stopped
        active.process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "inperson.service.child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": str((folder / SCRATCH).absolute())},
            limit=_ANSWER_BYTES,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(settings.timeout + _PATIENCE):
                process.stdin.write(json.dumps(told).encode() + b"\n")
                await process.stdin.drain()
                answer = json.loads(await process.stdout.readline())
                await process.wait()
        except (TimeoutError, ValueError, ConnectionError):
            return {"error": {"type": "Crash", "message": "the supervising process gave no answer"}}
        finally:
            active.kill_process()
        return dict(answer)

    def _arguments(self, job: Job) -> dict[str, Any]:
        """Keyword arguments of `inperson.analyze`."""
        chosen = {name: value for name, value in job.options.items() if name not in ("consent", "webhook")}
        if name := chosen.pop("calibration", None):
            chosen["calibration"] = str(self._service.settings.calibrations[name].absolute())
        if (asr := self._service.asr) is not None:
            chosen["asr"] = [os.path.abspath(asr.folder), asr.language]
        turns = self._service.folder(job) / TURNS
        if turns.exists():
            chosen["turns"] = str(turns.absolute())
        return chosen

    def _finish(self, job: Job, report: Report | None, error: dict[str, str] | None) -> None:
        service = self._service
        state = "failed" if report is None else "succeeded"
        current = service.jobs.get(job.id)
        if current is None:
            return
        kind = None if error is None else error["type"]
        if report is not None:  # its recording is named as this service knows it, whatever the worker says
            own = {"path": f"job:{job.id}", "sha256": current.sha256, "size_bytes": current.size}
            report = report.model_copy(update={"media": report.media.model_copy(update=own)})
        findings = () if report is None else report.findings
        service.audit.append(
            "job.ended",
            job=job.id,
            key=job.key,
            owner=job.owner,
            sha256=current.sha256,
            state=state,
            error=kind,
            version=__version__,
            models=sorted({finding.model for finding in findings if finding.model}) or None,
            calibration=job.options.get("calibration"),
            consent=job.options.get("consent"),
        )
        webhook = job.options.get("webhook")
        call = None if webhook is None else (webhook, payload(job.id, state, kind))
        text = None if report is None else report.to_json(indent=None)
        if not service.jobs.finish(job, text, error, call):
            return
        service.metrics.ended.labels(state, "none" if kind is None else kind if kind in KINDS else "other").inc()
        if report is not None:
            service.metrics.recording_seconds.inc(report.media.duration)
        logs.event("job.ended", job=job.id, state=state, error=kind)
        if service.settings.recording_days == 0:
            service.release(current)


def _emptied(folder: Path) -> None:
    """Make the worker's folder, without what an earlier run left."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
