"""`inperson sync`: the offset over time, in Python and on the command line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import pytest

import inperson
from inperson.cli import main
from inperson.synchrony import Change, Stretch, draw
from inperson.types import Span

LATE = Path(__file__).parents[1] / "samples" / "late_audio.mp4"


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(one) for one in arguments])
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def found() -> inperson.Sync:
    return inperson.sync(LATE)


def test_a_late_recording_reads_late_as_a_whole_and_in_every_window(found: inperson.Sync) -> None:
    assert found.offset == pytest.approx(240, abs=30)  # 250 ms later than the sample it was made from
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.offset <= found.high
    assert found.reason == ""
    assert len(found.windows) >= 2
    for window in found.windows:
        assert window.offset == pytest.approx(240, abs=40)
        assert 0 <= window.start < window.end <= 15.5
        assert window.over_chance > 4
    assert (found.jumps, found.parted, found.drift) == ((), (), None)


def test_json_states_the_convention_and_says_the_same(found: inperson.Sync, tmp_path: Path, capfd) -> None:
    picture = tmp_path / "offset.png"
    assert run("sync", LATE, "--json", "-", "--plot", picture) == 0
    out, err = capfd.readouterr()
    told = json.loads(out)
    assert told == json.loads(json.dumps(found.to_dict()))
    assert told["convention"] == "ms, positive: the sound is late relative to the lips"
    assert err == f"inperson: picture written to {picture}\n"
    assert cv2.imread(str(picture)).shape == (384, 960, 3)


def test_the_table_has_a_line_for_every_window(found: inperson.Sync, monkeypatch, capfd) -> None:
    monkeypatch.setattr("inperson.synchrony.sync", lambda *_, **__: found)
    assert run("sync", LATE) == 0
    out = capfd.readouterr().out
    assert "the sound is late" in " ".join(out.split())
    assert sum(f"{window.offset:+.0f}" in out for window in found.windows) == len(found.windows)
    assert max(map(len, out.splitlines())) <= 80


def test_what_cannot_be_measured_says_why(capfd) -> None:
    assert run("sync", LATE.parent / "genuine_voice.flac", "--json", "-") == 0
    told = json.loads(capfd.readouterr().out)
    assert told["offset"] is None
    assert "no picture" in told["reason"]
    assert told["windows"] == []


def test_the_recording_is_never_overwritten(tmp_path: Path, capfd) -> None:
    copy = tmp_path / "call.mp4"
    copy.write_bytes(LATE.read_bytes())
    for option in ("--plot", "--json"):
        assert run("sync", copy, option, copy) == 2
        assert "would overwrite the recording" in capfd.readouterr().err
    assert copy.read_bytes() == LATE.read_bytes()


def test_everything_found_is_drawn(tmp_path: Path) -> None:
    window = Stretch(0.0, 8.0, 40.0, 30.0, 50.0, 0.1, 6.0, 8.0)
    plain = inperson.Sync(offset=40.0, low=30.0, high=50.0, windows=(window,))
    busy = dataclasses.replace(
        plain, jumps=(Change(4.0, 0.0, 90.0),), parted=(Span(5.0, 7.0),), still_mouth=(Span(1.0, 3.0),)
    )
    pictures = []
    for name, one in (("plain", plain), ("busy", busy)):
        draw(one, tmp_path / f"{name}.png", "a $ name_with^signs")
        pictures.append(cv2.imread(str(tmp_path / f"{name}.png")))
    assert (pictures[0] != pictures[1]).any(axis=2).mean() > 0.05
    with pytest.raises(inperson.InputError, match="cannot write"):
        draw(plain, tmp_path / "gone" / "x.png")
