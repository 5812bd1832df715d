"""What a batch's recordings are analysed by: processes of this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from inperson._batch.workers import default_workers
from inperson._isolated.confine import Confinement
from inperson._isolated.handle import Limits
from inperson._isolated.supervisor import Feed, Outcome, outcomes
from inperson.errors import InputError

NAMES = ("local", "ray")


class Engine(Protocol):
    """`workers` recordings at once."""

    @property
    def workers(self) -> int: ...

    def outcomes(
        self, feed: Feed, analyse: Callable[[str], Any], limits: Limits, wanted: Confinement
    ) -> Generator[Outcome]:
        """As `inperson._isolated.supervisor.outcomes`."""


@dataclass(frozen=True, slots=True)
class Local:
    """Processes of this machine."""

    workers: int

    def outcomes(
        self, feed: Feed, analyse: Callable[[str], Any], limits: Limits, wanted: Confinement
    ) -> Generator[Outcome]:
        return outcomes(feed, analyse, self.workers, limits, wanted)


@contextmanager
def engine(name: str, workers: int | None, memory: int | None) -> Iterator[Engine]:
    """An engine, for as long as it is needed.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    workers : int or None
        How many recordings at once; as many as it has room for by default.
    memory : int or None
        MiB that one worker may hold.

    Raises
    ------
    InputError
        There is no such engine.
    InpersonError
        It cannot be had.
    """
    if name == "local":
        yield Local(workers or default_workers(memory))
    elif name == "ray":
        from inperson._batch.ray_pool import cluster

        with cluster(workers, memory) as found:
            yield found
    else:
        raise InputError(f"the engine is one of {', '.join(NAMES)}, found {name!r}")
