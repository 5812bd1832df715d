"""Whole recordings through whole presets."""

from __future__ import annotations

import itertools
import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import clips
import numpy as np
import pytest

from inperson import media
from inperson.degradation import PRESETS, Preset, degrade, named, suffix
from inperson.degradation.picture import fitted
from inperson.degradation.sound import SoundSettings
from inperson.degradation.timing import TimingSettings
from inperson.errors import InputError, MediaError

SAMPLES = Path(__file__).parent.parent / "samples"
DECODERS = {"h264": "h264", "vp8": "vp8", "vp9": "vp9", "av1": "libdav1d"}


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two flashes with beeps, 1.6 s, 320 x 240 at 25 fps, stereo."""
    frames, sound = clips.flash_and_beep(seconds=1.6, size=(320, 240), at=(0.4, 1.2))
    return clips.write(tmp_path_factory.mktemp("call") / "call.mp4", frames, np.repeat(sound, 2, axis=1))


def seen(path: Path) -> list[np.ndarray]:
    return [frame.image for frame in media.frames(path)]


def heard(path: Path) -> np.ndarray:
    return np.concatenate([chunk.audio for chunk in media.samples(path)])


def flashes(path: Path) -> list[float]:
    """Times at which the picture turns bright, halfway between its own extremes."""
    frames = [(frame.time, float(frame.image.mean())) for frame in media.frames(path)]
    middle = (max(b for _, b in frames) + min(b for _, b in frames)) / 2
    return [t for (_, before), (t, now) in itertools.pairwise(frames) if now > middle >= before]


def onsets(path: Path) -> list[float]:
    audio = heard(path)
    return clips.onsets(audio, threshold=0.1 * float(np.abs(audio).max()))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_writes_what_it_says(name: str, call: Path, tmp_path: Path) -> None:
    preset = PRESETS[name]
    out = tmp_path / f"out{suffix(name, True)}"
    degrade(call, out, name)
    info = media.probe(out)
    assert info.video is not None
    assert not info.warnings
    size = preset.layout.canvas if preset.layout.kind else fitted((320, 240), preset.picture.box, preset.picture.scale)
    assert (info.video.width, info.video.height) == size
    assert info.video.codec == DECODERS[preset.coding.video]
    assert [track.codec for track in info.audio] == [
        {"g711u": "pcm_mulaw"}.get(preset.coding.audio, preset.coding.audio)
    ]
    assert [track.channels for track in info.audio] == [2 if preset.sound.untouched else 1]
    assert info.duration == pytest.approx(1.6, abs=0.1)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_takes_a_voice_alone(name: str, tmp_path: Path) -> None:
    source = clips.write(tmp_path / "voice.wav", None, clips.tone(1.0, 16000), rate=16000)
    out = tmp_path / f"out{suffix(name, False)}"
    degrade(source, out, name)
    info = media.probe(out)
    assert info.video is None
    assert 15990 <= len(heard(out)) <= 16000 + 1100  # AAC ends with a whole frame of 1024


def test_a_recording_without_sound_stays_without(tmp_path: Path) -> None:
    source = clips.write(tmp_path / "a.mp4", clips.black(1.0))
    degrade(source, tmp_path / "b.mp4", "zoom-720p")
    assert media.probe(tmp_path / "b.mp4").audio == ()
    assert len(seen(tmp_path / "b.mp4")) == pytest.approx(25, abs=1)


@pytest.mark.parametrize("delay", [0.0, 0.2, -0.2])
@pytest.mark.parametrize("name", ["clean", "zoom-720p", "meet-vp9-540p", "bluetooth", "mild-a", "mild-b", "av1"])
def test_sound_and_picture_stay_together(name: str, delay: float, tmp_path: Path) -> None:
    source = clips.write(tmp_path / "a.mp4", *clips.flash_and_beep(seconds=1.6, at=(0.4, 1.2)), audio_delay=delay)
    out = tmp_path / f"b{suffix(name, True)}"
    degrade(source, out, name)
    assert flashes(out) == pytest.approx(flashes(source), abs=0.002)
    assert onsets(out)[0] == pytest.approx(onsets(source)[0], abs=0.003)  # gain control may quiet the second


def test_no_energy_is_left_above_4_khz_on_the_phone(tmp_path: Path) -> None:
    hiss = (0.1 * np.random.default_rng(0).standard_normal((96000, 1))).astype(np.float32)
    source = clips.write(tmp_path / "a.mkv", clips.black(2.0), hiss, audio_codec="flac")
    for name in ("phone", "bluetooth"):
        out = tmp_path / f"b{suffix(name, True)}"
        degrade(source, out, name)
        power = np.abs(np.fft.rfft(heard(out) * np.hanning(len(heard(out))))) ** 2
        above = power[np.fft.rfftfreq(len(heard(out)), 1 / 16000) > 4000].sum()
        assert 10 * np.log10(above / power.sum()) < -40


def test_frames_are_as_many_and_as_uneven_as_asked(tmp_path: Path) -> None:
    source = clips.write(tmp_path / "a.mp4", clips.numbered(clips.times(4.0, 30.0)), fps=30.0)
    degrade(source, tmp_path / "b.mp4", "teams-360p")
    info = media.probe(tmp_path / "b.mp4").video
    assert info is not None
    assert info.fps == pytest.approx(15.0, rel=0.02)
    assert info.constant_rate
    uneven = replace(PRESETS["clean"], timing=TimingSettings(fps=12.0, jitter=0.03))
    degrade(source, tmp_path / "c.mp4", uneven)
    info = media.probe(tmp_path / "c.mp4").video
    assert info is not None
    assert info.fps == pytest.approx(12.0, rel=0.15)
    assert info.constant_rate is False


def test_a_freeze_repeats_the_picture_and_then_catches_up(tmp_path: Path) -> None:
    source = clips.write(tmp_path / "a.mp4", clips.numbered(clips.times(8.0)), fps=25.0)
    frozen = replace(PRESETS["clean"], timing=TimingSettings(freezes=30.0, freeze_seconds=0.8))
    degrade(source, tmp_path / "b.mp4", frozen, seed=3)
    frames = list(media.frames(tmp_path / "b.mp4"))
    shown = np.array([clips.number(frame.image) for frame in frames])
    right = np.arange(200)
    assert len(frames) == 200
    assert shown[-1] > 150
    late = right - shown
    assert (late >= 0).all()
    assert (late == 0).any()
    assert late.max() >= 5
    assert set(np.diff(shown)[np.diff(late) == 1]) == {0}  # while it stands still, the very same picture
    assert (late[1:][np.diff(late) < 0] == 0).all()


def test_the_same_seed_gives_the_same_and_another_another(call: Path, tmp_path: Path) -> None:
    outs = [tmp_path / f"{k}.webm" for k in range(3)]
    for out, seed in zip(outs, (0, 0, 1), strict=True):
        degrade(call, out, "poor-network", seed=seed)
    assert all(np.array_equal(a, b) for a, b in zip(seen(outs[0]), seen(outs[1]), strict=True))
    assert np.array_equal(heard(outs[0]), heard(outs[1]))
    assert not np.array_equal(heard(outs[0]), heard(outs[2]))


@pytest.mark.parametrize("name", ["noisy-room", "low-light", "virtual-background", "av1", "meet-vp9-540p", "mild-b"])
def test_what_is_drawn_and_encoded_is_repeatable(name: str, tmp_path: Path) -> None:
    source = clips.write(tmp_path / "a.mp4", clips.numbered(clips.times(0.8)), clips.tone(0.8))
    outs = [tmp_path / f"{k}{suffix(name, True)}" for k in range(2)]
    for out in outs:
        degrade(source, out, name)
    assert all(np.array_equal(a, b) for a, b in zip(*map(seen, outs), strict=True))
    assert np.array_equal(*map(heard, outs))


def test_two_recordings_do_not_share_their_draws(tmp_path: Path) -> None:
    noises = []
    for amplitude in (0.5, 0.25):
        sound = clips.tone(1.0, 16000, amplitude=amplitude)
        source = clips.write(tmp_path / f"{amplitude}.wav", None, sound, rate=16000)
        alone = Preset("n", "", "", SoundSettings(rate=16000, snr=10.0), coding=PRESETS["clean"].coding)
        degrade(source, tmp_path / "out.m4a", alone)
        noises.append((heard(tmp_path / "out.m4a")[:16000] - sound[:, 0]) / amplitude)
    assert abs(np.corrcoef(*noises)[0, 1]) < 0.1


def test_a_turned_picture_comes_out_upright(tmp_path: Path) -> None:
    pictures = [(t, clips.quadrants()) for t in clips.times(0.4)]
    source = clips.write(tmp_path / "a.mp4", pictures, rotation=90)
    degrade(source, tmp_path / "b.mp4", "clean")
    first = seen(tmp_path / "b.mp4")[0]
    assert first.shape[:2] == (160, 120)
    assert clips.corners(first) == clips.corners(seen(source)[0])


def test_separate_tracks_stay_separate_where_nothing_is_done(tmp_path: Path) -> None:
    tracks = [clips.tone(1.0, frequency=300.0), clips.tone(1.0, frequency=900.0)]
    source = clips.write(tmp_path / "a.mkv", None, tracks, audio_codec="flac")
    degrade(source, tmp_path / "b.m4a", "mild-a")
    channels = np.concatenate([chunk.channels for chunk in media.samples(tmp_path / "b.m4a")])
    loudest = np.abs(np.fft.rfft(channels[:16000], axis=0)).argmax(axis=0)
    assert loudest.tolist() == [300, 900]


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    source = clips.write(tmp_path / "a.mp4", clips.numbered(clips.times(40.0)), clips.tone(40.0, 16000), rate=16000)
    tracemalloc.start()
    degrade(source, tmp_path / "b.mp4", "zoom-720p")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6 < 1000 * 160 * 120 * 3  # all frames would be 58 MB


# What must not happen


def test_something_unreadable_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + os.urandom(4000))
    (tmp_path / "b.mp4").write_bytes(b"#EXTM3U\nhttp://example.com/x.ts\n")
    for name in ("a.mp4", "b.mp4", "missing.mp4"):
        with pytest.raises(MediaError):
            degrade(tmp_path / name, tmp_path / "out.mp4", "clean")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]


def test_a_damaged_recording_is_degraded_as_far_as_it_goes(call: Path, tmp_path: Path) -> None:
    source = clips.write(tmp_path / "a.mkv", *clips.flash_and_beep(seconds=2.0))
    data = bytearray(source.read_bytes())
    source.write_bytes(data[: len(data) * 2 // 3])
    degrade(source, tmp_path / "b.mp4", "clean")
    assert 0.5 < (media.probe(tmp_path / "b.mp4").duration or 0) < 2.0


def test_a_failure_leaves_the_old_file(call: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"old")
    wrong = replace(PRESETS["clean"], sound=SoundSettings(codecs=("none",)))
    with pytest.raises(InputError, match="unknown voice codec 'none'"):
        degrade(call, tmp_path / "out.mp4", wrong)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
    degrade(call, tmp_path / "out.mp4", "clean")
    assert media.probe(tmp_path / "out.mp4").video is not None


def test_the_recording_is_never_overwritten(tmp_path: Path) -> None:
    source = clips.write(tmp_path / "a.mp4", clips.black(0.4))
    (tmp_path / "b.mp4").symlink_to(source)
    before = source.read_bytes()
    for out in ("a.mp4", "b.mp4", "../" + tmp_path.name + "/a.mp4"):
        with pytest.raises(InputError, match="the recording itself"):
            degrade(source, tmp_path / out, "clean")
    assert source.read_bytes() == before


def test_mistakes_are_told(call: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown preset 'zoom'; expected one of clean, zoom-720p"):
        degrade(call, tmp_path / "a.mp4", "zoom")
    with pytest.raises(InputError, match=r"meet-vp9-540p writes \.webm for this recording.*'a\.mp4'"):
        degrade(call, tmp_path / "a.mp4", "meet-vp9-540p")
    with pytest.raises(InputError, match="seed must be 0 or more"):
        degrade(call, tmp_path / "a.mp4", "clean", seed=-1)
    with pytest.raises(InputError, match=r"cannot write .*No such file"):
        degrade(call, tmp_path / "no" / "a.mp4", "clean")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(InputError, match="not a file that can be replaced"):
        degrade(call, tmp_path / "folder.mp4", "clean")


def test_presets_describe_themselves() -> None:
    for name, preset in PRESETS.items():
        assert named(name) is preset
        assert preset.name == name
        assert preset.description.endswith(".")
        assert preset.reads_as
    assert (suffix("phone", False), suffix("av1", True), suffix("mild-b", False)) == (".wav", ".mkv", ".ogg")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from inperson.cli import main

    def run(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["degrade", *arguments])
        return (left.value.code, *capsys.readouterr())

    code, out, _ = run("--list")
    assert code == 0
    assert all(name in out for name in PRESETS)
    voice, target = str(SAMPLES / "genuine_voice.flac"), tmp_path / "a.wav"
    code, out, told = run(voice, "--preset", "phone", "--out", str(target), "--seed", "2")
    assert (code, out) == (0, "")
    assert "a telephone call" in told
    assert media.probe(target).audio[0].rate == 8000
    code, _, told = run(voice, "--preset", "fax", "--out", str(target))
    assert code == 2
    assert "unknown preset 'fax'" in told
    assert "bluetooth" in told
    assert run(voice)[0] == 2
    assert run(str(SAMPLES / "README.md"), "--preset", "phone", "--out", str(target))[0] == 3


def test_the_av1_encoder_does_not_make_this_process_a_real_time_one(tmp_path: Path) -> None:
    clips.write(tmp_path / "a.mp4", *clips.flash_and_beep(seconds=1.0, at=[0.6]))
    degrade(tmp_path / "a.mp4", tmp_path / "b.mkv", "av1")
    policies = {os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task")}
    assert policies == {os.SCHED_OTHER}
