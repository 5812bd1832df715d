import numpy as np
import pytest

from inperson.candidate import LipMotion, belongs, choose, layout_of
from inperson.errors import InputError
from inperson.types import Face, Frame, Span, Track, Turn

SIZE = (1280, 720)
LEFT, RIGHT = (100.0, 200.0, 300.0, 440.0), (900.0, 200.0, 1100.0, 440.0)


def talking(track: int, spans: list[Span], seconds: float = 40.0, rate: float = 15.0) -> list[Frame]:
    """Frames of one face whose lips flap at 4 Hz inside `spans` and rest outside."""
    rng = np.random.default_rng(track)
    frames = []
    for time in np.arange(0, seconds, 1 / rate):
        moving = any(time in span for span in spans)
        opening = 4 + (3 * np.sin(2 * np.pi * 4 * time) if moving else 0) + rng.normal(0, 0.3)
        points = np.zeros((478, 3), np.float32)
        points[14, 1], points[263, 0] = opening, 60
        frames.append(Frame(float(time), None, SIZE, (Face(track, LEFT, 0.9, points),)))
    return frames


def lips(*faces: list[Frame]) -> LipMotion:
    seen = LipMotion()
    for frames in faces:
        for frame in frames:
            seen.update(frame)
    return seen


ASKS = [Span(0, 3), Span(12, 14), Span(24, 27), Span(36, 38)]
ANSWERS = [Span(3.5, 11.5), Span(14.5, 23.5), Span(27.5, 35.5)]
TURNS = tuple(sorted([Turn(s, "S1") for s in ASKS] + [Turn(s, "S2") for s in ANSWERS]))
BOTH = (Track(0, (Span(0, 40),), LEFT), Track(1, (Span(0, 40),), RIGHT))


def test_lips_that_move_with_the_voice_belong_to_it() -> None:
    activity = lips(talking(0, ANSWERS)).activity(0)
    assert belongs(activity, ANSWERS) > 0.95  # type: ignore[operator]
    assert belongs(activity, ASKS) < 0.3  # type: ignore[operator]
    assert belongs(activity, [Span(0, 1)]) is None


def test_the_one_who_speaks_longest_is_the_candidate_and_lips_find_the_face() -> None:
    found = choose(TURNS, BOTH, lips(talking(0, ASKS), talking(1, ANSWERS)), SIZE)
    assert (found.track, found.speaker) == (1, "S2")
    assert "Speaks longest" in found.how
    assert "lips move with that voice" in found.how


def test_with_one_face_on_camera_that_face_decides_between_equal_speakers() -> None:
    turns = (Turn(Span(0, 10), "S1"), Turn(Span(11, 21), "S2"), Turn(Span(22, 32), "S1"), Turn(Span(33, 40), "S2"))
    spoken = [t.span for t in turns if t.speaker == "S1"]
    found = choose(turns, BOTH[:1], lips(talking(0, spoken)), SIZE)
    assert (found.track, found.speaker) == (0, "S1")


def test_a_face_that_speaks_less_than_an_unseen_voice_is_not_clear() -> None:
    """The candidate before a talkative interviewer, or an interviewer before a candidate off camera: either may be."""
    found = choose(TURNS, BOTH[:1], lips(talking(0, ASKS)), SIZE)
    assert (found.track, found.speaker) == (None, None)
    assert "'S2' speaks longest, but only 'S1' is seen" in found.how


def test_equal_speakers_and_no_faces_are_not_clear() -> None:
    turns = (Turn(Span(0, 10), "S1"), Turn(Span(11, 21), "S2"))
    found = choose(turns, (), LipMotion(), None)
    assert found.speaker is None
    assert "Not clear" in found.how


def test_one_voice_and_one_face_are_the_candidate_even_if_the_lips_rest() -> None:
    """A dubbed voice must not make the face disappear from the analysis."""
    found = choose((Turn(Span(2, 20), "S1"),), BOTH[:1], lips(talking(0, [])), SIZE)
    assert (found.track, found.speaker) == (0, "S1")


@pytest.mark.parametrize(
    ("wanted", "track", "speaker"),
    [("right", 1, "S2"), ("left", 0, "S1"), ("track:0", 0, "S1"), ("speaker:S1", 0, "S1"), ("S2", 1, "S2")],
)
def test_the_caller_chooses(wanted: str, track: int, speaker: str) -> None:
    found = choose(TURNS, BOTH, lips(talking(0, ASKS), talking(1, ANSWERS)), SIZE, wanted)
    assert (found.track, found.speaker) == (track, speaker)
    assert "by the caller" in found.how


@pytest.mark.parametrize("wanted", ["track:7", "nobody", "speaker:S9", "", "channel:0"])
def test_a_choice_that_is_nobody_is_an_error_that_lists_who_is_there(wanted: str) -> None:
    with pytest.raises(InputError, match=r"expected a (face track|speaker)"):
        choose(TURNS, BOTH, LipMotion(), SIZE, wanted)


def test_a_place_without_any_face_is_an_error() -> None:
    with pytest.raises(InputError, match="no face is seen"):
        choose(TURNS, (), LipMotion(), SIZE, "left")


def test_labels_and_questions_name_the_candidate() -> None:
    named = (Turn(Span(0, 20), "Interviewer Ann"), Turn(Span(21, 25), "Bo"))
    assert choose(named, (), LipMotion(), None).speaker == "Bo"
    asked = [Turn(Span(10 * i, 10 * i + 5), "Ann", "And why?") for i in range(3)]
    told = [Turn(Span(10 * i + 5, 10 * i + 9), "Bo", "Because.") for i in range(3)]
    assert choose(tuple(sorted(asked + told)), (), LipMotion(), None).speaker == "Bo"


def test_a_face_that_comes_back_in_the_same_place_is_the_same_person() -> None:
    tracks = (
        Track(0, (Span(0, 15),), RIGHT),
        Track(1, (Span(0, 40),), LEFT),
        Track(2, (Span(20, 40),), (905.0, 210.0, 1105.0, 445.0)),
    )
    seen = lips(talking(0, ANSWERS, 15.0), talking(1, ASKS), [f for f in talking(2, ANSWERS) if f.time >= 20])
    found = choose(TURNS, tracks, seen, SIZE)
    assert sorted(found.tracks) == [0, 2]
    assert found.track == found.tracks[0]


def test_layout() -> None:
    assert layout_of((), 10) == "none"
    assert layout_of(BOTH, 40) == "several"
    assert layout_of((BOTH[0], Track(1, (Span(39, 40),), RIGHT)), 40) == "single"
