"""The connection to Ray: to the cluster that is there, or to one of our own, without telemetry."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from inperson._batch.workers import default_workers
from inperson._isolated.handle import MIB
from inperson._isolated.scratch import scratch
from inperson.errors import InpersonError

_OBJECTS = 100 * MIB  # Ray's store for what is sent; reports of a few hundred KiB, and it takes no less than 75 MiB
_REACH_SECONDS = 10.0
_LONGEST = 30  # characters of a folder in which Ray's sockets still have names that the system takes (107 bytes)


@dataclass(frozen=True, slots=True)
class Connection:
    """`ray` is the package; `own`: its only node is this machine, and it is ended with the connection."""

    ray: Any
    workers: int
    own: bool
    path: tuple[str, ...] | None
    """Where modules are, for actors on this machine; None where nodes have their own."""


@contextmanager
def connected(workers: int | None, memory: int | None) -> Iterator[Connection]:
    """The cluster this process is connected to, the one that ``RAY_ADDRESS`` names, or one on this machine.

    Raises
    ------
    InpersonError
        Ray is not installed, or the cluster cannot be reached or started.
    """
    ray = _imported()
    if ray.is_initialized():
        yield _there(ray, workers)
        return
    with _signals_kept(), scratch() as folder:
        try:
            if address := os.environ.get("RAY_ADDRESS"):
                _join(ray, address)
                yield _there(ray, workers)
            else:
                here = workers or default_workers(memory)
                _start(ray, here, folder)
                yield Connection(ray, here, True, tuple(sys.path))
        finally:
            ray.shutdown()


def _imported() -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError as error:  # Ray itself, or something that it needs
        raise InpersonError(f"the engine ray needs Ray: pip install 'inperson[ray]' ({error})") from None
    return ray


def _join(ray: Any, address: str) -> None:
    problem = f"the Ray cluster at {address} (RAY_ADDRESS) cannot be reached"
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:  # Ray itself would try for minutes
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise InpersonError(f"{problem}: {error}") from None
    _init(ray, problem, address=address)


def _start(ray: Any, workers: int, folder: str) -> None:
    _init(
        ray,
        "Ray cannot be started",
        address="local",
        num_cpus=workers,
        include_dashboard=False,
        object_store_memory=_OBJECTS,
        _temp_dir=folder if len(folder) <= _LONGEST else None,
    )


def _init(ray: Any, problem: str, **options: Any) -> None:
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", **options)
    except Exception as error:  # Ray raises ConnectionError, RuntimeError, ValueError, OSError, its own
        raise InpersonError(f"{problem}: {error}") from None


def _there(ray: Any, workers: int | None) -> Connection:
    return Connection(ray, workers or max(1, int(ray.cluster_resources().get("CPU", 1))), False, None)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Give SIGTERM back: Ray takes it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
