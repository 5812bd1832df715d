"""Voice activity: the probability that someone speaks, every 32 ms, and the spans in which someone does.

The network is Silero VAD 6 (MIT), in its "sequence" form: many hops in one call, LSTM state in and out. It reads hops
of 512 samples at 16 kHz, each with the 64 samples before it. Thresholds are the ones its authors document as defaults
of ``get_speech_timestamps`` (silero-vad 6.2.3, ``utils_vad.py``); only its padding is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from inperson import models
from inperson.types import Floats, Span

MODEL = "voice_activity-1.1.0"
RATE = 16000
HOP = 512
CONTEXT = 64
STATE = 128

THRESHOLD = 0.5
RELEASE = 0.35
MIN_SPEECH = 0.25
MIN_SILENCE = 0.1
BEFORE = 0.015
"""Added before a span, in s."""
AFTER = 0.035
"""Taken from its end: the network holds on after the last sound. With Silero's own 30 ms added at both ends, spans of
the training clips began a median 17 ms before and ended a median 100 ms after where the level says."""


class VoiceActivity:
    """Speech probability of one stream of samples, in pieces of any length.

    Values lie on one grid from the first sample: value i covers samples ``[512 i, 512 (i + 1))``. The piece lengths
    change when a value comes out, never which value.
    """

    def __init__(self) -> None:
        self._session = models.session(MODEL)
        self._rest = np.zeros(0, np.float32)
        self._context = np.zeros(CONTEXT, np.float32)
        self._hidden = np.zeros((1, 1, STATE), np.float32)
        self._cell = np.zeros((1, 1, STATE), np.float32)

    def update(self, samples: Floats) -> Floats:
        """Take in the next samples, (n,) at 16 kHz in [-1, 1]; return one value per hop completed, (m,) in [0, 1]."""
        buffer = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        count = len(buffer) // HOP
        self._rest = buffer[count * HOP :].copy()
        if count == 0:
            return np.zeros(0, np.float32)
        hops = buffer[: count * HOP].reshape(count, HOP)
        before = np.concatenate([self._context[None], hops[:-1, -CONTEXT:]])
        self._context = hops[-1, -CONTEXT:].copy()
        feed = {"input": np.concatenate([before, hops], axis=1), "h": self._hidden, "c": self._cell}
        values, self._hidden, self._cell = self._session.run(["speech_probs", "hn", "cn"], feed)
        return np.asarray(values, np.float32).reshape(-1)

    def finish(self) -> Floats:
        """The value of the last, incomplete hop, padded with silence: (1,), or (0,) where nothing is left over."""
        if len(self._rest) == 0:
            return np.zeros(0, np.float32)
        return self.update(np.zeros(HOP - len(self._rest), np.float32))


class SpeechSpans:
    """Hysteresis over speech probabilities, value by value.

    Speech starts where a value reaches `THRESHOLD` and ends before values that stay under it for `MIN_SILENCE` after
    one fell below `RELEASE`; stretches of `MIN_SPEECH` or less are dropped; ends are moved by `BEFORE` and `AFTER`.

    Parameters
    ----------
    start : float
        Time of the first value in s.
    hop : float
        Seconds per value.
    min_silence : float
        Shorter pauses do not end a span.
    """

    def __init__(self, start: float = 0.0, hop: float = HOP / RATE, min_silence: float = MIN_SILENCE) -> None:
        self._origin, self._hop, self._min_silence = start, hop, min_silence
        self._count = 0
        self._started: int | None = None
        self._silent: int | None = None
        self._last_end = start

    @property
    def opened(self) -> float | None:
        """Start of the span that is still open; None where nobody speaks."""
        return None if self._started is None else self._start(self._started)

    @property
    def settled(self) -> float:
        """Until when speech is certain within the open span, whatever comes next."""
        return self._time(self._count if self._silent is None else self._silent) - AFTER

    def update(self, values: Iterable[float]) -> list[Span]:
        """Take in the next values; return the spans that ended."""
        done = []
        for value in values:
            if value >= THRESHOLD:
                self._silent = None
                if self._started is None:
                    self._started = self._count
            elif self._started is not None:
                if value < RELEASE and self._silent is None:
                    self._silent = self._count
                if self._silent is not None and (self._count - self._silent) * self._hop >= self._min_silence - 1e-9:
                    done += self._close(self._silent)
            self._count += 1
        return done

    def finish(self) -> list[Span]:
        """End the open span at the last value; return it, or nothing."""
        return self._close(self._count if self._silent is None else self._silent, last=True)

    def _close(self, end: int, last: bool = False) -> list[Span]:
        started, self._started, self._silent = self._started, None, None
        if started is None or (end - started) * self._hop <= MIN_SPEECH:
            return []
        span = Span(self._start(started), self._time(end) - (0.0 if last else AFTER))
        self._last_end = span.end
        return [span]

    def _start(self, started: int) -> float:
        return max(self._time(started) - BEFORE, self._last_end)

    def _time(self, index: int) -> float:
        return self._origin + index * self._hop


def speech_spans(probabilities: Floats, start: float = 0.0, min_silence: float = MIN_SILENCE) -> tuple[Span, ...]:
    """Where someone speaks.

    Parameters
    ----------
    probabilities : (n,) float32
        One per 32 ms, as in `Chunk.speech`.
    start : float
        Time of the first, in s.
    min_silence : float
        Pauses shorter than this, in s, do not split a span.

    Returns
    -------
    tuple of Span
        Sorted, apart; empty for empty input or silence.
    """
    spans = SpeechSpans(start, min_silence=min_silence)
    values = [float(value) for value in probabilities]
    return tuple(spans.update(values) + spans.finish())
