"""Worker processes of a batch: each recording in a process whose crash, hang or hunger ends that recording only.

Workers are spawned, load the models once, and fork a process for every recording (`inperson._isolated.worker`). A
worker that itself dies is replaced.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple, Protocol

from inperson._isolated.confine import Confinement, require
from inperson._isolated.handle import MIB, Handle, Limits
from inperson._isolated.scratch import scratch
from inperson.errors import InpersonError, InputError

_LOOK = 0.1  # seconds between looks at the workers' memory
_START_TRIES = 3  # workers in a row that may end before they are ready


class Job(NamedTuple):
    """A recording to analyse.

    `token` is the caller's, given back with the outcome; `text` what the analyser is called with, usually a path;
    `options` fields of the analyser that are different for this recording.
    """

    token: Any
    text: str
    options: dict[str, Any]


Outcome = tuple[Any, dict[str, Any]]
"""A job's token, and ``{"report": {...}}`` or ``{"error": {"type", "message"}}``."""


class Feed(Protocol):
    """Where jobs come from. Neither call waits."""

    def take(self) -> Job | None:
        """A job; None if there is none at the moment."""

    def left(self) -> int:
        """How many more `take` may give, at most; 0 once it will give no more."""


class Listed:
    """Jobs that are all there from the beginning."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = deque(jobs)

    def take(self) -> Job | None:
        return self._jobs.popleft() if self._jobs else None

    def left(self) -> int:
        return len(self._jobs)


def outcomes(
    feed: Feed, analyse: Callable[[str], Any], workers: int, limits: Limits, wanted: Confinement | None = None
) -> Generator[Outcome]:
    """Analyse what `feed` gives in up to `workers` processes at once; one outcome a job, in the order they end.

    Closing the generator, or an error in it, kills every worker.

    Raises
    ------
    InputError
        `analyse` cannot be pickled.
    InpersonError
        Workers cannot be started at all, or the confinement wanted cannot be had.
    """
    with scratch((wanted or Confinement()).scratch) as private:
        make = maker(analyse, limits, replace(wanted or Confinement(), scratch=private))
        pool: dict[Handle, Job | None] = {}
        held: deque[Job] = deque()  # jobs whose worker died before it had begun
        stillborn = 0
        try:
            while held or feed.left() or any(handle.busy for handle in pool):
                _staff(pool, held, feed, workers, make)
                wait([part for one in pool for part in (one.connection, one.process.sentinel)], timeout=_LOOK)
                for handle in list(pool):
                    outcome, job = handle.look(), pool[handle]
                    if handle.ended:
                        del pool[handle]
                        stillborn = 0 if handle.ready else stillborn + 1
                    if stillborn >= _START_TRIES:
                        raise InpersonError(f"the worker processes cannot start: {handle.ended}")
                    if outcome is not None and job is not None:
                        if handle in pool:
                            pool[handle] = None
                        yield job.token, outcome
        finally:
            for handle in pool:
                handle.end("the batch is over")


def maker(analyse: Callable[[str], Any], limits: Limits, wanted: Confinement) -> Callable[[], Handle]:
    """What starts a worker for `analyse`. Raises as `outcomes`."""
    require(wanted)
    memory = None if limits.memory is None else limits.memory * MIB
    task = packed((analyse, wanted, memory, limits.timeout))
    resource_tracker.ensure_running()  # here, because starting it would unblock the signal that a start holds back
    return lambda: Handle(task, limits, hasattr(analyse, "seconds"))


def packed(what: Any) -> bytes:
    """An analyser, and what goes with it, pickled. Raises InputError if it cannot be."""
    try:
        return bytes(ForkingPickler.dumps(what))
    except Exception as error:  # pickle raises PicklingError, AttributeError, TypeError, whatever __reduce__ raises
        raise InputError(
            f"analyze must be picklable to reach the worker processes, for example inperson.Analyzer(...): {error}"
        ) from None


class Packed:
    """An analyser that was `packed` elsewhere and is unpacked in the worker only.

    `measured`: it tells how long a recording is.
    """

    def __init__(self, content: bytes, measured: bool) -> None:
        self._content = content
        if measured:
            self.seconds = None

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        return pickle.loads, (self._content,)

    def __call__(self, text: str) -> Any:
        raise NotImplementedError("it is analysed in the worker")


def _staff(
    pool: dict[Handle, Job | None], held: deque[Job], feed: Feed, workers: int, make: Callable[[], Handle]
) -> None:
    """Hand out jobs to idle workers; start as many workers as there is work for."""
    for handle in pool:
        if handle.ready and not handle.busy and (job := held.popleft() if held else feed.take()) is not None:
            if handle.give(job.text, job.options):
                pool[handle] = job
            else:
                held.appendleft(job)
    waiting = sum(not handle.ready for handle in pool)
    for _ in range(min(workers - len(pool), feed.left() + len(held) - waiting)):
        pool[make()] = None


class Isolated:
    """An analyser whose every call runs in a confined process of its own; see `inperson.isolation`."""

    def __init__(self, analyse: Callable[[str], Any], limits: Limits, wanted: Confinement | None = None) -> None:
        self._scratch = scratch((wanted or Confinement()).scratch)
        self._make = maker(analyse, limits, replace(wanted or Confinement(), scratch=self._scratch.__enter__()))
        self._handle: Handle | None = None

    def start(self) -> Handle:
        """Start the worker without waiting for it."""
        if self._handle is None or self._handle.ended:
            self._handle = self._make()
        return self._handle

    def ready(self, give: Callable[[Handle], bool] = lambda handle: True) -> Handle:
        """Wait until the worker is ready, and `give` it what there is for it.

        Raises
        ------
        InpersonError
            It cannot start.
        """
        why = ""
        for _ in range(_START_TRIES):
            handle = self.start()
            while not handle.ready and not handle.ended:
                _pause(handle)
                handle.look()
            if handle.ready and handle.process.is_alive() and give(handle):
                return handle
            handle.end("it ended before it had a recording")
            why = handle.ended
        raise InpersonError(f"the worker process cannot start: {why}")

    def __call__(self, text: str, options: dict[str, Any], stop: Callable[[], bool]) -> dict[str, Any]:
        """The outcome of one recording; `stop` is asked ten times a second whether to give up."""
        return self._outcome(self.ready(lambda handle: handle.give(text, options)), stop)

    def _outcome(self, handle: Handle, stop: Callable[[], bool]) -> dict[str, Any]:
        while (outcome := handle.look()) is None:
            if stop():
                handle.stop("Cancelled", "stopped on request")
            _pause(handle)
        return outcome

    def close(self) -> None:
        """End the worker. A second call does nothing."""
        if self._handle is not None:
            self._handle.end("closed")
            self._handle = None
        self._scratch.__exit__(None, None, None)


def _pause(handle: Handle) -> None:
    if not handle.connection.closed:
        wait([handle.connection, handle.process.sentinel], timeout=_LOOK)
    else:
        time.sleep(_LOOK)
