"""Requests a minute, a key: a bucket that fills steadily and lets a minute's worth through at once."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_KEPT = 10_000


class Rates:
    """Buckets by key; those longest unused are forgotten (and so full again) beyond 10,000."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, per_minute: int) -> float:
        """Count one request: 0 if it may go on, else the seconds to wait."""
        now = self._clock()
        left, since = self._buckets.pop(key, (float(per_minute), now))
        left = min(float(per_minute), left + (now - since) * per_minute / 60)
        wait = 0.0 if left >= 1 else (1 - left) * 60 / per_minute
        self._buckets[key] = (left if wait else left - 1, now)
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        return wait
