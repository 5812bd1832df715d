"""`lip_sync` on made-up speech and a made-up mouth whose relation is known to the millisecond."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from talking import (
    RATE,
    SAMPLES,
    SECONDS,
    behind,
    landmarks,
    recording,
    regular,
    sample_face,
    syllables,
    voice,
    with_pixels,
)

from inperson.detectors._lip_course import best_way
from inperson.detectors.lip_sync import LipSync
from inperson.lips import lag, pair
from inperson.lips import mouth as features
from inperson.lips.sound import MelStream
from inperson.media import MediaInfo, Reader, probe
from inperson.perception import Senses, perceive
from inperson.testing import check_detector
from inperson.types import Abstention, Candidate, Chunk, Reading, Session, Span, Track, Turn


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


def test_an_interviewer_in_time_beside_a_late_candidate_is_told_and_counts_a_little() -> None:
    seconds, late = 40.0, 0.3
    own, other = syllables(seconds, 12), syllables(seconds, 13)
    asking = (np.arange(len(own)) // 5000) % 2 == 0
    own[asking], other[~asking] = 0.0, 0.0
    sound = voice(own, late) + voice(other, 0.0, seed=2)
    both = []
    for mine, theirs in zip(
        recording(own, sound, regular(25, seconds)), recording(other, sound, regular(25, seconds)), strict=True
    ):
        frames = tuple(
            dataclasses.replace(a, faces=(*a.faces, dataclasses.replace(b.faces[0], track=1)))
            for a, b in zip(mine.frames, theirs.frames, strict=True)
        )
        both.append(Chunk(mine.span, frames, mine.audio))
    edges = np.arange(0.0, seconds, 5.0)
    turns = [Turn(Span(t, t + 5.0), "S2" if i % 2 == 0 else "S1") for i, t in enumerate(edges)]
    alone = session(seconds, turns)
    seen = Track(1, (Span(0.0, seconds),), (500.0, 100.0, 620.0, 260.0))
    together = dataclasses.replace(alone, tracks=(*alone.tracks, seen), layout="several")
    with_reference, without = run(both, together), run(both, alone)
    assert isinstance(with_reference, Reading)
    assert isinstance(without, Reading)
    assert with_reference.measurements["interviewer_offset"].value == pytest.approx(offset(UNSHIFTED), abs=30)
    assert offset(with_reference) - offset(UNSHIFTED) == pytest.approx(1000 * late, abs=30)
    assert with_reference.score == pytest.approx(without.score + 0.3)
    assert any("S2 in the same recording" in one.note for one in with_reference.evidence)


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


def test_a_jump_of_the_offset_is_told_with_its_time() -> None:
    seconds = 40.0
    speech = syllables(seconds, 9)
    at = np.arange(len(speech))
    late = np.interp(np.where(at < 20_000, at, at - 300), at, speech)  # 300 ms late from 20 s on
    found = run(recording(speech, voice(late, 0.0), regular(25, seconds)), session(seconds))
    assert isinstance(found, Reading)
    assert found.measurements["jumps"].value == 1
    told = [one for one in found.evidence if "jumps" in one.note]
    assert len(told) == 1
    assert (told[0].span.start + told[0].span.end) / 2 == pytest.approx(20.0, abs=1.5)
    assert found.score < -1


def test_a_still_mouth_under_the_voice_is_told_where_it_is() -> None:
    seconds = 30.0
    speech = syllables(seconds, 10)
    mouth = speech.copy()
    mouth[10_000:16_000] = 0.0
    found = run(recording(mouth, voice(speech, 0.0), regular(25, seconds)), session(seconds))
    assert found.measurements["voice_with_still_mouth"].value == pytest.approx(6.0, abs=1.5)
    assert any("mouth in the picture is still" in one.note for one in found.evidence)


def test_a_speaking_mouth_without_a_voice_is_told() -> None:
    seconds = 30.0
    speech = syllables(seconds, 11)
    muted = speech.copy()
    muted[10_000:16_000] = 0.0
    turns = [Turn(Span(0.0, 10.0), "S1"), Turn(Span(16.0, seconds), "S1")]
    found = run(recording(speech, voice(muted, 0.0), regular(25, seconds)), session(seconds, turns))
    assert found.measurements["mouth_without_voice"].value == pytest.approx(6.0, abs=1.5)


def test_nothing_contradicts_where_mouth_and_voice_go_together() -> None:
    for name in ("voice_with_still_mouth", "mouth_without_voice", "parted", "jumps"):
        assert UNSHIFTED.measurements[name].value == 0


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


def test_abstains_where_the_mouth_is_covered() -> None:
    board = behind(sample_face(), -0.4, 0.4)
    given = [
        dataclasses.replace(
            one, frames=tuple(dataclasses.replace(f, faces=(with_pixels(f.faces[0], board),)) for f in one.frames)
        )
        for one in recording(SPEECH, voice(SPEECH, 0.0), regular(12))
    ]
    found = run(given, session(SECONDS))
    assert isinstance(found, Abstention)
    assert f"mouth covered for {SECONDS:.0f} s" in found.reason


def test_a_mouth_covered_for_a_while_is_a_place_to_look_at() -> None:
    board, known = behind(sample_face(), -0.4, 0.4), session(SECONDS)
    given = [
        dataclasses.replace(
            one,
            frames=tuple(
                dataclasses.replace(f, faces=(with_pixels(f.faces[0], board if 6 <= f.time < 9 else sample_face()),))
                for f in one.frames
            ),
        )
        for one in recording(SPEECH, voice(SPEECH, 0.0), regular(12))
    ]
    found = run(given, known)
    assert isinstance(found, Reading)
    (place,) = [one for one in found.evidence if one.kind == "covered"]
    assert (place.span.start, place.span.end) == pytest.approx((6.0, 9.0), abs=0.3)
    assert found.measurements["mouth_covered"].value == pytest.approx(3.0, abs=0.3)


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
    before, after = features.mouth(points), features.mouth(moved)
    assert before is not None
    assert after is not None
    assert after[0] == pytest.approx(before[0], abs=1e-4)
    assert after[1][features.EYES] == pytest.approx(1.7 * before[1][features.EYES], rel=1e-4)


def test_an_opening_mouth_lowers_the_lower_lip_and_nothing_else_of_the_lips() -> None:
    closed, opened = (features.mouth(landmarks(opening, 80.0, 0.0, 3)) for opening in (0.0, 0.1))
    assert closed is not None
    assert opened is not None
    moved = (opened[0] - closed[0]).reshape(-1, 3)[:, 1]
    assert moved[features.POINTS.index(14)] == pytest.approx(0.1, abs=0.01)
    assert moved[features.POINTS.index(13)] == pytest.approx(0.0, abs=0.01)


def test_a_degenerate_face_is_left_out() -> None:
    series = features.MouthSeries()
    series.add(0.0, np.zeros((478, 3), np.float32))
    series.add(0.1, np.full((478, 3), np.nan, np.float32))
    assert len(series.times) == 0


def test_spectra_are_centred_on_their_time_and_the_same_for_any_pieces() -> None:
    sound = np.zeros(RATE, np.float32)
    sound[8000] = 1.0  # at 0.5 s, grid point 25
    whole, pieces = MelStream(), MelStream()
    whole.push(sound)
    for first in range(0, RATE, 777):
        pieces.push(sound[first : first + 777])
    energy = whole.finish().sum(axis=1)
    assert len(energy) == 50
    assert int(energy.argmax()) == 25
    assert energy[24] == pytest.approx(energy[26], rel=0.01)
    assert np.array_equal(whole.finish(), pieces.finish())


def unrelated(points: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two smooth series (points, 8) of unit vectors that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    kernel = np.hanning(14)[1:-1]
    made = (np.apply_along_axis(np.convolve, 0, rng.standard_normal((points + 11, 8)), kernel, "valid") for _ in "xy")
    x, y = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in made)
    return x, y


def test_chance_is_what_unrelated_series_show() -> None:
    """Against simulation: likeness at one lag scatters over recordings as each recording's own displacements say."""
    found, told = [], []
    for seed in range(40):
        x, y = unrelated(800, seed)
        where, starts, there = np.arange(800), np.arange(0, 800, 50), np.ones(800, bool)
        found.append(lag.likeness(lag.block_sums(x, where, starts, y, there).sum(0))[lag.MAX_LAG])
        told.append(lag.chance(lag.chance_sums(x, where, starts, y, there, 0).sum(0))[1])
    assert np.mean(told) == pytest.approx(np.std(found), rel=0.25)


def test_only_the_parts_of_a_recording_that_are_needed_are_embedded() -> None:
    rng = np.random.default_rng(3)
    n = 2 * pair.SLICE + 500
    mel = rng.standard_normal((n, 40)).astype(np.float32)
    shape = (0.05 * rng.standard_normal((n, features.SHAPE))).astype(np.float16)
    needed = np.zeros(n, bool)
    needed[pair.SLICE + 10] = True
    for part, whole in zip(pair.embedded(mel, shape, needed), pair.embedded(mel, shape, np.ones(n, bool)), strict=True):
        middle = slice(pair.SLICE, 2 * pair.SLICE)
        assert np.array_equal(part[middle], whole[middle])
        assert np.abs(whole[-1]).max() > 0
        assert not part[: pair.SLICE].any()
        assert not part[2 * pair.SLICE :].any()


def test_sums_do_not_depend_on_how_much_is_worked_on_at_once() -> None:
    """Against the definition, over more blocks than are worked on together, with a pause and an unmeasured stretch."""
    n = 5000
    x, y = unrelated(n, 5)
    where = np.concatenate([np.arange(20, 1500), np.arange(2000, 4990)])
    starts, there = np.arange(0, len(where), 50), np.ones(n, bool)
    there[700:900] = False
    sums = lag.block_sums(x[where], where, starts, y, there)
    assert len(starts) > lag.GROUP
    for late in (-45, 0, 17):
        at = where - late
        inside = (at >= 0) & (at < n)
        valid = inside & there[np.clip(at, 0, n - 1)]
        product = (x[where] * y[np.clip(at, 0, n - 1)]).sum(1) * valid
        index = late + lag.MAX_LAG
        assert sums[:, index, 0] == pytest.approx(np.add.reduceat(valid.astype(float), starts))
        assert sums[:, index, 1] == pytest.approx(np.add.reduceat(product, starts), abs=1e-4)
    around = lag.chance_sums(x[where], where, starts, y, there, 17)
    middle = around.shape[1] // 2
    move = int(np.unique(np.linspace(lag.AWAY, len(where) - lag.AWAY, lag.DISPLACED).astype(int))[middle])
    seen, valid = lag.lips_at(where, 17, y, there)
    product = (np.roll(x[where], move, axis=0) * seen).sum(1) * valid
    assert around[:, middle, 1] == pytest.approx(np.add.reduceat(product, starts), abs=1e-4)


def test_a_mouth_on_the_grid_is_interpolated_on_its_frames_times_however_long() -> None:
    times = np.array([0.0, *np.arange(0.1, 100.0, 0.09)])
    shapes = np.repeat(times[:, None], features.SHAPE, 1).astype(np.float32) / 1000
    heads = np.tile([80.0, 1.0, 0.0, 0.0, 0.0], (len(times), 1))
    heads[:, features.NOSE_X] = times * 100
    found = features.lips(times, shapes, heads, 4998, 0.0)
    expected = np.arange(4998) / 50 / 1000 - shapes[:, 0].mean()
    assert found.measured[: int(times[-1] * 50)].all()
    assert found.shape[found.measured][:, 5] == pytest.approx(expected[found.measured], abs=5e-5)
    assert found.frame_rate == pytest.approx(1 / 0.09, rel=0.01)


def test_nothing_can_be_told_of_chance_in_a_few_seconds() -> None:
    x, y = unrelated(120, 0)
    where, starts, there = np.arange(120), np.array([0, 60]), np.ones(120, bool)
    mean, deviation = lag.chance(lag.chance_sums(x, where, starts, y, there, 0).sum(0))
    assert math.isnan(mean)
    assert math.isnan(deviation)


def test_own_fit_learns_what_this_mouth_does_and_predicts_no_point_from_itself() -> None:
    x, noise = unrelated(3000, 3)
    turned = x @ np.linalg.qr(np.random.default_rng(1).standard_normal((8, 8)))[0]
    folds, valid = np.arange(3000) * lag.FOLDS // 3000, np.ones(3000, bool)
    assert (lag.own_fit(x, turned, valid, folds) * turned).sum(1).mean() > (x * turned).sum(1).mean() + 0.2
    assert abs((lag.own_fit(x, noise, valid, folds) * noise).sum(1).mean()) < 0.05


def test_the_best_way_follows_a_jump_and_a_drift_but_no_single_block() -> None:
    blocks, lags = 60, len(lag.LAGS)
    truth = np.where(np.arange(blocks) < 30, 40, 60) + np.arange(blocks) // 20
    ratios = np.full((blocks, lags), -4.0)
    ratios[np.arange(blocks), truth] = 4.0
    ratios[10] = -4.0
    ratios[10, 5] = 6.0
    assert np.abs(best_way(ratios) - truth).max() <= 1


def test_peak_lies_between_grid_points() -> None:
    curve = 0.5 - 0.001 * (lag.LAG_MS - 107.0) ** 2 / 100
    assert lag.peak(curve).offset == pytest.approx(107.0, abs=0.5)
