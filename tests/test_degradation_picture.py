"""The rungs on pictures and their times, against known answers."""

from __future__ import annotations

import clips
import numpy as np
import pytest

from inperson.degradation.background import Background, smoothed
from inperson.degradation.layouts import Layout, LayoutSettings
from inperson.degradation.picture import LowLight, fitted, resized
from inperson.degradation.timing import Timing, TimingSettings
from inperson.types import Face


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def shown(settings: TimingSettings, times: list[float]) -> list[tuple[float, bool]]:
    """(time, frozen) of the frames that are shown."""
    timing, out = Timing(settings, rng()), []
    for time in times:
        if timing.due(time):
            out.append((time, timing.frozen(time)))
            timing.took(time)
    return out


@pytest.mark.parametrize(("fps", "came"), [(15.0, 30.0), (12.0, 30.0), (25.0, 30.0), (10.0, 29.97)])
def test_the_frame_rate_is_what_was_asked(fps: float, came: float) -> None:
    times = [time for time, _ in shown(TimingSettings(fps=fps), clips.times(20.0, came))]
    assert len(times) / 20.0 == pytest.approx(fps, rel=0.01)
    assert np.abs(np.diff(times) - 1 / fps).max() <= 1 / came + 1e-9


def test_without_a_rate_every_frame_is_shown_and_a_hole_is_not_made_up_for() -> None:
    times = clips.times(2.0, 30.0)
    assert [time for time, _ in shown(TimingSettings(), times)] == times
    after = [time for time, _ in shown(TimingSettings(fps=15.0), [*times, *(10.0 + t for t in times)]) if time >= 10]
    assert len(after) == 30


def test_uneven_times_are_uneven_and_keep_the_rate() -> None:
    times = np.array([time for time, _ in shown(TimingSettings(fps=12.0, jitter=0.025), clips.times(60.0, 60.0))])
    assert len(times) / 60.0 == pytest.approx(12.0, rel=0.12)
    assert 0.015 < np.diff(times).std() < 0.035


def test_freezes_are_as_frequent_and_as_long_as_asked() -> None:
    frozen = np.array([f for _, f in shown(TimingSettings(freezes=6.0, freeze_seconds=1.0), clips.times(3000.0, 10.0))])
    starts = (np.diff(frozen.astype(int)) > 0).sum()
    assert starts == pytest.approx(300 / (1 + 0.12), rel=0.15)  # the time of a freeze has no other start
    assert frozen.sum() / 10 / starts == pytest.approx(1.0, rel=0.2)


def test_a_picture_is_fitted_and_never_enlarged() -> None:
    assert fitted((1280, 720), (640, 360)) == (640, 360)
    assert fitted((720, 1280), (640, 360)) == (360, 640)
    assert fitted((320, 240), (640, 360)) == (320, 240)
    assert fitted((641, 479), None, 0.9) == (576, 432)
    assert all(side % 2 == 0 for side in fitted((1023, 577), (854, 480)))


def test_low_light_darkens_and_the_noise_grows_with_the_dark() -> None:
    grey = clips.flat(128, (320, 240))
    bright, dark = (LowLight(light, rng())(grey).astype(float) for light in (1.0, 0.02))
    assert dark.mean() < 0.7 * bright.mean()
    assert dark.std() > 3 * bright.std() > 0
    moving = LowLight(0.1, rng())
    assert not np.array_equal(moving(grey), moving(grey))


def test_a_tile_shows_the_picture_where_it_says() -> None:
    layout = Layout(LayoutSettings("gallery"), (1280, 720), 25.0, rng())
    canvas = layout(resized(clips.quadrants((640, 360)), (1280, 720)))
    x, y, width, height = layout.place
    assert canvas.shape == (720, 1280, 3)
    assert clips.corners(canvas[y : y + height, x : x + width]) == "RGBW"
    outside = canvas.astype(int).copy()
    outside[y : y + height, x : x + width] = 0
    assert outside.max() < 200
    assert 0.2 < width * height / canvas[..., 0].size < 0.26


def test_layouts_put_the_tile_elsewhere_with_another_seed() -> None:
    places = {Layout(LayoutSettings("gallery"), (640, 360), 25.0, rng(k)).place for k in range(12)}
    assert len(places) == 4


def test_an_enlarged_stream_holds_no_more_than_it_held() -> None:
    stripes = np.zeros((720, 1280, 3), np.uint8)
    stripes[:, ::2] = 255
    enlarged = Layout(LayoutSettings("upscaled"), (1280, 720), 25.0, rng())(stripes)
    assert enlarged.shape == stripes.shape
    assert enlarged.std() < 10
    assert stripes.std() > 120


FACE = Face(0, (120.0, 60.0, 200.0, 160.0), 1.0)


def test_smoothing_takes_texture_off_the_face_alone() -> None:
    noisy = rng().integers(110, 146, (240, 320, 3)).astype(np.uint8)
    out = smoothed(noisy, (FACE,), 0.8)
    assert out[90:130, 145:175].std() < 0.6 * noisy[90:130, 145:175].std()
    assert np.array_equal(out[:40], noisy[:40])
    assert np.array_equal(smoothed(noisy, (), 0.8), noisy)


@pytest.mark.parametrize("kind", ["blur", "image"])
def test_the_background_changes_and_the_face_does_not(kind: str) -> None:
    picture = rng().integers(0, 256, (240, 320, 3)).astype(np.uint8)
    change = Background(kind, rng(2))  # type: ignore[arg-type]
    first, second = change(picture, (FACE,)), change(picture, (FACE,))
    assert np.array_equal(first[80:140, 140:180], picture[80:140, 140:180])
    assert np.abs(first[:50, :60].astype(int) - picture[:50, :60]).mean() > 20
    moved = np.abs(first.astype(int) - second).max(axis=2) > 0
    assert 0.001 < moved.mean() < 0.3  # the edge alone flickers
    assert np.array_equal(change(picture, ()), picture)
