"""Media: every time, sample and pixel against clips whose answer is known."""

from __future__ import annotations

import itertools
import struct
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import clips
import numpy as np
import pytest

from inperson import media
from inperson.errors import InputError, MediaError
from inperson.types import Chunk, Frame


def read(path: Path, **options: object) -> tuple[media.Reader, list[Frame], np.ndarray]:
    """Reader after the end, all frames, all sound."""
    reader = media.chunks(path, **options)
    chunks = list(reader)
    check_tiling(chunks)
    frames = [frame for chunk in chunks for frame in chunk.frames]
    audio = np.concatenate([chunk.audio for chunk in chunks]) if chunks else np.zeros(0, np.float32)
    return reader, frames, audio


def check_tiling(chunks: list[Chunk]) -> None:
    """The contract of `Chunk`, for whatever file."""
    at = 0.0
    for chunk in chunks:
        assert chunk.span.start == at
        assert chunk.span.end > at
        assert all(frame.time in chunk.span for frame in chunk.frames)
        assert len(chunk.audio) in (0, round(chunk.span.duration * 16000))
        assert chunk.audio.dtype == np.float32
        assert np.abs(chunk.audio).max(initial=0.0) <= 1.0
        assert chunk.channels.shape[0] in (0, len(chunk.audio))
        assert all(at <= gap.start < gap.end <= chunk.span.end for gap in chunk.gaps)
        at = chunk.span.end
    times = [frame.time for chunk in chunks for frame in chunk.frames]
    assert all(a < b for a, b in itertools.pairwise(times))


@pytest.mark.parametrize("delay", [-0.3, -0.08, 0.0, 0.12, 0.3])
@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.ts"])
def test_offset_between_flash_and_beep_survives(tmp_path: Path, name: str, delay: float) -> None:
    path = clips.write(tmp_path / name, *clips.flash_and_beep(), audio_delay=delay)
    reader, frames, audio = read(path)
    flash, beep = clips.flashes(frames), clips.onsets(audio)
    assert len(flash) == 3
    assert len(frames) == 75
    assert np.array(beep) - np.array(flash) == pytest.approx([delay] * 3, abs=0.002)
    assert min(reader.info.video.start, reader.info.audio[0].start) == 0.0
    assert reader.warnings == ()


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_samples_lie_where_they_were_recorded(tmp_path: Path, name: str, rate: int) -> None:
    path = clips.write(tmp_path / name, None, clips.beeps([0.25, 1.0, 1.6], 2.0, rate), rate=rate)
    _, frames, audio = read(path)
    assert frames == []
    assert len(audio) == 32000
    assert clips.onsets(audio) == pytest.approx([0.25, 1.0, 1.6], abs=0.0003)


@pytest.mark.parametrize("name", ["a.mp3", "a.m4a", "a.ogg", "a.opus", "a.mkv", "a.webm"])
def test_encoder_delay_of_compressed_sound_is_taken_out(tmp_path: Path, name: str) -> None:
    path = clips.write(tmp_path / name, None, clips.beeps([0.25, 1.0, 1.6], 2.0))
    _, _, audio = read(path)
    assert clips.onsets(audio) == pytest.approx([0.25, 1.0, 1.6], abs=0.002)
    assert len(audio) / 16000 == pytest.approx(2.0, abs=0.05)


def test_amplitude_is_kept_and_mono_is_the_mean(tmp_path: Path) -> None:
    left, right = clips.tone(1.0, frequency=300.0), np.zeros((48000, 1), np.float32)
    path = clips.write(tmp_path / "a.wav", None, np.hstack([left, right]))
    chunks = list(media.chunks(path))
    audio, channels = (np.concatenate([getattr(c, k) for c in chunks]) for k in ("audio", "channels"))
    assert channels.shape == (16000, 2)
    assert np.abs(channels[2000:14000]).max(axis=0) == pytest.approx([clips.PEAK, 0.0], abs=0.01)
    assert np.allclose(audio, channels.mean(axis=1), atol=1e-6)


def test_surround_is_mixed_down_without_clipping(tmp_path: Path) -> None:
    sound = np.full((48000, 6), 0.9, np.float32)
    sound[:24000, :2], sound[:24000, 3:] = 0.0, 0.0  # first half: the centre channel alone
    path = clips.write(tmp_path / "a.wav", None, sound, layout="5.1")
    reader, _, audio = read(path)
    assert reader.info.audio[0].layout == "5.1"
    assert audio[4000] == pytest.approx(0.9 * 0.293, abs=0.01)  # centre 1 of 1 + 2 * 0.707 + 2 * 0.5
    assert audio[12000] == pytest.approx(0.9, abs=0.01)


def test_native_rate_is_delivered_only_on_request(tmp_path: Path) -> None:
    sound = np.hstack([clips.tone(1.2, 44100), clips.tone(1.2, 44100, 880.0)])
    path = clips.write(tmp_path / "a.wav", None, sound, rate=44100)
    assert all(chunk.native.shape == (0, 0) and chunk.native_rate == 0 for chunk in media.chunks(path))
    chunks = list(media.chunks(path, native=True))
    native = np.concatenate([chunk.native for chunk in chunks])
    assert {chunk.native_rate for chunk in chunks} == {44100}
    assert native.shape == sound.shape
    assert np.abs(native - sound).max() < 1e-4  # 16-bit


def test_several_tracks_are_mixed_or_chosen(tmp_path: Path) -> None:
    one, two = clips.beeps([0.2], 1.0), clips.beeps([0.7], 1.0)
    path = clips.write(tmp_path / "a.mkv", None, [one, two], audio_codec="pcm_s16le")
    chunks = list(media.chunks(path))
    channels = np.concatenate([chunk.channels for chunk in chunks])
    mixed = np.concatenate([chunk.audio for chunk in chunks])
    assert channels.shape == (16000, 2)
    assert [clips.onsets(channels[:, k]) for k in (0, 1)] == [
        pytest.approx([0.2], abs=1e-3),
        pytest.approx([0.7], abs=1e-3),
    ]
    assert clips.onsets(mixed) == pytest.approx([0.2, 0.7], abs=1e-3)
    _, _, second = read(path, audio_track=1)
    assert clips.onsets(second) == pytest.approx([0.7], abs=1e-3)
    with pytest.raises(InputError, match="audio track 2 asked for, readable tracks: 0, 1"):
        media.chunks(path, audio_track=2)


def test_variable_frame_rate_keeps_every_time(tmp_path: Path) -> None:
    at = clips.vfr_times(3.0)
    for name in ("a.mp4", "a.webm"):
        path = clips.write(tmp_path / name, clips.numbered(at))
        reader, frames, _ = read(path)
        assert [frame.time for frame in frames] == pytest.approx(at, abs=0.0011)
        assert [clips.number(frame.image) for frame in frames] == list(range(len(at)))
        assert reader.info.video.constant_rate is False
        assert reader.info.video.fps == pytest.approx((len(at) - 1) / at[-1], rel=0.03)


@pytest.mark.parametrize("fps", [12.5, 25.0, 29.97, 30.0, 60.0])
def test_constant_rate_is_recognised_despite_millisecond_timestamps(tmp_path: Path, fps: float) -> None:
    path = clips.write(tmp_path / "a.mkv", clips.numbered(clips.times(2.0, fps)), fps=fps)
    info = media.probe(path)
    assert info.video.constant_rate is True
    assert info.video.fps == pytest.approx(fps, rel=0.01)


@pytest.mark.parametrize(
    ("rotation", "seen"), [(0, "RGBW"), (90, "BRWG"), (180, "WBGR"), (270, "GWRB")], ids=lambda v: str(v)
)
def test_rotation_is_applied(tmp_path: Path, rotation: int, seen: str) -> None:
    picture = clips.quadrants((160, 96))
    path = clips.write(
        tmp_path / "a.mp4", [(t, picture) for t in clips.times(0.4)], rotation=rotation, pix_fmt="yuv444p"
    )
    reader, frames, _ = read(path)
    size = (160, 96) if rotation % 180 == 0 else (96, 160)
    assert clips.corners(frames[0].image) == seen
    assert frames[0].size == size == (reader.info.video.width, reader.info.video.height)
    assert frames[0].image.shape == (size[1], size[0], 3)
    assert frames[0].image.flags.c_contiguous
    assert reader.info.video.rotation == rotation


def test_pixels_become_square(tmp_path: Path) -> None:
    picture = clips.quadrants((180, 144))
    path = clips.write(tmp_path / "a.mp4", [(t, picture) for t in clips.times(0.4)], pixel_aspect=Fraction(16, 11))
    info = media.probe(path)
    frame = next(media.frames(path))
    assert frame.size == (262, 144) == (info.video.width, info.video.height)
    assert info.video.pixel_aspect == pytest.approx(16 / 11)
    assert info.video.coded_width == 180
    assert clips.corners(frame.image) == "RGBW"


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "bits"),
    [
        ("a.mkv", "libx264", "yuv420p10le", 10),
        ("a.mkv", "libx264", "yuvj420p", 8),
        ("a.mkv", "libx264", "yuv422p", 8),
        ("a.mkv", "ffv1", "yuv420p", 8),
        ("a.mkv", "ffv1", "bgr0", 8),
        ("a.avi", "rawvideo", "bgr24", 8),
        ("a.avi", "mjpeg", "yuvj422p", 8),
        ("a.webm", "libvpx-vp9", "yuv420p", 8),
        ("a.mp4", "libx265", "yuv420p10le", 10),
        ("a.webm", "libsvtav1", "yuv420p", 8),
    ],
)
def test_colours_come_out_whatever_the_pixel_format(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, bits: int
) -> None:
    picture = clips.quadrants((160, 96))
    path = clips.write(tmp_path / name, [(t, picture) for t in clips.times(0.4)], video_codec=codec, pix_fmt=pix_fmt)
    reader, frames, _ = read(path)
    assert len(frames) == 10
    assert clips.corners(frames[-1].image) == "RGBW"
    assert reader.info.video.bit_depth == bits


def test_full_and_limited_range_give_the_same_grey(tmp_path: Path) -> None:
    for pix_fmt in ("yuv420p", "yuvj420p"):
        path = clips.write(
            tmp_path / f"{pix_fmt}.mkv", [(t, clips.flat(200)) for t in clips.times(0.4)], pix_fmt=pix_fmt
        )
        assert next(media.frames(path)).image.mean() == pytest.approx(200, abs=2)


def test_grey_pictures_and_odd_sizes(tmp_path: Path) -> None:
    picture = clips.flat(128, (161, 121))
    path = clips.write(tmp_path / "a.mkv", [(t, picture) for t in clips.times(0.4)], video_codec="ffv1", pix_fmt="gray")
    frame = next(media.frames(path))
    assert frame.image.shape == (121, 161, 3)
    assert abs(int(frame.image[60, 80, 0]) - 128) <= 2


@pytest.mark.parametrize(("transfer", "hdr", "expected"), [(16, "PQ", 137), (18, "HLG", 123)])
def test_hdr_is_brought_into_range(tmp_path: Path, transfer: int, hdr: str, expected: int) -> None:
    colour = {"color_trc": transfer, "color_primaries": 9, "colorspace": 9, "color_range": 1}
    frames = [(t, clips.flat(110)) for t in clips.times(0.4)]
    path = clips.write(tmp_path / "a.mkv", frames, video_codec="libx265", pix_fmt="yuv420p10le", colour=colour)
    info = media.probe(path)
    level = next(media.frames(path)).image.mean(axis=(0, 1))
    assert info.video.hdr == hdr
    assert info.video.bit_depth == 10
    # code value 110/255 means 46 cd/m2 in PQ and 36 cd/m2 in HLG (1000 cd/m2 display); of 203 for white, power 1/2.4
    assert level.mean() == pytest.approx(expected, abs=4)
    assert np.ptp(level) < 4


def test_browser_recording_without_duration(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.webm", *clips.flash_and_beep(), muxer={"live": "1"})
    reader, frames, audio = read(path)
    assert reader.info.duration is None
    assert len(frames) == 75
    assert len(clips.onsets(audio)) == 3
    assert reader.duration == pytest.approx(3.0, abs=0.03)


def test_reordered_frames_come_in_order(tmp_path: Path) -> None:
    options = {"preset": "medium", "bf": "3", "g": "25"}
    for name in ("a.mp4", "a.mkv", "a.ts"):
        path = clips.write(tmp_path / name, clips.numbered(clips.times(2.0)), clips.tone(2.0), video_options=options)
        reader, frames, _ = read(path)
        assert [clips.number(frame.image) for frame in frames] == list(range(50))
        assert np.diff([frame.time for frame in frames]) == pytest.approx([0.04] * 49, abs=0.0011)
        assert reader.warnings == ()


def test_trimmed_recording_begins_where_its_edit_list_says(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", *clips.flash_and_beep(), video_options={"g": "50"})
    data, at = bytearray(path.read_bytes()), 0
    for scale in (90000, 48000):  # one edit a track: duration (ms), media time; cut the first 0.4 s as a phone does
        at = data.index(b"elst", at + 1)
        length, start = struct.unpack(">Ii", data[at + 12 : at + 20])
        data[at + 12 : at + 20] = struct.pack(">Ii", length - 400, start + scale * 4 // 10)
    path.write_bytes(data)
    _, frames, audio = read(path)
    assert len(frames) == 65
    assert clips.flashes(frames) == pytest.approx([0.2, 1.0, 1.8], abs=1e-3)
    assert clips.onsets(audio) == pytest.approx([0.2, 1.0, 1.8], abs=2e-3)


def test_fragmented_mp4_as_browsers_write_it(tmp_path: Path) -> None:
    muxer = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    _, frames, audio = read(clips.write(tmp_path / "a.mp4", *clips.flash_and_beep(), muxer=muxer))
    assert np.array(clips.onsets(audio)) - np.array(clips.flashes(frames)) == pytest.approx([0.0] * 3, abs=2e-3)


def test_recordings_glued_together_are_read_through(tmp_path: Path) -> None:
    one = clips.write(tmp_path / "a.ts", *clips.flash_and_beep())
    two = clips.write(tmp_path / "b.ts", *clips.flash_and_beep(size=(320, 240)))
    (tmp_path / "c.ts").write_bytes(one.read_bytes() + two.read_bytes())
    reader, frames, audio = read(tmp_path / "c.ts")
    assert len(frames) == 150
    assert {frame.size for frame in frames} == {(160, 120), (320, 240)}
    assert len(clips.onsets(audio)) == 6
    assert np.array(clips.onsets(audio)) - np.array(clips.flashes(frames)) == pytest.approx([0.0] * 6, abs=2e-3)
    assert any("video changes its size" in w for w in reader.warnings)
    sound = clips.write(tmp_path / "a.ogg", None, clips.beeps([0.5], 1.0)).read_bytes()
    (tmp_path / "b.ogg").write_bytes(sound + sound)
    assert clips.onsets(read(tmp_path / "b.ogg")[2]) == pytest.approx([0.5, 1.5], abs=0.01)


def test_gap_in_the_sound_is_zeros_and_listed(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mkv", None, clips.tone(2.0), audio_gap=(1.0, 0.7), audio_codec="pcm_s16le")
    reader = media.chunks(path)
    chunks = list(reader)
    check_tiling(chunks)
    audio = np.concatenate([chunk.audio for chunk in chunks])
    gaps = [gap for chunk in chunks for gap in chunk.gaps]
    assert gaps[0].start == pytest.approx(1.0, abs=1e-3)
    assert gaps[-1].end == pytest.approx(1.7, abs=1e-3)
    assert sum(gap.duration for gap in gaps) == pytest.approx(0.7, abs=2e-3)
    assert np.all(audio[16100:27100] == 0.0)
    assert np.abs(audio[27500:]).max() > 0.4
    assert reader.warnings == ("gap in the sound, filled with zeros (at 1.00 s)",)


def test_jitter_of_timestamps_is_no_gap(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    sound = clips.tone(2.0)
    path = clips.write(tmp_path / "a.mkv", None, sound, audio_codec="pcm_s16le")
    clips.retime(path, lambda _, t: t + float(rng.uniform(0, 0.018)))
    reader, _, audio = read(path)
    expected = clips.tone(2.0, 16000)[:, 0]
    assert reader.warnings == ()
    assert np.abs(audio[100:31000] - expected[100:31000]).max() < 0.2  # no cut, at most one origin's worth of shift


def test_one_late_packet_is_jitter_but_a_lasting_step_is_a_gap(tmp_path: Path) -> None:
    single = clips.write(tmp_path / "a.mkv", None, clips.tone(2.0), audio_codec="pcm_s16le")
    clips.retime(single, lambda _, t: t + 0.05 * (abs(t - 1) < 0.01))
    assert read(single)[0].warnings == ()
    lasting = clips.write(tmp_path / "b.mkv", None, clips.tone(2.0), audio_codec="pcm_s16le", audio_gap=(1.0, 0.05))
    reader = media.chunks(lasting)
    gaps = [gap for chunk in reader for gap in chunk.gaps]
    assert [(g.start, g.end) for g in gaps] == [(pytest.approx(1.0, abs=2e-3), pytest.approx(1.05, abs=2e-3))]


def test_repeated_sound_is_dropped(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mkv", None, clips.tone(2.0), audio_codec="pcm_s16le")
    clips.retime(path, lambda _, t: t - 0.4 * (t >= 1.0))
    reader, _, audio = read(path)
    assert len(audio) == pytest.approx(25600, abs=20)
    assert "overlapping sound" in reader.warnings[0]


@pytest.mark.parametrize("step", [3600.0 * 24 * 5, 700.0, -30.0], ids=["days", "minutes", "back"])
def test_splices_are_closed_and_sync_survives_them(tmp_path: Path, step: float) -> None:
    frames, sound = clips.flash_and_beep()
    path = clips.write(tmp_path / "a.mkv", frames, sound, audio_codec="pcm_s16le")
    clips.retime(path, lambda _, t: t + 60.0 + step * (t >= 1.0))
    reader, seen, audio = read(path)
    assert reader.duration == pytest.approx(3.0, abs=0.1)
    assert np.array(clips.onsets(audio)) - np.array(clips.flashes(seen)) == pytest.approx([0.0] * 3, abs=0.002)
    assert any("video timestamps jump" in w for w in reader.warnings)
    assert any("audio timestamps jump" in w for w in reader.warnings)


@pytest.mark.parametrize("step", [1e5, 3.0, -1.5, -0.7])
def test_a_single_absurd_timestamp_does_not_move_the_rest(tmp_path: Path, step: float) -> None:
    frames, sound = clips.flash_and_beep()
    path = clips.write(tmp_path / "a.mkv", frames, sound, audio_codec="pcm_s16le")
    clips.retime(path, lambda track, t: 5.0 + t + step * (track == 1 and t == 1.0))
    _, seen, audio = read(path)
    assert np.array(clips.onsets(audio)) - np.array(clips.flashes(seen)) == pytest.approx([0.0] * 3, abs=0.002)


def test_a_few_timestamps_in_the_past_do_not_move_the_rest(tmp_path: Path) -> None:
    frames, sound = clips.flash_and_beep()
    path = clips.write(tmp_path / "a.mkv", frames, sound, audio_codec="pcm_s16le")
    clips.retime(path, lambda track, t: 60.0 + t - 30.0 * (track == 1 and 0.99 < t < 1.1))
    _, seen, audio = read(path)
    assert len(seen) == 75
    assert np.array(clips.onsets(audio)) - np.array(clips.flashes(seen)) == pytest.approx([0.0] * 3, abs=0.002)


def test_a_camera_switched_off_for_long_is_no_splice(tmp_path: Path) -> None:
    limits = media.Limits(jump=5.0)
    frames = [
        (t, clips.flat(255 if abs(t - 12.0) < 0.01 else 0)) for t in (*clips.times(1.0), *clips.times(1.0, start=11.6))
    ]
    path = clips.write(tmp_path / "a.mkv", frames, clips.beeps([0.5, 12.0], 13.0), audio_codec="pcm_s16le")
    reader, seen, _ = read(path, limits=limits)
    assert clips.flashes(seen) == pytest.approx([12.0])
    assert reader.warnings == ()
    late = clips.write(tmp_path / "b.mkv", frames[25:], clips.beeps([0.5, 12.0], 13.0), audio_codec="pcm_s16le")
    reader, seen, _ = read(late, limits=limits)
    assert clips.flashes(seen) == pytest.approx([12.0])
    assert reader.warnings == ()
    alone = clips.write(tmp_path / "c.mkv", frames)
    reader, seen, _ = read(alone, limits=limits)
    assert clips.flashes(seen) == pytest.approx([1.4])
    assert "video timestamps jump" in reader.warnings[0]


def test_repeated_and_backward_frame_times_are_left_out(tmp_path: Path) -> None:
    frames = clips.numbered(clips.times(2.0))
    path = clips.write(tmp_path / "a.mkv", frames, video_codec="ffv1", pix_fmt="bgr0")
    clips.retime(path, lambda _, t: t - 0.1 * (0.99 < t < 1.05))
    reader, frames, _ = read(path)
    assert [clips.number(frame.image) for frame in frames] == [k for k in range(50) if k not in (25, 26)]
    assert reader.warnings == (
        "video frame with a repeated or backward timestamp, left out (2 times, first at 1.00 s)",
    )


def test_raw_avi_has_times_from_its_rate(tmp_path: Path) -> None:
    path = clips.write(
        tmp_path / "a.avi", clips.numbered(clips.times(1.0, 10.0)), fps=10.0, video_codec="rawvideo", pix_fmt="bgr24"
    )
    assert [frame.time for frame in media.frames(path)] == pytest.approx(clips.times(1.0, 10.0))


def test_one_stream_shorter_than_the_other(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mkv", clips.black(2.0), clips.tone(0.7), audio_codec="pcm_s16le")
    chunks = list(media.chunks(path))
    check_tiling(chunks)
    assert sum(len(c.audio) for c in chunks) == 32000
    assert sum(len(c.frames) for c in chunks) == 50
    assert sum(gap.duration for c in chunks for gap in c.gaps) == pytest.approx(1.3, abs=1e-3)
    path = clips.write(tmp_path / "b.mkv", clips.black(0.4), clips.tone(2.0), audio_codec="pcm_s16le")
    _, frames, audio = read(path)
    assert (len(frames), len(audio)) == (10, 32000)


def test_video_only_and_audio_only(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.black(1.0))
    reader, frames, audio = read(path)
    assert len(frames) == 25
    assert len(audio) == 0
    assert reader.info.audio == ()
    assert reader.duration == 1.0
    path = clips.write(tmp_path / "a.wav", None, clips.silence(1.0))
    reader, frames, audio = read(path)
    assert frames == []
    assert len(audio) == 16000
    assert reader.info.video is None
    assert list(media.frames(path)) == []


def test_the_clock_does_not_depend_on_what_is_read(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mkv", *clips.flash_and_beep(), audio_delay=0.3)
    alone = np.concatenate([chunk.audio for chunk in media.samples(path)])
    assert clips.onsets(alone) == pytest.approx([0.9, 1.7, 2.5], abs=0.002)
    path = clips.write(tmp_path / "b.mkv", *clips.flash_and_beep(), audio_delay=-0.3)
    assert clips.flashes(media.frames(path)) == pytest.approx([0.9, 1.7, 2.5], abs=0.002)


@pytest.mark.parametrize("seconds", [0.02, 0.333, 0.5, 7.0])
def test_chunk_length_changes_nothing_but_the_cuts(tmp_path: Path, seconds: float) -> None:
    path = clips.write(tmp_path / "a.mkv", *clips.flash_and_beep(), audio_gap=(1.0, 0.4))
    _, frames, audio = read(path)
    _, other_frames, other_audio = read(path, seconds=seconds)
    assert [f.time for f in frames] == [f.time for f in other_frames]
    assert np.array_equal(audio, other_audio)


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    import av

    source = clips.write(tmp_path / "a.mp3", None, clips.tone(1.0))
    cover = clips.write(tmp_path / "c.avi", [(0.0, clips.quadrants())], video_codec="mjpeg", pix_fmt="yuvj420p")
    with av.open(str(source)) as sound, av.open(str(cover)) as art, av.open(str(tmp_path / "b.mp3"), "w") as out:
        streams = {k: out.add_stream_from_template(s.streams[0]) for k, s in (("a", sound), ("v", art))}
        streams["v"].disposition = av.stream.Disposition.attached_pic
        for key, container in (("v", art), ("a", sound)):
            for packet in container.demux():
                if packet.dts is not None:
                    packet.stream = streams[key]
                    out.mux(packet)
    reader, frames, audio = read(tmp_path / "b.mp3")
    assert reader.info.video is None
    assert frames == []
    assert len(audio) > 15000


def test_probe_reports_what_the_container_says(tmp_path: Path) -> None:
    path = clips.write(
        tmp_path / "a.mp4",
        *clips.flash_and_beep(),
        metadata={"creation_time": "2024-05-06T07:08:09.000000Z", "title": "two\nlines\x1b[31m", "comment": "x" * 5000},
    )
    info = media.probe(path)
    assert info.container == "mov,mp4,m4a,3gp,3g2,mj2"
    assert info.size_bytes == path.stat().st_size
    assert info.duration == pytest.approx(3.0, abs=0.05)
    assert info.creation_time == "2024-05-06T07:08:09.000000Z"
    assert info.encoder.startswith("Lavf")
    assert info.tags["title"] == "two lines [31m"
    assert len(info.tags["comment"]) <= 300
    assert (info.video.codec, info.video.width, info.video.height) == ("h264", 160, 120)
    assert (info.audio[0].codec, info.audio[0].rate, info.audio[0].channels) == ("aac", 48000, 1)
    assert info.warnings == ()


def test_sha256_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert media.sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(MediaError, match="'b': cannot be opened: No such file"):
        media.sha256(tmp_path / "b")


def test_each_frame_sees_one_image_at_a_time(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.numbered(clips.times(1.0)))
    numbers = []

    def drop(frame: Frame) -> Frame:
        numbers.append(clips.number(frame.image))
        return Frame(frame.time, None, frame.size)

    frames = [frame for chunk in media.chunks(path, each_frame=drop) for frame in chunk.frames]
    assert numbers == list(range(25))
    assert all(frame.image is None for frame in frames)


def test_a_chunk_of_huge_images_ends_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clips.write(tmp_path / "a.mkv", clips.numbered(clips.times(1.0)), clips.tone(1.0), audio_codec="pcm_s16le")
    _, frames, audio = read(path)
    monkeypatch.setattr(media, "_IMAGE_BYTES", 160 * 120 * 3 * 4)
    chunks = list(media.chunks(path))
    check_tiling(chunks)
    assert max(len(chunk.frames) for chunk in chunks) == 5
    assert [f.time for c in chunks for f in c.frames] == [f.time for f in frames]
    assert np.array_equal(np.concatenate([c.audio for c in chunks]), audio)


def test_two_passes_agree(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", *clips.flash_and_beep())
    (_, a, x), (_, b, y) = read(path), read(path, threads=2)
    assert np.array_equal(x, y)
    assert all(np.array_equal(f.image, g.image) for f, g in zip(a, b, strict=True))


def test_prefetch_keeps_order_and_ends_its_thread() -> None:
    before = threading.active_count()
    assert list(media.prefetch(iter(range(100)), depth=3)) == list(range(100))
    assert threading.active_count() == before


def test_prefetch_raises_what_the_source_raised_after_its_items() -> None:
    def source():
        yield 1
        yield 2
        raise MediaError("broken")

    before, seen = threading.active_count(), []
    ahead = media.prefetch(source())
    with pytest.raises(MediaError, match=r"^broken$"):
        seen.extend(ahead)
    assert seen == [1, 2]
    assert threading.active_count() == before


def test_prefetch_closed_early_ends_the_thread_and_the_source(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", *clips.flash_and_beep())
    before, reader = threading.active_count(), media.chunks(path, seconds=0.1)
    ahead = media.prefetch(reader, depth=1)
    assert next(ahead).span.start == 0.0
    ahead.close()
    assert threading.active_count() == before
    assert list(reader) == []  # closed


def test_prefetch_reads_at_most_depth_ahead() -> None:
    made = []

    def source():
        for k in range(50):
            made.append(k)
            yield k

    ahead = media.prefetch(source(), depth=2)
    for k in range(10):
        assert next(ahead) == k
        assert len(made) <= k + 5
    ahead.close()
    with pytest.raises(ValueError, match="depth must be at least 1, found 0"):
        media.prefetch([], depth=0)


LONG = """
import sys
from inperson import media
frames = sum(len(chunk.frames) for chunk in media.chunks(sys.argv[1]))
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(frames, peak)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    peak = {}
    for minutes in (1, 20):
        frames = ((t, clips.flat(int(t) % 200, (64, 48))) for t in clips.times(60.0 * minutes, 1.0))
        sound = clips.tone(60.0 * minutes, 8000)
        path = clips.write(tmp_path / f"{minutes}.mkv", frames, sound, rate=8000, fps=1.0, audio_codec="pcm_s16le")
        out = subprocess.run([sys.executable, "-c", LONG, str(path)], capture_output=True, text=True, check=True).stdout
        count, peak[minutes] = map(int, out.split())
        assert count == 60 * minutes
    assert peak[20] - peak[1] < 15_000  # KiB; the sound alone of 20 minutes would be 77 MB


def test_import_loads_no_decoder() -> None:
    code = "import sys, inperson.media; print([m for m in ('av', 'cv2', 'scipy', 'onnxruntime') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_frames_that_nobody_wants_come_without_image_on_the_same_clock(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.numbered([i / 25 for i in range(12)]))
    every = list(media.frames(path))
    with media.chunks(path, audio=False, wanted=lambda time: time > 0.2) as reader:
        some = list(reader.frames())
    assert [frame.time for frame in some] == [frame.time for frame in every]
    assert [frame.size for frame in some] == [frame.size for frame in every]
    assert [frame.image is not None for frame in some] == [i == 0 or frame.time > 0.2 for i, frame in enumerate(some)]
