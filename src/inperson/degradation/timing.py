"""Which frames arrive, and when: lower frame rates, uneven times, freezes. The clock itself is never moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_EARLY = 0.002  # s; a frame that comes this much before its turn is taken: containers round times to milliseconds


@dataclass(frozen=True, slots=True)
class TimingSettings:
    """What becomes of the frames' times.

    Attributes
    ----------
    fps : float
        Most frames a second; 0 for all of them.
    jitter : float
        Standard deviation (s) of the step between frames: calls drop frames when the processor or the network is busy.
        0 for even steps.
    freezes : float
        Freezes a minute; their starts are a Poisson process.
    freeze_seconds : float
        Mean length of a freeze (exponential, at least 0.2 s).
    """

    fps: float = 0.0
    jitter: float = 0.0
    freezes: float = 0.0
    freeze_seconds: float = 1.0


class Timing:
    """Says of every frame in turn whether it is shown, and whether it shows the picture of before.

    Ask `due` and `frozen` with a frame's time, then, if it was due, tell `took`. Times must not go back.
    """

    def __init__(self, settings: TimingSettings, rng: np.random.Generator) -> None:
        self._settings, self._rng = settings, rng
        self._next = -np.inf  # time from which on the next frame is taken
        self._freeze = self._drawn(0.0)

    def due(self, time: float) -> bool:
        """Whether a frame at `time` (s) is shown at all."""
        return time >= self._next - _EARLY

    def frozen(self, time: float) -> bool:
        """Whether at `time` (s) the picture stands still."""
        while time >= self._freeze[1]:
            self._freeze = self._drawn(self._freeze[1])
        return time >= self._freeze[0]

    def took(self, time: float) -> None:
        """The frame at `time` (s) has been shown."""
        settings = self._settings
        if not settings.fps:
            return
        step = 1.0 / settings.fps
        if settings.jitter:
            self._next = time + max(0.25 * step, step + settings.jitter * float(self._rng.standard_normal()))
        else:
            late = not self._next + step > time  # the first frame, or after a hole
            self._next = time + step if late else self._next + step

    def _drawn(self, after: float) -> tuple[float, float]:
        """Start and end (s) of the next freeze."""
        settings = self._settings
        if not settings.freezes:
            return np.inf, np.inf
        start = after + 0.2 + float(self._rng.exponential(60.0 / settings.freezes))
        return start, start + max(0.2, float(self._rng.exponential(settings.freeze_seconds)))
