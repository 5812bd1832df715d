"""`lip_sync` on made-up speech and a made-up mouth whose relation is known to the millisecond."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from inperson.detectors import _lip_features as features
from inperson.detectors import _lip_lag as lag
from inperson.detectors.lip_sync import LipSync
from inperson.media import MediaInfo, Reader, probe
from inperson.perception import Senses, perceive
from inperson.testing import check_detector
from inperson.types import Abstention, Candidate, Chunk, Face, Frame, Reading, Session, Span, Track, Turn

SAMPLES = Path(__file__).parents[1] / "samples"
RATE = 16_000
SECONDS = 16.0


def syllables(seconds: float, seed: int) -> np.ndarray:
    """Loudness of made-up speech in [0, 1], 1000 values a second: syllables of uneven length and height, and pauses."""
    rng = np.random.default_rng(seed)
    out = np.zeros(int(seconds * 1000))
    time = 0.1
    while time < seconds - 0.3:
        length = rng.uniform(0.12, 0.3)
        first, last = int(time * 1000), int((time + length) * 1000)
        out[first:last] = rng.uniform(0.3, 1.0) * np.hanning(last - first)
        time += length * rng.uniform(0.7, 1.1) + (rng.uniform(0.2, 0.5) if rng.random() < 0.12 else 0.0)
    return out


def voice(loudness: np.ndarray, delay: float, seed: int = 1) -> np.ndarray:
    """Noise that is as loud as `loudness`, `delay` seconds later."""
    at = np.arange(len(loudness) * RATE // 1000) / RATE
    level = np.interp(at - delay, np.arange(len(loudness)) / 1000, loudness, left=0.0, right=0.0)
    noise = np.random.default_rng(seed).standard_normal(len(at))
    return (0.1 * level * noise + 0.0005 * noise).astype(np.float32)


def landmarks(opening: float, eyes: float, sway: float, seed: int, turn: float = 0.0) -> np.ndarray:
    """A face mesh reduced to what is measured, `eyes` pixels between the eye corners, turned by `turn` radians."""
    points = np.zeros((478, 3))
    lower = opening
    for upper, under in features.INNER_LIPS:
        points[upper], points[under] = (0.0, 0.72, 0.0), (0.0, 0.74 + lower, 0.0)
    points[0], points[17] = (0.0, 0.66, 0.0), (0.0, 0.80 + lower, 0.0)
    points[78], points[308] = (-0.28 + 0.1 * opening, 0.73, 0.02), (0.28 - 0.1 * opening, 0.73, 0.02)
    points[2], points[152], points[1] = (0.0, 0.5, -0.1), (0.0, 1.25 + 0.7 * opening, 0.0), (0.0, 0.4, -0.2)
    points[33], points[263] = (-0.5, 0.0, 0.0), (0.5, 0.0, 0.0)
    points += 0.002 * np.random.default_rng(seed).standard_normal(points.shape)
    cos, sin = np.cos(turn), np.sin(turn)
    points = points @ np.array([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]])
    return (eyes * (points + np.array([sway, 0.0, 0.0])) + np.array([320.0, 150.0, 0.0])).astype(np.float32)


def recording(
    mouth: np.ndarray,
    sound: np.ndarray,
    times: np.ndarray,
    *,
    chunk: float = 0.5,
    eyes: float = 80.0,
    turn: float = 0.0,
    hold: Span | None = None,
) -> list[Chunk]:
    """Chunks of one face whose lips open with `mouth` (1000 values a second), and a voice. In `hold` it is frozen."""
    frames = []
    for time in times:
        shown = hold.start if hold and time in hold else time
        opening = 0.12 * float(np.interp(shown, np.arange(len(mouth)) / 1000, mouth))
        points = landmarks(opening, eyes, 0.02 * np.sin(0.7 * shown), int(shown * 1e5), turn)
        frames.append(Frame(float(time), None, (640, 360), (Face(0, (260.0, 100.0, 380.0, 260.0), 0.9, points),)))
    seconds = len(sound) / RATE
    out = []
    edges = [*np.arange(0.0, seconds, chunk).tolist(), seconds]
    for start, end in itertools.pairwise(edges):
        span = Span(start, end)
        piece = sound[round(span.start * RATE) : round(span.end * RATE)]
        out.append(Chunk(span, tuple(f for f in frames if f.time in span), piece))
    return out


def session(seconds: float, turns: Sequence[Turn] | None = None, track: int | None = 0) -> Session:
    media = MediaInfo("made-up", "mp4", 0, seconds, 0.0, None, ())
    turns = (Turn(Span(0.0, seconds), "S1"),) if turns is None else tuple(turns)
    tracks = () if track is None else (Track(track, (Span(0.0, seconds),), (260.0, 100.0, 380.0, 260.0)),)
    speaker = "S1" if turns else None
    who = Candidate(track, speaker, "Made up.", () if track is None else (track,))
    return Session(media, seconds, turns, "supplied", tracks, who, "single")


def run(chunks: list[Chunk], known: Session) -> Reading | Abstention:
    detector = LipSync()
    for chunk in chunks:
        detector.update(chunk)
    return detector.finish(known)


def regular(fps: float, seconds: float = SECONDS) -> np.ndarray:
    return np.arange(0.0, seconds, 1 / fps)


def offset(result: Reading | Abstention) -> float:
    return result.measurements["offset"].value


SPEECH = syllables(SECONDS, 5)
UNSHIFTED = run(recording(SPEECH, voice(SPEECH, 0.0), regular(25)), session(SECONDS))


def test_sound_and_lips_together_read_as_almost_no_offset() -> None:
    assert isinstance(UNSHIFTED, Reading)
    assert abs(offset(UNSHIFTED)) < 60
    assert UNSHIFTED.score < -1


@pytest.mark.parametrize("late", [-0.4, -0.25, -0.1, 0.1, 0.25, 0.4])
def test_offset_follows_the_sound_with_its_sign(late: float) -> None:
    found = run(recording(SPEECH, voice(SPEECH, late), regular(25)), session(SECONDS))
    assert offset(found) - offset(UNSHIFTED) == pytest.approx(1000 * late, abs=20)
    low, high = (found.measurements[name].value for name in ("offset_low", "offset_high"))
    assert low <= offset(found) <= high
    assert found.measurements["offset"].unit == "ms"


@pytest.mark.parametrize("late", [-0.2, 0.25])
@pytest.mark.parametrize("kind", ["12 fps", "irregular", "60 fps", "no common rate"])
def test_offset_does_not_depend_on_the_frame_rate(kind: str, late: float) -> None:
    rng = np.random.default_rng(2)
    times = {
        "12 fps": regular(12),
        "irregular": np.sort(rng.choice(regular(30), size=int(0.6 * 30 * SECONDS), replace=False)),
        "60 fps": regular(60),
        "no common rate": np.concatenate([regular(30, 8.0), 8.0 + regular(14.3, 8.0)]),
    }[kind]
    found = run(recording(SPEECH, voice(SPEECH, late), times), session(SECONDS))
    assert offset(found) - offset(UNSHIFTED) == pytest.approx(1000 * late, abs=20)


@pytest.mark.parametrize("chunk", [0.037, 0.2, 2.3, 16.0])
def test_chunk_length_changes_nothing(chunk: float) -> None:
    assert run(recording(SPEECH, voice(SPEECH, 0.0), regular(25), chunk=chunk), session(SECONDS)) == UNSHIFTED


def test_a_mouth_that_says_something_else_scores_higher_and_has_no_offset() -> None:
    found = run(recording(syllables(SECONDS, 99), voice(SPEECH, 0.0), regular(25)), session(SECONDS))
    assert isinstance(found, Reading)
    assert isinstance(UNSHIFTED, Reading)
    assert found.score > UNSHIFTED.score + 2
    assert found.score > 0
    assert "offset" not in found.measurements
    assert any("agree little" in one.note for one in found.evidence)
    assert all(0 <= one.span.start < one.span.end <= SECONDS for one in found.evidence)


def test_a_still_mouth_under_a_voice_is_mismatch() -> None:
    found = run(recording(np.zeros(len(SPEECH)), voice(SPEECH, 0.0), regular(25)), session(SECONDS))
    assert isinstance(found, Reading)
    assert found.score > 0


def test_a_constant_offset_is_explained_and_not_scored() -> None:
    found = run(recording(SPEECH, voice(SPEECH, 0.3), regular(25)), session(SECONDS))
    assert isinstance(found, Reading)
    assert isinstance(UNSHIFTED, Reading)
    assert found.score == pytest.approx(UNSHIFTED.score, abs=0.5)
    notes = [one.note for one in found.evidence]
    assert any("ms late relative to the lips" in note and "not scored" in note for note in notes)
    assert any("Bluetooth" in cause for cause in found.alternatives)


def test_a_dubbed_stretch_is_found() -> None:
    speech = syllables(40.0, 6)
    dubbed = speech.copy()
    dubbed[12_000:24_000] = syllables(12.0, 77)
    found = run(recording(speech, voice(dubbed, 0.0), regular(25, 40.0)), session(40.0))
    assert isinstance(found, Reading)
    told = [one.span for one in found.evidence if "agree little" in one.note]
    assert told
    assert all((span & Span(12.0, 24.0)) is not None for span in told)
    assert Span(14.0, 22.0) & told[0] is not None


def test_drift_is_read_in_ms_per_minute() -> None:
    seconds = 80.0
    speech = syllables(seconds, 8)
    slowed = np.interp(np.arange(len(speech)) * 0.998, np.arange(len(speech)), speech)  # 2 ms a second
    found = run(recording(speech, voice(slowed, 0.0), regular(15, seconds)), session(seconds))
    assert found.measurements["drift"].value == pytest.approx(120, abs=20)
    assert found.measurements["drift"].unit == "ms/min"


def test_no_drift_is_told_of_a_short_recording() -> None:
    assert "drift" not in UNSHIFTED.measurements


def test_only_the_candidates_turns_count() -> None:
    """Another voice fills the second half; the candidate listens with a moving mouth."""
    half = syllables(SECONDS, 41)
    mixed = np.where(np.arange(len(SPEECH)) < 8000, SPEECH, half)
    turns = [Turn(Span(0.0, 8.0), "S1"), Turn(Span(8.0, SECONDS), "S2")]
    found = run(recording(SPEECH, voice(mixed, 0.0), regular(25)), session(SECONDS, turns))
    assert isinstance(found, Reading)
    assert found.score < -1
    assert found.measurements["speech_with_face"].value == pytest.approx(8.0, abs=0.3)


def test_recording_without_sound_or_picture_is_not_applicable() -> None:
    chunks = recording(SPEECH, voice(SPEECH, 0.0), regular(25))
    mute = run([Chunk(c.span, c.frames) for c in chunks], session(SECONDS))
    blind = run([Chunk(c.span, (), c.audio) for c in chunks], session(SECONDS))
    for found, word in ((mute, "sound"), (blind, "picture")):
        assert isinstance(found, Abstention)
        assert not found.applicable
        assert word in found.reason


@pytest.mark.parametrize(
    ("known", "word"),
    [
        (session(SECONDS, track=None), "face"),
        (session(SECONDS, turns=[Turn(Span(1.0, 3.0), "S1")]), "speaks for 2.0 s"),
        (session(SECONDS, turns=[]), "speaks for 0.0 s"),
        (session(SECONDS, track=7), "only 0.0 s"),
    ],
)
def test_abstains_without_enough_of_the_candidate(known: Session, word: str) -> None:
    found = run(recording(SPEECH, voice(SPEECH, 0.0), regular(25)), known)
    assert isinstance(found, Abstention)
    assert found.applicable
    assert word in found.reason


def test_abstains_where_the_head_is_turned_away() -> None:
    found = run(recording(SPEECH, voice(SPEECH, 0.0), regular(25), turn=1.0), session(SECONDS))
    assert isinstance(found, Abstention)
    assert "turned away" in found.reason


def test_head_turned_a_little_changes_little() -> None:
    found = run(recording(SPEECH, voice(SPEECH, 0.0), regular(25), turn=0.5), session(SECONDS))
    assert offset(found) == pytest.approx(offset(UNSHIFTED), abs=10)


def test_a_frozen_picture_is_not_a_still_mouth() -> None:
    found = run(recording(SPEECH, voice(SPEECH, 0.0), regular(25), hold=Span(0.0, 14.0)), session(SECONDS))
    assert isinstance(found, Abstention)
    assert "frozen" in found.reason


def test_no_agreement_on_poor_material_is_an_abstention() -> None:
    chunks = recording(syllables(SECONDS, 99), voice(SPEECH, 0.0), regular(25), eyes=14.0)
    found = run(chunks, session(SECONDS))
    assert isinstance(found, Abstention)
    assert "14 pixels" in found.reason


def test_offset_is_told_where_the_voice_is_not_known_to_be_the_candidates() -> None:
    known = session(SECONDS)
    unclear = Candidate(0, None, "Two voices are alike.", (0,))
    known = Session(known.media, SECONDS, known.turns, "diarized", known.tracks, unclear, "single")
    found = run(recording(SPEECH, voice(SPEECH, 0.25), regular(25)), known)
    assert isinstance(found, Abstention)
    assert offset(found) - offset(UNSHIFTED) == pytest.approx(250, abs=20)


def beginning(path: Path, seconds: float) -> Reading | Abstention:
    """What the detector says of the first seconds of a recording."""
    detector = LipSync()
    senses = Senses(detector.needs, probe(path))
    end = 0.0
    with Reader(path, each_frame=senses.see) as reader:
        for chunk in perceive(reader, senses):
            detector.update(chunk)
            end = chunk.span.end
            if end >= seconds:
                break
    return detector.finish(senses.session())


def test_the_sample_with_late_sound_reads_250_ms_later() -> None:
    together, late = (beginning(SAMPLES / name, 6.0) for name in ("candidate_only.mp4", "late_audio.mp4"))
    assert abs(offset(together)) < 60
    assert offset(late) - offset(together) == pytest.approx(250, abs=20)


def test_contract() -> None:
    check_detector(LipSync)


def test_mouth_measures_do_not_change_with_size_roll_or_place() -> None:
    points = landmarks(0.05, 80.0, 0.0, 3)
    turned = points.astype(float) @ np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    moved = (1.7 * turned + [30.0, -12.0, 0.0]).astype(np.float32)
    assert features.mouth(moved)[:4] == pytest.approx(features.mouth(points)[:4], abs=1e-4)
    assert features.mouth(moved)[features.EYES] == pytest.approx(1.7 * features.mouth(points)[features.EYES], rel=1e-4)


def test_spectra_are_centred_on_their_time_and_the_same_for_any_pieces() -> None:
    sound = np.zeros(RATE, np.float32)
    sound[8000] = 1.0  # at 0.5 s, grid point 25
    whole, pieces = features.MelStream(), features.MelStream()
    whole.push(sound)
    for first in range(0, RATE, 777):
        pieces.push(sound[first : first + 777])
    energy = whole.finish().sum(axis=1)
    assert len(energy) == 50
    assert int(energy.argmax()) == 25
    assert energy[24] == pytest.approx(energy[26], rel=0.01)
    assert np.array_equal(whole.finish(), pieces.finish())


def test_null_deviation_is_what_unrelated_series_show() -> None:
    """Against simulation: the agreement of smooth, unrelated series scatters as predicted."""
    rng = np.random.default_rng(0)
    kernel = np.hanning(14)[1:-1]
    found, told = [], []
    for _ in range(60):
        x, y = (
            np.stack([np.convolve(rng.standard_normal(500), kernel, "valid") for _ in range(features.LIPS)], 1)
            for _ in "xy"
        )
        sums = np.concatenate([[len(x)], x.sum(0), y.sum(0), (x * x).sum(0), (y * y).sum(0), (x * y).sum(0)])
        found.append(float(lag.agreement(sums)))
        told.append(lag.null_deviation(x, y))
    assert np.mean(told) == pytest.approx(np.std(found), rel=0.25)


def test_peak_lies_between_grid_points() -> None:
    curve = 0.5 - 0.001 * (lag.LAG_MS - 107.0) ** 2 / 100
    assert lag.peak(curve).offset == pytest.approx(107.0, abs=0.5)
