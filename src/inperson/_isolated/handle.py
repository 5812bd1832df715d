"""The supervisor's handle on one worker process and the child that has a recording now."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from inperson._isolated.worker import AT_LEAST, CPU_FACTOR, FROM_CHILD, MESSAGE_BYTES, MESSAGE_CHARS, allowed, work

MIB = 1 << 20
_START_SECONDS = 300.0  # a worker must have loaded Python, the analyser and the models by then
_GRACE = 5.0  # seconds to wait for a killed process to be gone
_TYPE_CHARS = 80
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
        Wall seconds, for a recording of whatever length; a shorter one gets less (`inperson._isolated.worker.allowed`).
    memory : int or None
        MiB of resident memory of its process, code and models included.
    """

    timeout: float | None
    memory: int | None


class Handle:
    """One worker process: not `ready`, then idle or `busy`, then `ended` (which says why).

    Parameters
    ----------
    task : bytes
        Pickled: the analyser and its limits.
    limits : Limits
    measured : bool
        Whether the analyser tells how long a recording is, and so how much time it gets.
    """

    def __init__(self, task: bytes, limits: Limits, measured: bool = False) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs,), daemon=True, name="inperson-worker")
        self.limits = limits
        self.measured = measured
        self.ready = False
        self.busy = False
        self.ended = ""
        self._reset()
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

    def _reset(self) -> None:
        self.since = time.monotonic()
        self._child: int | None = None
        self._length: float | None = None
        self._outcome: dict[str, Any] | None = None
        self._stopped = 0.0  # when its recording was stopped; 0 while it was not

    def give(self, text: str, options: dict[str, Any]) -> bool:
        """Hand over a recording; False if the process is gone."""
        try:
            self.connection.send((text, options))
        except OSError:
            return False
        self._reset()
        self.busy = True
        return True

    def look(self) -> dict[str, Any] | None:
        """Take messages; notice death, lateness, hunger. ``{"report"}`` or ``{"error"}`` once a recording ended."""
        alive = self.process.is_alive()  # before the poll: a message may come just before death
        try:
            while self.connection.poll():
                ended = self._take(self.connection.recv_bytes(MESSAGE_BYTES + 1))
                if ended is not None or self.ended:
                    return ended
        except (EOFError, OSError):
            alive = False
        if not alive:
            return self._lost("Crash", death(self._exit_code()))
        return self._watch()

    def stop(self, kind: str, message: str) -> None:
        """End the recording that it has, with this error. The outcome comes from `look`."""
        if not self._stopped:
            self._stopped = time.monotonic()
            self._outcome = _error(kind, message)
            if self._child is not None and _parent(self._child) == self.process.pid:
                with suppress(ProcessLookupError):
                    os.kill(self._child, signal.SIGKILL)

    def end(self, why: str) -> None:
        """Kill the process, and with it its child. Nothing is lost: it holds no state."""
        self.ended = self.ended or why
        self.connection.close()
        self.process.kill()
        self.process.join(_GRACE)

    def _take(self, raw: bytes) -> dict[str, Any] | None:
        if raw[:1] == FROM_CHILD:
            self._hear(raw[1:])
            return None
        message = json.loads(raw)
        if "broken" in message:
            self.end(f"{message['broken']['type']}: {message['broken']['message']}")
        elif "begun" in message:
            self._child = int(message["begun"])
        elif "ended" in message:
            self.busy, outcome = False, self._outcome
            return self._died(int(message["ended"])) if outcome is None else outcome
        else:
            self.ready = True
        return None

    def _hear(self, raw: bytes) -> None:
        """What the child says, who has read a hostile recording: the first valid outcome counts."""
        try:
            message = json.loads(raw)
            if self._outcome is None:
                if "report" in message:
                    self._outcome = {"report": message["report"]}
                elif "error" in message:
                    self._outcome = self._told(message["error"])
                elif self._length is None and 0 <= (seconds := float(message["seconds"])) < math.inf:
                    self._length = seconds
        except (ValueError, KeyError, TypeError, RecursionError):
            self.stop("Crash", "the process sent no valid message")

    def _told(self, error: dict[str, Any]) -> dict[str, Any]:
        kind, message = str(error["type"])[:_TYPE_CHARS], str(error["message"])[:MESSAGE_CHARS]
        if kind == "Memory" and self.limits.memory is not None:
            message = f"needed more than {self.limits.memory} MiB: {message}"
        return _error(kind if kind.isidentifier() else "Crash", message)

    def _watch(self) -> dict[str, Any] | None:
        now = time.monotonic()
        if not self.ready:
            if now - self.since > _START_SECONDS:
                self.end(f"not ready after {_START_SECONDS:g} s")
        elif self._stopped:
            if now - self._stopped > _GRACE:
                return self._lost("Crash", "it could not be ended")
        elif self.busy:
            seconds, why = self._most()
            if seconds is not None and now - self.since > seconds:
                self.stop("Timeout", f"not finished after {seconds:g} s{why}")
            elif self.limits.memory is not None and resident(self._child) > self.limits.memory * MIB:
                self.stop("Memory", f"needed more than {self.limits.memory} MiB")
        return None

    def _most(self) -> tuple[float | None, str]:
        """Wall seconds that the recording may take, and why so few."""
        most, why = self.limits.timeout, ""
        if self.measured:
            own = AT_LEAST if self._length is None else allowed(self._length)
            if most is None or own < most:
                most = own
                why = " of finding its length" if self._length is None else f", enough for one of {self._length:.0f} s"
        return most, why

    def _died(self, code: int) -> dict[str, Any]:
        most, _ = self._most()
        if code == -signal.SIGXCPU and most is not None:
            return _error("Timeout", f"took more than {most * CPU_FACTOR:g} s of CPU time")
        return _error("Crash", death(code))

    def _lost(self, kind: str, message: str) -> dict[str, Any] | None:
        busy, self.busy = self.busy, False
        outcome = self._outcome
        self.end(message)
        return None if not busy else outcome or _error(kind, message)

    def _exit_code(self) -> int | None:
        self.process.join(_GRACE)
        return self.process.exitcode


def death(code: int | None) -> str:
    """How a process ended, from its exit code: negative for a signal, None where it goes on without its pipe."""
    if code is None:
        return "the process closed its connection"
    if code >= 0:
        return f"the process ended with exit code {code}"
    name = signal.Signals(-code).name
    hint = ", as the kernel does when the machine runs out of memory" if -code == signal.SIGKILL else ""
    hint = ", for it tried what its confinement forbids" if -code == signal.SIGSYS else hint
    return f"the process was ended by {name}{hint}"


def resident(pid: int | None) -> int:
    """Bytes of memory in use by a process; 0 if it is gone or the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message}}


@contextmanager
def _shielded() -> Iterator[None]:
    """Hold Ctrl-C back while a worker starts: it inherits the signal blocked, and ours is delivered afterwards.

    Blocking alone would not do for ours: the kernel gives the signal to any thread that has it open, and the libraries
    have threads.
    """
    ours = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    ours = ours and callable(handler)
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
