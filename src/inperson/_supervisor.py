"""Worker processes of a batch: each recording in a process whose crash, hang or hunger ends that recording only.

Workers are spawned, not forked, load the models once and serve many recordings. One that dies, takes too long or too
much memory is killed and replaced; so is one that has met an unexpected error, holds on to memory, or has served long.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import FrameType
from typing import Any

from inperson._worker import work
from inperson.errors import InpersonError, InputError

Outcome = tuple[str, dict[str, Any]]
"""A path, and ``{"report": {...}}`` or ``{"error": {"type", "message"}}``."""

MIB = 1 << 20
_LOOK = 0.1  # seconds between looks at the workers' memory
_START_SECONDS = 120.0  # a worker must have loaded Python and the analyser by then
_START_TRIES = 3  # workers in a row that may end before they are ready
_RECORDINGS = 100  # a worker is replaced after this many, so that no leak adds up
_GRACE = 5.0  # seconds to wait for a killed process to be gone
_MESSAGE_BYTES = 256 * MIB  # a longer message is no report
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one recording may take.

    Attributes
    ----------
    timeout : float or None
        Wall seconds.
    memory : int or None
        MiB of resident memory of its worker, code and models included.
    """

    timeout: float | None
    memory: int | None


def outcomes(paths: Iterable[str], analyse: Callable[[str], Any], workers: int, limits: Limits) -> Generator[Outcome]:
    """Analyse `paths` in up to `workers` processes; one outcome a path, in the order they end.

    Closing the generator, or an error in it, kills every worker.

    Raises
    ------
    InputError
        `analyse` cannot be pickled.
    InpersonError
        Workers cannot be started at all.
    """
    task = _pickled(analyse, limits)
    resource_tracker.ensure_running()  # here, because starting it would unblock the signal that `_shielded` blocks
    pending = deque(paths)
    pool: list[_Worker] = []
    stillborn = 0
    try:
        while pending or any(worker.path is not None for worker in pool):
            _staff(pool, pending, workers, task, limits)
            wait([part for worker in pool for part in (worker.connection, worker.process.sentinel)], timeout=_LOOK)
            for worker in list(pool):
                outcome = worker.look()
                if worker.ended:
                    pool.remove(worker)
                    stillborn = 0 if worker.ready else stillborn + 1
                if stillborn >= _START_TRIES:
                    raise InpersonError(f"the worker processes cannot start: {worker.ended}")
                if outcome is not None:
                    yield outcome
    finally:
        for worker in pool:
            worker.end("the batch is over")


def _pickled(analyse: Callable[[str], Any], limits: Limits) -> bytes:
    memory = None if limits.memory is None else limits.memory * MIB
    try:
        return bytes(ForkingPickler.dumps((analyse, memory)))
    except Exception as error:  # pickle raises PicklingError, AttributeError, TypeError, whatever __reduce__ raises
        raise InputError(
            f"analyze must be picklable to reach the worker processes, for example inperson.Analyzer(...): {error}"
        ) from None


def _staff(pool: list[_Worker], pending: deque[str], workers: int, task: bytes, limits: Limits) -> None:
    """Hand out recordings to idle workers; start as many as there is work for."""
    for worker in pool:
        if worker.ready and worker.path is None and pending and worker.give(pending[0]):
            pending.popleft()
    waiting = sum(not worker.ready for worker in pool)
    for _ in range(min(workers - len(pool), len(pending) - waiting)):
        pool.append(_Worker(task, limits))


class _Worker:
    """The supervisor's handle on one worker process: not ready, then idle (`path` is None) or busy, then `ended`."""

    def __init__(self, task: bytes, limits: Limits) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, os.getpid()), daemon=True, name="inperson-worker")
        self.limits = limits
        self.ready = False
        self.path: str | None = None
        self.served = 0
        self.since = time.monotonic()
        self.ended = ""
        try:
            with _shielded(), _one_thread():
                self.process.start()
            theirs.close()
        except BaseException:  # Ctrl-C, held back until here
            if self.process.pid is not None:
                self.process.kill()
            raise
        with suppress(OSError):  # it is dead already; `look` finds out
            self.connection.send_bytes(task)

    def give(self, path: str) -> bool:
        """Hand over a recording; False if the process is gone."""
        try:
            self.connection.send(path)
        except OSError:
            return False
        self.path, self.since = path, time.monotonic()
        return True

    def look(self) -> Outcome | None:
        """Take a message, or notice death, lateness or hunger. An outcome if the worker had a recording."""
        alive = self.process.is_alive()  # before the poll: a message may come just before death
        try:
            if self.connection.poll():
                return self._take(json.loads(self.connection.recv_bytes(_MESSAGE_BYTES)))
        except (EOFError, OSError):
            return self._lost("Crash", self._death())
        except ValueError:
            return self._lost("Crash", "the worker sent no valid message")
        if not alive:
            return self._lost("Crash", self._death())
        seconds = self.limits.timeout if self.ready else _START_SECONDS
        if seconds is not None and (self.path is not None or not self.ready) and self._elapsed() > seconds:
            return self._lost("Timeout", f"not finished after {seconds:g} s")
        if self.limits.memory is not None and _resident(self.process.pid) > self.limits.memory * MIB:
            return self._lost("Memory", f"needed more than {self.limits.memory} MiB")
        return None

    def end(self, why: str) -> None:
        """Kill the process. Nothing is lost: it holds no state and writes no file."""
        self.ended = self.ended or why
        self.connection.close()
        self.process.kill()
        self.process.join(_GRACE)

    def _elapsed(self) -> float:
        return time.monotonic() - self.since

    def _take(self, message: dict[str, Any]) -> Outcome | None:
        if "broken" in message:
            self.end(f"{message['broken']['type']}: {message['broken']['message']}")
            return None
        if not self.ready:
            self.ready = True
            return None
        path, self.path = self.path, None
        if path is None:
            self.end("the worker spoke out of turn")
            return None
        self.served += 1
        hungry = self.limits.memory is not None and _resident(self.process.pid) > self.limits.memory * MIB / 2
        if hungry or self.served >= _RECORDINGS or not message.get("expected", True):
            self.end("the worker was replaced")
        return path, self._checked(message)

    def _checked(self, message: dict[str, Any]) -> dict[str, Any]:
        if "report" in message:
            return {"report": message["report"]}
        error = message["error"]
        if error["type"] == "Memory" and self.limits.memory is not None:
            return _error("Memory", f"needed more than {self.limits.memory} MiB: {error['message']}")
        return {"error": error}

    def _lost(self, kind: str, message: str) -> Outcome | None:
        path, self.path = self.path, None
        self.end(message)
        return None if path is None else (path, _error(kind, message))

    def _death(self) -> str:
        self.process.join(_GRACE)
        code = self.process.exitcode
        if code is None:
            return "the worker closed its connection"
        if code >= 0:
            return f"the worker ended with exit code {code}"
        name = signal.Signals(-code).name
        hint = ", as the kernel does when the machine runs out of memory" if -code == signal.SIGKILL else ""
        return f"the worker was ended by {name}{hint}"


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message}}


def _resident(pid: int | None) -> int:
    """Bytes of memory in use by a process; 0 if it is gone or the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


@contextmanager
def _shielded() -> Iterator[None]:
    """Hold Ctrl-C back while a worker starts: it inherits the signal blocked, and ours is delivered afterwards.

    Blocking alone would not do for ours: the kernel gives the signal to any thread that has it open, and the libraries
    have threads.
    """
    handler = signal.getsignal(signal.SIGINT)
    ours = callable(handler) and threading.current_thread() is threading.main_thread()
    held: list[tuple[int, FrameType | None]] = []
    if ours:
        signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if ours:
            signal.signal(signal.SIGINT, handler)
        if held and callable(handler):
            handler(*held[0])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have the workers' libraries use one thread each: recordings run side by side instead."""
    added = [name for name in _ONE_THREAD if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
