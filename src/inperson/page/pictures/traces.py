"""What moved during a moment, as lines: lips beside the voice's loudness, and the gaze across the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inperson import _glimpse
from inperson.page.pictures import Line, Picture, Source
from inperson.page.pictures.faces import nearest
from inperson.types import Face

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inperson.report import Finding, Moment

LIPS, GAZE = 4.0, 8.0
"""Seconds shown, from the moment's start or from where the candidate first speaks in it: what fits on a line."""
RATE = 100
"""Points of loudness a second."""
GAP = 0.25
"""Seconds without a face at which a line is broken."""
Series = NDArray[np.float64]


def lips(source: Source, finding: Finding, moment: Moment) -> list[Picture]:
    """How far the lips are open, and how loud the sound is; none where no face is found again."""
    from inperson.lips.mouth import mouth, opening

    start, end = _window(source, moment, LIPS)
    shapes = [
        (time, found[0])
        for time, face in _faces(source, start, end)
        if face.landmarks is not None and (found := mouth(face.landmarks))
    ]
    sound = _glimpse.sound(source.info, start, end, deadline=source.deadline)
    if len(shapes) < 10 or len(sound) < _glimpse.RATE:
        return []
    times = np.array([time for time, _ in shapes])
    wide = np.asarray(opening(np.stack([shape for _, shape in shapes])), np.float64)
    loud = loudness(sound)
    words = f"{end - start:.1f} s from {start:.1f} s. Solid: how far the lips are open. Dashed: how loud the sound is."
    offset = finding.measurements.get("offset")
    if offset is not None:
        side = "late" if offset.value >= 0 else "early"
        part = abs(offset.value) / 10 / (end - start)
        words += f" Over the recording the sound is {abs(offset.value):.0f} ms {side}: {part:.1f} % of this width."
    lines = (
        Line(path(times, wide, start, end), "lips"),
        Line(path(start + np.arange(len(loud)) / RATE, loud, start, end), "sound"),
    )
    return [Picture("Opening of the lips and loudness of the sound over the moment", words, lines=lines, shape="trace")]


def gaze(source: Source, finding: Finding, moment: Moment) -> list[Picture]:
    """Gaze across the picture; none where it cannot be measured again."""
    from inperson.detectors._gaze import direction

    start, end = _window(source, moment, GAZE)
    found = [
        (time, where[0])
        for time, face in _faces(source, start, end)
        if face.landmarks is not None and (where := direction(face.landmarks))
    ]
    if len(found) < 20:
        return []
    times, across = (np.array([one[i] for one in found]) for i in (0, 1))
    words = (
        f"{end - start:.1f} s from {start:.1f} s. Gaze across the picture, up is to its right, over "
        f"{np.ptp(across):.0f} degrees in all. Lines of text would show as stairs one way and quick returns."
    )
    return [
        Picture(
            "Gaze across the picture over the moment",
            words,
            lines=(Line(path(times, across, start, end), "lips"),),
            shape="trace",
        )
    ]


def loudness(sound: NDArray[np.float32]) -> Series:
    """Root mean square of 20 ms, `RATE` times a second, to the power 0.6 as the ear has it (Stevens)."""
    step = _glimpse.RATE // RATE
    blocks = sound[: len(sound) // step * step].astype(np.float64).reshape(-1, step)
    power = np.convolve(np.square(blocks).mean(axis=1), [0.5, 0.5], "same")
    return np.asarray(np.sqrt(power) ** 0.6, np.float64)


def path(times: Series, values: Series, start: float, end: float) -> str:
    """Values as an SVG path over [start, end] in 1000 x 100, scaled to their own range, broken at gaps."""
    low, high = (float(np.percentile(values, part)) for part in (0.5, 99.5))
    up = 96 - 92 * np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    across = 1000 * (times - start) / max(end - start, 1e-9)
    moves = np.concatenate([[True], np.diff(times) > GAP])
    return "".join(f"{'M' if m else 'L'}{x:.1f} {y:.1f}" for m, x, y in zip(moves, across, up, strict=True))


def _window(source: Source, moment: Moment, longest: float) -> tuple[float, float]:
    """From the candidate's first turn of 1 s inside the moment, or from its start."""
    report = source.report
    turns = report.timeline.turns if report.timeline else ()
    start = moment.start
    if moment.end - moment.start > longest:
        inside = (
            max(turn.start, moment.start)
            for turn in turns
            if turn.speaker == report.candidate.speaker
            and min(turn.end, moment.end) - max(turn.start, moment.start) >= 1
        )
        start = next(inside, start)
    end = min(max(moment.end, moment.start + 2.0), start + longest, report.media.duration)
    return max(0.0, min(start, end - 1.0)), end


def _faces(source: Source, start: float, end: float) -> Iterator[tuple[float, Face]]:
    from inperson.faces import FaceTracker

    tracker = FaceTracker()
    for frame in _glimpse.frames(source.info, start, end, wanted=tracker.wants, deadline=source.deadline):
        face = nearest(source.report, tracker.update(frame))
        if face is not None:
            yield frame.time, face
