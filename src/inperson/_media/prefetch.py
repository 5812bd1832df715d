"""Reading ahead in one thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")
_END = object()


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def prefetch(iterable: Iterable[T], depth: int = 2) -> Generator[T, None, None]:
    """Yield the items of `iterable`, produced up to `depth` ahead by one thread.

    The thread starts with the first ``next`` and has always ended when the generator has: at exhaustion, on an error
    (which is raised here, once the items before it have been taken) or when it is closed early. Closing waits for
    the item in the making, then closes `iterable` if it has a ``close`` method.

    Parameters
    ----------
    iterable : iterable
        Iterated in the thread alone.
    depth : int
        Items that may wait, at least 1.

    Raises
    ------
    ValueError
        If `depth` is smaller than 1, at the call.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, found {depth}")
    return _prefetched(iterable, depth)


def _prefetched(iterable: Iterable[T], depth: int) -> Generator[T, None, None]:
    ready: queue.Queue[object] = queue.Queue(depth)
    stop = threading.Event()

    def offer(item: object) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        outcome: object = _END
        try:
            for item in iterable:
                if not offer(item):
                    break
        except BaseException as error:  # handed over, raised in the caller's thread
            outcome = _Failure(error)
        try:
            close = getattr(iterable, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            outcome = _Failure(error)
        offer(outcome)

    thread = threading.Thread(target=produce, name="inperson-prefetch", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        while not ready.empty():
            ready.get_nowait()
        thread.join()
