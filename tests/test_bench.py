"""The bench: stages of one real run, and the multiple of decoding that follows from them."""

from __future__ import annotations

import json

import clips
import numpy as np
import pytest

from inperson.bench import Bench, Stage, bench, peak_memory
from inperson.errors import InputError, MediaError


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Bench:
    path = tmp_path_factory.mktemp("bench") / "clip.mp4"
    clips.write(path, *clips.flash_and_beep(size=(640, 360)))
    return bench(path, signals=["response_latency"])


def test_stages_are_parts_of_the_total(measured):
    assert {"decode", "faces", "speech", "session", "response_latency"} <= {stage.name for stage in measured.stages}
    assert measured.duration == pytest.approx(3.0, abs=0.1)
    assert sum(stage.cpu_seconds for stage in measured.stages) <= 1.05 * measured.total.cpu_seconds
    for stage in (measured.decode, measured.total, *measured.stages):
        assert stage.seconds > 0
        assert stage.cpu_seconds >= 0


def test_analysis_costs_more_than_decoding_which_is_part_of_it(measured):
    within = next(stage for stage in measured.stages if stage.name == "decode")
    assert measured.total.cpu_seconds > measured.decode.cpu_seconds > 0
    assert within.cpu_seconds > measured.decode.cpu_seconds / 2  # it converts as well; half, for the clock's sake


def test_multiples_follow_from_the_parts():
    found = Bench("a.mp4", 60.0, Stage("decode only", 2.0, 4.0), (), Stage("total", 10.0, 12.0), 1 << 20, 2)
    assert (found.times_decode, found.times_decode_wall, found.speed) == (3.0, 5.0, 6.0)
    values = json.loads(json.dumps(found.to_dict()))
    assert values["times_decode"] == 3.0
    assert values["total"] == {"name": "total", "seconds": 10.0, "cpu_seconds": 12.0}


def test_peak_memory_is_what_was_held_at_most():
    before = peak_memory()
    block = np.ones(before // 8 + 1)  # more than has ever been held
    size = block.nbytes
    assert peak_memory() >= size
    del block
    assert peak_memory() >= size


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_damaged_file_is_decoded_as_far_as_it_goes(tmp_path, keep):
    path = tmp_path / "clip.mkv"
    clips.write(path, *clips.flash_and_beep())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    assert 0.5 < bench(path, signals=["response_latency"]).duration < 3.0


def test_what_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "text.mp4").write_text("no recording")
    for name in ("text.mp4", "gone.mp4"):
        with pytest.raises(MediaError, match=name):
            bench(tmp_path / name)
    clips.write(tmp_path / "clip.wav", [], clips.tone())
    with pytest.raises(InputError, match="honesty"):
        bench(tmp_path / "clip.wav", signals=["honesty"])
