"""A batch on a Ray cluster: an actor a CPU, each with an isolated worker, and one recording at a time for each.

The driver keeps the recordings that are in work, and writes their results; actors hold nothing. So an actor or a node
may die at any time: what it had is given to another. Ray places the actors, notices their death and carries answers.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from inperson._batch.ray_connection import Connection, connected
from inperson._batch.ray_worker import Order, Worker
from inperson._isolated.confine import Confinement
from inperson._isolated.handle import MIB, Limits
from inperson._isolated.scratch import scratch
from inperson._isolated.supervisor import Feed, Job, Outcome, packed
from inperson.errors import InpersonError

_LOOK = 0.1  # seconds between looks for new recordings
_TRIES = 3
"""A recording whose actor died this often is given up. Own choice: nodes die by chance, or take many actors along; a
recording that would be the cause is contained by its own process."""
_START_TRIES = 3  # actors in a row that may die before they are ready, beside one for each worker
_START_SECONDS = 600.0  # without any actor ready. Own choice: a cluster that grows has a new node in a few minutes
_CLOSE_SECONDS = 5.0


@dataclass(eq=False, slots=True)
class _Task:
    """A recording, how often its actor died, and the nodes that do not see it."""

    job: Job
    lost: int = 0
    blind: set[str] = field(default_factory=set)


@dataclass(eq=False, slots=True)
class _Actor:
    """An actor, its node once it is ready, and the recording that it has."""

    handle: Any
    node: str = ""
    task: _Task | None = None


class _Pool:
    """Up to `workers` actors and what they have in work."""

    def __init__(self, ray: Any, workers: int, make: Callable[[], Any]) -> None:
        self._ray, self._workers, self._make = ray, workers, make
        self._actors: set[_Actor] = set()
        self._answers: dict[Any, _Actor] = {}
        self._held: deque[_Task] = deque()
        self._stillborn = 0
        self._ready_at = time.monotonic()

    def open(self, feed: Feed) -> bool:
        """Whether outcomes will come."""
        return bool(self._held or feed.left() or any(actor.task for actor in self._actors))

    def staff(self, feed: Feed) -> None:
        """Hand out recordings to idle actors; ask for as many actors as there is work for."""
        for actor in self._actors:
            if actor.node and actor.task is None and (task := self._for(actor.node, feed)) is not None:
                actor.task = task
                self._answers[actor.handle.analyse.remote(task.job.text, task.job.options)] = actor
        coming = sum(not actor.node for actor in self._actors)
        for _ in range(min(self._workers - len(self._actors), feed.left() + len(self._held) - coming)):
            actor = _Actor(self._make())
            self._actors.add(actor)
            self._answers[actor.handle.start.remote()] = actor

    def _for(self, node: str, feed: Feed) -> _Task | None:
        """What a node may have. Nothing new while others wait, or a node that sees no recording would take them all."""
        for task in self._held:
            if node not in task.blind:
                self._held.remove(task)
                return task
        if self._held or (job := feed.take()) is None:
            return None
        return _Task(job)

    def step(self) -> Outcome | None:
        """Wait a moment for an answer."""
        self._watch()
        if not self._answers:
            time.sleep(_LOOK)
            return None
        done, _ = self._ray.wait(list(self._answers), num_returns=1, timeout=_LOOK)
        for ref in done:
            actor = self._answers.pop(ref)
            try:
                answer = self._ray.get(ref)
            except self._ray.exceptions.RayError as error:
                return self._lost(actor, error)
            return self._heard(actor, answer)
        return None

    def _watch(self) -> None:
        now = time.monotonic()
        if any(actor.node for actor in self._actors):
            self._ready_at = now
        elif now - self._ready_at > _START_SECONDS:
            raise InpersonError(
                f"the Ray cluster had no CPU and memory for any worker in {_START_SECONDS:g} s; it has "
                f"{_resources(self._ray)}. See ray status, or give --memory less"
            )

    def _heard(self, actor: _Actor, answer: dict[str, Any]) -> Outcome | None:
        if "broken" in answer:
            where = f" on the node {actor.node}" if actor.node else ""
            raise InpersonError(f"the worker processes cannot start{where}: {answer['broken']}")
        if "node" in answer:
            actor.node, self._stillborn = answer["node"], 0
            return None
        task, actor.task = actor.task, None
        if task is None:
            return None
        if "outcome" in answer:
            return task.job.token, answer["outcome"]
        task.blind.add(actor.node)
        if {other.node for other in self._actors if other.node} - task.blind:
            self._held.append(task)
            return None
        return task.job.token, _error(
            "StorageError",
            f"not found under this path on {', '.join(sorted(task.blind))}; recordings, and --scratch for those "
            "that are fetched, must lie in a file system that every node has in the same place",
        )

    def _lost(self, actor: _Actor, error: Exception) -> Outcome | None:
        """An actor or its node died, or cannot be reached any more."""
        self._actors.discard(actor)
        self.kill(actor)
        why = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
        if not actor.node:
            self._stillborn += 1
            if getattr(error, "actor_init_failed", False) or self._stillborn >= self._workers + _START_TRIES:
                cause = str(error).strip().splitlines()[-1]
                raise InpersonError(
                    f"no worker can start on the Ray cluster; its nodes need the same inperson and Python: {cause}"
                )
        if (task := actor.task) is None:
            return None
        task.lost += 1
        if task.lost < _TRIES:
            self._held.append(task)
            return None
        return task.job.token, _error("Crash", f"the worker that had it was lost {_TRIES} times; last: {why}")

    def kill(self, actor: _Actor) -> None:
        with suppress(Exception):  # it is dead, or the connection is
            self._ray.kill(actor.handle, no_restart=True)

    def close(self, gently: bool) -> None:
        """End all actors; `gently` where none has work."""
        if gently:
            closing = [actor.handle.close.remote() for actor in self._actors if actor.node]
            with suppress(self._ray.exceptions.RayError):
                self._ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_SECONDS) if closing else None
        for actor in self._actors:
            self.kill(actor)


@dataclass(frozen=True, slots=True)
class Cluster:
    """An engine (`inperson._batch.engines`)."""

    connection: Connection
    memory: int | None

    @property
    def workers(self) -> int:
        return self.connection.workers

    def outcomes(
        self, feed: Feed, analyse: Callable[[str], Any], limits: Limits, wanted: Confinement
    ) -> Generator[Outcome]:
        from inperson import __version__

        ray, own = self.connection.ray, self.connection.own
        room = {"num_cpus": 1} if own or self.memory is None else {"num_cpus": 1, "memory": self.memory * MIB}
        path, measured = self.connection.path, hasattr(analyse, "seconds")
        done = False
        # On a cluster each node takes its own: the lock on a folder in use may not reach from one to another.
        with scratch(wanted.scratch) if own else nullcontext() as private:
            confinement = replace(wanted, scratch=private)
            order = Order(__version__, packed(analyse), measured, limits, confinement, path, os.getcwd())
            kind, sent = ray.remote(**room)(Worker), ray.put(order)
            pool = _Pool(ray, self.workers, lambda: kind.remote(sent))
            try:
                while pool.open(feed):
                    pool.staff(feed)
                    if (outcome := pool.step()) is not None:
                        yield outcome
                done = True
            finally:
                pool.close(gently=done)


@contextmanager
def cluster(workers: int | None, memory: int | None) -> Iterator[Cluster]:
    """Raises as `inperson._batch.ray_connection.connected`."""
    with connected(workers, memory) as connection:
        yield Cluster(connection, memory)


def _resources(ray: Any) -> str:
    found = ray.cluster_resources()
    return f"{found.get('CPU', 0):g} CPUs and {found.get('memory', 0) / MIB:.0f} MiB"


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message}}
