"""From a request to a queued job: everything checked, then on the disk, then in the audit log, then in the queue."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException

from inperson import __version__
from inperson._durable import sync_folder
from inperson.service.addresses import Refused, allowed
from inperson.service.jobs import Conflict, Job
from inperson.service.keys import Key
from inperson.service.problems import shown
from inperson.service.schemas import JobOptions
from inperson.service.service import Service
from inperson.service.spool import Spool

RECORDING, TURNS, SCRATCH = "recording", "turns", "tmp"
"""Names within a job's folder."""


def options_of(text: bytes) -> JobOptions:
    """Options that came as JSON in a form.

    Raises
    ------
    HTTPException
        422 where they are not as documented.
    """
    try:
        return JobOptions.model_validate_json(text or b"{}")
    except ValidationError as error:
        first = shown(error.errors())[0]
        where = ".".join(first["where"]) or "options"
        raise HTTPException(422, f"the part options is not as documented: {where}: {first['what']}") from None


def require(service: Service, options: JobOptions) -> None:
    """Check options against the service's settings.

    Raises
    ------
    HTTPException
        422 where something is missing or not allowed, 503 where the queue is full.
    """
    settings = service.settings
    if settings.require_consent and options.consent is None:
        raise HTTPException(422, "consent: this service asks for a reference to the candidate's consent")
    if options.calibration is not None and options.calibration not in settings.calibrations:
        raise HTTPException(422, "calibration: the service has none of that name")
    if options.webhook is not None:
        try:
            allowed(options.webhook, settings.webhooks, "webhooks")
        except Refused as error:
            raise HTTPException(422, f"webhook: {error}") from None
    if service.jobs.counts()["queued"] >= settings.max_queued:
        raise HTTPException(503, "the queue is full", {"retry-after": "60"})


def submit(
    service: Service,
    key: Key,
    options: JobOptions,
    turns: bytes | None,
    idempotency: str | None,
    upload: Spool | None = None,
    url: str | None = None,
) -> tuple[Job, bool]:
    """Queue a job for an upload or for an address that was checked; and whether it is new.

    Raises
    ------
    HTTPException
        409 where the idempotency key belongs to another submission.
    """
    chosen = options.model_dump(mode="json", include=set(JobOptions.model_fields), exclude_none=True)
    what = upload.sha256 if upload is not None else str(url).partition("?")[0]
    turned = None if turns is None else hashlib.sha256(turns).hexdigest()
    fingerprint = _hash([what, chosen, turned])
    job = Job(
        id=secrets.token_hex(16),
        owner=key.owner,
        key=key.id,
        state="queued",
        created=time.time(),
        options=chosen,
        fingerprint=fingerprint,
        source=url,
        sha256=None if upload is None else upload.sha256,
        size=None if upload is None else upload.size,
        stored=upload is not None,
        idempotency=idempotency,
    )
    earlier = service.jobs.same(key.owner, idempotency)
    if earlier is not None:
        return _earlier(earlier, fingerprint), False
    folder = service.folder(job)
    try:
        _lay(folder, upload, turns)
        service.audit.append("job.accepted", **_about(service, job, turned))
        service.jobs.add(job)
    except Conflict as conflict:  # the same key came twice at once
        shutil.rmtree(folder, ignore_errors=True)
        return _earlier(conflict.job, fingerprint), False
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return job, True


def _lay(folder: Path, upload: Spool | None, turns: bytes | None) -> None:
    folder.mkdir(mode=0o700)
    if turns is not None:
        spool = Spool(folder, len(turns), 0)
        try:
            spool.write(turns)
            spool.keep(folder / TURNS)
        finally:
            spool.close()
    if upload is not None:
        upload.keep(folder / RECORDING)
    sync_folder(folder.parent)


def _about(service: Service, job: Job, turns: str | None) -> dict[str, Any]:
    """What the audit log says of a new job: no free text of the caller but the consent reference."""
    options = job.options
    name = options.get("calibration")
    return {
        "job": job.id,
        "key": job.key,
        "owner": job.owner,
        "how": "upload" if job.source is None else "url",
        "sha256": job.sha256,
        "bytes": job.size,
        "turns_sha256": turns,
        "signals": options.get("signals"),
        "prior": options.get("prior"),
        "calibration": name,
        "calibration_sha256": service.calibrations.get(name) if name else None,
        "consent": options.get("consent"),
        "options_sha256": _hash(options),
        "version": __version__,
    }


def _earlier(job: Job, fingerprint: str) -> Job:
    if job.fingerprint != fingerprint:
        raise HTTPException(409, "this idempotency key was used for another submission")
    return job


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
