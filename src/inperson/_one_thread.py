"""One BLAS thread while recordings are analysed, however many threads of Python analyse at once.

`threadpoolctl.threadpool_limits` alone would not do: it sets a number for the whole process and puts back what it
found, so two analyses that overlap could leave one thread for ever, or have two while the second one still runs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_inside = 0
_limits: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit the BLAS to one thread until the last of all overlapping blocks has ended."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _limits
    import scipy.linalg  # noqa: F401  # its BLAS can be limited only once it is loaded
    from threadpoolctl import threadpool_limits

    with _lock:
        if _inside == 0:
            _limits = threadpool_limits(1, user_api="blas")
        _inside += 1


def _leave() -> None:
    global _inside, _limits
    with _lock:
        _inside -= 1
        if _inside == 0:
            _limits, ours = None, _limits
            ours.restore_original_limits()


def _forget() -> None:
    """In a forked child: the threads that were inside are gone, and one of them may have held the lock."""
    global _lock, _inside, _limits
    _lock, _inside, _limits = threading.Lock(), 0, None


os.register_at_fork(after_in_child=_forget)
