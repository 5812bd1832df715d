"""One BLAS thread while recordings are analysed, however many threads of Python analyse at once.

`threadpoolctl.threadpool_limits` alone would not do. Of a BLAS with one number for the whole process it puts back what
it found, so two analyses that overlap could leave one thread for ever, or have two while the second one still runs; and
since 3.8 it obeys only the thread that came first. So a thread of its own holds the limit from the first of all
overlapping blocks to the last. Of a BLAS with a number for each thread, every block sets its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_keeper: _Keeper | None = None


class _Keeper(threading.Thread):
    """Holds the limit until it is told to stop."""

    def __init__(self) -> None:
        super().__init__(name="inperson-blas", daemon=True)
        self._set, self._done = threading.Event(), threading.Event()

    def run(self) -> None:
        try:
            with _limited():
                self._set.set()
                self._done.wait()
        finally:
            self._set.set()  # where it failed, nobody waits for ever

    def begin(self) -> None:
        """Returns once the limit holds."""
        self.start()
        self._set.wait()

    def end(self) -> None:
        """Returns once it is as it was."""
        self._done.set()
        self.join()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit the BLAS to one thread until the last of all overlapping blocks has ended."""
    _enter()
    try:
        with _limited():
            yield
    finally:
        _leave()


@contextmanager
def _limited() -> Iterator[None]:
    import scipy.linalg  # noqa: F401  # its BLAS can be limited only once it is loaded
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def _enter() -> None:
    global _inside, _keeper
    with _lock:
        if _inside == 0:
            _keeper = _Keeper()
            _keeper.begin()
        _inside += 1


def _leave() -> None:
    global _inside, _keeper
    with _lock:
        _inside -= 1
        if _inside == 0 and _keeper is not None:
            _keeper.end()
            _keeper = None


def _forget() -> None:
    """In a forked child: the threads that were inside are gone, and one of them may have held the lock."""
    global _lock, _inside, _keeper
    _lock, _inside, _keeper = threading.Lock(), 0, None


os.register_at_fork(after_in_child=_forget)
