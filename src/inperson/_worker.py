"""The inside of a batch worker process: one recording at a time, one message back for each.

The supervisor's side is `inperson._supervisor`. It sends the analyser once and then paths; it gets JSON, never a
pickle, because a worker has read a hostile recording and is not to be trusted with the parent's memory. Every message
goes over a pipe of the worker's own.

::

    -> analyse (pickled), memory limit in bytes or None
    <- {"ready": true}                    or {"broken": {"type", "message"}} and the worker ends
    -> path
    <- {"report": {...}}                  or {"error": {"type", "message"}, "expected": bool}
    -> None                               the worker ends
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from inperson.errors import InpersonError

MESSAGE_CHARS = 2000
"""An error's text is cut here: it may quote the recording."""
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_HARD_LIMIT = 2
"""The kernel refuses memory beyond this many times the limit. The supervisor's own watch ends the worker at the limit;
this stops one that takes memory faster than it looks."""


def work(connection: Connection, parent: int) -> None:
    """Serve `connection` until None or its end. Runs as the main function of a spawned process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the supervisor decides
    _die_with(parent)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            analyse, memory = connection.recv()
        except EOFError:
            return
        except Exception as error:
            _send(connection, {"broken": described(error)})
            return
        _confine(memory)
        _silence()
        _send(connection, {"ready": True})
        while (path := connection.recv()) is not None:
            _send(connection, _outcome(analyse, path))


def _outcome(analyse: Callable[[str], Any], path: str) -> dict[str, Any]:
    try:
        return {"report": json.loads(analyse(path).to_json(indent=None))}
    except InpersonError as error:
        return {"error": described(error), "expected": True}
    except MemoryError:
        return {"error": {"type": "Memory", "message": "an allocation was refused"}, "expected": False}
    except BaseException as error:  # SystemExit too: nothing that analysing one recording does may end the worker
        return {"error": described(error), "expected": False}


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


def _confine(memory: int | None) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the recording
    if memory is not None:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        wanted = memory * _HARD_LIMIT
        if hard == resource.RLIM_INFINITY or wanted < hard:
            resource.setrlimit(resource.RLIMIT_DATA, (wanted, wanted))


def _silence() -> None:
    """Point standard output and error at nothing: what codecs print would run through the progress bar."""
    sys.stdout.flush()
    sys.stderr.flush()
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)


def _die_with(parent: int) -> None:
    """Ask the kernel to end this process when the supervisor is gone, even in the middle of a recording."""
    with suppress(OSError, AttributeError):  # not Linux: the worker ends when it next uses the pipe
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
