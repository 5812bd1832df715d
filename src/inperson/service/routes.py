"""The HTTP interface, version 1."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from inperson.report import Report
from inperson.service.access import Deleter, Open, Reader, Running, Submitter, found, owner_of
from inperson.service.addresses import Refused, allowed
from inperson.service.guard import UPLOAD
from inperson.service.jobs import Job
from inperson.service.keys import Key
from inperson.service.page import page
from inperson.service.problems import TEXT, responses
from inperson.service.runner import Runner
from inperson.service.schemas import (
    JobId,
    JobList,
    JobOptions,
    JobView,
    Paging,
    Submission,
)
from inperson.service.service import Service
from inperson.service.settings import MIB
from inperson.service.spool import DiskFull, Spool, TooLarge, require_space
from inperson.service.submission import options_of, require, submit
from inperson.service.uploads import BadForm, receive
from inperson.service.views import view

router = APIRouter()
Idempotency = Annotated[
    str | None,
    Header(
        pattern=r"^[A-Za-z0-9._:-]{1,128}$",
        description="the same key with the same submission gives the same job, however often it is sent",
    ),
]
_REPEATED: dict[int | str, dict[str, Any]] = {
    200: {"model": JobView, "description": "The job that this idempotency key made before"}
}


@router.post("/v1/jobs", status_code=202, response_model=JobView, responses=_REPEATED | responses(409, 507))
async def submit_address(
    submission: Submission,
    service: Open,
    runner: Running,
    key: Submitter,
    response: Response,
    idempotency_key: Idempotency = None,
) -> JobView:
    """Analyse a recording that lies in storage."""
    options = JobOptions(**submission.model_dump(exclude={"url", "turns"}))
    await to_thread.run_sync(require, service, options)
    try:
        url = str(allowed(submission.url, service.settings.sources, "sources"))
    except Refused as error:
        raise HTTPException(422, f"url: {error}") from None
    turns = None if submission.turns is None else submission.turns.encode()
    queue = partial(submit, service, key, options, turns, idempotency_key, url=url)
    return await _queued(queue, service, runner, response)


_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["recording"],
                    "properties": {
                        "recording": {"type": "string", "format": "binary", "description": "its file name is ignored"},
                        "options": {"$ref": "#/components/schemas/JobOptions"},
                        "turns": {"type": "string", "description": "who spoke when: RTTM, WebVTT or JSON"},
                    },
                    "additionalProperties": False,
                },
                "encoding": {"options": {"contentType": "application/json"}},
            }
        },
    }
}


@router.post(
    UPLOAD,
    status_code=202,
    response_model=JobView,
    responses=_REPEATED | responses(409, 415, 507),
    openapi_extra=_FORM,
)
async def submit_upload(
    request: Request,
    service: Open,
    runner: Running,
    key: Submitter,
    response: Response,
    idempotency_key: Idempotency = None,
) -> JobView:
    """Analyse a recording that is sent along, as a form whose part `recording` it is."""
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        raise HTTPException(415, "send multipart/form-data")
    gauge = request.app.state.uploads
    if gauge.count >= service.settings.max_uploads:
        raise HTTPException(503, "too many uploads at once", {"retry-after": "10"})
    spool = None
    gauge.count += 1
    service.metrics.uploads.set(gauge.count)
    try:
        spool = await to_thread.run_sync(_spool, service, request.headers.get("content-length", ""))
        form = await receive(kind, request.stream(), spool)
        options = options_of(form.small.get(b"options", b""))
        await to_thread.run_sync(require, service, options)
        turns = form.small.get(b"turns")
        queue = partial(submit, service, key, options, turns, idempotency_key, upload=spool)
        view = await _queued(queue, service, runner, response)
        service.metrics.received.labels("upload").inc(spool.size)
        return view
    except TooLarge:
        raise HTTPException(413, f"a recording may have {service.settings.upload_mib} MiB") from None
    except DiskFull:
        raise HTTPException(507, "the service has no disk space for this recording", {"retry-after": "600"}) from None
    except BadForm as error:
        raise HTTPException(422, str(error)) from None
    except ClientDisconnect:
        raise HTTPException(400, "the connection ended before the recording did") from None
    finally:
        gauge.count -= 1
        service.metrics.uploads.set(gauge.count)
        if spool is not None:
            await to_thread.run_sync(spool.close)


def _spool(service: Service, length: str) -> Spool:
    settings = service.settings
    reserve = settings.reserve_mib * MIB
    require_space(settings.incoming, reserve, int(length) if length.isdigit() else 0)
    return Spool(settings.incoming, settings.upload_mib * MIB, reserve)


async def _queued(
    queue: Callable[[], tuple[Job, bool]], service: Service, runner: Runner, response: Response
) -> JobView:
    job, new = await to_thread.run_sync(queue)
    runner.wake()
    response.status_code = 202 if new else 200
    response.headers["location"] = f"/v1/jobs/{job.id}"
    return view(service, job)


@router.get("/v1/jobs", response_model=JobList, responses=responses(404))
def list_jobs(service: Open, key: Reader, wanted: Annotated[Paging, Query()]) -> JobList:
    """Jobs of the key's owner, newest first."""
    after = None if wanted.before is None else found(service, key, wanted.before)
    jobs = service.jobs.page(owner_of(key), wanted.state, after, wanted.limit)
    return JobList(jobs=[view(service, job) for job in jobs], next=jobs[-1].id if len(jobs) == wanted.limit else None)


@router.get("/v1/jobs/{job_id}", response_model=JobView, responses=responses(404))
def job_status(service: Open, key: Reader, job_id: JobId) -> JobView:
    """How far a job is."""
    return view(service, found(service, key, job_id))


@router.get("/v1/jobs/{job_id}/result", responses=responses(404, 409, 507, model=Report))
def job_result(service: Open, key: Reader, job_id: JobId) -> Response:
    """The report as JSON, as `inperson schema` describes it."""
    text = _report(service, key, job_id, "json")
    return Response(text, media_type="application/json")


@router.get(
    "/v1/jobs/{job_id}/report",
    responses=responses(404, 409, 507, content=TEXT),
    response_class=Response,
)
def job_page(service: Open, key: Reader, job_id: JobId) -> Response:
    """The report for a person to read."""
    report = Report.from_json(_report(service, key, job_id, "page"))
    content, kind, policy = page(report)
    return Response(content, media_type=kind, headers={"content-security-policy": policy})


@router.delete("/v1/jobs/{job_id}", status_code=204, responses=responses(404, 507))
async def delete_job(service: Open, runner: Running, key: Deleter, job_id: JobId) -> Response:
    """Delete recording, result and everything else of a job, at once, also while it runs."""
    job = await to_thread.run_sync(found, service, key, job_id)
    if not await to_thread.run_sync(service.delete, job, "request", key.id):
        raise HTTPException(404, "there is no such job")
    await runner.stop(job)
    await to_thread.run_sync(service.drop_recording, job)
    return Response(status_code=204)


def _report(service: Service, key: Key, id: str, form: str) -> str:
    job = found(service, key, id)
    text = service.jobs.report(job)
    if text is None:
        raise HTTPException(409, f"the job has no result: it is {job.state}")
    service.audit.append("result.read", job=job.id, key=key.id, owner=job.owner, sha256=job.sha256, form=form)
    return text
