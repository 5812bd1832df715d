"""From what the detectors said to the report: calibrated findings, evidence inside the recording, the media's facts."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from inperson import calibration
from inperson._along import along, timeline
from inperson.types import Abstention, Detector, Evidence, Reading, Session, Span

if TYPE_CHECKING:
    from inperson.media import AudioInfo, VideoInfo
    from inperson.report import AudioStream, Finding, Media, Moment, Report, VideoStream
    from inperson.site import Site


def calibrated(
    detector: Detector,
    result: Reading | Abstention,
    fitted: calibration.Calibration,
    session: Session,
    prior: float,
    own: Site | None = None,
) -> Finding:
    """The finding that follows from what a detector said, its score made a confidence at `prior`.

    With a platform's calibration (`own`), no ratio exceeds what its p-value supports; evidence for bona fide stays.
    """
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
                "evidence": _moments(result.evidence, session.duration),
                "measurements": numbers,
                "model": detector.model,
                "alternatives": result.alternatives,
            }
        )
    quality = min(max(result.quality, 0.0), 1.0)
    here = None if own is None else own.compare(detector.signal, result.score, quality)
    most = math.inf if here is None else here.most
    llr = min(fitted.llr(result.score), most)
    low, high = (min(end, most) for end in fitted.interval(result.score, result.spread))
    return Finding(
        signal=detector.signal,
        status="scored",
        score=result.score,
        confidence=calibration.confidence(llr, prior),
        llr=llr,
        interval=(calibration.confidence(low, prior), calibration.confidence(high, prior)),
        quality=quality,
        p_value=None if here is None else here.p_value,
        p_value_reason=None if here is None else here.reason or None,
        evidence=_moments(result.evidence, session.duration),
        measurements=numbers,
        model=detector.model,
        alternatives=result.alternatives,
        curve=along(result.curve, session.duration),
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
            kind=one.kind or None,
        )
        for span, one in sorted(kept, key=lambda item: item[0])
    )


def assembled(
    session: Session,
    digest: str,
    prior: float,
    findings: Sequence[Finding],
    warnings: Sequence[str],
    own: Site | None = None,
) -> Report:
    """The report of one recording, from its findings."""
    from inperson import __version__
    from inperson.report import Report, SiteCalibration, Subject

    who = session.candidate
    return Report(
        version=__version__,
        media=_media(session, digest),
        candidate=Subject(track=who.track, speaker=who.speaker, how=who.how),
        prior=prior,
        site=None
        if own is None
        else SiteCalibration(
            label=own.label,
            sha256=own.sha256 or None,
            assurance=own.assurance,
            recordings=own.recordings,
            scored={signal: len(one.scores) for signal, one in own.signals.items()},
        ),
        findings=tuple(findings),
        warnings=tuple(warnings),
        timeline=timeline(session),
        excluded=tuple((span.start, span.end) for span in session.excluded),
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
