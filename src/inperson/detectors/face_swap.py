"""Face swap: is the candidate's face pasted into another head, or the whole head one picture that is moved?

Task
----
The candidate's face, cut upright at 256 pixels with hair, ears and neck around it (`_face_crop`), goes through a small
network trained on genuine faces and on simulated swaps of them: another person's face drawn by this one's landmarks,
rendered again at the sizes of real tools and pasted back through their masks (`training/face_swap`). It looks often at
first and less often later (`_face_frames`). The same network gives a map of where a paste begins, which the evidence
quotes. A single frame does not show a whole head that was made: how much a face's detail changes as it moves
(`_face_skin`) and how far its eyes close (`_face_lids`) do. The score joins both (`_face_joined`).

Beside it, and not part of the score: how detail, noise and flicker inside the face compare with the rest of the head
(`_face_texture`), single frames in which the inner face changes and comes back (`_face_returns`), faces that are
renewed more seldom than the picture (`_face_updates`), and the moments at which a swap would show if there is one
(`_face_moments`). `_face_told` puts all of it into words.

What it cannot tell is in the card by condition. Beauty filters, make-up, a virtual background and heavy compression
change the same quantities on genuine people.

Constants without another source are own choices for cost and stability. How swaps score chose none of them but the
weights of `_face_joined`, on recordings that are no part of any figure.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._face_crop import face_crop
from inperson.detectors._face_frames import FrameScores, scored, spread, trimmed, windows
from inperson.detectors._face_joined import ANIMATED, ENOUGH, SEEN, joined, moving
from inperson.detectors._face_lids import Lids, least
from inperson.detectors._face_moments import GONE, WORDS, Moments
from inperson.detectors._face_returns import Returns
from inperson.detectors._face_skin import Skin
from inperson.detectors._face_texture import NAMES, Patch, patch, texture
from inperson.detectors._face_told import flashed, of_movement, repeated, standing_out, to_look_at
from inperson.detectors._face_updates import Updates
from inperson.types import Abstention, Chunk, Curve, Face, Frame, Measurement, Point, Reading, Session, Span

TEXTURE_PERIOD = 2.0
"""Seconds between measurements of texture: they explain, they do not score."""
PAIR = 0.12
"""Longest time between two frames whose change is called flicker, in seconds."""
MIN_FACE = 70.0
"""Pixels of face below which its crop is enlarged more than twice: own choice, training went down to half of it."""
MIN_MEASURED = 5
"""Scored frames below which a mean over the recording means little (about 2 s of visible face)."""
WIDE, MANY = 200.0, 40
"""Pixels of face and scored frames from which more adds little."""
ALTERNATIVES = (
    "a beauty filter, skin smoothing or 'touch up my appearance'",
    "a virtual or blurred background, whose edge cuts through the hair",
    "shallow focus, portrait lighting or make-up",
    "strong compression or a camera that sharpens faces",
    "glasses that reflect a screen, or a beard or fringe where a mask would end",
    "sitting very still before a camera that smooths what does not move",
    "a face that moves little or eyes that seldom close, whatever the reason",
)


class FaceSwap:
    """Detector of swapped faces; see the module's docstring."""

    signal: ClassVar[str] = "face_swap"
    needs: ClassVar[frozenset[str]] = frozenset({"faces"})
    model: ClassVar[str] = "face_swap-0.3.2"

    def __init__(self) -> None:
        self._scores: dict[int, FrameScores] = defaultdict(FrameScores)
        self._small: dict[int, array[float]] = defaultdict(lambda: array("f"))
        self._moments = Moments()
        self._returns: dict[int, Returns] = defaultdict(Returns)
        self._updates: dict[int, Updates] = defaultdict(Updates)
        self._skin: dict[int, Skin] = defaultdict(Skin)
        self._lids: dict[int, Lids] = defaultdict(Lids)
        self._rows: dict[int, array[float]] = defaultdict(lambda: array("f"))
        self._due: dict[int, float] = defaultdict(lambda: 0.0)
        self._before: dict[int, tuple[float, Patch]] = {}

    def update(self, chunk: Chunk) -> None:
        """Score every track when it is due; keep a few floats each, and one patch for the next frame."""
        for frame in chunk.frames:
            for face in frame.faces:
                if face.landmarks is not None:
                    self._look(frame, face)

    def _look(self, frame: Frame, face: Face) -> None:
        self._moments.add(frame.time, face, frame.size)
        held = self._scores[face.track]
        if face.size < MIN_FACE:
            if held.wants(frame.time):
                self._small[face.track].append(face.size)
                held.skip(frame.time)
            return
        self._returns[face.track].add(frame.time, face)
        self._updates[face.track].add(frame.time, face)
        self._skin[face.track].add(frame.time, face)
        if face.landmarks is not None:
            self._lids[face.track].add(frame.time, face.landmarks)
        self._measure(frame.time, face)
        if held.wants(frame.time) and (crop := face_crop(face)) is not None:
            held.add(frame.time, face.size, *scored(self.model, crop))

    def _measure(self, time: float, face: Face) -> None:
        """A patch is cut when a measurement is due, and the measurement made on the frame after it."""
        track = face.track
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
        self._due[track] = time + TEXTURE_PERIOD
        if found is not None:
            self._rows[track].extend(found.values)

    def finish(self, session: Session) -> Reading | Abstention:
        """Score the candidate's face over the recording and over windows of it."""
        if session.media.video is None:
            return Abstention("a face swap is seen in the picture, and the recording has none", applicable=False)
        if session.candidate.track is None:
            return Abstention(f"no face is known to be the candidate's: {session.candidate.how}")
        tracks = session.candidate.tracks
        table = np.concatenate([self._scores[track].table() for track in tracks])
        table = table[np.argsort(table[:, 0], kind="stable")]
        small = [size for track in tracks for size in self._small[track]]
        width = float(np.median([*table[:, 1], *small])) if len(table) + len(small) else 0.0
        seen = {"face_size": Measurement(width, "px"), "measured": Measurement(float(len(table)), "1")}
        if width < MIN_FACE:
            return Abstention(
                f"the candidate's face is {width:.0f} pixels wide, {MIN_FACE:.0f} are needed", measurements=seen
            )
        if len(table) < MIN_MEASURED:
            return Abstention(
                f"the candidate's face could be scored {len(table)} times, {MIN_MEASURED} are needed (2 s in view)",
                measurements=seen,
            )
        return self._reading(session, table, width, seen | self._texture(tracks))

    def _texture(self, tracks: tuple[int, ...]) -> dict[str, Measurement]:
        """Medians over the recording of what could be measured."""
        rows = np.concatenate([np.array(self._rows[t], np.float64).reshape(-1, len(NAMES)) for t in tracks])
        columns = [(name, rows[np.isfinite(rows[:, i]), i]) for i, name in enumerate(NAMES)]
        return {name: Measurement(float(np.median(values)), "ln") for name, values in columns if len(values)}

    def _reading(
        self, session: Session, table: NDArray[np.float64], width: float, seen: dict[str, Measurement]
    ) -> Reading:
        tracks = session.candidate.tracks
        moments = _unforced(self._moments.of(tracks, session.duration), session.excluded)
        flashes = [event for track in tracks for event in self._returns[track].events()]
        repeats = [event for track in tracks for event in self._updates[track].events()]
        looks = np.concatenate([self._skin[track].table() for track in tracks])
        lids = least([value for track in tracks for value in self._lids[track].openings])
        watched = sum(self._lids[track].seconds for track in tracks)
        motion = moving(looks, lids, watched)
        logit = trimmed(table[:, 2])
        overall = joined(logit, motion)
        seen |= {"logit": Measurement(logit, "1"), "compared": Measurement(float(len(looks)), "1")}
        if len(looks) >= ENOUGH:
            seen["stuck_detail"] = Measurement(motion.stuck, "sd")
        if watched >= SEEN:
            seen["open_eyed"] = Measurement(motion.open_eyed, "sd")
        seen["highest_window"] = Measurement(max(trimmed(rows[:, 2]) for rows in windows(table)), "1")
        seen["returns"] = Measurement(float(len(flashes)), "1")
        seen["repeats"] = Measurement(float(sum(count for _, count in repeats)), "1")
        seen |= {f"moments_{kind}": Measurement(float(len(moments.get(kind, ()))), "1") for kind in WORDS}
        return Reading(
            score=overall,
            spread=math.hypot(spread(table), ANIMATED * motion.error),
            quality=min(1.0, width / WIDE) * min(1.0, len(table) / MANY),
            evidence=(
                *of_movement(looks, motion, overall, session),
                *standing_out(table, motion, session),
                *flashed(flashes, overall, session),
                *repeated(repeats, overall, session),
                *to_look_at(moments, overall, session),
            ),
            measurements=seen,
            alternatives=ALTERNATIVES if overall > 0 else (),
            curve=_curve(table),
        )


def _unforced(moments: dict[str, tuple[Span, ...]], excluded: tuple[Span, ...]) -> dict[str, tuple[Span, ...]]:
    """The moments without returns from where the caller cut the face out."""
    ends = [span.end for span in excluded]
    back = tuple(span for span in moments.get("return", ()) if all(abs(span.start - end) > GONE for end in ends))
    rest = {kind: spans for kind, spans in moments.items() if kind != "return"}
    return rest | ({"return": back} if back else {})


def _curve(table: NDArray[np.float64]) -> Curve:
    points = (
        Point(Span(float(rows[0, 0]), float(rows[-1, 0])), trimmed(rows[:, 2])) for rows in windows(table) if len(rows)
    )
    return Curve("mean logit of the network in stretches of 5 s", "1", tuple(points), 0.0, "as often pasted as not")
