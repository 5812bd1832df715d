"""How many worker processes this machine has room for."""

from __future__ import annotations

import os
from pathlib import Path

from inperson._isolated.handle import MIB
from inperson.isolation import MEMORY


def default_workers(memory: int | None = MEMORY) -> int:
    """As many processes as this one has cores, and no more than free memory holds at `memory` MiB each; at least 1."""
    cores = len(os.sched_getaffinity(0))
    room = cores if memory is None else _free_memory() // (memory * MIB)
    return max(1, min(cores, room))


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
