import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from inperson.detectors._gaze import EYE_RADIUS, EYE_WIDTH, direction
from inperson.detectors._gaze_grid import blinks, steady
from inperson.detectors._gaze_passes import excess, passes
from inperson.detectors._gaze_windows import Window, likeness, together, windows
from inperson.detectors.reading import TOLD, ReadingFromScreen
from inperson.testing import check_detector, made_up, rechunk
from inperson.types import Abstention, Candidate, Chunk, Face, Frame, Reading, Session, Span, Turn

Gaze = Callable[[float], float]


def landmarks(across: float, yaw: float = 0.0, span: float = 90.0) -> np.ndarray:
    """A face whose eyes look `across` degrees to the right of where its head points, the head turned by `yaw`."""
    points = np.zeros((478, 3))
    third = span / 3
    points[[33, 133, 362, 263], 0] = [-1.5 * third, -0.5 * third, 0.5 * third, 1.5 * third]
    points[[159, 386], 1], points[[145, 374], 1] = -0.15 * third, 0.15 * third
    points[10, 1], points[152, 1] = -span, span
    shift = math.sin(math.radians(across)) * EYE_RADIUS / EYE_WIDTH * third
    points[468, 0], points[473, 0] = -third + shift, third + shift
    points[:, 2] = points[:, 0] * math.tan(math.radians(yaw))
    return (points + np.array([320, 180, 0])).astype(np.float32)


@pytest.mark.parametrize("across", [-20.0, -3.0, 0.0, 8.0, 20.0])
def test_the_angle_of_the_eyes_reads_back(across: float) -> None:
    found = direction(landmarks(across))
    assert found is not None
    assert found[0] == pytest.approx(across, abs=0.01)
    assert found[2] == pytest.approx(0.3)


def test_the_head_adds_to_the_eyes() -> None:
    found = direction(landmarks(5.0, yaw=10.0))
    assert found is not None
    assert found[0] == pytest.approx(15.0, abs=0.01)


def test_a_face_from_the_side_has_no_gaze() -> None:
    assert direction(landmarks(0.0, yaw=60.0)) is None
    assert direction(landmarks(0.0, span=0.5)) is None


def lines(time: float) -> float:
    """A 10 degree line every 2 s in eight fixations, then back at once."""
    return -5 + 10 * math.floor(time % 2.0 * 4) / 8 * (8 / 7)


def rows(gaze: Gaze, seconds: float, noise: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(1)
    times = np.arange(0, seconds, 1 / 28)
    across = [gaze(t) + rng.normal(0, noise) for t in times]
    return np.stack([times, across, np.zeros_like(times), np.full_like(times, 0.3), np.full_like(times, 90)], 1)


def test_lines_are_counted_one_way_only() -> None:
    times, across, _, noise = steady(rows(lines, 30))
    found = passes(times, across, noise)
    assert noise == pytest.approx(0.3, rel=0.6)
    assert 12 <= sum(one.sign > 0 for one in found) <= 15
    assert sum(one.sign < 0 for one in found) == 0
    assert np.median([one.degrees for one in found]) == pytest.approx(10, abs=1.5)


def test_lines_from_right_to_left_are_counted_too() -> None:
    times, across, _, noise = steady(rows(lambda t: -lines(t), 30))
    assert {one.sign for one in passes(times, across, noise)} == {-1}


def test_glancing_aside_and_back_is_no_pass() -> None:
    times, across, _, noise = steady(rows(lambda t: 8.0 * (t % 3 > 2), 60))
    assert passes(times, across, noise) == []


def test_holes_and_blinks_are_not_bridged() -> None:
    data = rows(lines, 10)
    data = data[(data[:, 0] < 4) | (data[:, 0] > 5)]
    data[100:104, 3] = 0.05
    times, across, _, _ = steady(data)
    assert np.isnan(across[(times > 4.1) & (times < 4.9)]).all()
    assert np.isfinite(across[times < 3.5]).all()
    assert [len(x) for x in steady(np.zeros((0, 5)))[:3]] == [0, 0, 0]


def call(gaze: Gaze, seconds: float = 60.0, span: float = 90.0) -> tuple[list[Chunk], Session]:
    """The made-up call of the contract test, its eyes moved by `gaze`."""
    chunks, session = made_up(seconds)
    rng = np.random.default_rng(3)

    def moved(frame: Frame) -> Frame:
        (face,) = frame.faces
        points = landmarks(gaze(frame.time) + rng.normal(0, 0.2), span=span)
        return replace(frame, faces=(Face(0, face.box, 0.9, points),))

    return [replace(c, frames=tuple(map(moved, c.frames))) for c in chunks], session


def run(chunks: list[Chunk], session: Session) -> Reading | Abstention:
    detector = ReadingFromScreen()
    for chunk in chunks:
        detector.update(chunk)
    return detector.finish(session)


def test_reading_scores_above_resting_and_shows_when() -> None:
    read, rest = run(*call(lines)), run(*call(lambda t: 2 * math.sin(t)))
    assert isinstance(read, Reading)
    assert isinstance(rest, Reading)
    assert read.score > rest.score + 1
    assert read.evidence
    assert all(one.track == 0 and 0 <= one.span.start < one.span.end <= 60 for one in read.evidence)
    assert "left to right" in read.evidence[0].note
    assert read.measurements["passes"].value > 10
    assert "not clearly like it" in rest.evidence[0].note


def test_a_few_passes_count_for_little() -> None:
    assert excess(1, 0, 1.0) == 0.0
    assert excess(10, 10, 1.0) == 0.0
    assert excess(9, 0, 1.0) == excess(0, 9, 1.0) == pytest.approx(math.log(7))
    assert excess(3, 0, 1 / 3) < excess(9, 0, 1.0)


def judged(gaze: Gaze, seconds: float = 29.0) -> list[Window]:
    times, across, down, _ = steady(rows(gaze, seconds))
    return windows("reading", times, across, down, np.ones(len(times), bool))


def test_reading_sweeps_one_way_and_its_mirror_image_the_other() -> None:
    there, back = judged(lines), judged(lambda t: -lines(t))
    assert all(one.sweep > 2 and one.look > 2 for one in there)
    assert all(one.sweep < -2 and one.look > 2 for one in back)
    assert together(back) == pytest.approx(together(there), rel=0.5)


@pytest.mark.parametrize(
    "gaze",
    [
        lambda t: 0.0,
        lambda t: 8.0 * (t % 3 > 2),  # camera and picture
        lambda t: 3.0 * math.sin(0.9 * t) + 2.0 * math.sin(2.3 * t),  # a swaying head
        lambda t: 2.0 * (3.0 * t % 1),  # nystagmus
    ],
)
def test_other_movements_are_not_told_as_reading(gaze: Gaze) -> None:
    found = judged(gaze)
    assert len(found) == 10  # of 10 s, every 2 s
    assert max(likeness(one, found) for one in found) < TOLD


def test_windows_need_the_eyes_and_the_candidates_answers() -> None:
    times, across, down, _ = steady(rows(lines, 30))
    spoken = times < 9
    assert [one.span.start for one in windows("reading", times, across, down, spoken)] == [0, 2, 4]
    assert windows("reading", times, np.full(len(times), np.nan), down, spoken) == []
    assert windows("reading", times[:200], across[:200], down[:200], spoken[:200]) == []
    assert together([]) == 0.0


def test_where_the_eyes_were_counts_nothing() -> None:
    beside = [one.sweep for one in judged(lambda t: 20 + lines(t))]
    assert beside == pytest.approx([one.sweep for one in judged(lines)], abs=1e-3)


def test_likeness_is_that_of_the_half_most_like_reading() -> None:
    made = [Window(Span(i, i + 10), sweep, look) for i, (sweep, look) in enumerate([(3, 4), (1, 8), (-9, -9), (9, -8)])]
    assert together(made) == pytest.approx((3 + 1) / 2 + 0.25 * (4 + 8) / 2)
    assert likeness(made[2], made) == pytest.approx(-9 - 0.25 * 9)


def test_blinks_are_counted_and_closed_eyes_are_none() -> None:
    data = rows(lambda t: 0.0, 60)
    for start in range(2, 58, 5):  # 12 of 0.2 s
        data[(data[:, 0] >= start) & (data[:, 0] < start + 0.2), 3] = 0.05
    data[(data[:, 0] >= 30) & (data[:, 0] < 31.5), 3] = 0.05
    assert blinks(data, [Span(0, 60)]) == pytest.approx(12, abs=0.3)
    assert blinks(data, [Span(0, 30)]) == pytest.approx(12, abs=0.3)
    assert math.isnan(blinks(data, [Span(0, 19)]))
    assert math.isnan(blinks(data[:0], []))


def test_answers_given_looking_elsewhere_are_measured_and_not_scored() -> None:
    chunks, session = call(lambda t: 0.0)
    answers = [Span(0, 20), Span(40, 60)]
    session = replace(session, turns=(*(Turn(one, "S2") for one in answers), Turn(Span(20, 40), "S1")))
    aside, _ = call(lambda t: 10.0 * any(t in span for span in answers))
    before, after = run(chunks, session), run(aside, session)
    assert isinstance(after, Reading)
    assert isinstance(before, Reading)
    assert after.measurements["off_axis"].value == pytest.approx(10, abs=0.5)
    assert after.measurements["answers_off_axis"].value == 1.0
    assert before.measurements["answers_off_axis"].value == 0.0


def test_reading_while_listening_does_not_count() -> None:
    chunks, session = call(lines)
    others = (replace(t, speaker="S1") for t in session.turns)
    quiet = replace(session, turns=(*others, Turn(Span(59, 59.5), "S2")))
    found = run(chunks, quiet)
    assert isinstance(found, Abstention)
    assert "s are needed" in found.reason


def test_abstains_when_eyes_are_small_or_the_candidate_unknown() -> None:
    chunks, session = call(lines, span=30.0)
    small = run(chunks, session)
    assert isinstance(small, Abstention)
    assert "30 pixels apart" in small.reason
    unknown = run(chunks, replace(session, candidate=Candidate(None, None, "Two equal speakers.")))
    assert isinstance(unknown, Abstention)
    assert "Two equal speakers" in unknown.reason


def test_chunk_length_does_not_matter() -> None:
    chunks, session = call(lines)
    assert run(chunks, session) == run(rechunk(chunks, 0.13), session)


def test_contract() -> None:
    check_detector(ReadingFromScreen)
