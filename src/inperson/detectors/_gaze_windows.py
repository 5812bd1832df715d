"""Does a stretch of gaze look like reading? Two small networks on 10 s of it, trained on simulated gaze.

They see the gaze of a stretch without its median, across and down: where on the screen somebody looks is unknown and
does not count, only how the eyes move. The first compares the stretch with its own mirror image: somebody who reads
sweeps one way and jumps back the other, any other movement is as likely mirrored, so each recording is its own null.
The second judges the whole: as many short fixations, and as even, as reading has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inperson import models
from inperson.detectors._gaze_grid import Mask, Series
from inperson.types import Span

LENGTH = 250
"""Grid points of a window: 10 s, three to ten lines."""
HOP = 50
"""Grid points from one window to the next: 2 s."""
MEASURED, SPOKEN = 0.8, 0.5
"""Least share of a window in which the eyes were measured, and of the candidate's own answers. Own choices."""

LOOK = 0.25
"""Weight of the second network: it finds narrow columns, which hardly sweep, but a restless head misleads it sooner.
Chosen among 0, 0.25, 0.5 on simulated gaze."""


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch of gaze.

    Attributes
    ----------
    span : Span
    sweep : float
        How much more like reading from left to right it is than its mirror image; negative for right to left; near 0
        where neither. In log odds of the training's readers.
    look : float
        Natural log odds, by design, that it shows reading at all.
    """

    span: Span
    sweep: float
    look: float


def windows(model: str, times: Series, across: Series, down: Series, spoken: Mask) -> list[Window]:
    """Every window with enough gaze in the candidate's answers, in order of time.

    Parameters
    ----------
    model : str
        Name of the model.
    times, across, down : (m,)
        As `inperson.detectors._gaze_grid.steady` gives them; NaN, where not measured, is bridged by straight lines.
    spoken : (m,) bool
        Where the candidate answers.
    """
    good = np.isfinite(across)
    starts = [
        start
        for start in range(0, len(times) - LENGTH + 1, HOP)
        if good[start : start + LENGTH].mean() >= MEASURED and spoken[start : start + LENGTH].mean() >= SPOKEN
    ]
    if not starts:
        return []
    index = np.arange(len(times))
    gaze = np.stack([np.interp(index, index[good], one[good]) for one in (across, down)])
    batch = np.stack([gaze[:, start : start + LENGTH] for start in starts])
    batch -= np.median(batch, axis=2, keepdims=True)
    sweeps, looks = models.session(model).run(None, {"gaze": batch.astype(np.float32)})
    return [
        Window(Span(float(times[start]), float(times[start + LENGTH - 1])), float(sweep), float(look))
        for start, sweep, look in zip(starts, sweeps, looks, strict=True)
    ]


def most_like(found: list[Window]) -> list[Window]:
    """The half of the windows that look most like reading: nobody reads all the time."""
    return sorted(found, key=lambda one: -one.look)[: (len(found) + 1) // 2]


def likeness(one: Window, found: list[Window]) -> float:
    """How like reading one window is, in the direction in which the recording's windows sweep."""
    way = 1.0 if sum(other.sweep for other in most_like(found)) >= 0 else -1.0
    return way * one.sweep + LOOK * one.look


def together(found: list[Window]) -> float:
    """One number for a recording: the mean likeness of its windows most like reading; 0 for no windows."""
    most = most_like(found)
    return float(np.mean([likeness(one, found) for one in most])) if most else 0.0
