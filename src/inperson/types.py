"""The values that travel between the parts: times, frames, faces, sound, turns, and what a detector says.

Conventions
-----------
Time is in seconds as ``float`` on the recording's one clock: 0 is the earlier of the first video frame and the first
audio sample, taken from the container's presentation timestamps (PTS). It travels with the data and is never derived
from a frame index.

Images are ``uint8`` arrays ``(height, width, 3)`` in RGB, upright (rotation metadata applied), with square pixels.
Coordinates are ``(x, y)`` pixels of the upright full frame, x to the right, y down, pixel centres at integers.

Sound is ``float32`` in [-1, 1].

Everything here is a plain frozen value: no methods with side effects, no I/O, cheap to import.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from inperson._media.info import MediaInfo

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of time ``[start, end)`` in seconds; ``end >= start``."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not self.end >= self.start:
            raise ValueError(f"a Span needs end >= start, found start={self.start} end={self.end}")

    @property
    def duration(self) -> float:
        return self.end - self.start

    def __contains__(self, time: float) -> bool:
        return self.start <= time < self.end

    def __and__(self, other: Span) -> Span | None:
        """The common part, or None where the two do not overlap."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start, end) if end > start else None

    def __or__(self, other: Span) -> Span:
        """The smallest span that covers both."""
        return Span(min(self.start, other.start), max(self.end, other.end))


def merged(spans: Iterable[Span], gap: float = 0.0) -> list[Span]:
    """Sort spans and join those that overlap or lie at most `gap` seconds apart. Empty in, empty out."""
    out: list[Span] = []
    for span in sorted(spans):
        if out and span.start <= out[-1].end + gap:
            out[-1] = out[-1] | span
        else:
            out.append(span)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in one frame.

    Attributes
    ----------
    track : int
        Number of the face track it belongs to (stable over the recording; see `Track`).
    box : tuple of float
        ``(x0, y0, x1, y1)`` of the face (chin to brow, ear to ear) in full-frame pixels.
    confidence : float
        In [0, 1]; how sure the network is that this is a face.
    landmarks : (478, 3) float32 or None
        MediaPipe face-mesh topology; x, y in full-frame pixels, z in the same scale (smaller is nearer). Points 468-472
        and 473-477 are the irises. None where this frame's face was only tracked, not measured.
    crop : (h, w, 3) uint8 or None
        Untouched full-resolution pixels around the face, with hair, ears and neck (`crop_scale` times the box).
        None after the chunk has passed through the detectors' `update`.
    crop_origin : (int, int)
        Full-frame ``(x, y)`` of the crop's top-left pixel.
    """

    track: int
    box: tuple[float, float, float, float]
    confidence: float
    landmarks: Floats | None = None
    crop: Image | None = None
    crop_origin: tuple[int, int] = (0, 0)

    @property
    def size(self) -> float:
        """Mean of width and height of the box, in pixels."""
        x0, y0, x1, y1 = self.box
        return 0.5 * ((x1 - x0) + (y1 - y0))


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded video frame.

    Attributes
    ----------
    time : float
        Presentation time in seconds on the recording's clock.
    image : (height, width, 3) uint8 or None
        Upright RGB; None once `perceive` has dropped it (unless a detector needs ``"frames"``).
    size : (int, int)
        ``(width, height)`` of the upright frame in square pixels.
    faces : tuple of Face
        Filled by `perceive`; empty where no face was found or none was looked for.
    """

    time: float
    image: Image | None
    size: tuple[int, int]
    faces: tuple[Face, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Consecutive piece of the recording; chunks tile it without gap or overlap.

    Attributes
    ----------
    span : Span
        The time it covers (0.5 s by default; any length is allowed).
    frames : tuple of Frame
        Frames whose time lies in `span`, in order; may be empty.
    audio : (n,) float32
        Mono mix at 16 kHz; sample i lies at ``span.start + i / 16000``. Empty if the recording has no sound.
    channels : (n, c) float32
        16 kHz, sample-aligned with `audio`: the two channels of a stereo track, or one column per audio track of a
        recording that has several. Shape ``(0, 0)`` for a mono recording. Whether they hold one participant each is for
        `inperson.speech` to find out.
    native : (n, channels) float32
        The same stretch at `native_rate`. Shape ``(0, 0)`` if no sound or no detector needs ``"native"``.
    native_rate : int
        Hz; 0 where there is no native audio.
    gaps : tuple of Span
        Parts of `audio` that hold no decoded sound and are filled with zeros (before the stream starts, timestamp
        jumps, decode failures, after it ends).
    speech : (m,) float32
        Speech probability, one per 32 ms (512 samples); value i covers ``speech_start + [i, i + 1) * 0.032``. The
        values delivered with a chunk may lag its audio by less than 32 ms.
    speech_start : float
        Time of the first value of `speech`.
    """

    span: Span
    frames: tuple[Frame, ...] = ()
    audio: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    channels: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    native: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    native_rate: int = 0
    gaps: tuple[Span, ...] = ()
    speech: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    speech_start: float = 0.0


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """A stretch in which one speaker holds the floor.

    Attributes
    ----------
    span : Span
    speaker : str
        Label: as supplied by the caller, else ``"S1"``, ``"S2"``, ... in order of first appearance.
    text : str
        Words, where a transcript was supplied; else empty.
    """

    span: Span
    speaker: str
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, order=True)
class Word:
    """A word that speech recognition heard, and when.

    Attributes
    ----------
    span : Span
    text : str
        With its punctuation, without blanks around it.
    speaker : str
        Label of the turn in which it lies; empty until that is known.
    """

    span: Span
    text: str = field(compare=False)
    speaker: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Track:
    """One face followed through the recording.

    Attributes
    ----------
    track : int
        Its number, from 0 in order of first appearance.
    spans : tuple of Span
        When it was visible.
    box : tuple of float
        Median ``(x0, y0, x1, y1)`` in full-frame pixels.
    """

    track: int
    spans: tuple[Span, ...]
    box: tuple[float, float, float, float]

    @property
    def duration(self) -> float:
        """Seconds visible."""
        return sum(span.duration for span in self.spans)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Which face and which voice is the candidate's.

    Attributes
    ----------
    track : int or None
        The face track on which the candidate is seen longest; None where there is none or it is not clear.
    speaker : str or None
        The candidate's label in the turns; None likewise.
    how : str
        In a sentence or two: how each was chosen, or why not.
    tracks : tuple of int
        Every track held to be the candidate's (a face lost for long comes back under a new number); `track` is the
        first of them. Empty where `track` is None.
    """

    track: int | None
    speaker: str | None
    how: str
    tracks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.track is not None and not self.tracks:
            object.__setattr__(self, "tracks", (self.track,))


TurnsSource = Literal["supplied", "channels", "diarized", "none"]
Layout = Literal["none", "single", "several"]


@dataclass(frozen=True, slots=True)
class Session:
    """What is known once the whole recording has been read; handed to every detector's `finish`.

    Attributes
    ----------
    media : MediaInfo
        What the container says (`inperson.media.probe`).
    duration : float
        Seconds actually read, on the recording's clock.
    turns : tuple of Turn
        Sorted by start; turns of different speakers may overlap.
    turns_source : str
        Where the turns come from: ``"supplied"``, ``"channels"``, ``"diarized"`` or ``"none"``.
    tracks : tuple of Track
    candidate : Candidate
    layout : str
        ``"none"`` (no face), ``"single"`` (one face track most of the time) or ``"several"``.
    excluded : tuple of Span
        Left out by the caller: turns and tracks still cover them, frames and sound do not.
    words : tuple of Word
        What speech recognition heard (``asr`` of `inperson.analyze`), in order of time, each with its speaker.
    """

    media: MediaInfo
    duration: float
    turns: tuple[Turn, ...]
    turns_source: TurnsSource
    tracks: tuple[Track, ...]
    candidate: Candidate
    layout: Layout
    excluded: tuple[Span, ...] = ()
    words: tuple[Word, ...] = ()

    def spoken_by(self, speaker: str | None, alone: bool = True) -> list[Span]:
        """Spans in which `speaker` talks; with `alone`, parts where anyone else talks too are cut out.

        Without what is `excluded`. Empty for None or an unknown label.
        """
        own = list(_without(merged(turn.span for turn in self.turns if turn.speaker == speaker), list(self.excluded)))
        if not alone:
            return own
        others = merged(turn.span for turn in self.turns if turn.speaker != speaker)
        return list(_without(own, others))


def _without(spans: list[Span], holes: list[Span]) -> Iterator[Span]:
    for span in spans:
        start = span.start
        for hole in holes:
            if hole.end <= start or hole.start >= span.end:
                continue
            if hole.start > start:
                yield Span(start, hole.start)
            start = max(start, hole.end)
        if start < span.end:
            yield Span(start, span.end)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number with its unit (``"ms"``, ``"s"``, ``"Hz"``, ``"dB"``, ``"1"`` for a pure ratio or count)."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A moment that supports a reading.

    Attributes
    ----------
    span : Span
        Lies inside the recording.
    score : float
        On the detector's own raw scale, same direction as `Reading.score`.
    note : str
        One sentence for a reviewer: what was measured here. Never a verdict.
    track, speaker : int or None, str or None
        Whose face or voice it is about.
    kind : str
        Empty for what the score rests on. ``"profile"``, ``"fast"``, ``"edge"``, ``"return"`` (of a face),
        ``"covered"`` (a mouth), ``"second_onset"`` (of an answer): a place to look at whatever the score, where what is
        looked for would show or hide.
        ``"typing"``, ``"whisper"``, ``"third_voice"``, ``"previous"``: heard around an answer, and no part of the
        score.
    """

    span: Span
    score: float
    note: str
    track: int | None = None
    speaker: str | None = None
    kind: str = ""


MAX_POINTS = 720
"""Points of a curve that a report keeps at most: one every 5 s of an hour. Own choice, for the size of a report."""


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured in one stretch; `kind` tells points apart where a curve has several, else it is empty."""

    span: Span
    value: float
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """A measurement over the recording: what a score was made from, stretch by stretch.

    Attributes
    ----------
    name : str
        What was measured, for a reader.
    unit : str
        As in `Measurement`.
    points : tuple of Point
        In any order; what is not finite, or lies outside the recording, is left out of the report.
    reference, reference_name : float or None, str
        The value to hold the others against, and what it is.
    """

    name: str
    unit: str
    points: tuple[Point, ...]
    reference: float | None = None
    reference_name: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a detector measured, before calibration.

    Attributes
    ----------
    score : float
        Raw, finite; larger means more like the signal. Its scale is the detector's own.
    spread : float
        Standard error of `score` from the recording's own windows (0 where it cannot be told).
    quality : float
        In [0, 1]: how good the material was for this measurement.
    evidence : tuple of Evidence
    measurements : mapping of str to Measurement
    alternatives : tuple of str
        Innocent explanations that fit what was measured.
    curve : Curve or None
        What the score was made from, over the recording.
    """

    score: float
    quality: float
    spread: float = 0.0
    evidence: tuple[Evidence, ...] = ()
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    alternatives: tuple[str, ...] = ()
    curve: Curve | None = None


@dataclass(frozen=True, slots=True)
class Abstention:
    """A detector's plain statement that the recording cannot tell.

    Attributes
    ----------
    reason : str
        One sentence: what was needed and what was found.
    applicable : bool
        False where the recording has no such medium at all (no sound, no picture); the finding then reads
        ``not_applicable`` instead of ``abstained``.
    measurements : mapping of str to Measurement
        What could be measured all the same.
    evidence : tuple of Evidence
        Places to look at all the same: each has a `kind`.
    alternatives : tuple of str
        Innocent explanations of these.
    """

    reason: str
    applicable: bool = True
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    alternatives: tuple[str, ...] = ()


@runtime_checkable
class Detector(Protocol):
    """The plug-in contract. One instance lives for one recording.

    Attributes
    ----------
    signal : str
        The signal's name, as in the report and on the command line.
    needs : frozenset of str
        Of ``"faces"`` (tracked faces with landmarks and crops), ``"speech"`` (speech probability, turns), ``"audio"``
        (16 kHz mono), ``"native"`` (native-rate channels) and ``"frames"`` (whole images are kept).
    model : str
        ``name-version`` of the card that calibrates it.
    """

    signal: ClassVar[str]
    needs: ClassVar[frozenset[str]]
    model: ClassVar[str]

    def update(self, chunk: Chunk) -> None:
        """Take in the next chunk; chunks are consecutive and of any length. Keep seconds of state, never the file."""

    def finish(self, session: Session) -> Reading | Abstention:
        """Say what was measured, or why nothing could be."""
