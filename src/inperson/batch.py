"""Many recordings on one machine: isolated workers, one result line each, resumable.

>>> from inperson import Analyzer, batch
>>> paths = batch.find(["interviews/"])  # doctest: +SKIP
>>> batch.run(paths, "results.jsonl", analyze=Analyzer(signals=("lip_sync",)))  # doctest: +SKIP
Tally(total=120, skipped=0, analysed=118, errors={'MediaError': 1, 'Timeout': 1})

A script that calls `run` needs the usual ``if __name__ == "__main__":``, because workers are spawned.

Conventions
-----------
A line of the results file is a report (`inperson.report.Report`) or ``{"path", "error": {"type", "message"}}``. Lines
come in the order in which recordings end. A recording is known by its absolute path (symbolic links not resolved,
undecodable bytes written ``\\xNN``), which is `media.path` in its report; a recording that changed under the same name
is not noticed. A line, once written, is final: also an error, so that a poisonous recording is tried once.

Error types are inperson's own (``MediaError``, ``ModelError``, ``InputError``), ``Crash``, ``Timeout``, ``Memory``, or
the class of an unexpected exception, which is a bug to report.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from inperson._confine import Confinement
from inperson._handle import MIB, Limits
from inperson._journal import Journal
from inperson._supervisor import Job, Listed, outcomes
from inperson.errors import InputError

if TYPE_CHECKING:
    from inperson.analysis import Analyzer

SUFFIXES = frozenset(
    f".{word}"
    for word in (
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "3gp", "ogv"),
        *("wav", "flac", "mp3", "m4a", "aac", "ogg", "oga", "opus", "mka"),
    )
)
"""What counts as a recording inside a folder. A file named outright is tried whatever it is called."""
TIMEOUT = 7200.0
"""Default wall seconds for one recording."""
MEMORY = 2048
"""Default MiB for one worker."""


@dataclass(slots=True)
class Tally:
    """How far a batch has come.

    Attributes
    ----------
    total : int
        Recordings asked for, each counted once.
    skipped : int
        Of these, already in the results file.
    analysed : int
        Reports written in this run.
    errors : dict of str to int
        Error lines written in this run, by type.
    """

    total: int
    skipped: int = 0
    analysed: int = 0
    errors: dict[str, int] = field(default_factory=dict)

    def count(self, line: dict[str, Any]) -> None:
        """Add a line of this run."""
        if "error" in line:
            kind = line["error"]["type"]
            self.errors[kind] = self.errors.get(kind, 0) + 1
        else:
            self.analysed += 1

    @property
    def failed(self) -> int:
        """Error lines written in this run."""
        return sum(self.errors.values())

    @property
    def finished(self) -> int:
        """Recordings with a line, whether written now or before."""
        return self.skipped + self.analysed + self.failed


def run(
    paths: Iterable[str | Path],
    out: str | Path,
    *,
    analyze: Callable[[str], Any] | None = None,
    workers: int | None = None,
    timeout: float | None = TIMEOUT,
    memory: int | None = MEMORY,
    confinement: Confinement | None = None,
    retry_errors: bool = False,
    progress: Callable[[Tally], None] | None = None,
) -> Tally:
    """Analyse recordings in worker processes and append a line for each to `out`.

    Each line is on the disk before the next is begun. After an interruption of any kind, ``kill -9`` included, the same
    call goes on where it stopped: recordings that have a line are skipped, a torn last line is cut off.

    Parameters
    ----------
    paths : iterable of path
        Recordings; see `find`. One named twice is analysed once; one that is missing or unreadable gets an error line.
    out : path
        The results file, made if missing. Locked while the batch runs.
    analyze : callable, optional
        Picklable; takes a path, returns a `Report`. ``Analyzer()`` by default.
    workers : int, optional
        Processes; `default_workers` by default.
    timeout : float or None
        Wall seconds for one recording; None for no limit.
    memory : int or None
        MiB of resident memory of one worker, code and models included; None for no limit.
    retry_errors : bool
        Try those of `paths` again whose line is an error.
    progress : callable, optional
        Called with the tally at the start and after each line.

    Returns
    -------
    Tally
        Empty of new lines where all was done before.

    Raises
    ------
    InputError
        `out` cannot be written, is another batch's or is no results file; an argument is out of range.
    InpersonError
        Worker processes cannot be started.
    """
    _require(workers is None or workers >= 1, f"workers must be at least 1, found {workers}")
    _require(timeout is None or timeout > 0, f"timeout must be more than 0 s, found {timeout}")
    _require(memory is None or memory >= 1, f"memory must be at least 1 MiB, found {memory}")
    _require(not str(out).endswith(".parquet"), f"results are JSON Lines, found {out}; name it .jsonl")
    if analyze is None:
        from inperson.analysis import Analyzer

        analyze = Analyzer()
    wanted = {_key(path): path for path in (os.path.abspath(os.fspath(path)) for path in paths)}
    tally = Tally(total=len(wanted))
    with Journal(out, retry=wanted if retry_errors else ()) as journal:
        left = [path for key, path in wanted.items() if key not in journal.done]
        tally.skipped = tally.total - len(left)
        if progress is not None:
            progress(tally)
        jobs = Listed([Job(path, path, {}) for path in left])
        limits = Limits(timeout, memory)
        with closing(outcomes(jobs, analyze, workers or default_workers(memory), limits, confinement)) as ended:
            for path, outcome in ended:
                line = _line(path, outcome)
                journal.append(line)
                tally.count(line)
                if progress is not None:
                    progress(tally)
    return tally


def find(inputs: Iterable[str | Path] = (), listing: Iterable[str] = ()) -> list[str]:
    """Recordings named by files, folders and patterns.

    Parameters
    ----------
    inputs : iterable of path
        A file is taken whatever its name; a folder is searched to the bottom for names ending in `SUFFIXES`, without
        following links to folders and without hidden files; ``*``, ``?``, ``[...]`` and one ``**`` (any folders, links
        not followed) are patterns unless a file of that very name exists. A path that names nothing is kept: it will
        get an error line.
    listing : iterable of str
        The same, one path an item, without patterns.

    Returns
    -------
    list of str
        As found, sorted within each folder and pattern; may name a recording twice.

    Raises
    ------
    InputError
        A pattern matches nothing.
    """
    found: list[str] = []
    for name in (os.fspath(one) for one in inputs):
        matches = [name]
        if glob.has_magic(name) and not os.path.lexists(name):
            matches = _matches(name)
            _require(bool(matches), f"no file matches the pattern {name!r}")
        found.extend(path for match in matches for path in _within(match))
    found.extend(path for name in listing for path in _within(name))
    return found


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


def default_workers(memory: int | None = MEMORY) -> int:
    """As many processes as this one has cores, and no more than free memory holds at `memory` MiB each; at least 1."""
    cores = len(os.sched_getaffinity(0))
    room = cores if memory is None else _free_memory() // (memory * MIB)
    return max(1, min(cores, room))


def _within(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    for found in _files(path):
        if os.path.splitext(found)[1].lower() in SUFFIXES:
            yield found


def _matches(pattern: str) -> list[str]:
    head, stars, rest = pattern.partition("**")
    if not stars:
        return sorted(glob.glob(pattern))
    # Not glob's own **: it follows links to folders, round in circles where there are any.
    roots = sorted(glob.glob(head)) if head else [os.curdir]
    below = rest.lstrip("/") or "*"
    return [os.path.normpath(path) for root in roots for path in _files(root) if PurePath(path).match(below)]


def _files(folder: str) -> Iterator[str]:
    """Regular files under a folder, without hidden ones and links to folders."""
    for here, below, files in os.walk(folder):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(here, name)
            if not name.startswith(".") and os.path.isfile(path):
                yield path


def _line(path: str, outcome: dict[str, Any]) -> dict[str, Any]:
    """The line of one recording. What a worker sent is checked: it has handled a hostile file."""
    from pydantic import ValidationError

    from inperson.report import Report

    key = _key(path)
    if "error" in outcome:
        return {"path": key, "error": outcome["error"]}
    try:
        report = Report.model_validate(outcome["report"])
    except ValidationError as error:
        what = f"the worker sent no valid report: {error.errors()[0]['msg']}"
        return {"path": key, "error": {"type": "Crash", "message": what}}
    line = report.model_dump(by_alias=True, mode="json")
    line["media"]["path"] = key
    return line


def _key(path: str) -> str:
    """A path as text that any JSON reader takes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _free_memory() -> int:
    """Bytes that can still be used: the machine's, or the container's limit less what it uses."""
    free = [_field("/proc/meminfo", "MemAvailable:") * 1024]
    limit, used = (_number(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if limit is not None and used is not None:
        free.append(max(limit - used, 0))
    return min(free)


def _field(file: str, name: str) -> int:
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return 1 << 40  # the system does not say: let the cores decide
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 1 << 40)


def _number(file: str) -> int | None:
    try:
        return int(Path(file).read_text())
    except (OSError, ValueError):  # no such limit: "max"
        return None


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)
