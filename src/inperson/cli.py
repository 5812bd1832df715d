"""The command line. It holds no logic of its own: it turns arguments into calls and results into text.

Every expected error is one line on standard error and an exit code; `EXIT_CODES` lists them. There is no exit code for
what a recording shows.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, ParamSpec

import typer

from inperson._console import files_bar, reading_bar, require_other, say, show, summary, write
from inperson.errors import InpersonError, InputError, MediaError, ModelError

if TYPE_CHECKING:
    from inperson.models import Card

P = ParamSpec("P")

OK, FAULT, USAGE, MEDIA, MODEL, INTERRUPTED, UNREAD = 0, 1, 2, 3, 4, 130, 141
EXIT_CODES = (
    "Exit codes: 0 analysed (for batch: every recording has its line, report or error), 1 an unexpected fault, "
    "2 wrong usage, 3 the recording cannot be read, 4 a model or its card is missing or altered, 130 interrupted, "
    "141 nobody reads the output any more. "
    "No code says what a recording shows."
)
_CODE_OF: tuple[tuple[type[InpersonError], int], ...] = ((MediaError, MEDIA), (ModelError, MODEL), (InputError, USAGE))

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
models_app = typer.Typer(help="The models shipped with inperson.", epilog=EXIT_CODES, invoke_without_command=True)
app.add_typer(models_app, name="models")

Signals = Annotated[
    str | None,
    typer.Option("--signals", metavar="A,B", help="Signals to look at, separated by commas; all by default."),
]
Prior = Annotated[
    float, typer.Option("--prior", metavar="P", help="P(signal present) before the recording is seen, between 0 and 1.")
]
Who = Annotated[
    str | None,
    typer.Option(
        "--candidate",
        metavar="WHO",
        help="Who the candidate is: a speaker label, channel:N, track:N, or a place such as left or top-right. "
        "Inferred by default.",
    ),
]
AudioTrack = Annotated[
    int | None, typer.Option("--audio-track", metavar="N", help="Use this audio track, from 0; all by default.")
]
FaceBackend = Annotated[
    str, typer.Option("--face-backend", metavar="NAME", help="onnx, or mediapipe (needs the extra of that name).")
]
JsonOut = Annotated[
    str | None, typer.Option("--json", metavar="OUT", help="Write JSON to this file, or to standard output for -.")
]


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


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn whatever a command raises into one line on standard error and an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except InpersonError as error:
            _fail(str(error), next((code for kind, code in _CODE_OF if isinstance(error, kind)), FAULT), error)
        except KeyboardInterrupt:
            _fail("interrupted", INTERRUPTED)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads; the exit flush must not fail
            raise typer.Exit(UNREAD) from None  # what a shell shows for SIGPIPE
        except typer.Exit:
            raise
        except Exception as error:
            told = f"unexpected {type(error).__name__}: {error}. This is a bug in inperson; please report it with the "
            _fail(told + "output of the same command after inperson --debug", FAULT, error)

    return run


def _fail(message: str, code: int, error: Exception | None = None) -> NoReturn:
    if error is not None and _debugging():
        import traceback

        traceback.print_exception(error)
    say(message)
    raise typer.Exit(code) from None


def _debugging() -> bool:
    return logging.getLogger("inperson").isEnabledFor(logging.DEBUG)


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


@app.command(epilog=EXIT_CODES)
@guarded
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The recording.")],
    json_out: JsonOut = None,
    signals: Signals = None,
    turns: Annotated[
        Path | None,
        typer.Option("--turns", metavar="FILE", help="Who spoke when: RTTM, WebVTT or a JSON transcript."),
    ] = None,
    candidate: Who = None,
    prior: Prior = 0.5,
    audio_track: AudioTrack = None,
    face_backend: FaceBackend = "onnx",
) -> None:
    """Analyse one recording and show what each signal measured, with the moments that support it."""
    from inperson.analysis import analyze

    require_other(json_out, file)
    with reading_bar() as progress:
        report = analyze(
            file,
            signals=_names(signals),
            turns=turns,
            candidate=candidate,
            prior=prior,
            audio_track=audio_track,
            face_backend=face_backend,
            progress=progress,
        )
    if json_out is not None:
        write(json_out, report.to_json() + "\n")
    if json_out != "-":
        from inperson.render import view

        show(view(report))
        if json_out is not None:
            say(f"JSON written to {json_out}")


@app.command(epilog=EXIT_CODES)
@guarded
def batch(
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Results, one JSON line a recording; appended to.")
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT...", help="Recordings, folders (searched to the bottom), patterns."),
    ] = None,
    listing: Annotated[
        str | None, typer.Option("--list", metavar="FILE", help="A file with one path a line; - for standard input.")
    ] = None,
    signals: Signals = None,
    candidate: Who = None,
    prior: Prior = 0.5,
    audio_track: AudioTrack = None,
    face_backend: FaceBackend = "onnx",
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", help="Processes; as many as cores and memory allow by default."),
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", metavar="S", help="Seconds one recording may take.")] = 7200.0,
    memory: Annotated[int, typer.Option("--memory", metavar="MIB", help="MiB of memory one worker may hold.")] = 2048,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Try recordings again that ended in an error.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar and no summary.")] = False,
) -> None:
    """Analyse many recordings, each in a process of its own; go on where an interrupted run stopped."""
    from inperson import batch as batches
    from inperson.analysis import Analyzer

    if not inputs and listing is None:
        raise InputError("name recordings, folders or patterns, or give --list")
    paths = batches.find(inputs or (), _listed(listing))
    if not paths:
        raise InputError(f"no recording found in {', '.join(inputs or [])}{listing or ''}")
    analyzer = Analyzer(
        signals=_names(signals), candidate=candidate, prior=prior, audio_track=audio_track, face_backend=face_backend
    )
    batches.preflight(analyzer)
    try:
        with files_bar(quiet) as progress:
            tally = batches.run(
                paths,
                out,
                analyze=analyzer,
                workers=workers,
                timeout=timeout,
                memory=memory,
                retry_errors=retry_errors,
                progress=progress,
            )
    except KeyboardInterrupt:
        _fail("interrupted; the same command goes on from here", INTERRUPTED)
    if not quiet:
        say(summary(tally))


@models_app.callback()
@guarded
def models(context: typer.Context) -> None:
    """The models shipped with inperson: their cards, and whether they are unaltered."""
    if context.invoked_subcommand is None:
        _list_models()


@models_app.command("list", epilog=EXIT_CODES)
@guarded
def list_models() -> None:
    """Show name, version, licence, size and state of every model."""
    _list_models()


@models_app.command("verify", epilog=EXIT_CODES)
@guarded
def verify_models() -> None:
    """Check every model against its card; exit code 4 if one is missing or altered."""
    states = _states()
    problems = [problem for *_, problem in states if problem]
    for problem in problems:
        say(problem)
    if problems:
        raise typer.Exit(MODEL)
    print(f"{len(states)} cards and their models are present and unaltered")


@app.command(epilog=EXIT_CODES)
@guarded
def bench(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The recording.")],
    json_out: JsonOut = None,
    signals: Signals = None,
    face_backend: FaceBackend = "onnx",
) -> None:
    """Time an analysis, stage by stage, against merely decoding the same file in the same run."""
    from inperson.bench import bench as measure

    require_other(json_out, file)
    result = measure(file, signals=_names(signals), face_backend=face_backend)
    if json_out is not None:
        write(json_out, json.dumps(result.to_dict(), indent=2) + "\n")
    if json_out != "-":
        from inperson.render import bench_table

        show(bench_table(result))


@app.command(epilog=EXIT_CODES)
@guarded
def schema() -> None:
    """Print the JSON Schema of the report."""
    from inperson.report import json_schema

    write("-", json.dumps(json_schema(), indent=2) + "\n")


def _names(signals: str | None) -> tuple[str, ...] | None:
    return None if signals is None else tuple(name.strip() for name in signals.split(",") if name.strip())


def _listed(listing: str | None) -> list[str]:
    """Paths of a list file: one a line, empty lines left out; a line that is no text is still a path."""
    if listing is None:
        return []
    try:
        content = sys.stdin.buffer.read() if listing == "-" else Path(listing).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the list {listing}: {error.strerror}") from None
    return [os.fsdecode(line.rstrip(b"\r")) for line in content.split(b"\n") if line.strip()]


def _list_models() -> None:
    from inperson.render import models_table

    show(models_table(_states()))


def _states() -> list[tuple[str, Card | None, str]]:
    """Name, card and problem ("" if none) of every card in the models folder."""
    from inperson import models

    names = sorted(path.stem for path in models.folder().glob("*.toml"))
    if not names:
        raise ModelError(f"no model card in {models.folder()}; {models.REMEDY}")
    return [_state(name) for name in names]


def _state(name: str) -> tuple[str, Card | None, str]:
    from inperson import models

    card = None
    try:
        card = models.card(name)
        models.verify(card)
    except ModelError as error:
        return name, card, str(error)
    return name, card, ""
