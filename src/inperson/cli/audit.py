"""``inperson audit``: is a service's audit log unbroken, and what does it say?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from inperson._console import say
from inperson.cli.guard import AUDIT, EXIT_CODES, guarded

app = typer.Typer(help="A service's audit log.", epilog=EXIT_CODES, no_args_is_help=True)
Log = Annotated[Path, typer.Argument(metavar="LOG", help="The log: audit.jsonl in the service's data folder.")]


@app.command("verify", epilog=EXIT_CODES)
@guarded
def verify_log(
    log: Log,
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="SEQ:HASH", help="A head printed earlier and kept elsewhere: finds a cut end."),
    ] = None,
) -> None:
    """Check that no entry was altered, dropped, moved or put in; exit code 5 if one was. Prints the head to keep."""
    from inperson.audit import AuditError, Head, verify

    try:
        found = verify(log, None if head is None else Head.parse(head))
    except AuditError as error:
        say(str(error))
        raise typer.Exit(AUDIT) from None
    print(f"{found.entries} entries, unbroken; head {found.head}")


@app.command("show", epilog=EXIT_CODES)
@guarded
def show_log(
    log: Log,
    job: Annotated[str | None, typer.Option("--job", metavar="ID", help="Only entries of this job.")] = None,
    sha256: Annotated[
        str | None,
        typer.Option("--sha256", metavar="HASH", help="Only entries of this recording (its beginning will do)."),
    ] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="ID", help="Only entries of this API key.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON Lines, as they are.")] = False,
) -> None:
    """Print the entries, oldest first, up to the first that is broken."""
    from inperson.audit import AuditError, entries
    from inperson.render import plain

    try:
        for entry in entries(log):
            if job not in (None, entry.get("job")) or key not in (None, entry.get("key")):
                continue
            if sha256 is not None and not str(entry.get("sha256", "")).startswith(sha256):
                continue
            if as_json:
                print(json.dumps(entry, sort_keys=True))
                continue
            about = {name: value for name, value in entry.items() if name not in _HEADING}
            words = " ".join(f"{name}={json.dumps(value)}" for name, value in about.items())
            print(plain(f"{entry['seq']} {entry['time']} {entry['event']} {words}"))
    except AuditError as error:
        say(str(error))
        raise typer.Exit(AUDIT) from None


_HEADING = frozenset({"seq", "time", "event", "previous", "hash"})
