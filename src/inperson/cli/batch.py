"""``inperson batch``: many recordings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inperson._console import files_bar, say, summary, write
from inperson.cli.guard import INTERRUPTED, fail, guarded
from inperson.cli.options import (
    Asr,
    AsrLanguage,
    AudioTrack,
    FaceBackend,
    HtmlOut,
    Listing,
    Memory,
    OwnCalibration,
    Prior,
    Quiet,
    Recheck,
    RetryErrors,
    Signals,
    Timeout,
    Who,
    Workers,
    names,
    recogniser,
)
from inperson.errors import InputError

if TYPE_CHECKING:
    from inperson.batch import Recording


@guarded
def batch(
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Results, one JSON line a recording; appended to.")
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT...", help="Recordings, folders (searched to the bottom), patterns, URLs."),
    ] = None,
    listing: Listing = None,
    manifest: Annotated[
        list[Path] | None,
        typer.Option(
            "--manifest",
            metavar="FILE",
            help="CSV or JSON Lines: path; turns, candidate, audio_track, calibration, id. May be repeated.",
        ),
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="At the end, write all results as a Parquet table.")
    ] = None,
    signals: Signals = None,
    candidate: Who = None,
    prior: Prior = 0.5,
    audio_track: AudioTrack = None,
    face_backend: FaceBackend = "onnx",
    calibration: OwnCalibration = None,
    recheck: Recheck = True,
    asr: Asr = None,
    asr_language: AsrLanguage = None,
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            metavar="NAME",
            help="local: processes of this machine. ray: the cluster that RAY_ADDRESS names, or one on this machine.",
        ),
    ] = "local",
    workers: Workers = None,
    timeout: Timeout = 7200.0,
    memory: Memory = 2048,
    allow_scheme: Annotated[
        list[str] | None,
        typer.Option("--allow-scheme", metavar="NAME", help="Fetch URLs of s3, gs, az, https, ... May be repeated."),
    ] = None,
    spool_limit: Annotated[
        int, typer.Option("--spool-limit", metavar="MIB", help="Most MiB of one fetched recording.")
    ] = 8192,
    scratch: Annotated[
        Path | None,
        typer.Option("--scratch", metavar="FOLDER", help="Where private copies lie while they are needed."),
    ] = None,
    require_isolation: Annotated[
        bool, typer.Option("--require-isolation", help="Do not run where the system cannot confine a process fully.")
    ] = False,
    retry_errors: RetryErrors = False,
    quiet: Quiet = False,
    html: HtmlOut = None,
) -> None:
    """Analyse many recordings, each in a confined process; go on where an interrupted run stopped."""
    from inperson import batch as batches
    from inperson import site
    from inperson.analysis import Analyzer
    from inperson.page.folder import write_index

    schemes = tuple(allow_scheme or ())
    recordings = _recordings(inputs or [], listing, manifest or [], schemes)
    analyzer = Analyzer(
        signals=names(signals),
        candidate=candidate,
        prior=prior,
        audio_track=audio_track,
        face_backend=face_backend,
        calibration=site.of(calibration),
        recheck=recheck,
        asr=recogniser(asr, asr_language),
    )
    batches.preflight(analyzer)
    site.require_models(analyzer.calibration, analyzer.signals)
    place = None if scratch is None else str(scratch.absolute())
    if not quiet:
        _tell_isolation()
    try:
        with files_bar(quiet) as progress:
            tally = batches.run(
                recordings,
                out,
                analyze=analyzer,
                engine=engine,
                workers=workers,
                timeout=timeout,
                memory=memory,
                confinement=batches.Confinement(scratch=place, required=require_isolation),
                retry_errors=retry_errors,
                schemes=schemes,
                spool_limit=spool_limit,
                progress=progress,
            )
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on from here", INTERRUPTED)
    if html is not None:
        write_index(out, html, write=write)
    if not quiet:
        say(summary(tally))
    if parquet is not None:
        count = batches.to_parquet(out, parquet)
        if not quiet:
            say(f"{count} rows written to {parquet}")


def _recordings(
    inputs: list[str], listing: str | None, manifests: list[Path], schemes: tuple[str, ...]
) -> list[str | Path | Recording]:
    from inperson import batch as batches

    if not inputs and listing is None and not manifests:
        raise InputError("name recordings, folders, patterns or URLs, or give --list or --manifest")
    found: list[str | Path | Recording] = [*batches.find(inputs, _listed(listing), schemes)]
    for path in manifests:
        found.extend(batches.manifest(path))
    if not found:
        raise InputError(f"no recording found in {', '.join(inputs)}{listing or ''}")
    return found


def _tell_isolation() -> None:
    from inperson.isolation import in_force

    found = in_force()
    if not found.complete:
        say(f"isolation is incomplete on this system: {found}")


def _listed(listing: str | None) -> list[str]:
    """Paths of a list file: one a line, empty lines left out; a line that is no text is still a path."""
    if listing is None:
        return []
    try:
        content = sys.stdin.buffer.read() if listing == "-" else Path(listing).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the list {listing}: {error.strerror}") from None
    return [os.fsdecode(line.rstrip(b"\r")) for line in content.split(b"\n") if line.strip()]
