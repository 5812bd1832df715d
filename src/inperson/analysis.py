"""From a recording to a report: the loop.

Decode once (`inperson.media`), perceive once (faces, speech), hand every chunk to every detector, then let each say
what it measured. A detector that fails is reported as having abstained: no failure becomes a score, and none of the
others' work is lost.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from inperson import calibration, models
from inperson._stages import OnStage, Stages
from inperson.errors import InpersonError
from inperson.types import Abstention, Chunk, Detector, Evidence, Frame, Reading, Session, Span, Turn

if TYPE_CHECKING:
    from inperson.media import AudioInfo, MediaInfo, VideoInfo
    from inperson.report import AudioStream, Finding, Media, Moment, Report, VideoStream

log = logging.getLogger("inperson")

FaceBackend = Literal["onnx", "mediapipe"]

DAMAGE = (5, 0.5)
"""Losses and repairs (`Reader.damage`) in all, and a second, above both of which nothing is scored: concealed sound and
picture look like manipulation. Own choice: a lost packet now and then passes, constant damage does not."""

Progress = Callable[[float, float | None], None]
"""Called with the seconds read and, where the container says so, the recording's length."""


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
    import scipy.linalg  # noqa: F401  # its BLAS can be limited only once it is loaded
    from threadpoolctl import threadpool_limits

    from inperson.detectors import factories
    from inperson.transcripts import read_turns

    calibration.confidence(0.0, prior)  # refuses an impossible prior before any work
    made = [_Running(factory()) for factory in (detectors if detectors is not None else factories(signals))]
    supplied = read_turns(turns) if isinstance(turns, str | Path) else None if turns is None else tuple(turns)
    stages = Stages(on_stage)
    with threadpool_limits(1, user_api="blas"):  # on matrices this small, more threads cost more than they bring
        digest, senses, warnings, damage = _read(path, made, stages, audio_track, face_backend, progress)
        with stages("session"):
            session = senses.session(supplied, candidate)
        findings = []
        for one in made:
            with stages(one.detector.signal):
                findings.append(one.finding(session, prior, _unfit(damage, session.duration)))
    notes = [note for one in made for note in one.notes(findings)]
    return _report(session, digest, prior, findings, [*warnings, *notes])


def _read(
    path: str | Path,
    made: Sequence[_Running],
    stages: Stages,
    audio_track: int | None,
    face_backend: str,
    progress: Progress | None,
) -> tuple[str, Senses, tuple[str, ...], int]:
    """Read the recording to its end: its SHA-256, what was perceived, what was odd, and how often it was damaged."""
    from inperson.media import Reader, prefetch, sha256

    needs: frozenset[str] = frozenset().union(*(one.detector.needs for one in made))
    with stages("open"):
        digest = sha256(path)
        reader = Reader(
            path,
            native="native" in needs,
            audio_track=audio_track,
            each_frame=lambda frame: senses.see(frame),
            wanted=lambda time: senses.wants(time),
        )
        senses = Senses(needs, reader.info, face_backend, stages)
    with reader:
        for chunk in prefetch(perceive(reader, senses, stages)):
            for one in made:
                with stages(one.detector.signal):
                    one.update(chunk)
            if progress is not None:
                progress(chunk.span.end, reader.info.duration)
        return digest, senses, reader.warnings, reader.damage


def _unfit(damage: int, duration: float) -> str:
    """Why nothing may be scored on a recording damaged so often; empty if it may."""
    if damage < DAMAGE[0] or damage < DAMAGE[1] * duration:
        return ""
    return (
        f"the recording is damaged (lost or repaired {damage} times in {duration:.0f} s), and damage looks like "
        "manipulation; the warnings say what was found"
    )


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


class Senses:
    """What is perceived once for all detectors; a part is None where nobody needs it or the medium is missing.

    Parameters
    ----------
    needs : frozenset of str
        Union of the detectors' needs. Speech needs the faces too: they tell whose voice it is.
    info : MediaInfo
    face_backend : str
    stages : Stages
    """

    def __init__(
        self, needs: frozenset[str], info: MediaInfo, face_backend: str = "onnx", stages: Stages | None = None
    ) -> None:
        from inperson.candidate import LipMotion
        from inperson.faces import FaceTracker
        from inperson.speech import Listener

        people = bool(needs & {"faces", "speech"})
        self.tracker = FaceTracker(backend=cast(FaceBackend, face_backend)) if info.video and people else None
        self.listener = Listener() if info.audio and people else None
        self._info = info
        self._end = 0.0
        self._lips = LipMotion()
        self._keep_images = "frames" in needs
        self._stages = stages or Stages(None)

    def wants(self, time: float) -> bool:
        """Whether anybody will look at the image of the frame at `time`."""
        return self._keep_images or (self.tracker is not None and self.tracker.wants(time))

    def see(self, frame: Frame) -> Frame:
        """Find the faces in a frame, then drop its image unless somebody needs it."""
        if self.tracker is not None:
            with self._stages("faces"):
                frame = self.tracker.update(frame)
                self._lips.update(frame)
        return frame if self._keep_images else replace(frame, image=None)

    def hear(self, chunk: Chunk) -> Chunk:
        """Add the speech probability to a chunk."""
        self._end = chunk.span.end
        if self.listener is None:
            return chunk
        with self._stages("speech"):
            return self.listener.update(chunk)

    def session(self, supplied: tuple[Turn, ...] | None = None, wanted: str | None = None) -> Session:
        """Put together what the whole recording showed."""
        from inperson.candidate import choose, layout_of

        info = self._info
        turns, source = self.listener.finish(supplied) if self.listener else ((), "none")
        tracks = self.tracker.tracks() if self.tracker else ()
        size = (info.video.width, info.video.height) if info.video else None
        who = choose(turns, tracks, self._lips, size, wanted)
        return Session(info, self._end, turns, source, tracks, who, layout_of(tracks, self._end))


def perceive(reader: Iterable[Chunk], senses: Senses, stages: Stages | None = None) -> Iterator[Chunk]:
    """The chunks of a `Reader` whose ``each_frame`` is ``senses.see``, with speech added."""
    stages = stages or Stages(None)
    steps = iter(reader)
    while True:
        with stages("decode"):
            chunk = next(steps, None)
        if chunk is None:
            return
        yield senses.hear(chunk)


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

    def finding(self, session: Session, prior: float, unfit: str = "") -> Finding:
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
        if isinstance(result, Reading) and unfit:
            result = Abstention(unfit, measurements=result.measurements)
        return _finding(self.detector, result, self.calibration, session, prior)

    def notes(self, findings: Sequence[Finding]) -> Iterator[str]:
        """What a reader must know of this detector beside its finding."""
        if self.fault:
            yield self.fault
        name = self.detector.signal
        if self.calibration.slope == 0 and any(f.signal == name and f.status == "scored" for f in findings):
            yield f"{name}: on the data of its card this score told nothing, so its confidence stays at the prior"

    def _fail(self, error: Exception) -> None:
        name = self.detector.signal
        what = f"{type(error).__name__}: {error}"
        self.fault = f"the {name} detector failed ({what}); this is a fault of its code, please report it"
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
            {
                "signal": detector.signal,
                "status": status,
                "reason": result.reason,
                "measurements": numbers,
                "model": detector.model,
            }
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


def _report(
    session: Session, digest: str, prior: float, findings: Sequence[Finding], warnings: Sequence[str]
) -> Report:
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


def _media(session: Session, digest: str) -> Media:
    from inperson.report import Media

    info = session.media
    codecs = [info.video.codec] if info.video else []
    return Media(
        path=os.fsencode(info.path).decode("utf-8", "backslashreplace"),
        sha256=digest,
        size_bytes=info.size_bytes,
        container=info.container,
        duration=session.duration,
        codecs=tuple(codecs + [track.codec for track in info.audio]),
        video=_video(info.video) if info.video else None,
        audio=tuple(map(_audio, info.audio)),
        encoder=info.encoder or None,
        writing_application=info.writing_application or None,
        creation_time=info.creation_time or None,
    )


def _video(video: VideoInfo) -> VideoStream:
    from inperson.report import VideoStream

    return VideoStream(
        codec=video.codec,
        width=video.width,
        height=video.height,
        rate=video.fps,
        constant_rate=video.constant_rate,
        rotation=video.rotation,
        pixel_format=video.pixel_format,
        bit_depth=video.bit_depth,
        hdr=bool(video.hdr),
        start=video.start,
    )


def _audio(track: AudioInfo) -> AudioStream:
    from inperson.report import AudioStream

    return AudioStream(
        codec=track.codec,
        rate=track.rate,
        channels=track.channels,
        layout=track.layout,
        language=track.language or None,
        title=track.title or None,
        start=track.start,
    )
