"""Evaluate a manifest: run what has no result yet, then make figures of all of it.

>>> from inperson.evaluation.run import evaluate
>>> done = evaluate("manifest.csv", "out/", degrade=("phone",))  # doctest: +SKIP
>>> done.document["signals"]["synthetic_voice"]["conditions"]["clean"]["figures"]["auc"]  # doctest: +SKIP
{'value': 0.775, 'low': 0.708, 'high': 0.848}

Recordings are analysed in batch's isolated workers. Each result is on the disk (``results.jsonl``) before the next is
begun, so that the same call goes on after any interruption and ends with the same figures. What a result depends on,
and so what makes it stale, is said in `inperson.evaluation.tasks`. As with `inperson.batch`, a script that calls
`evaluate` needs ``if __name__ == "__main__":``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inperson._batch.journal import Journal
from inperson._isolated.confine import Confinement
from inperson._isolated.handle import Limits
from inperson._isolated.supervisor import Job, Listed, outcomes
from inperson.batch import MEMORY, TIMEOUT, Tally, default_workers
from inperson.errors import InpersonError, InputError
from inperson.evaluation import manifest as manifests
from inperson.evaluation.manifest import Manifest
from inperson.evaluation.rows import Row, calibrated, from_batch, row
from inperson.evaluation.tasks import CLEAN, Plan, Settings, Task, planned

RESULTS = "results.jsonl"
_SCRATCH = ".degraded"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A finished evaluation.

    Attributes
    ----------
    document : dict
        What ``evaluation.json`` holds; see `inperson.evaluation.document`.
    rows : tuple of Row
        What the figures were made of, in the order of manifest and conditions.
    tally : Tally
        How many analyses were done now, before, and failed.
    out : Path
        The folder written.
    """

    document: dict[str, Any]
    rows: tuple[Row, ...]
    tally: Tally
    out: Path


def evaluate(
    manifest: str | Path,
    out: str | Path,
    *,
    signals: tuple[str, ...] | None = None,
    split: str | None = None,
    degrade: Sequence[str] = (),
    clean: bool = True,
    results: str | Path | None = None,
    calibration: str | Path | None = None,
    recheck: bool = True,
    prior: float = 0.5,
    face_backend: str = "onnx",
    by: Sequence[str] | None = None,
    within: str | None = None,
    seed: int = 0,
    draws: int = 1000,
    workers: int | None = None,
    timeout: float | None = TIMEOUT,
    memory: int | None = MEMORY,
    retry_errors: bool = False,
    progress: Callable[[Tally], None] | None = None,
) -> Evaluation:
    """Evaluate the recordings of a manifest and write the report into a folder.

    Parameters
    ----------
    manifest : path
        See `inperson.evaluation.manifest`.
    out : path
        A folder, made if missing; ``results.jsonl`` in it is added to, the rest is replaced.
    signals, split : optional
        Keep only rows of these signals, of this split.
    degrade : sequence of str
        Presets of `inperson.degradation`: further conditions beside ``clean``.
    clean : bool
        False leaves the recordings as they are out, so that only `degrade` is evaluated.
    results : path, optional
        Results of ``inperson batch``: nothing is run, they are evaluated.
    calibration : path, optional
        A site calibration, as in `inperson.analyze`.
    recheck, prior, face_backend
        As in `inperson.analyze`.
    by, within : optional
        Columns to break down by, and the column inside whose values bona fide and spoof are compared; see
        `inperson.evaluation.figures.summarise`.
    seed : int
        Of the degradations and of the bootstrap.
    draws : int
        Resamples of the bootstrap.
    workers, timeout, memory, retry_errors, progress
        As in `inperson.batch.run`.

    Returns
    -------
    Evaluation

    Raises
    ------
    InputError
        The manifest or an option is not as expected, a file that it names is missing, or `out` cannot be written.
    ModelError
        A model is missing or altered.
    InpersonError
        The extra ``evaluate`` is not installed, or worker processes cannot be started.
    """
    from inperson.detectors import names
    from inperson.evaluation.document import Source, documented
    from inperson.evaluation.writing import write

    require_extra()
    table = manifests.read(manifest, split=split, signals=signals)
    conditions = _conditions(degrade, clean)
    folder = _folder(out)
    settings = Settings(prior, face_backend, None if calibration is None else Path(calibration), recheck, seed)
    if results is not None:
        _require(
            not degrade and calibration is None,
            "--results evaluates what a batch found: --degrade and --calibration need a run",
        )
        manifests.require_known(table, names())
        rows, tally = from_batch(table, Path(results), prior), Tally(total=0)
    else:
        _check(table, settings)
        limits, count = _limits(workers, timeout, memory)
        rows, tally = _run(table, conditions, settings, folder, count, limits, retry_errors, progress)
    source = Source(table.path.name, table.sha256, len(table.entries))
    document = documented(source, rows, conditions, settings, by=by, within=within, draws=draws)
    write(document, rows, folder)
    return Evaluation(document, tuple(rows), tally, folder)


def evaluate_rows(
    rows: Sequence[Row],
    out: str | Path,
    *,
    name: str,
    prior: float = 0.5,
    by: Sequence[str] | None = None,
    within: str | None = None,
    seed: int = 0,
    draws: int = 1000,
) -> Evaluation:
    """Write the same report from rows that a script made: simulated positives, another system's scores.

    Parameters
    ----------
    rows : sequence of Row
        At least one. Those with a score and without likelihood ratio get it from the card of their signal.
    out : path
        A folder, made if missing.
    name : str
        What stands in the place of the manifest's name.
    prior, by, within, seed, draws
        As in `evaluate`.

    Returns
    -------
    Evaluation
        Its tally is empty.

    Raises
    ------
    InputError
        There are no rows, an option is not as expected, or `out` cannot be written.
    InpersonError
        The extra ``evaluate`` is not installed.
    """
    from inperson.evaluation.document import Source, documented
    from inperson.evaluation.fingerprint import digest
    from inperson.evaluation.writing import write

    require_extra()
    _require(bool(rows), "expected at least one row, found none")
    rows = calibrated(rows, prior)
    conditions = tuple(dict.fromkeys(row.condition for row in rows))
    source = Source(name, digest([asdict(row) for row in rows]), len(rows))
    document = documented(source, rows, conditions, Settings(prior, seed=seed), by=by, within=within, draws=draws)
    folder = _folder(out)
    write(document, rows, folder)
    return Evaluation(document, tuple(rows), Tally(total=0), folder)


def require_extra() -> None:
    """Find out now whether the extra ``evaluate`` is installed.

    Raises
    ------
    InpersonError
        It is not.
    """
    missing = [
        name for module, name in (("matplotlib", "matplotlib"), ("sklearn", "scikit-learn")) if not find_spec(module)
    ]
    if missing:
        raise InpersonError(f'evaluating needs {" and ".join(missing)}; install with: pip install "inperson[evaluate]"')


def _conditions(degrade: Sequence[str], clean: bool) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(degrade))
    if names:
        from inperson.degradation import PRESETS

        known = [name for name in PRESETS if name != CLEAN]  # that name is taken by the recordings as they are
        unknown = [name for name in names if name not in known]
        _require(not unknown, f"expected degradations of {', '.join(known)}; found {', '.join(map(repr, unknown))}")
    _require(bool(names) or clean, "nothing to evaluate: leaving the clean recordings out needs --degrade")
    return (CLEAN,) * clean + names


def _folder(out: str | Path) -> Path:
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from None
    return folder


def _limits(workers: int | None, timeout: float | None, memory: int | None) -> tuple[Limits, int]:
    _require(workers is None or workers >= 1, f"workers must be at least 1, found {workers}")
    _require(timeout is None or timeout > 0, f"timeout must be more than 0 s, found {timeout}")
    _require(memory is None or memory >= 1, f"memory must be at least 1 MiB, found {memory}")
    return Limits(timeout, memory), workers or default_workers(memory)


def _check(table: Manifest, settings: Settings) -> None:
    """Find out now what would otherwise fail every recording, or the last one after hours."""
    from inperson.analysis import Analyzer
    from inperson.batch import preflight
    from inperson.detectors import names
    from inperson.site import require_models

    manifests.require_known(table, names())
    manifests.require_files(table)
    signals = tuple(sorted({entry.signal for entry in table.entries}))
    require_models(settings.calibration, signals)
    preflight(Analyzer(signals=signals, prior=settings.prior, face_backend=settings.face_backend))


def _run(
    table: Manifest,
    conditions: Sequence[str],
    settings: Settings,
    folder: Path,
    workers: int,
    limits: Limits,
    retry_errors: bool,
    progress: Callable[[Tally], None] | None,
) -> tuple[list[Row], Tally]:
    plan = planned(table, conditions, settings)
    tally = Tally(total=len(plan.tasks))
    retry = set(plan.tasks) if retry_errors else ()
    with Journal(folder / RESULTS, retry, key=lambda line: str(line["key"]), owner="inperson evaluate") as journal:
        left = [task for key, task in plan.tasks.items() if key not in journal.done]
        tally.skipped = tally.total - len(left)
        if progress is not None:
            progress(tally)
        for line in _results(left, settings, folder / _SCRATCH, workers, limits):
            journal.append(line)
            tally.count(line)
            if progress is not None:
                progress(tally)
        found = {line["key"]: line for line in journal.lines() if line["key"] in plan.tasks}
    return _rows(table, conditions, plan, found), tally


def _results(
    tasks: Sequence[Task], settings: Settings, scratch: Path, workers: int, limits: Limits
) -> Iterator[dict[str, Any]]:
    from inperson.evaluation import work

    if not tasks:
        return
    jobs = Listed([Job(task, task.to_json(), {}) for task in tasks])
    with (
        _private(scratch),
        closing(outcomes(jobs, work.Job(settings), workers, limits, Confinement(scratch=str(scratch)))) as ended,
    ):
        for task, outcome in ended:
            yield _line(task, outcome)


@contextmanager
def _private(scratch: Path) -> Iterator[None]:
    """An empty folder that nobody else reads. What a killed run left in it is deleted; so is all else at the end."""
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir(mode=0o700)
    except OSError as error:
        raise InputError(f"cannot make the folder {scratch}: {error.strerror}") from None
    try:
        yield
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _line(task: Task, outcome: dict[str, Any]) -> dict[str, Any]:
    """A task's line. What a worker sent is checked: it has handled a hostile file."""
    from pydantic import ValidationError

    from inperson.report import Report

    about = {"key": task.key, "sha256": task.content, "condition": task.condition, "signals": list(task.signals)}
    if "error" in outcome:
        return {**about, "error": outcome["error"]}
    try:
        sent = outcome["report"]
        report = Report.model_validate(sent["report"]).model_dump(by_alias=True, mode="json")
        measured = {name: float(sent[name]) for name in ("seconds", "cpu_seconds", "degrade_seconds")}
        trivia = {str(name): _plain(value) for name, value in sent["trivia"].items()}
    except (ValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"the worker sent no valid result ({type(error).__name__})"
        return {**about, "error": {"type": "Crash", "message": what}}
    report["media"]["path"] = ""  # a degraded copy's is gone, and a recording is known by its content
    return {**about, "report": report, "trivia": trivia, **measured}


def _plain(value: Any) -> float | str | None:
    return value if value is None or isinstance(value, str) else float(value)


def _rows(table: Manifest, conditions: Sequence[str], plan: Plan, found: dict[str, dict[str, Any]]) -> list[Row]:
    return [
        row(entry, condition, plan.contents[entry.file], found[plan.key(entry, condition)])
        for condition in conditions
        for entry in table.entries
    ]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)
