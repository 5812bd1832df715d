"""A covered mouth is seen, and does not count as a still one."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from talking import behind, sample_face

from inperson.faces import LIPS_OUTER
from inperson.lips import mouth as features
from inperson.lips.view import SIDE, View, patch


def test_a_mouth_in_view_and_one_behind_a_board_are_told_apart() -> None:
    assert View().covered(0.0, sample_face()) < 0.1
    assert View().covered(0.0, behind(sample_face(), -0.4, 0.4)) > 0.9


def test_a_board_below_the_chin_covers_nothing() -> None:
    assert View().covered(0.0, behind(sample_face(), 0.6, 1.2)) < 0.1


def test_the_mouth_is_looked_at_five_times_a_second_and_a_face_without_pixels_says_nothing_new() -> None:
    view, covered = View(), behind(sample_face(), -0.4, 0.4)
    before = view.covered(0.0, covered)
    assert view.covered(0.1, sample_face()) == before
    assert view.covered(0.2, replace(sample_face(), crop=None)) == before
    assert view.covered(0.2, sample_face()) < 0.1
    assert View().covered(0.0, replace(sample_face(), crop=None)) == 0.0


def test_the_patch_is_upright_and_of_the_mouth_whatever_the_head_does() -> None:
    landmarks = np.zeros((478, 3), np.float32)
    image = np.zeros((200, 300, 3), np.uint8)
    mouth, along = np.array([150.0, 100.0]), np.array([0.6, 0.8])  # rolled by 53 degrees
    landmarks[33, :2], landmarks[263, :2] = mouth - 40 * along, mouth + 40 * along
    landmarks[list(LIPS_OUTER), :2] = mouth
    cv2.line(image, (mouth - 20 * along).astype(int).tolist(), (mouth + 20 * along).astype(int).tolist(), (255,) * 3, 5)
    cut = patch(image, landmarks, (0, 0))
    assert cut is not None
    rows, columns = np.nonzero(cut[..., 0] > 128)
    assert abs(rows.mean() - (SIDE - 1) / 2) < 1
    assert abs(columns.mean() - (SIDE - 1) / 2) < 1
    assert rows.max() - rows.min() <= 4  # 5 of 104 pixels, on 40
    assert 13 <= columns.max() - columns.min() <= 19  # 40 of 104 pixels and two round ends


def test_no_patch_of_a_degenerate_face() -> None:
    assert patch(np.zeros((9, 9, 3), np.uint8), np.zeros((478, 3), np.float32), (0, 0)) is None
    assert patch(np.zeros((9, 9, 3), np.uint8), np.full((478, 3), np.nan, np.float32), (0, 0)) is None


def test_covered_frames_are_left_out_of_the_mouth_and_single_doubts_are_not() -> None:
    times = np.arange(0, 10, 0.04)
    heads = np.tile([80.0, 1.0, 0.0, 0.0, 0.0], (len(times), 1))
    heads[:, features.NOSE_X] = 5 * times
    heads[(times >= 4) & (times < 6), features.COVERED] = 1.0
    heads[50, features.COVERED] = 1.0  # at 2 s
    found = features.lips(times, np.zeros((len(times), features.SHAPE), np.float32), heads, 500, 0.0)
    assert found.covered == pytest.approx(2.0, abs=0.1)
    assert [(span.start, span.end) for span in found.hidden] == [pytest.approx((4.0, 6.0), abs=0.1)]
    out = np.flatnonzero(~found.measured) / features.RATE
    assert out[(out > 1) & (out < 9)].min() == pytest.approx(4.0, abs=0.1)
    assert out[(out > 1) & (out < 9)].max() == pytest.approx(6.0, abs=0.1)
