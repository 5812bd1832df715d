"""Where the time goes: wall and CPU seconds by stage, each second counted once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OnStage = Callable[[str, float, float], None]
"""Called with a stage's name, wall seconds and CPU seconds of the calling thread, many times a stage."""


class Stages:
    """Times blocks of code; a block inside another is taken off the outer one's time.

    Parameters
    ----------
    on_stage : callable or None
        Told of every block, from whichever thread ran it; None costs next to nothing.
    """

    def __init__(self, on_stage: OnStage | None) -> None:
        self._on_stage = on_stage
        self._local = threading.local()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time the block under `name`."""
        if self._on_stage is None:
            yield
            return
        outer: list[float] | None = getattr(self._local, "inner", None)
        inner = self._local.inner = [0.0, 0.0]
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            self._local.inner = outer
            if outer is not None:
                outer[0] += wall
                outer[1] += cpu
            self._on_stage(name, wall - inner[0], cpu - inner[1])
