"""The detector contract as a test, for the built-in detectors and for plug-ins.

>>> from inperson.testing import check_detector
>>> from inperson.detectors.response_latency import ResponseLatency
>>> check_detector(ResponseLatency)
"""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inperson.types import (
    Abstention,
    Candidate,
    Chunk,
    Detector,
    Face,
    Floats,
    Frame,
    Reading,
    Session,
    Span,
    Track,
    Turn,
)

if TYPE_CHECKING:
    from inperson.media import MediaInfo

RATE = 16_000
HOP = 512
"""Samples a speech probability stands for (32 ms)."""
MAX_BYTES_PER_SECOND = 64_000
"""What a detector may keep of a second of recording; a second of 16 kHz sound alone is 64 kB."""
CHUNKINGS = (0.1, 0.5, 2.3)


def check_detector(factory: Callable[[], Detector], recording: str | Path | None = None) -> None:
    """Check that what `factory` returns keeps the contract of `inperson.types.Detector`.

    Parameters
    ----------
    factory : callable
        Returns a new detector.
    recording : path, optional
        A recording on which the detector scores; chunk length and repetition are then checked on it as well as on the
        made-up material.

    Raises
    ------
    AssertionError
        The contract is broken; the text says where.
    """
    detector = factory()
    assert isinstance(detector, Detector), f"{detector!r} lacks signal, needs, model, update or finish"
    assert detector.needs <= {"faces", "speech", "audio", "native", "frames"}, f"unknown needs {set(detector.needs)}"
    for name, chunks in _barren().items():
        found = _run(factory, chunks, _session(chunks, turns=(), tracks=()))
        assert isinstance(found, Abstention), f"{detector.signal} on {name}: expected an Abstention, found {found}"
        assert found.reason.strip(), f"{detector.signal} on {name}: an Abstention needs a reason"
    cases = [made_up(24.0)]
    if recording is not None:
        cases.append(_perceived(recording))
    for chunks, session in cases:
        _check_repeats(factory, chunks, session)
    _check_memory(factory)


def made_up(seconds: float, seed: int = 0) -> tuple[list[Chunk], Session]:
    """A made-up call with two voices and one face that moves: noise bursts as speech, an opening mouth, 25 frames/s.

    Returns
    -------
    chunks : list of Chunk
        0.5 s each, as `inperson.analysis.perceive` would give them.
    session : Session
        The candidate is track 0 and speaker ``"S2"``.
    """
    rng = np.random.default_rng(seed)
    turns = tuple(_exchanges(seconds, rng))
    envelope = np.zeros(int(seconds * RATE), np.float32)
    for turn in turns:
        envelope[int(turn.span.start * RATE) : int(turn.span.end * RATE)] = 1.0
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4.3 * np.arange(len(envelope)) / RATE)
    noise = rng.standard_normal(len(envelope)).astype(np.float32)
    audio = (0.1 * noise * envelope * syllables + 0.001 * noise).astype(np.float32)
    speech = envelope[: len(envelope) // HOP * HOP].reshape(-1, HOP).mean(1).astype(np.float32)
    frames = [_frame(t, float(envelope[min(int(t * RATE), len(envelope) - 1)])) for t in np.arange(0, seconds, 0.04)]
    whole = Chunk(Span(0.0, seconds), tuple(frames), audio, native=audio[:, None], native_rate=RATE, speech=speech)
    chunks = rechunk([whole], 0.5)
    track = Track(0, (Span(0.0, seconds),), (260.0, 120.0, 380.0, 260.0))
    return chunks, _session(chunks, turns, (track,))


def rechunk(chunks: Sequence[Chunk], seconds: float) -> list[Chunk]:
    """The same recording in chunks of another length. Empty in, empty out."""
    return list(_split(chunks, seconds)) if chunks else []


def _split(chunks: Sequence[Chunk], seconds: float) -> Iterator[Chunk]:
    start, end = chunks[0].span.start, chunks[-1].span.end
    audio = np.concatenate([c.audio for c in chunks])
    wide = max(chunks, key=lambda c: c.native.shape[1])
    native = np.concatenate([c.native for c in chunks if c.native.size] or [wide.native])
    pairs = max(chunks, key=lambda c: c.channels.shape[1])
    channels = np.concatenate([c.channels for c in chunks if c.channels.size] or [pairs.channels])
    frames = [frame for c in chunks for frame in c.frames]
    gaps = [gap for c in chunks for gap in c.gaps]
    speech = np.concatenate([c.speech for c in chunks])
    starts = chunks[0].speech_start + np.arange(len(speech)) * HOP / RATE
    for i in range(math.ceil((end - start) / seconds - 1e-9)):
        span = Span(start + i * seconds, min(start + (i + 1) * seconds, end))
        voiced = (starts >= span.start - 1e-9) & (starts < span.end - 1e-9)
        yield Chunk(
            span,
            tuple(f for f in frames if span.start <= f.time < span.end or (f.time >= end and span.end == end)),
            _cut(audio, span, start, RATE),
            gaps=tuple(common for gap in gaps if (common := gap & span)),
            channels=_cut(channels, span, start, RATE),
            native=_cut(native, span, start, wide.native_rate),
            native_rate=wide.native_rate,
            speech=speech[voiced],
            speech_start=float(starts[voiced][0]) if voiced.any() else span.start,
        )


def _cut(samples: Floats, span: Span, start: float, rate: int) -> Floats:
    return samples[round((span.start - start) * rate) : round((span.end - start) * rate)]


def _exchanges(seconds: float, rng: np.random.Generator) -> Iterator[Turn]:
    time = 0.5
    while time < seconds - 4:
        asked = time + rng.uniform(0.8, 1.6)
        yield Turn(Span(time, asked), "S1")
        answer = asked + rng.uniform(0.2, 0.9)
        time = answer + rng.uniform(1.5, 3.0)
        yield Turn(Span(answer, min(time, seconds)), "S2")
        time += rng.uniform(0.2, 0.6)


def _frame(time: float, voice: float) -> Frame:
    """A grey frame with one face whose mouth opens with the voice and whose head sways."""
    angle = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    sway = 2.0 * math.sin(0.7 * time)
    points = np.stack([320 + sway + 60 * np.sin(angle), 190 + 70 * np.cos(angle), 10 * np.cos(2 * angle)], 1)
    opening = 2 + 8 * voice * (0.5 + 0.5 * math.sin(2 * math.pi * 4.3 * time))
    points[13], points[14] = (320 + sway, 225 - opening / 2, 0), (320 + sway, 225 + opening / 2, 0)
    points[33], points[263] = (292 + sway, 170, 0), (348 + sway, 170, 0)
    rng = np.random.default_rng(int(time * 1000))
    crop = rng.integers(100, 140, (280, 240, 3), dtype=np.uint8)
    face = Face(0, (260.0 + sway, 120.0, 380.0 + sway, 260.0), 0.9, points.astype(np.float32), crop, (200, 50))
    return Frame(float(time), None, (640, 360), (face,))


def _barren() -> dict[str, list[Chunk]]:
    """Recordings that hold nothing to measure."""
    black = np.zeros((90, 160, 3), np.uint8)
    silence, hush = np.zeros(RATE // 2, np.float32), np.zeros(16, np.float32)

    def chunks(frames: bool, sound: bool) -> list[Chunk]:
        out = []
        for i in range(20):
            times = [i * 0.5 + k * 0.1 for k in range(5)]
            out.append(
                Chunk(
                    Span(i * 0.5, (i + 1) * 0.5),
                    tuple(Frame(t, black, (160, 90)) for t in times) if frames else (),
                    silence if sound else np.zeros(0, np.float32),
                    native=silence[:, None] if sound else np.zeros((0, 0), np.float32),
                    native_rate=RATE if sound else 0,
                    speech=hush[: 15 + (i % 2)] if sound else np.zeros(0, np.float32),
                    speech_start=i * 0.5,
                )
            )
        return out

    return {
        "nothing at all": [],
        "black frames and silence": chunks(True, True),
        "black frames without sound": chunks(True, False),
        "silence without a picture": chunks(False, True),
    }


def _session(chunks: Sequence[Chunk], turns: tuple[Turn, ...], tracks: tuple[Track, ...]) -> Session:
    from inperson.media import AudioInfo, MediaInfo, VideoInfo  # noqa: F401

    duration = chunks[-1].span.end if chunks else 0.0
    media = _media(duration, any(c.frames for c in chunks), any(c.audio.size for c in chunks))
    who = Candidate(0, "S2", "Made up.", (0,)) if tracks else Candidate(None, None, "Nobody is here.")
    return Session(media, duration, turns, "supplied" if turns else "none", tracks, who, "single" if tracks else "none")


def _media(duration: float, video: bool, audio: bool) -> MediaInfo:
    from inperson.media import AudioInfo, MediaInfo, VideoInfo

    picture = VideoInfo(
        index=0,
        codec="h264",
        profile="",
        width=640,
        height=360,
        coded_width=640,
        coded_height=360,
        rotation=0,
        mirrored=False,
        pixel_aspect=1.0,
        fps=25.0,
        constant_rate=True,
        start=0.0,
        duration=duration,
        pixel_format="yuv420p",
        bit_depth=8,
        hdr="",
    )
    sound = AudioInfo(
        track=0,
        index=1,
        codec="aac",
        profile="",
        rate=RATE,
        channels=1,
        layout="mono",
        sample_format="fltp",
        start=0.0,
        duration=duration,
    )
    return MediaInfo("made up", "mov,mp4", 0, duration, 0.0, picture if video else None, (sound,) if audio else ())


def _run(factory: Callable[[], Detector], chunks: Iterable[Chunk], session: Session) -> Reading | Abstention:
    detector = factory()
    for chunk in chunks:
        detector.update(chunk)
    return detector.finish(session)


def _check_repeats(factory: Callable[[], Detector], chunks: Sequence[Chunk], session: Session) -> None:
    signal = factory().signal
    first = _run(factory, chunks, session)
    assert _same(first, _run(factory, chunks, session)), f"{signal}: two runs on the same recording differ"
    for seconds in CHUNKINGS:
        other = _run(factory, rechunk(chunks, seconds), session)
        assert _same(first, other), f"{signal}: chunks of {seconds} s change the result from {first} to {other}"
    if isinstance(first, Reading):
        assert math.isfinite(first.score), f"{signal}: the score {first.score} is not finite"
        assert 0 <= first.quality <= 1, f"{signal}: quality {first.quality} is outside 0 to 1"
        for one in first.evidence:
            inside = one.span.start >= 0 and one.span.end <= session.duration + 1e-6
            assert inside, f"{signal}: evidence {one.span} lies outside the recording (0 to {session.duration})"
            assert one.note.strip(), f"{signal}: the evidence at {one.span} has no note"


def _same(a: Reading | Abstention, b: Reading | Abstention) -> bool:
    if isinstance(a, Abstention) or isinstance(b, Abstention):
        return type(a) is type(b)
    return math.isclose(a.score, b.score, rel_tol=1e-3, abs_tol=1e-3) and len(a.evidence) == len(b.evidence)


def _check_memory(factory: Callable[[], Detector], seconds: float = 60.0) -> None:
    """What the detector holds on to after `seconds` of recording must stay small."""
    chunks, _ = made_up(10.0)
    detector = factory()
    for chunk in chunks:  # first use loads libraries and models, which is not the recording's memory
        detector.update(chunk)
    detector = factory()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for i in range(int(seconds / 10)):
            for chunk in chunks:
                detector.update(_later(chunk, i * 10.0))
        kept = (tracemalloc.get_traced_memory()[0] - before) / seconds
    finally:
        tracemalloc.stop()
    assert kept < MAX_BYTES_PER_SECOND, (
        f"{detector.signal} keeps {kept:.0f} bytes a second, at most {MAX_BYTES_PER_SECOND}"
    )


def _later(chunk: Chunk, by: float) -> Chunk:
    frames = tuple(
        replace(f, time=f.time + by, faces=tuple(replace(x, crop=np.array(x.crop)) for x in f.faces))
        for f in chunk.frames
    )
    return replace(
        chunk,
        span=Span(chunk.span.start + by, chunk.span.end + by),
        frames=frames,
        audio=chunk.audio.copy(),
        native=chunk.native.copy(),
        speech_start=chunk.speech_start + by,
    )


def _perceived(recording: str | Path) -> tuple[list[Chunk], Session]:
    from inperson.media import Reader
    from inperson.perception import Senses, perceive

    with Reader(recording, native=True, each_frame=lambda f: senses.see(f)) as reader:
        senses = Senses(frozenset({"faces", "speech"}), reader.info)
        chunks = list(perceive(reader, senses))
    return chunks, senses.session()
