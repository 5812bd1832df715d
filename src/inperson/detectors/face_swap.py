"""Face swap: does the inside of the candidate's face come from another picture than the rest of the head?

Task
----
Measured on the candidate's face at full resolution, twice a second at first and then less often: detail, noise, seam
and flicker inside the face against hair, ears and neck (`inperson.detectors._face_texture`). The medians over the
recording go through a small linear model trained on genuine faces and on the same faces re-rendered and pasted back as
swap tools do.

What it cannot tell: a well-blended per-identity model at 224 pixels and more is near chance for statistics of this kind
(the card says how near), and so is anything behind heavy compression. Beauty filters, portrait lighting, virtual
backgrounds, shallow focus, make-up and sharpening change the same quantities on genuine people.

Constants without another source are own choices for cost and stability; none was chosen by how swaps score.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from inperson import models
from inperson.detectors._face_texture import NAMES, Patch, patch, texture
from inperson.types import Abstention, Chunk, Evidence, Face, Measurement, Reading, Session, Span

PERIOD, LATER, SETTLED = 0.5, 1.5, 20
"""Seconds between measurements of a track, the same once `SETTLED` were made: a median needs no more."""
PAIR = 0.12
"""Longest time between two frames whose change is called flicker, in seconds."""
MIN_FACE = 80.0
"""Pixels of face width below which hair and skin are a handful of pixels."""
MIN_MEASURED = 5
"""Measurements below which a median over the recording means little (about 3 s of visible face)."""
WINDOW = 5.0
"""Seconds of an evidence window."""
SHOWN = 3
"""Most windows shown as evidence."""
OUTLIER = 3.0
"""Median absolute deviations above the recording's own median from which a window stands out: 2 sigma."""
ALTERNATIVES = (
    "a beauty filter, skin smoothing or 'touch up my appearance'",
    "a virtual or blurred background, whose edge cuts through the hair",
    "shallow focus, portrait lighting or make-up",
    "strong compression or a camera that sharpens faces",
)


class FaceSwap:
    """Detector of swapped faces; see the module's docstring."""

    signal: ClassVar[str] = "face_swap"
    needs: ClassVar[frozenset[str]] = frozenset({"faces"})
    model: ClassVar[str] = "face_swap-0.1.0"

    def __init__(self) -> None:
        self._rows: dict[int, array[float]] = defaultdict(lambda: array("f"))
        self._sizes: dict[int, array[float]] = defaultdict(lambda: array("f"))
        self._due: dict[int, float] = defaultdict(lambda: 0.0)
        self._before: dict[int, tuple[float, Patch]] = {}

    def update(self, chunk: Chunk) -> None:
        """Measure every track when it is due; keep a few floats each, and one patch for the next frame."""
        for frame in chunk.frames:
            for face in frame.faces:
                if face.landmarks is not None:
                    self._look(frame.time, face)

    def _look(self, time: float, face: Face) -> None:
        """A patch is cut when a measurement is due, and the measurement made on the frame after it."""
        track = face.track
        if face.size < MIN_FACE:
            self._sizes[track].append(face.size)
            return
        earlier = self._before.pop(track, None)
        if earlier is None and time < self._due[track]:
            return
        here = patch(face)
        if here is None:
            return
        if earlier is None:
            self._before[track] = (time, here)
            return
        found = texture(time, here, earlier[1] if time - earlier[0] <= PAIR else None)
        self._due[track] = time + (PERIOD if len(self._sizes[track]) < SETTLED else LATER)
        self._sizes[track].append(face.size)
        if found is not None:
            self._rows[track].extend((found.time, *found.values))

    def finish(self, session: Session) -> Reading | Abstention:
        """Score the candidate's face over the recording and over windows of it."""
        if session.media.video is None:
            return Abstention("a face swap is seen in the picture, and the recording has none", applicable=False)
        if session.candidate.track is None:
            return Abstention(f"no face is known to be the candidate's: {session.candidate.how}")
        tracks = session.candidate.tracks
        rows = np.concatenate([np.array(self._rows[t], np.float64).reshape(-1, 1 + len(NAMES)) for t in tracks])
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        sizes = np.concatenate([np.array(self._sizes[t], np.float64) for t in tracks])
        width = float(np.median(sizes)) if len(sizes) else 0.0
        seen = {"face_size": Measurement(width, "px"), "measured": Measurement(float(len(rows)), "1")}
        if width < MIN_FACE:
            return Abstention(
                f"the candidate's face is {width:.0f} pixels wide, {MIN_FACE:.0f} are needed", measurements=seen
            )
        if len(rows) < MIN_MEASURED:
            return Abstention(
                f"the candidate's face could be measured {len(rows)} times, {MIN_MEASURED} are needed (3 s in view)",
                measurements=seen,
            )
        rows = rows[np.isfinite(rows).all(axis=1)]
        if len(rows) < MIN_MEASURED:
            return Abstention("the frames come too far apart to compare one with the next", measurements=seen)
        values = np.median(rows[:, 1:], axis=0)
        return self._reading(session, rows, values, width, seen)

    def _reading(
        self,
        session: Session,
        rows: NDArray[np.float64],
        values: NDArray[np.float64],
        width: float,
        seen: dict[str, Measurement],
    ) -> Reading:
        windows = [window for window in _windows(rows) if len(window) >= 3] or [rows]
        overall = score(values)
        scores = [score(np.median(window[:, 1:], axis=0)) for window in windows]
        spread = float(np.std(scores, ddof=1) / np.sqrt(len(scores))) if len(scores) > 2 else 0.0
        ranked = sorted(zip(scores, windows, strict=True), key=lambda item: -item[0])
        standing_out = [(s, w) for s, w in ranked if s > max(0.0, _unusual(scores))][:SHOWN]
        evidence = [_moment(s, w, session, "stands out") for s, w in standing_out]
        if not evidence:
            evidence = [_moment(s, w, session, "none stands out; the highest is here") for s, w in ranked[:1]]
        seen |= {name: Measurement(float(v), "ln") for name, v in zip(NAMES, values, strict=True)}
        return Reading(
            score=overall,
            spread=spread,
            quality=min(1.0, width / 200.0) * min(1.0, len(rows) / 40.0),
            evidence=tuple(evidence),
            measurements=seen,
            alternatives=ALTERNATIVES,
        )


def score(values: NDArray[np.float64]) -> float:
    """Logit of the linear model for one set of medians, shape (6,), in the order of `NAMES`."""
    session = models.session(FaceSwap.model)
    (out,) = session.run(["score"], {"texture": values.astype(np.float32)[None]})
    return float(out[0, 0])


def _windows(rows: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    index = np.floor(rows[:, 0] / WINDOW).astype(int)
    return [rows[index == i] for i in np.unique(index)]


def _unusual(scores: list[float]) -> float:
    """The score above which a window stands out from this recording's others: a swap comes and goes, a face stays."""
    middle = float(np.median(scores))
    return middle + OUTLIER * float(np.median(np.abs(np.array(scores) - middle)))


def _moment(value: float, rows: NDArray[np.float64], session: Session, what: str) -> Evidence:
    medians = dict(zip(NAMES, np.median(rows[:, 1:], axis=0), strict=True))
    start, end = float(rows[0, 0]), float(rows[-1, 0])
    note = (
        f"Of the recording's stretches of {WINDOW:.0f} s, {what}: inside the face, against hair and neck, "
        f"fine detail x{np.exp(medians['fine']):.2f}, "
        f"noise x{np.exp(medians['noise']):.2f}, change between frames x{np.exp(medians['flicker']):.2f}"
    )
    return Evidence(Span(start, min(max(end, start), session.duration)), value, note, session.candidate.track)
