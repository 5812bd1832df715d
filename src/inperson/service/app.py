"""The application: routes behind the guard, and what runs beside them for as long as it is up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI

from inperson import __version__
from inperson.service import logs, operations, problems, retention, routes
from inperson.service.guard import Guard
from inperson.service.runner import Runner
from inperson.service.schemas import JobOptions, Problem
from inperson.service.service import Service
from inperson.service.settings import MIB
from inperson.service.webhooks import Webhooks

_FORM_BYTES = 8 * MIB
"""What a form may hold beside its recording."""
_DESCRIPTION = (
    "Evidence, in a recorded interview, that the candidate's face, lips or voice is not their own or that the answers "
    "were prompted. It gives evidence for a person to weigh, never a verdict."
)


def interface() -> FastAPI:
    """The routes alone, which is enough for the OpenAPI document."""
    app = FastAPI(
        title="inperson",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # the page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(routes.router)
    app.include_router(operations.router)
    problems.install(app, [*routes.router.routes, *operations.router.routes])
    _describe(app)
    return app


def create_app(service: Service) -> FastAPI:
    """The ASGI application of an open service, which it closes when it ends.

    One process may serve it, with one event loop: the queue is worked on inside it.
    """
    runner = Runner(service)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.started()
        runner.start()
        beside = [asyncio.create_task(Webhooks(service).run()), asyncio.create_task(retention.run(service))]
        logs.event("service.started", version=__version__, slots=runner.slots, audit_head=str(service.audit.head))
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await runner.close()
            logs.event("service.stopped", audit_head=str(service.audit.head))
            service.close()

    app = interface()
    app.router.lifespan_context = lifespan
    app.state.service, app.state.runner, app.state.uploads = service, runner, SimpleNamespace(count=0)
    settings = service.settings
    app.add_middleware(
        Guard,
        keys=service.keys,
        metrics=service.metrics,
        rate=settings.rate_per_minute,
        upload_bytes=settings.upload_mib * MIB + _FORM_BYTES,
        idle_seconds=settings.idle_seconds,
        least_rate=settings.least_rate,
    )
    return app


def _describe(app: FastAPI) -> None:
    """Add to the OpenAPI document the models that no route names by itself."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            for model in (Problem, JobOptions):
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                document["components"]["schemas"].setdefault(model.__name__, schema)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]
