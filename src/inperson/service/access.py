"""Who may call a route, and what of the service the route gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from inperson.service.jobs import Job
from inperson.service.keys import Key
from inperson.service.runner import Runner
from inperson.service.service import Service

_bearer = HTTPBearer(auto_error=False, description="inperson keys add makes one")


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _runner(request: Request) -> Runner:
    runner: Runner = request.app.state.runner
    return runner


def _having(scope: str) -> Callable[..., Key]:
    def key(request: Request, _: Annotated[Any, Depends(_bearer)]) -> Key:
        found: Key = request.state.key  # `Guard` has refused requests without one
        if scope not in found.scopes:
            raise HTTPException(403, f"this key does not have the scope {scope}")
        return found

    return key


Open = Annotated[Service, Depends(_service)]
Running = Annotated[Runner, Depends(_runner)]
Submitter = Annotated[Key, Depends(_having("submit"))]
Reader = Annotated[Key, Depends(_having("read"))]
Deleter = Annotated[Key, Depends(_having("delete"))]
Scraper = Annotated[Key, Depends(_having("metrics"))]
Admin = Annotated[Key, Depends(_having("admin"))]


def owner_of(key: Key) -> str | None:
    return None if "admin" in key.scopes else key.owner


def found(service: Service, key: Key, id: str) -> Job:
    job = service.jobs.get(id, owner_of(key))
    if job is None:
        raise HTTPException(404, "there is no such job")
    return job
