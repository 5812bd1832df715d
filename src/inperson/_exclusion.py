"""Spans that are left out of an analysis: what lies in them is treated as if it had never been recorded.

Who speaks and which face is whose are still told from the whole recording; what the detectors measure is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from inperson.errors import InputError
from inperson.types import Chunk, Floats, Span, merged

RATE = 16000
SPEECH = 0.032
"""Seconds of one speech probability (`Chunk.speech`)."""


def spans(given: Iterable[Span | tuple[float, float]]) -> tuple[Span, ...]:
    """Sorted, joined and checked.

    Raises
    ------
    InputError
        A span that does not begin at 0 or later and end after it began.
    """
    found = []
    for one in given:
        start, end = (one.start, one.end) if isinstance(one, Span) else one
        if not 0 <= start < end < float("inf"):
            raise InputError(f"a span to exclude needs 0 <= start < end in seconds, found {start} to {end}")
        found.append(Span(float(start), float(end)))
    return tuple(merged(found))


def without(chunk: Chunk, excluded: tuple[Span, ...]) -> Chunk:
    """The chunk as if nothing had been recorded in `excluded`: no frames, sound zero and listed as a gap."""
    here = [common for span in excluded if (common := span & chunk.span)]
    if not here:
        return chunk
    rate = chunk.native_rate
    return replace(
        chunk,
        frames=tuple(frame for frame in chunk.frames if not any(frame.time in span for span in here)),
        audio=_silenced(chunk.audio, chunk.span.start, 1 / RATE, here),
        channels=_silenced(chunk.channels, chunk.span.start, 1 / RATE, here),
        native=_silenced(chunk.native, chunk.span.start, 1 / rate if rate else 1.0, here),
        gaps=tuple(merged([*chunk.gaps, *here])) if len(chunk.audio) else chunk.gaps,
        speech=_silenced(chunk.speech, chunk.speech_start, SPEECH, excluded),
    )


def _silenced(values: Floats, start: float, step: float, excluded: Iterable[Span]) -> Floats:
    """A copy with zeros wherever a value's stretch touches one of the spans."""
    out = values.copy()
    for span in excluded:
        first = int(np.floor((span.start - start) / step + 1e-6))
        last = int(np.ceil((span.end - start) / step - 1e-6))
        out[max(first, 0) : max(last, 0)] = 0.0
    return out
