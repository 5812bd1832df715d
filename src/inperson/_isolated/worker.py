"""The inside of a worker process: it loads the analyser once and gives every recording a process of its own.

A worker never touches a recording. For each it forks a child, which confines itself (`inperson._isolated.confine`),
analyses and ends. So nothing that a hostile recording does to its process reaches the next recording, and a crash costs
no loading of models. The child's messages are passed on unread, as bytes; the supervisor
(`inperson._isolated.supervisor`) gets JSON, never a pickle. All go over a pipe of the worker's own.

::

    -> analyse, confinement, memory limit in bytes or None, longest seconds or None (pickled)
    <- {"ready": true}                    or {"broken": {"type", "message"}} and the worker ends
    -> (text, options)                    pickled
    <- {"begun": pid}
    <= {"seconds": float}                 of the recording, by its own account; only from analysers that can tell
    <= {"report": {...}}                  or {"error": {"type", "message"}}
    <- {"ended": exit code}
    -> None                               the worker ends

``<=`` is what a child said: the worker puts `FROM_CHILD` before it, so that no child can speak for the worker.

An analyser is any picklable callable that takes a text, usually a path, and returns something with ``to_json``. It may
also have ``prepare()``, called once in the worker: load what every recording needs; ``reads(text)``: paths of the files
that it needs for this text, the text itself by default; ``seconds(text)``: how long the recording is. Options of a
recording are put into it by `dataclasses.replace`.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn

from inperson._isolated.confine import Confinement, confine, limit_cpu
from inperson.errors import InpersonError

FROM_CHILD = b"<"
MESSAGE_CHARS = 2000
"""An error's text is cut here: it may quote the recording."""
MESSAGE_BYTES = 256 << 20
"""A longer message is no report."""
CPU_FACTOR = 2
"""CPU seconds a second of wall time: one thread decodes, one analyses."""
PER_SECOND, AT_LEAST = 4.0, 120.0
"""Wall seconds allowed for each second of recording, and in any case. Own choice: an analysis takes 0.2 to 0.3 s a
second on a core of 2024, three times that if it is done again on copies; the rest is for slow and crowded machines."""
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def allowed(seconds: float) -> float:
    """Wall seconds that a recording of this length may take."""
    return AT_LEAST + PER_SECOND * seconds


def work(connection: Connection) -> None:
    """Serve `connection` until None or its end. Runs as the main function of a spawned process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the supervisor decides
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            analyse, wanted, memory, seconds = connection.recv()
            _silence()
            if hasattr(analyse, "prepare"):
                analyse.prepare()
        except EOFError:
            return
        except Exception as error:
            _send(connection, {"broken": described(error)})
            return
        _send(connection, {"ready": True})
        while (job := connection.recv()) is not None:
            with tempfile.TemporaryDirectory(prefix="inperson-", dir=wanted.scratch) as private:
                _serve(connection, partial(_child, analyse, job, wanted, private, memory, seconds))


def _serve(connection: Connection, child: Callable[[Connection], NoReturn]) -> None:
    ours, theirs = Pipe(duplex=False)
    worker, pid = os.getpid(), os.fork()
    if pid == 0:
        try:
            _die_with(worker)
            _close_all_but(theirs.fileno())
            child(theirs)
        finally:
            os._exit(1)
    theirs.close()
    _send(connection, {"begun": pid})
    with suppress(EOFError, OSError):  # it has ended, or sent nonsense
        # The supervisor says nothing while a recording is in work: if its end can be read from, it is gone. Not by a
        # signal at its death, which the kernel sends when the thread ends that started this process.
        while connection not in wait([ours, connection]):
            connection.send_bytes(FROM_CHILD + ours.recv_bytes(MESSAGE_BYTES))
    ours.close()
    os.kill(pid, signal.SIGKILL)  # it can say nothing more; not reaped yet, so the number is still its own
    _, status = os.waitpid(pid, 0)
    _send(connection, {"ended": os.waitstatus_to_exitcode(status)})


def _child(
    analyse: Any,
    job: tuple[str, dict[str, Any]],
    wanted: Confinement,
    private: str,
    memory: int | None,
    longest: float | None,
    pipe: Connection,
) -> NoReturn:
    text, options = job
    try:
        one = replace(analyse, **options) if options else analyse
        read = one.reads(text) if hasattr(one, "reads") else [text]
        confine(wanted, read, private, memory, None if longest is None else longest * CPU_FACTOR)
        outcome = _outcome(one, text, pipe)
    except BaseException as error:
        outcome = {"error": described(error)}
    _send(pipe, outcome)
    os._exit(0)


def _outcome(analyse: Any, text: str, pipe: Connection) -> dict[str, Any]:
    try:
        if hasattr(analyse, "seconds"):
            length = analyse.seconds(text)
            _send(pipe, {"seconds": length})
            limit_cpu(allowed(length) * CPU_FACTOR)
        return {"report": json.loads(analyse(text).to_json(indent=None))}
    except MemoryError:
        return {"error": {"type": "Memory", "message": "an allocation was refused"}}
    except BaseException as error:  # SystemExit too: it is the recording's outcome
        return {"error": described(error)}


def described(error: BaseException) -> dict[str, str]:
    """Class and text of an error; for one that is not inperson's own, also where it was raised."""
    text = str(error) or "no message"
    if not isinstance(error, InpersonError):
        last = traceback.extract_tb(error.__traceback__)[-1:]
        text += "".join(f" (raised in {os.path.basename(frame.filename)}:{frame.lineno})" for frame in last)
    text = text[:MESSAGE_CHARS].encode("utf-8", "backslashreplace").decode()  # undecodable bytes of a file's name
    return {"type": type(error).__name__, "message": text}


def _send(connection: Connection, message: dict[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())


def _silence() -> None:
    """Point standard output and error at nothing: what codecs print would run through the progress bar."""
    sys.stdout.flush()
    sys.stderr.flush()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


def _close_all_but(kept: int) -> None:
    """Leave a child no way to speak for its worker, nor to anybody else whose pipe the worker has inherited."""
    last = os.sysconf("SC_OPEN_MAX")
    os.closerange(3, kept)
    os.closerange(kept + 1, last)


def _die_with(parent: int) -> None:
    """Ask the kernel to end this process when its parent is gone, even in the middle of a recording."""
    with suppress(OSError, AttributeError):  # not Linux: the worker ends when it next uses the pipe
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
