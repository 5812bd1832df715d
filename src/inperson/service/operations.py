"""Routes for those who run the service: health, metrics, the audit log's head."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from inperson.service.access import Admin, Open, Running, Scraper
from inperson.service.problems import TEXT, responses
from inperson.service.schemas import Alive, AuditHead, Ready
from inperson.service.settings import MIB
from inperson.service.spool import DiskFull, require_space

router = APIRouter()


@router.get("/v1/audit/head", response_model=AuditHead, responses=responses())
def audit_head(service: Open, key: Admin) -> AuditHead:
    """The head of the audit log, to be kept elsewhere: `inperson audit verify --head` then finds a cut end."""
    del key
    return AuditHead(head=str(service.audit.head))


@router.get(
    "/metrics",
    responses=responses(content=TEXT),
    response_class=Response,
)
def metrics(service: Open, key: Scraper) -> Response:
    """For Prometheus."""
    del key
    return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/healthz", response_model=Alive)
def healthz() -> Alive:
    """Whether the process answers."""
    return Alive()


@router.get("/readyz", response_model=Ready, responses={503: {"model": Ready, "description": "Not ready"}})
def readyz(service: Open, runner: Running) -> JSONResponse:
    """Whether it takes new work: queue usable, workers alive, disk not full."""
    checks = {"workers": runner.alive}
    try:
        checks["queue"] = service.jobs.counts()["queued"] < service.settings.max_queued
    except Exception:
        checks["queue"] = False
    try:
        require_space(service.settings.data, service.settings.reserve_mib * MIB)
        checks["disk"] = True
    except (DiskFull, OSError):
        checks["disk"] = False
    ready = all(checks.values())
    return JSONResponse(Ready(ready=ready, checks=checks).model_dump(), 200 if ready else 503)
