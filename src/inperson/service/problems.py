"""Errors as callers see them: ``application/problem+json`` (RFC 9457), without their own input in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from inperson.errors import InpersonError, InputError
from inperson.service import logs

TEXT = {"text/plain": {"schema": {"type": "string"}}}
"""``content=TEXT``: plain text, for `responses`; `HTML` likewise."""
HTML = {"text/html": {"schema": {"type": "string"}}}
SHAPE: dict[str, Any] = {
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def responses(*codes: int, **ok: Any) -> dict[int | str, dict[str, Any]]:
    """What a route may answer, for the OpenAPI document: errors, and of success what `ok` says."""
    always = (400, 401, 403, 408, 413, 422, 429, 503)
    errors: dict[int | str, dict[str, Any]] = {
        code: {"description": HTTPStatus(code).phrase, **SHAPE} for code in sorted({*always, *codes})
    }
    return {**({200: ok} if ok else {}), **errors}


def problem(
    status: int,
    detail: str,
    request_id: str,
    headers: dict[str, str] | None = None,
    errors: list[dict[str, Any]] | None = None,
) -> JSONResponse:
    """One error."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": request_id,
    }
    if errors is not None:
        content["errors"] = errors
    return JSONResponse(content, status, headers=headers, media_type="application/problem+json")


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Have every error of `routes` answered this way."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["allow"] = _allowed(request, routes)
        return problem(error.status_code, str(error.detail), request.state.request_id, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(422, "the request is not as documented", request.state.request_id, None, shown(error.errors()))

    @app.exception_handler(InpersonError)
    async def expected(request: Request, error: InpersonError) -> JSONResponse:
        if type(error) is InputError:  # the audit log cannot be written
            logs.event("audit.failed", level=40, cause=error, request=request.state.request_id)
        return problem(507, "the service cannot write to its disk", request.state.request_id)

    @app.exception_handler(sqlite3.OperationalError)
    async def stuck(request: Request, error: sqlite3.OperationalError) -> JSONResponse:
        logs.event("database.failed", level=40, cause=error, request=request.state.request_id)
        return problem(503, "the queue cannot be used now", request.state.request_id, {"retry-after": "10"})


def _allowed(request: Request, routes: Sequence[BaseRoute]) -> str:
    """Methods of all routes of this path; the router itself names those of the first one only."""
    found = [route for route in routes if route.matches(request.scope)[0] != Match.NONE]
    return ", ".join(sorted({method for route in found for method in getattr(route, "methods", ())}))


def shown(errors: Any) -> list[dict[str, Any]]:
    """Where and what, of pydantic's errors; not what was sent."""
    return [{"where": [str(part) for part in one["loc"]], "what": str(one["msg"])} for one in list(errors)[:20]]
