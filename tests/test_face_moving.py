"""How a face's detail and its eyes change over time: known pictures, pulled about or not."""

import math

import numpy as np
import pytest

from inperson.detectors import _face_joined as joint
from inperson.detectors import _face_lids as lids
from inperson.detectors import _face_skin as skin
from inperson.types import Face, Image

SIDE, SECONDS = 240, 12.0
Marks = np.ndarray


def place(time: float, most: float = 0.12) -> np.ndarray:
    """(2, 3) a slow shear and stretch: what a turn does to a flat picture."""
    lean, grow = most * math.sin(1.3 * time), 1 + most * math.sin(0.9 * time)
    matrix = np.array([[1.0, lean], [0.0, grow]])
    middle = np.array([SIDE / 2, SIDE / 2])
    return np.column_stack([matrix, middle - matrix @ middle])


def marks() -> Marks:
    """(478, 3): `skin.POINTS` where the plane has them, from 56 to 184."""
    points = np.zeros((478, 3), np.float32)
    points[list(skin.POINTS), 0] = np.array(skin._ACROSS) + 56
    points[list(skin.POINTS), 1] = np.array(skin._DOWN) + 56
    return points


def texture(seed: int) -> Image:
    import cv2

    noise = np.random.default_rng(seed).normal(0, 40, (SIDE, SIDE))
    return np.clip(128 + 4 * cv2.GaussianBlur(noise, (0, 0), 1.2), 0, 255).astype(np.uint8)[..., None].repeat(3, 2)


def shown(time: float, picture: Image, most: float = 0.12) -> Face:
    import cv2

    matrix = place(time, most)
    points = marks()
    points[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    crop = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return Face(0, (56.0, 56.0, 184.0, 184.0), 0.9, points, np.asarray(crop, np.uint8))


def table(fresh: float, most: float = 0.12) -> np.ndarray:
    """What `Skin` keeps of a picture that moves, a share of whose detail is new at each look."""
    seen, one = skin.Skin(), texture(0).astype(np.float64)
    for i in range(int(SECONDS / skin.PERIOD)):
        other = texture(i + 1)
        mixed = 128 + math.sqrt(1 - fresh) * (one - 128) + math.sqrt(fresh) * (other - 128.0)
        seen.add(i * skin.PERIOD, shown(i * skin.PERIOD, np.clip(mixed, 0, 255).astype(np.uint8), most))
    return seen.table()


def test_a_picture_that_is_pulled_about_keeps_its_detail() -> None:
    rows = table(fresh=0.0)
    assert len(rows) >= (SECONDS - skin.LAG) / skin.PERIOD - 2
    assert np.median(rows[:, 2:]) < 0.1
    assert joint.moving(rows, 0.4, SECONDS).stuck > 1.0


@pytest.mark.parametrize("fresh", [0.25, 0.5, 1.0])
def test_the_change_read_is_the_share_of_the_detail_that_is_new(fresh: float) -> None:
    assert np.median(table(fresh)[:, 2:], axis=0) == pytest.approx([fresh] * 4, abs=0.09)


def test_a_still_or_frozen_face_says_nothing() -> None:
    rows = table(fresh=0.0, most=0.005)
    assert rows.shape == (0, 2 + len(skin.PARTS))
    assert joint.moving(rows, 0.4, SECONDS) == joint.moving(rows[:3], 0.4, SECONDS)
    assert joint.moving(rows, 0.4, SECONDS).stuck == 0.0


def test_turning_in_the_picture_and_coming_nearer_are_no_movement() -> None:
    shape = skin._centred(marks()[list(skin.POINTS), :2])
    assert skin.moved(shape, 1.4 * shape * np.exp(0.3j)) == pytest.approx(0.0, abs=1e-9)
    wider = shape.real * 1.1 + 1j * shape.imag
    assert 0.03 < skin.moved(shape, wider) < 0.1


def test_faces_that_were_tracked_only_are_passed_over() -> None:
    seen = skin.Skin()
    seen.add(0.0, Face(0, (0.0, 0.0, 9.0, 9.0), 0.9))
    assert seen.table().shape == (0, 2 + len(skin.PARTS))


def test_a_face_that_the_picture_cuts_off_is_passed_over() -> None:
    seen, picture = skin.Skin(), texture(0)
    for i in range(int(SECONDS / skin.PERIOD)):
        one = shown(i * skin.PERIOD, picture)
        assert one.crop is not None
        assert one.landmarks is not None
        cut = one.crop[:, :150] if i % 2 else one.crop
        far = one.landmarks + np.float32([1000, 0, 0]) * (i % 3 == 0)
        seen.add(i * skin.PERIOD, Face(0, one.box, 0.9, far, cut))
    whole = sum(i % 2 == 0 and i % 3 > 0 for i in range(int(SECONDS / skin.PERIOD)))
    assert 0 < len(seen.table()) < whole


def eyes(openness: float) -> np.ndarray:
    """Eyes 30 pixels wide whose lids are apart by a share of that."""
    points = np.zeros((478, 3), np.float32)
    for left, (outer, inner, upper, lower) in zip((100.0, 160.0), lids.EYES, strict=True):
        points[[outer, inner], 0] = left, left + 30
        points[[upper, lower], 0] = left + 15
        points[[upper, lower], 1] = -15 * openness, 15 * openness
    return points


def watched(blinks: bool, seconds: float = 20.0, frozen: bool = False) -> lids.Lids:
    seen, rng = lids.Lids(), np.random.default_rng(0)
    for i in range(int(25 * seconds)):
        closed = blinks and i % 75 < 4
        seen.add(i / 25, eyes(0.3 if frozen else (0.03 if closed else 0.3) * rng.uniform(0.95, 1.05)))
    return seen


def test_eyes_that_blink_are_seen_to_close() -> None:
    assert lids.opening(eyes(0.3)) == pytest.approx(0.3)
    assert lids.least(watched(blinks=True).openings) == pytest.approx(0.1, abs=0.03)
    assert lids.least(watched(blinks=False).openings) > 0.9
    assert lids.least([]) == 1.0


def test_a_frozen_picture_does_not_count_as_open_eyes() -> None:
    assert watched(blinks=True).seconds == pytest.approx(20.0, abs=1.0)
    assert watched(blinks=False, frozen=True).seconds == 0.0


def test_eyes_seen_for_a_moment_only_say_nothing() -> None:
    none = np.empty((0, 2 + len(skin.PARTS)))
    assert joint.moving(none, 1.0, joint.SEEN - 1).open_eyed == 0.0
    assert joint.moving(none, 1.0, joint.SEEN).open_eyed == pytest.approx((1.0 - 0.38) / 0.28, abs=0.01)


def test_either_attack_raises_the_score_and_neither_hides_the_other() -> None:
    usual = joint.joined(joint.LOGIT[0], joint.Moving())
    pasted = joint.joined(joint.LOGIT[0] + 3.0, joint.Moving())
    animated = joint.joined(joint.LOGIT[0] - 1.5, joint.Moving(stuck=2.0, open_eyed=1.5))
    assert usual == pytest.approx(math.log(2) - joint.USUAL)
    assert min(pasted, animated) > usual + 1.5
    both = joint.joined(joint.LOGIT[0] + 3.0, joint.Moving(stuck=2.0, open_eyed=1.5))
    assert both > max(pasted, animated)
