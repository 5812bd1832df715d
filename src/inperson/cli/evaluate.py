"""``inperson evaluate``: how good each signal is on recordings with known answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inperson._console import files_bar, say, show, summary
from inperson.cli.guard import INTERRUPTED, fail, guarded
from inperson.cli.options import (
    FaceBackend,
    Memory,
    OwnCalibration,
    Prior,
    Quiet,
    Recheck,
    RetryErrors,
    Signals,
    Timeout,
    Workers,
    names,
)


@guarded
def evaluate(
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST", help="CSV: path, signal, label (bonafide or spoof), and more columns.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the report; also holds the results to resume from.")
    ],
    signals: Signals = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Only rows whose column split says so.")
    ] = None,
    degrade: Annotated[
        str | None,
        typer.Option("--degrade", metavar="A,B", help="Also degraded by these presets; see inperson degrade."),
    ] = None,
    degrade_only: Annotated[bool, typer.Option("--degrade-only", help="Leave the recordings as they are out.")] = False,
    results: Annotated[
        Path | None,
        typer.Option("--results", metavar="FILE", help="Evaluate results of inperson batch; run nothing."),
    ] = None,
    calibration: OwnCalibration = None,
    recheck: Recheck = True,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="A,B", help="Columns to break down by; those with few values by default."),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option("--within", metavar="COLUMN", help="Compare inside its values; source or pair by default."),
    ] = None,
    prior: Prior = 0.5,
    face_backend: FaceBackend = "onnx",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of degradations and bootstrap.")] = 0,
    draws: Annotated[int, typer.Option("--draws", metavar="N", help="Resamples of the bootstrap.")] = 1000,
    workers: Workers = None,
    timeout: Timeout = 7200.0,
    memory: Memory = 2048,
    retry_errors: RetryErrors = False,
    quiet: Quiet = False,
) -> None:
    """Measure each signal on recordings with known answers; go on where an interrupted run stopped."""
    from inperson.evaluation.run import evaluate as measured

    try:
        with files_bar(quiet) as progress:
            done = measured(
                manifest,
                out,
                signals=names(signals),
                split=split,
                degrade=names(degrade) or (),
                clean=not degrade_only,
                results=results,
                calibration=calibration,
                recheck=recheck,
                by=names(by),
                within=within,
                prior=prior,
                face_backend=face_backend,
                seed=seed,
                draws=draws,
                workers=workers,
                timeout=timeout,
                memory=memory,
                retry_errors=retry_errors,
                progress=progress,
            )
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on from here", INTERRUPTED)
    if quiet:
        return
    from inperson.evaluation.overview import overview

    if done.tally.total:
        say(summary(done.tally))
    show(overview(done.document))
    say(f"the report lies in {done.out / 'report.md'}")
