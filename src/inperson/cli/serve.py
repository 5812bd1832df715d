"""``inperson serve`` and ``inperson keys``: the service and who may call it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inperson._console import say
from inperson.cli.guard import EXIT_CODES, guarded
from inperson.errors import InpersonError

if TYPE_CHECKING:
    from inperson.audit import AuditLog
    from inperson.service.keys import Keys
    from inperson.service.settings import Settings

Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings as TOML; see docs/service.md.")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", envvar="INPERSON_DATA", help="The service's folder; inperson-data by default."
    ),
]
keys_app = typer.Typer(help="API keys of a service.", epilog=EXIT_CODES, no_args_is_help=True)


@guarded
def serve(
    config: Config = None,
    data: Data = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on; 8321 by default.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", metavar="N", help="Analyses at once.")] = None,
) -> None:
    """Serve the HTTP interface that a platform's backend calls for each new interview."""
    settings = _settings(config, data, host=host, port=port, workers=workers)
    from inperson import batch
    from inperson.analysis import Analyzer
    from inperson.service.server import serve as run

    batch.preflight(Analyzer())
    if settings.host not in ("127.0.0.1", "::1", "localhost") and settings.tls_certificate is None:
        say(f"listening on {settings.host} without TLS: keys and recordings travel in the clear unless a proxy adds it")
    run(settings)


@keys_app.command("add", epilog=EXIT_CODES)
@guarded
def add_key(
    name: Annotated[str, typer.Option("--name", help="What the key is for; shown in lists.")],
    scopes: Annotated[
        str, typer.Option("--scopes", metavar="A,B", help="Of submit, read, delete, metrics, admin.")
    ] = "submit,read,delete",
    owner: Annotated[str, typer.Option("--owner", help="Whose jobs it sees.")] = "default",
    rate: Annotated[int | None, typer.Option("--rate", metavar="N", help="Requests a minute.")] = None,
    days: Annotated[float | None, typer.Option("--days", metavar="N", help="Days until it expires.")] = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Make a key and print it, this once; only its hash is kept. Takes effect at once."""
    with _keys(_settings(config, data)) as (keys, audit):
        wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
        key, text = keys.add(name, wanted, owner, rate, days)
        audit.append("key.added", key=key.id, name=name, owner=owner, scopes=sorted(key.scopes), by="command line")
    print(text)


@keys_app.command("list", epilog=EXIT_CODES)
@guarded
def list_keys(config: Config = None, data: Data = None) -> None:
    """Show all keys: id, name, owner, scopes, state. A key itself cannot be shown again."""
    now = datetime.now(UTC).timestamp()
    with _keys(_settings(config, data)) as (keys, _):
        for key in keys.all():
            made = datetime.fromtimestamp(key.created, UTC).date()
            print(f"{key.id}  {key.name}  {key.owner}  {','.join(sorted(key.scopes))}  made {made}  {key.state(now)}")


@keys_app.command("revoke", epilog=EXIT_CODES)
@guarded
def revoke_key(
    id: Annotated[str, typer.Argument(metavar="ID", help="As inperson keys list shows it.")],
    config: Config = None,
    data: Data = None,
) -> None:
    """End a key. Takes effect with the next request."""
    with _keys(_settings(config, data)) as (keys, audit):
        key = keys.revoke(id)
        audit.append("key.revoked", key=key.id, name=key.name, owner=key.owner, by="command line")
    print(f"{key.id} ({key.name}) is revoked")


def _settings(config: Path | None, data: Path | None, **given: object) -> Settings:
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import python_multipart  # noqa: F401
        import urllib3  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise InpersonError(f"the service needs {error.name}: pip install 'inperson[serve]'") from None
    from inperson.service.settings import Settings

    return Settings.read(config, data=data, **given)


@contextmanager
def _keys(settings: Settings) -> Iterator[tuple[Keys, AuditLog]]:
    from inperson.audit import AuditLog
    from inperson.service.database import Database
    from inperson.service.keys import Keys
    from inperson.service.service import AUDIT, DATABASE, make_folders

    make_folders(settings)
    database = Database(settings.data / DATABASE)
    try:
        with AuditLog(settings.data / AUDIT) as audit:
            yield Keys(database), audit
    finally:
        database.close()
