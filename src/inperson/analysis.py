"""From a recording to a report: the loop.

Decode once (`inperson.media`), perceive once (faces, speech), hand every chunk to every detector, then let each say what
it measured. A detector that fails is reported as having abstained: no failure becomes a score, and none of the others'
work is lost.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inperson import calibration, models
from inperson.errors import InpersonError
from inperson.types import Abstention, Chunk, Detector, Evidence, Reading, Session, Span, Turn

if TYPE_CHECKING:
    from inperson.candidate import LipMotion
    from inperson.faces import FaceTracker
    from inperson.media import MediaInfo
    from inperson.report import Finding, Media, Moment, Report
    from inperson.speech import Listener

log = logging.getLogger("inperson")

Progress = Callable[[float, float | None], None]
"""Called with the seconds read and, where the container says so, the recording's length."""
OnStage = Callable[[str, float, float], None]
"""Called with a stage's name, wall seconds and CPU seconds of the calling thread, many times a stage."""


def analyze(
    path: str | Path,
    *,
    signals: Iterable[str] | None = None,
    detectors: Sequence[Callable[[], Detector]] | None = None,
    turns: str | Path | Sequence[Turn] | None = None,
    candidate: str | None = None,
    prior: float = 0.5,
    audio_track: int | None = None,
    face_backend: str = "onnx",
    progress: Progress | None = None,
    on_stage: OnStage | None = None,
) -> Report:
    """Analyse one recording.

    Parameters
    ----------
    path : str or Path
        A local recording: mp4, mov, mkv, webm, avi, wav, flac, mp3, m4a, ogg; sound or picture may be missing.
    signals : iterable of str, optional
        Which signals to look at; all of `inperson.detectors.names` by default.
    detectors : sequence of callables, optional
        Zero-argument callables that return a `Detector`, used instead of those for `signals`.
    turns : path or sequence of Turn, optional
        Who spoke when: RTTM, WebVTT or a JSON transcript, or the turns themselves. Found by the library otherwise.
    candidate : str, optional
        Which person is the candidate: a speaker label of the turns, ``"channel:N"``, ``"track:N"``, or a place in the
        picture (``"left"``, ``"right"``, ``"top-left"``, ...). Inferred otherwise; the report says how.
    prior : float
        P(signal present) before the recording is seen, in (0, 1). The default is a convention, not an estimate.
    audio_track : int, optional
        Which audio track to use, from 0; by default all are mixed, or told apart if each holds one participant.
    face_backend : str
        ``"onnx"`` or ``"mediapipe"`` (needs ``inperson[mediapipe]``).
    progress, on_stage : callables, optional
        See `Progress` and `OnStage`.

    Returns
    -------
    Report
        One finding a signal, in a fixed order. A recording without speech or faces gives findings that abstain.

    Raises
    ------
    MediaError
        The file cannot be read as a recording.
    ModelError
        A model is missing or altered.
    InputError
        An argument or the turns file is not as expected.
    """
    from inperson.detectors import factories
    from inperson.media import Reader, sha256
    from inperson.transcripts import read_turns

    calibration.confidence(0.0, prior)
    made = [_Running(factory()) for factory in (detectors if detectors is not None else factories(signals))]
    supplied = read_turns(turns) if isinstance(turns, str | Path) else None if turns is None else tuple(turns)
    needs = frozenset().union(*(one.detector.needs for one in made))
    reader = Reader(path, native="native" in needs, audio_track=audio_track)
    senses = Senses.for_needs(needs, reader.info, face_backend)
    end = 0.0
    with timed("read", on_stage):
        digest = sha256(path)
    for chunk in perceive(_prefetched(reader, on_stage), senses, on_stage):
        end = chunk.span.end
        for one in made:
            with timed(one.detector.signal, on_stage):
                one.update(chunk)
        if progress is not None:
            progress(end, reader.info.duration)
    with timed("session", on_stage):
        session = senses.session(reader.info, end, supplied, candidate)
    findings = []
    for one in made:
        with timed(one.detector.signal, on_stage):
            findings.append(one.finding(session, prior))
    return _report(session, digest, prior, findings, [*reader.problems, *(one.fault for one in made if one.fault)])


@dataclass(frozen=True, slots=True)
class Analyzer:
    """`analyze` with its options set: picklable, so that a pool of processes can call it. Options as in `analyze`."""

    signals: tuple[str, ...] | None = None
    detectors: tuple[Callable[[], Detector], ...] | None = None
    turns: str | Path | tuple[Turn, ...] | None = None
    candidate: str | None = None
    prior: float = 0.5
    audio_track: int | None = None
    face_backend: str = "onnx"

    def __call__(self, path: str | Path, progress: Progress | None = None) -> Report:
        """Analyse one recording."""
        return analyze(
            path,
            signals=self.signals,
            detectors=self.detectors,
            turns=self.turns,
            candidate=self.candidate,
            prior=self.prior,
            audio_track=self.audio_track,
            face_backend=self.face_backend,
            progress=progress,
        )


@dataclass(slots=True)
class Senses:
    """What is perceived once for all detectors; a part is None where nobody needs it or the medium is missing."""

    tracker: FaceTracker | None
    listener: Listener | None
    lips: LipMotion
    keep_images: bool

    @classmethod
    def for_needs(cls, needs: frozenset[str], info: MediaInfo, face_backend: str) -> Senses:
        """Only what `needs` asks for and the recording has. Speech needs the faces too: they tell whose voice it is."""
        from inperson.candidate import LipMotion
        from inperson.faces import FaceTracker
        from inperson.speech import Listener

        people = bool(needs & {"faces", "speech"})
        return cls(
            FaceTracker(backend=face_backend) if info.video and people else None,
            Listener() if info.audio and people else None,
            LipMotion(),
            "frames" in needs,
        )

    def session(
        self, info: MediaInfo, duration: float, supplied: tuple[Turn, ...] | None, wanted: str | None
    ) -> Session:
        """Put together what the whole recording showed."""
        from inperson.candidate import choose, layout_of

        turns, source = self.listener.finish(supplied) if self.listener else ((), "none")
        tracks = self.tracker.tracks() if self.tracker else ()
        size = (info.video.width, info.video.height) if info.video else None
        who = choose(turns, tracks, self.lips, size, wanted)
        return Session(info, duration, turns, source, tracks, who, layout_of(tracks, duration))


def perceive(chunks: Iterable[Chunk], senses: Senses, on_stage: OnStage | None = None) -> Iterator[Chunk]:
    """Add faces and speech probability to each chunk, then drop the images unless somebody needs them."""
    for chunk in chunks:
        if senses.tracker is not None:
            with timed("faces", on_stage):
                frames = tuple(map(senses.tracker.update, chunk.frames))
                chunk = replace(chunk, frames=frames)
                senses.lips.update(chunk)
        if not senses.keep_images:
            chunk = replace(chunk, frames=tuple(replace(frame, image=None) for frame in chunk.frames))
        if senses.listener is not None:
            with timed("speech", on_stage):
                chunk = senses.listener.update(chunk)
        yield chunk


@contextmanager
def timed(stage: str, on_stage: OnStage | None) -> Iterator[None]:
    """Tell `on_stage` how long the block took."""
    if on_stage is None:
        yield
        return
    wall, cpu = time.perf_counter(), time.thread_time()
    try:
        yield
    finally:
        on_stage(stage, time.perf_counter() - wall, time.thread_time() - cpu)


def _prefetched(chunks: Iterable[Chunk], on_stage: OnStage | None) -> Generator[Chunk, None, None]:
    from inperson.media import prefetch

    return prefetch(_timed_steps(chunks, on_stage))


def _timed_steps(chunks: Iterable[Chunk], on_stage: OnStage | None) -> Iterator[Chunk]:
    steps = iter(chunks)
    while True:
        with timed("decode", on_stage):
            chunk = next(steps, None)
        if chunk is None:
            return
        yield chunk


class _Running:
    """One detector at work: its faults are kept from the others and from the score."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.fault = ""
        table = models.card(detector.model).calibration
        self.calibration = calibration.Calibration.from_card(table, detector.model)

    def update(self, chunk: Chunk) -> None:
        if not self.fault:
            try:
                self.detector.update(chunk)
            except InpersonError:
                raise
            except Exception as error:
                self._fail(error)

    def finding(self, session: Session, prior: float) -> Finding:
        result: Reading | Abstention
        try:
            result = Abstention(self.fault) if self.fault else self.detector.finish(session)
        except InpersonError:
            raise
        except Exception as error:
            self._fail(error)
            result = Abstention(self.fault)
        if isinstance(result, Reading) and not math.isfinite(result.score):
            result = Abstention(f"the measured score was not a finite number ({result.score})")
        return _finding(self.detector, result, self.calibration, session, prior)

    def _fail(self, error: Exception) -> None:
        name = self.detector.signal
        self.fault = f"the {name} detector failed ({type(error).__name__}: {error}); this is a fault of its code, please report it"
        log.error("the %s detector failed", name, exc_info=error)


def _finding(
    detector: Detector, result: Reading | Abstention, fitted: calibration.Calibration, session: Session, prior: float
) -> Finding:
    from inperson.report import Finding, Quantity

    numbers = {
        name: Quantity(value=m.value, unit=m.unit) for name, m in result.measurements.items() if math.isfinite(m.value)
    }
    if isinstance(result, Abstention):
        status = "abstained" if result.applicable else "not_applicable"
        return Finding.model_validate(
            {"signal": detector.signal, "status": status, "reason": result.reason, "measurements": numbers, "model": detector.model}
        )
    llr = fitted.llr(result.score)
    low, high = fitted.interval(result.score, result.spread)
    return Finding(
        signal=detector.signal,
        status="scored",
        confidence=calibration.confidence(llr, prior),
        llr=llr,
        interval=(calibration.confidence(low, prior), calibration.confidence(high, prior)),
        quality=min(max(result.quality, 0.0), 1.0),
        evidence=_moments(result.evidence, session.duration),
        measurements=numbers,
        model=detector.model,
        alternatives=result.alternatives,
    )


def _moments(evidence: Iterable[Evidence], duration: float) -> tuple[Moment, ...]:
    """Evidence inside the recording, in order of time."""
    from inperson.report import Moment

    whole = Span(0.0, duration)
    kept = [(common, one) for one in evidence if (common := one.span & whole) and math.isfinite(one.score)]
    return tuple(
        Moment(
            start=round(span.start, 3),
            end=round(span.end, 3),
            score=one.score,
            note=one.note,
            track=one.track,
            speaker=one.speaker,
        )
        for span, one in sorted(kept, key=lambda item: item[0])
    )


def _report(session: Session, digest: str, prior: float, findings: Sequence[Finding], warnings: Sequence[str]) -> Report:
    from inperson import __version__
    from inperson.report import Report, Subject

    who = session.candidate
    return Report(
        version=__version__,
        media=_media(session, digest),
        candidate=Subject(track=who.track, speaker=who.speaker, how=who.how),
        prior=prior,
        findings=tuple(findings),
        warnings=tuple(warnings),
    )
