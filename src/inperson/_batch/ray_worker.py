"""The inside of a Ray actor: it holds one worker process, which gives every recording a process of its own.

An actor never unpickles the analyser and never touches a recording; its worker and that worker's children do
(`inperson._isolated.worker`), so whatever a recording does, the actor lives on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inperson._isolated.confine import Confinement
from inperson._isolated.handle import Limits
from inperson._isolated.supervisor import Isolated, Packed
from inperson.errors import InpersonError


@dataclass(frozen=True, slots=True)
class Order:
    """What a driver tells its actors.

    `path` is where Python looks for modules, for an actor on the driver's machine; None where a node has its own.
    `folder` is the driver's working folder.
    """

    version: str
    analyse: bytes
    measured: bool
    limits: Limits
    wanted: Confinement
    path: tuple[str, ...] | None
    folder: str


class Worker:
    """An actor. Answers are dictionaries with one of the keys below; no exception leaves it.

    ``node``
        the name of its node: it is ready;
    ``outcome``
        of a recording;
    ``unseen``
        the recording's path does not exist here;
    ``broken``
        why it cannot work.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._isolated: Isolated | None = None

    def start(self) -> dict[str, Any]:
        """Load the models."""
        return _told(self._start)

    def analyse(self, text: str, options: dict[str, Any]) -> dict[str, Any]:
        """Analyse one recording."""
        if not os.path.exists(text):
            return {"unseen": text}
        return _told(lambda: {"outcome": self._ready()(text, options, _never)})

    def close(self) -> None:
        """End the worker process and delete its folder."""
        if self._isolated is not None:
            self._isolated.close()
            self._isolated = None

    def _start(self) -> dict[str, Any]:
        from inperson import __version__

        if __version__ != self._order.version:
            raise InpersonError(f"it has inperson {__version__}, the batch is run by {self._order.version}")
        self._ready().ready()
        return {"node": os.uname().nodename}

    def _ready(self) -> Isolated:
        if self._isolated is None:
            order = self._order
            _prepare(order)
            self._isolated = Isolated(Packed(order.analyse, order.measured), order.limits, order.wanted)
        return self._isolated


def _never() -> bool:
    return False


def _told(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return call()
    except InpersonError as error:
        return {"broken": str(error)}
    except Exception as error:
        return {"broken": f"{type(error).__name__}: {error}"}


def _prepare(order: Order) -> None:
    """Make the worker process one of inperson's, not of Ray's.

    A spawned process gets its parent's module path and runs its main file again. Ray has put the driver's working
    folder on the path, and recordings may lie there that a confined process must not read; its main file imports Ray.
    """
    if order.path is not None:
        sys.path[:] = order.path
    else:
        sys.path[:] = [path for path in sys.path if os.path.abspath(path) != order.folder]
    vars(sys.modules["__main__"]).pop("__file__", None)
