"""The command line. It holds no logic of its own: it turns arguments into calls and results into text.

One file a command. Every expected error is one line on standard error and an exit code (`guard.EXIT_CODES`); there is
no exit code for what a recording shows.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from inperson._console import say
from inperson.cli.audit import app as audit_app
from inperson.cli.batch import batch
from inperson.cli.bench import bench, schema
from inperson.cli.calibrate import calibrate
from inperson.cli.check import check
from inperson.cli.degrade import degrade
from inperson.cli.evaluate import evaluate
from inperson.cli.guard import EXIT_CODES, OK, USAGE
from inperson.cli.latency import latency
from inperson.cli.models import app as models_app
from inperson.cli.report import report
from inperson.cli.serve import keys_app, serve
from inperson.cli.sync import sync

app = typer.Typer(
    name="inperson",
    help="Evidence, in a recorded interview, that the candidate's face, lips or voice is not their own or that the "
    "answers were prompted. Everything stays on this machine.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (check, report, sync, latency, batch, evaluate, calibrate, bench, schema, degrade, serve):
    app.command(epilog=EXIT_CODES)(command)
app.add_typer(models_app, name="models")
app.add_typer(keys_app, name="keys")
app.add_typer(audit_app, name="audit")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code. Entry point of ``inperson`` and ``python -m inperson``."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a character gets its escape instead
            stream.reconfigure(errors="backslashreplace")
    try:
        result = app(args=None if arguments is None else list(arguments), prog_name="inperson", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):  # typer's and click's usage errors have it, whatever their class
            raise
        say(f"{error.format_message().rstrip('.')}. Try inperson --help.")
        result = USAGE
    sys.exit(result if isinstance(result, int) else OK)


def _version(wanted: bool) -> None:
    if wanted:
        from inperson import __version__

        print(f"inperson {__version__}")
        raise typer.Exit(OK)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the log and, of a failure, the traceback.")] = False,
) -> None:
    log = logging.getLogger("inperson")
    if debug:
        log.setLevel(logging.DEBUG)
        log.addHandler(logging.StreamHandler())
    else:
        log.addHandler(logging.NullHandler())
        log.propagate = False
