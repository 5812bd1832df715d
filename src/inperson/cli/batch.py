"""``inperson batch``: many recordings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from inperson._console import files_bar, say, summary, write
from inperson.cli.guard import INTERRUPTED, fail, guarded
from inperson.cli.options import (
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
)
from inperson.errors import InputError


@guarded
def batch(
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Results, one JSON line a recording; appended to.")
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT...", help="Recordings, folders (searched to the bottom), patterns."),
    ] = None,
    listing: Listing = None,
    signals: Signals = None,
    candidate: Who = None,
    prior: Prior = 0.5,
    audio_track: AudioTrack = None,
    face_backend: FaceBackend = "onnx",
    calibration: OwnCalibration = None,
    recheck: Recheck = True,
    workers: Workers = None,
    timeout: Timeout = 7200.0,
    memory: Memory = 2048,
    retry_errors: RetryErrors = False,
    quiet: Quiet = False,
    html: HtmlOut = None,
) -> None:
    """Analyse many recordings, each in a process of its own; go on where an interrupted run stopped."""
    from inperson import batch as batches
    from inperson import site
    from inperson.analysis import Analyzer
    from inperson.page.folder import write_index

    if not inputs and listing is None:
        raise InputError("name recordings, folders or patterns, or give --list")
    paths = batches.find(inputs or (), _listed(listing))
    if not paths:
        raise InputError(f"no recording found in {', '.join(inputs or [])}{listing or ''}")
    analyzer = Analyzer(
        signals=names(signals),
        candidate=candidate,
        prior=prior,
        audio_track=audio_track,
        face_backend=face_backend,
        calibration=site.of(calibration),
        recheck=recheck,
    )
    batches.preflight(analyzer)
    site.require_models(analyzer.calibration, analyzer.signals)
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
        fail("interrupted; the same command goes on from here", INTERRUPTED)
    if html is not None:
        write_index(out, html, write=write)
    if not quiet:
        say(summary(tally))


def _listed(listing: str | None) -> list[str]:
    """Paths of a list file: one a line, empty lines left out; a line that is no text is still a path."""
    if listing is None:
        return []
    try:
        content = sys.stdin.buffer.read() if listing == "-" else Path(listing).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the list {listing}: {error.strerror}") from None
    return [os.fsdecode(line.rstrip(b"\r")) for line in content.split(b"\n") if line.strip()]
