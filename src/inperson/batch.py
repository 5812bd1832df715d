"""Many recordings, on one machine or a cluster: isolated workers, one result each, resumable.

>>> from inperson import Analyzer, batch
>>> paths = batch.find(["interviews/"])  # doctest: +SKIP
>>> batch.run(paths, "results.jsonl", analyze=Analyzer(signals=("lip_sync",)))  # doctest: +SKIP
Tally(total=120, skipped=0, analysed=117, same=1, errors={'MediaError': 1, 'Timeout': 1})
>>> for row in batch.read("results.jsonl"):  # doctest: +SKIP
...     print(row.paths, row.error or row.report.finding("lip_sync").confidence)

A script that calls `run` needs the usual ``if __name__ == "__main__":``, because workers are spawned.

Conventions
-----------
The results file holds one JSON line a recording, appended in the order in which they end (`inperson._batch.results`
says what is in it); `read` gives the rows, one a content. A recording is known by its content, so the same content
under two names is analysed once, and a file that changed under its name is noticed (by size and time of change) and
analysed again. A row, once written, is final, also an error, so that a poisonous recording is tried once; other signals
than it has are added to it.

Error types are inperson's own (``MediaError``, ``ModelError``, ``InputError``, ``StorageError``), ``Crash``,
``Timeout``, ``Memory``, or the class of an unexpected exception, which is a bug to report.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inperson._batch.engines import engine as engine_named
from inperson._batch.found import SUFFIXES, find
from inperson._batch.intake import Intake, Ready, text_of
from inperson._batch.manifest import Recording, is_url, manifest
from inperson._batch.parquet import to_parquet
from inperson._batch.results import Ledger, Result, read
from inperson._batch.rows import Merger, changed, outcome_line, settings
from inperson._batch.storage import LIMIT as SPOOL_LIMIT
from inperson._batch.tally import Tally
from inperson._batch.workers import default_workers
from inperson._isolated.confine import Confinement
from inperson._isolated.handle import Limits
from inperson._isolated.scratch import scratch
from inperson.errors import InputError
from inperson.isolation import MEMORY, TIMEOUT

if TYPE_CHECKING:
    from inperson.analysis import Analyzer

__all__ = [
    "MEMORY",
    "SPOOL_LIMIT",
    "SUFFIXES",
    "TIMEOUT",
    "Confinement",
    "Recording",
    "Result",
    "Tally",
    "default_workers",
    "find",
    "manifest",
    "preflight",
    "read",
    "run",
    "to_parquet",
]


def run(
    recordings: Iterable[str | Path | Recording],
    out: str | Path,
    *,
    analyze: Callable[[str], Any] | None = None,
    engine: str = "local",
    workers: int | None = None,
    timeout: float | None = TIMEOUT,
    memory: int | None = MEMORY,
    confinement: Confinement | None = None,
    retry_errors: bool = False,
    schemes: Iterable[str] = (),
    spool_limit: int = SPOOL_LIMIT,
    progress: Callable[[Tally], None] | None = None,
) -> Tally:
    """Analyse recordings in worker processes and append a line for each to `out`.

    Each line is on the disk before the next is begun. After an interruption of any kind, ``kill -9`` included, the same
    call goes on where it stopped: recordings that have a row are skipped, a torn last line is cut off.

    Parameters
    ----------
    recordings : iterable of path, URL or Recording
        See `find` and `manifest`. One named twice is analysed once; one that is missing or unreadable gets an error.
    out : path
        The results file, made if missing. Locked while the batch runs.
    analyze : callable, optional
        Picklable; takes a path, returns a `Report`. ``Analyzer()`` by default. Only an `Analyzer` takes options of
        single recordings and adds signals to rows that are there.
    engine : str
        ``"local"``: processes of this machine. ``"ray"``: the Ray cluster that ``RAY_ADDRESS`` names, or one on this
        machine that is ended with the batch (needs ``inperson[ray]``).
    workers : int, optional
        Processes; `default_workers` by default, or as many as the cluster has CPUs.
    timeout : float or None
        Wall seconds for one recording; None for no limit. A recording whose length is known gets less
        (`inperson.isolation`).
    memory : int or None
        MiB of resident memory of one process, code and models included; None for no limit.
    confinement : Confinement, optional
        What a recording's process may open beside the recording (`inperson.isolation`).
    retry_errors : bool
        Try those of `recordings` again whose row is an error.
    schemes : iterable of str
        URLs of these may be fetched: ``"s3"``, ``"gs"``, ``"az"``, ``"https"``, ... (needs ``inperson[storage]``).
    spool_limit : int
        Most MiB of one fetched recording.
    progress : callable, optional
        Called with the tally at the start and after each recording.

    Returns
    -------
    Tally
        Empty of new rows where all was done before.

    Raises
    ------
    InputError
        `out` cannot be written, is another batch's, is no results file or holds results of other options; an argument
        is out of range; a scheme needs a package that is not installed.
    InpersonError
        Worker processes cannot be started, the isolation required cannot be had, or the engine cannot be reached, is
        not installed or lost all of its nodes.
    """
    _require(workers is None or workers >= 1, f"workers must be at least 1, found {workers}")
    _require(timeout is None or timeout > 0, f"timeout must be more than 0 s, found {timeout}")
    _require(memory is None or memory >= 1, f"memory must be at least 1 MiB, found {memory}")
    _require(spool_limit >= 1, f"spool_limit must be at least 1 MiB, found {spool_limit}")
    _require(
        not str(out).endswith(".parquet"), f"results are JSON Lines, found {out}; name it .jsonl, and see --parquet"
    )
    if analyze is None:
        from inperson.analysis import Analyzer

        analyze = Analyzer()
    wanted = confinement or Confinement()
    tally = Tally()
    with (
        Ledger(out, settings(analyze)) as ledger,
        scratch(wanted.scratch) as private,
        engine_named(engine, workers, memory) as running,
    ):
        asked = _asked(recordings)
        tally.total = len(asked)
        told = _teller(tally, progress)
        merger = Merger(analyze, ledger)
        intake = Intake(
            asked,
            ledger,
            wanted=merger.signals,
            version=merger.version,
            store=_store(schemes, private, spool_limit),
            workers=running.workers,
            retry=retry_errors,
            told=told,
        )
        ended = running.outcomes(intake, analyze, Limits(timeout, memory), wanted)
        with closing(intake), closing(ended):
            for ready, outcome in ended:
                _settle(intake, merger, ready, outcome)
        ledger.compact()
    return tally


def _settle(intake: Intake, merger: Merger, ready: Ready, outcome: dict[str, Any]) -> None:
    """Write what came of a recording, or have more of it analysed."""
    line = changed(ready) or outcome_line(ready, outcome)
    if "report" in line:
        merged, again = merger.merged(ready, line["report"])
        if again:
            intake.redo(ready, again)
            return
        line = {"report": merged}
    intake.settle(ready, line)


def _asked(recordings: Iterable[str | Path | Recording]) -> list[Recording]:
    """Each once, by name and options; local paths made absolute, symbolic links left as they are."""
    asked: dict[tuple[str, str], Recording] = {}
    for one in recordings:
        given = one if isinstance(one, Recording) else Recording(os.fspath(one))
        path = given.path if is_url(given.path) else os.path.abspath(given.path)
        asked.setdefault((text_of(path), repr(sorted(given.options.items()))), Recording(path, given.options, given.id))
    return list(asked.values())


def _teller(tally: Tally, progress: Callable[[Tally], None] | None) -> Callable[[dict[str, Any] | None], None]:
    def told(line: dict[str, Any] | None) -> None:
        tally.count(line)
        if progress is not None:
            progress(tally)

    if progress is not None:
        progress(tally)
    return told


def _store(schemes: Iterable[str], folder: str, limit: int) -> Any:
    allowed = frozenset(schemes)
    if not allowed:
        return None
    from inperson._batch.storage import Storage

    return Storage(allowed, folder, limit)


def preflight(analyzer: Analyzer) -> None:
    """Find out now what would otherwise fail every recording: models, signals, prior, face backend.

    Raises
    ------
    ModelError
        A model or card is missing or altered.
    InputError
        An option of `analyzer` is not as expected.
    """
    from inperson import calibration, models
    from inperson.detectors import factories
    from inperson.faces import FaceTracker

    calibration.confidence(0.0, analyzer.prior)
    for card in models.cards():
        models.verify(card)
    for factory in analyzer.detectors or factories(analyzer.signals):
        model = factory().model
        calibration.Calibration.from_card(models.card(model).calibration, model)
    backend: Any = analyzer.face_backend
    FaceTracker(backend=backend)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)
