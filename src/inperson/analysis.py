"""From a recording to a report: the loop.

Decode once (`inperson.media`), perceive once (faces, speech), hand every chunk to every detector, then let each say
what it measured. A detector that fails is reported as having abstained: no failure becomes a score, and none of the
others' work is lost.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inperson import models
from inperson._findings import assembled, calibrated
from inperson._one_thread import one_blas_thread
from inperson._stages import OnStage, Stages
from inperson._together import together
from inperson.calibration import Calibration, confidence
from inperson.errors import Cancelled, InpersonError
from inperson.perception import Senses, perceive
from inperson.stability import rechecked
from inperson.types import Abstention, Chunk, Detector, Reading, Session, Span, Turn

if TYPE_CHECKING:
    from inperson.asr import Recogniser, Transcription
    from inperson.report import Finding, Report
    from inperson.site import Site

log = logging.getLogger("inperson")

DAMAGE = (5, 0.5)
"""Losses and repairs (`Reader.damage`) in all, and a second, above both of which nothing is scored: concealed sound and
picture look like manipulation. Own choice: a lost packet now and then passes, constant damage does not."""

Progress = Callable[[float, float | None], None]
"""Called with the seconds read and, where the container says so, the recording's length."""
Cancel = Callable[[], bool]
"""Asked several times a second, from the thread of the analysis, whether to stop: ``threading.Event().is_set``."""


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
    calibration: str | Path | Site | None = None,
    recheck: bool = True,
    exclude: Iterable[Span | tuple[float, float]] = (),
    asr: Recogniser | None = None,
    progress: Progress | None = None,
    on_stage: OnStage | None = None,
    cancel: Cancel | None = None,
) -> Report:
    """Analyse one recording.

    Several threads may call it at once, also with the same file; so may children of a fork. Decoding, networks and
    most filters leave the other threads running. For many recordings, processes are faster (`inperson.batch`).

    Parameters
    ----------
    path : str or Path
        A local recording: mp4, mov, mkv, webm, avi, wav, flac, mp3, m4a, ogg; sound or picture may be missing.
    signals : iterable of str, optional
        Which signals to look at; those of `inperson.detectors.usual` by default.
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
    calibration : path or Site, optional
        What the platform's own genuine recordings score (`inperson.site`, ``inperson calibrate``), analysed with the
        same options: gives every scored finding a p-value, and no ratio beyond what that supports.
    recheck : bool
        Measure findings that speak for a signal again on two mildly re-encoded copies of the recording, and report
        those that do not survive it as inconclusive (`inperson.stability`). Costs nothing unless a finding speaks.
    exclude : iterable of Span or (start, end)
        Seconds to leave out, as a reviewer may ask: what lies in them is not measured. Who speaks and whose face is
        whose is still told from the whole recording.
    asr : callable, optional
        Speech recognition: takes mono float32 sound of at most 29 s and its rate, 16 000 Hz, and returns words with
        their times (`inperson.asr`); `inperson.whisper.FasterWhisper` is one. Its words become the text of the turns,
        and stand in the report. Not called where the turns supplied have text; a fault of it is a warning.
    progress, on_stage : callables, optional
        See `Progress` and `OnStage`.
    cancel : callable, optional
        See `Cancel`. Asked after each half second of recording, before each signal's finding, and while copies are made
        and measured again; the longest stretch between two questions is one signal's ``finish``. An exception from
        `progress` or `cancel` ends the analysis too and is passed on.

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
        An argument, the turns file or the site calibration is not as expected, or the latter is of another model.
    Cancelled
        `cancel` said so. Nothing of the recording is left behind.
    """
    from inperson import _exclusion, site
    from inperson.asr import Transcription
    from inperson.detectors import factories
    from inperson.transcripts import read_turns, read_words

    confidence(0.0, prior)  # refuses an impossible prior before any work
    own = site.of(calibration)
    excluded = _exclusion.spans(exclude)
    chosen = tuple(detectors if detectors is not None else factories(signals))
    made = [DetectorRun(factory()) for factory in chosen]
    for one in made:
        one.require(own)
    names = [one.detector.signal for one in made]
    supplied = read_turns(turns) if isinstance(turns, str | Path) else None if turns is None else tuple(turns)
    heard = None if asr is None or any(turn.text for turn in supplied or ()) else Transcription(asr)
    stages = Stages(on_stage)
    go_on = _Asked(cancel)
    with one_blas_thread():  # on matrices this small, more threads cost more than they bring
        digest, senses, warnings, damage = _read(
            path, made, stages, audio_track, face_backend, progress, excluded, go_on, heard
        )
        go_on()
        with stages("session"):
            words = heard.finish() if heard else read_words(turns) if isinstance(turns, str | Path) else ()
            session = replace(senses.session(supplied, candidate, words), excluded=excluded)
        findings = []
        for one in made:
            go_on()
            with stages(one.detector.signal):
                findings.append(one.finding(session, prior, own, _unfit(damage, session.duration)))
    notes = [note for one in made for note in one.notes(findings)]
    if heard is not None and heard.fault:
        notes.append(heard.fault)
    if recheck:
        # without the site calibration: a ratio that it caps at 1 must not look like a finding that turned round
        options = Analyzer(None, None, supplied, candidate, prior, None, face_backend, recheck=False, exclude=excluded)
        again = _Again(dict(zip(names, chosen, strict=True)), _unseen(made), session, options, cancel)
        with stages("recheck"):
            findings, unsure = rechecked(path, findings, again, again.unseen, audio_track, go_on)
        notes += unsure
    findings = together(findings, session.duration)
    return assembled(session, digest, prior, findings, [*warnings, *notes], own)


def _read(
    path: str | Path,
    made: Sequence[DetectorRun],
    stages: Stages,
    audio_track: int | None,
    face_backend: str,
    progress: Progress | None,
    excluded: tuple[Span, ...],
    go_on: Callable[[], None],
    transcription: Transcription | None,
) -> tuple[str, Senses, tuple[str, ...], int]:
    """Read the recording to its end: its SHA-256, what was perceived, what was odd, and how often it was damaged."""
    from inperson._exclusion import without
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
    with reader:
        with stages("open"):
            senses = Senses(needs, reader.info, face_backend, stages)
        # the thread that reads ahead must have ended before the reader is closed, whatever happens here
        with closing(prefetch(perceive(reader, senses, stages))) as ahead:
            for chunk in ahead:
                kept = without(chunk, excluded)
                for one in made:
                    with stages(one.detector.signal):
                        one.update(kept)
                if transcription is not None:
                    with stages("asr"):
                        transcription.update(kept)
                if progress is not None:
                    progress(chunk.span.end, reader.info.duration)
                go_on()
        return digest, senses, reader.warnings, reader.damage


@dataclass(frozen=True, slots=True)
class _Asked:
    """Raises `Cancelled` once the caller wants to stop."""

    cancel: Cancel | None

    def __call__(self) -> None:
        if self.cancel is not None and self.cancel():
            raise Cancelled("the analysis was cancelled by its caller; nothing was measured to the end")


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
    calibration: str | Path | Site | None = None
    recheck: bool = True
    exclude: tuple[Span | tuple[float, float], ...] = ()
    asr: Recogniser | None = None

    def __call__(self, path: str | Path, progress: Progress | None = None, *, cancel: Cancel | None = None) -> Report:
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
            calibration=self.calibration,
            recheck=self.recheck,
            exclude=self.exclude,
            asr=self.asr,
            progress=progress,
            cancel=cancel,
        )

    def prepare(self) -> None:
        """Load what every recording needs. A worker process does so once (`inperson.isolation`)."""
        from inperson.asr import Prepared

        load(self.signals)
        for factory in self.detectors or ():
            factory()
        if isinstance(self.asr, Prepared):
            self.asr.prepare()

    def reads(self, path: str) -> list[str]:
        """The files that analysing `path` opens."""
        from inperson.asr import Prepared

        beside = (self.turns, self.calibration)
        weights = self.asr.reads() if isinstance(self.asr, Prepared) else ()
        return [path, *(os.fspath(one) for one in beside if isinstance(one, str | Path)), *weights]

    def seconds(self, path: str) -> float:
        """How long the recording can be (s), from its container and size: what its time limit follows from."""
        from inperson.media import longest

        return longest(path)


def load(signals: Iterable[str] | None = None) -> None:
    """Import the libraries and load the models that an analysis would otherwise load at its first use.

    A process forked after this for every recording loads none of them again.

    Raises
    ------
    ModelError, InputError
        A model is missing or altered; a signal is unknown.
    """
    import av
    import av.subtitles.stream
    import cv2
    import scipy.cluster.hierarchy
    import scipy.fft
    import scipy.linalg
    import scipy.ndimage
    import scipy.sparse
    import scipy.spatial
    import scipy.special  # noqa: F401
    import threadpoolctl  # noqa: F401

    import inperson._exclusion
    import inperson.candidate
    import inperson.degradation
    import inperson.face_voices
    import inperson.media
    import inperson.report
    import inperson.site
    import inperson.transcripts  # noqa: F401
    from inperson.detectors import factories
    from inperson.faces import FaceTracker  # noqa: F401
    from inperson.speech import Listener  # noqa: F401

    av.logging.set_level(None)
    cv2.setNumThreads(1)
    factories(signals)
    for card in models.cards():
        if card.path is not None:
            models.session(card.id)


def _unseen(made: Sequence[DetectorRun]) -> frozenset[str]:
    """Signals measured without picture."""
    return frozenset(one.detector.signal for one in made if not one.detector.needs & {"faces", "frames"})


@dataclass(frozen=True, slots=True)
class _Again:
    """Analyses a copy of the recording for some of the signals, as `inperson.stability` asks.

    Who speaks when is kept from the first time: what is asked is whether the measurement of this person holds. The
    voice is kept too where no face is needed, for it may have been told by the lips.
    """

    factories: Mapping[str, Callable[[], Detector]]
    unseen: frozenset[str]
    session: Session
    options: Analyzer
    cancel: Cancel | None = None

    def __call__(self, copy: Path, signals: tuple[str, ...]) -> Sequence[Finding]:
        options = replace(
            self.options,
            detectors=tuple(self.factories[name] for name in signals),
            turns=self.session.turns or self.options.turns,
        )
        if self.session.candidate.speaker is not None and self.unseen.issuperset(signals):
            options = replace(options, candidate=self.session.candidate.speaker)
        return options(copy, cancel=self.cancel).findings


class DetectorRun:
    """One detector at work: its faults are kept from the others and from the score."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.fault = ""
        card = models.card(detector.model)
        self.calibration = Calibration.from_card(card.calibration, detector.model)
        self.least_quality = card.least_quality

    def require(self, own: Site | None) -> None:
        """Refuse a platform's calibration made with another model."""
        if own is not None:
            own.require(self.detector.signal, self.detector.model)

    def update(self, chunk: Chunk) -> None:
        if not self.fault:
            try:
                self.detector.update(chunk)
            except InpersonError:
                raise
            except Exception as error:
                self._fail(error)

    def finding(self, session: Session, prior: float, own: Site | None = None, unfit: str = "") -> Finding:
        result: Reading | Abstention
        try:
            result = Abstention(self.fault) if self.fault else self.detector.finish(session)
        except InpersonError:
            raise
        except Exception as error:
            self._fail(error)
            result = Abstention(self.fault)
        if isinstance(result, Reading) and (reason := self._unusable(result) or unfit):
            result = Abstention(reason, measurements=result.measurements)
        return calibrated(self.detector, result, self.calibration, session, prior, own)

    def _unusable(self, result: Reading) -> str:
        if not math.isfinite(result.score):
            return f"the measured score was not a finite number ({result.score})"
        if result.quality < self.least_quality:
            return (
                f"too little to go by (quality {result.quality:.2f}; below {self.least_quality:.2f} this measurement "
                "told nothing on the recordings it was tried on)"
            )
        return ""

    def notes(self, findings: Sequence[Finding]) -> Iterator[str]:
        """What a reader must know of this detector beside its finding."""
        if self.fault:
            yield self.fault
        name = self.detector.signal
        if self.calibration.flat and any(f.signal == name and f.status == "scored" for f in findings):
            yield f"{name}: on the data of its card this score told nothing, so its confidence stays at the prior"

    def _fail(self, error: Exception) -> None:
        name = self.detector.signal
        what = f"{type(error).__name__}: {error}"
        self.fault = f"the {name} detector failed ({what}); this is a fault of its code, please report it"
        log.error("the %s detector failed", name, exc_info=error)
