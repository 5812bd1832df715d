"""Small pictures of the strongest moments, made from the recording by the library's own decoder.

They stand in the page itself, so whoever has the page has them: faces and spectra of this recording, a few of them,
small. They are made within `SECONDS`, the strongest moment of each signal first; what there is no time for is left
out.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from inperson.detectors import original
from inperson.errors import InputError, MediaError

if TYPE_CHECKING:
    from inperson._media.info import MediaInfo
    from inperson.report import Finding, Moment, Report
    from inperson.types import Image

SECONDS = 30.0
"""Wall seconds that all pictures of a page may take. Own choice: less than the analysis takes of the shortest call."""
MOST_BYTES = 1_500_000
"""Of all pictures of a page, as they stand in it: half of what a page may weigh."""
MOMENTS, PLACES = 3, 3
"""Moments of a signal that get a picture: the strongest, and places to look at."""
QUALITY = 78
"""JPEG quality: skin shows no blocks of its own."""


@dataclass(frozen=True, slots=True)
class Line:
    """One measured quantity over a moment: an SVG path in 1000 x 100, and what it is."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Picture:
    """An image (`uri`) or a drawing (`lines`) with what it shows; `shape` is a CSS class."""

    alt: str
    caption: str
    uri: str = ""
    width: int = 0
    height: int = 0
    lines: tuple[Line, ...] = ()
    shape: str = ""


Drawer = Callable[["Source", "Finding", "Moment"], list[Picture]]


@dataclass(frozen=True, slots=True)
class Source:
    """What a picture is made from: the report, its recording, and when to stop."""

    report: Report
    info: MediaInfo
    deadline: float


def drawn(
    report: Report, media: str | os.PathLike[str], *, seconds: float | None = None
) -> dict[tuple[int, int], list[Picture]]:
    """Pictures by the numbers of finding and moment.

    Parameters
    ----------
    report : Report
    media : path
        The recording.
    seconds : float, optional
        Wall seconds that it may take; `SECONDS` by default.

    Returns
    -------
    dict
        Empty where the timestamps jump, for the moments could not be found again.

    Raises
    ------
    MediaError
        The file cannot be read as a recording.
    InputError
        It is another file than the report's.
    """
    from inperson import _glimpse
    from inperson.media import probe

    if not _glimpse.same(media, report.media.size_bytes, report.media.sha256):
        raise InputError(f"{os.fspath(media)} is not the recording of this report: size or SHA-256 differ")
    if any("closed as a splice" in warning for warning in report.warnings):
        return {}
    source = Source(report, probe(media), monotonic() + (SECONDS if seconds is None else seconds))
    out: dict[tuple[int, int], list[Picture]] = {}
    left = MOST_BYTES
    for index, i, draw in _wanted(report):
        if monotonic() > source.deadline:
            break
        finding = report.findings[index]
        try:
            made = draw(source, finding, finding.evidence[i])
        except MediaError:  # this stretch cannot be reached; the page says all the same what was measured
            continue
        left -= sum(len(one.uri) + sum(len(line.path) for line in one.lines) for one in made)
        if left < 0:
            break
        if made:
            out[index, i] = made
    return out


def _wanted(report: Report) -> Iterator[tuple[int, int, Drawer]]:
    """What to draw, the strongest moment of every signal first."""
    from inperson.page.lanes import strongest
    from inperson.page.pictures import faces, sounds, traces

    drawers: dict[str, Drawer] = {
        "face_swap": faces.strip,
        "lip_sync": traces.lips,
        "synthetic_voice": sounds.strip,
        "reading": traces.gaze,
    }
    named = [(i, one, original(one.signal)) for i, one in enumerate(report.findings)]
    known = [(i, one, drawers[signal]) for i, one, signal in named if signal in drawers]
    for rank in range(MOMENTS):
        for index, finding, draw in known:
            best = strongest(finding, MOMENTS)
            if rank < len(best):
                yield index, best[rank], draw
    for index, finding, draw in known:
        places = [i for i, moment in enumerate(finding.evidence) if moment.kind]
        for i in places[:PLACES]:
            yield index, i, draw


def jpeg(image: Image) -> str:
    """An RGB or grey image as a data URI."""
    import cv2

    bgr = image[..., ::-1] if image.ndim == 3 else image
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(bgr), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode() if done else ""
