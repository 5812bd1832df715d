"""``inperson calibrate``: how a platform's own genuine recordings score."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inperson._conformal import ASSURANCE
from inperson._console import files_bar, say, summary, write
from inperson.cli.batch import _listed
from inperson.cli.guard import INTERRUPTED, fail, guarded
from inperson.cli.options import (
    AudioTrack,
    FaceBackend,
    Listing,
    Memory,
    Quiet,
    RetryErrors,
    Signals,
    Timeout,
    Who,
    Workers,
    names,
)
from inperson.errors import InputError

if TYPE_CHECKING:
    from inperson.site import Site


@guarded
def calibrate(
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The calibration, TOML; replaced at once or not at all.")
    ],
    genuine: Annotated[
        list[str] | None,
        typer.Argument(metavar="GENUINE...", help="Genuine recordings of yours: files, folders, patterns."),
    ] = None,
    listing: Listing = None,
    results: Annotated[
        Path | None,
        typer.Option("--from", metavar="RESULTS", help="Take the results of inperson batch on genuine recordings."),
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="TEXT", help="What reports call it; the name of FILE by default.")
    ] = None,
    assurance: Annotated[
        float, typer.Option("--assurance", metavar="G", help="How sure the rates of false alarms are to hold.")
    ] = ASSURANCE,
    signals: Signals = None,
    candidate: Who = None,
    audio_track: AudioTrack = None,
    face_backend: FaceBackend = "onnx",
    workers: Workers = None,
    timeout: Timeout = 7200.0,
    memory: Memory = 2048,
    retry_errors: RetryErrors = False,
    quiet: Quiet = False,
) -> None:
    """Learn how your own genuine recordings score, so that false alarms stay at the rate you accept.

    Recordings are analysed as by inperson batch, with the results kept in FILE.jsonl: an interrupted run goes on.
    """
    from inperson import site

    name = out.stem if label is None else label
    site.Site(name, 0, {}, assurance)  # refuses either now, not after hours
    if (bool(genuine) or listing is not None) == (results is not None):
        raise InputError("name genuine recordings (or give --list), or give --from, the results of inperson batch")
    wanted = None
    if results is None:
        paths = _found(genuine or [], listing)
        _require_other(out, paths)
        results = out.with_name(out.name + ".jsonl")
        limits = {"workers": workers, "timeout": timeout, "memory": memory, "retry_errors": retry_errors}
        options = {"candidate": candidate, "audio_track": audio_track, "face_backend": face_backend}
        wanted = _analysed(paths, results, {"signals": names(signals), **options}, limits, quiet)
    _require_other(out, [os.fspath(results)])
    made = site.measured(site.results(results, wanted), name, assurance, signals=names(signals))
    site.require_use(made)
    write(str(out), made.to_toml())
    if not quiet:
        _tell(made)


def _found(genuine: list[str], listing: str | None) -> list[str]:
    from inperson import batch

    paths = batch.find(genuine, _listed(listing))
    if not paths:
        raise InputError(f"no recording found in {', '.join(genuine)}{listing or ''}")
    return paths


def _require_other(out: Path, inputs: list[str]) -> None:
    for path in inputs:
        with suppress(OSError):
            if os.path.samefile(out, path):
                raise InputError(f"--out {out} would overwrite {path}; give it another name")


def _analysed(
    paths: list[str], results: Path, options: dict[str, Any], limits: dict[str, Any], quiet: bool
) -> frozenset[str]:
    """Analyse recordings; the paths that their results are known by."""
    from inperson import batch
    from inperson.analysis import Analyzer

    analyzer = Analyzer(**options, recheck=False)
    batch.preflight(analyzer)
    try:
        with files_bar(quiet) as progress:
            tally = batch.run(paths, results, analyze=analyzer, progress=progress, **limits)
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on from here", INTERRUPTED)
    if not quiet:
        say(f"{summary(tally)}; results in {results}")
    return frozenset(os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace") for path in paths)


def _tell(made: Site) -> None:
    """What every signal got, and what more recordings would bring."""
    from inperson import _conformal

    needed = ", ".join(f"{rate:.0%}: {_conformal.needed(rate, made.assurance)}" for rate in (0.05, 0.01))
    for signal, one in made.signals.items():
        scored = f"{signal}: {len(one.scores)} scored, {one.abstained} not; "
        none = one.compare(math.inf, 1.0, made.assurance)
        say(scored + (none.reason if none.p_value is None else f"p-values down to {none.p_value:.3f}"))
    say(f"scored recordings needed for p-values down to {needed}, at {made.assurance:.0%} assurance")
