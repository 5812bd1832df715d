"""The recordings in samples/: readable, as long as they say, listed with origin, licence and hash, small."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

SAMPLES = Path(__file__).parent.parent / "samples"
MEDIA = ("interview.mp4", "candidate_only.mp4", "late_audio.mp4", "synthetic_voice.flac", "genuine_voice.flac")
LISTED = (*MEDIA, "interview.rttm")
LICENCES = ("CC-BY-SA-3.0", "CC0-1.0")
ROW = re.compile(
    r"^\| `(?P<file>[\w.]+)` \| (?P<what>.+?) \| (?P<origin>.+?) \| (?P<licence>\S+) \| `(?P<sha256>[0-9a-f]{64})` \|$"
)


def rows() -> dict[str, re.Match[str]]:
    """README's table by file name."""
    lines = (SAMPLES / "README.md").read_text(encoding="utf-8").splitlines()
    found = [match for line in lines if (match := ROW.match(line))]
    return {match["file"]: match for match in found}


def test_readme_lists_exactly_the_files_that_are_there() -> None:
    present = {path.name for path in SAMPLES.iterdir() if path.suffix in {".mp4", ".flac", ".rttm", ".wav", ".webm"}}
    assert set(rows()) == present == set(LISTED)


@pytest.mark.parametrize("name", LISTED)
def test_readme_states_hash_licence_and_that_it_is_constructed(name: str) -> None:
    row = rows()[name]
    assert row["sha256"] == hashlib.sha256((SAMPLES / name).read_bytes()).hexdigest()
    assert row["licence"] in LICENCES
    assert "onstructed" in row["what"]
    assert len(row["origin"]) > 20


def test_everything_with_recorded_prompts_carries_their_licence() -> None:
    for name, row in rows().items():
        assert ("Allison Smith" in row["origin"]) == (row["licence"] == "CC-BY-SA-3.0"), name


def test_samples_stay_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < 12_000_000


@pytest.mark.parametrize(
    ("name", "size", "low", "high"),
    [
        ("interview.mp4", (1280, 720), 55, 75),
        ("candidate_only.mp4", (640, 360), 12, 18),
        ("late_audio.mp4", (640, 360), 12, 18),
    ],
)
def test_video_decodes_to_the_end(name: str, size: tuple[int, int], low: float, high: float) -> None:
    with av.open(str(SAMPLES / name)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.codec_context.width, video.codec_context.height) == size
        assert float(video.average_rate or 0) == 30
        packets = [packet for packet in container.demux(video) if packet.pts is not None]
    times = sorted(float(packet.pts * packet.time_base) for packet in packets)
    assert low < times[-1] < high
    assert np.allclose(np.diff(times), 1 / 30, atol=1e-3)


@pytest.mark.parametrize(("name", "rate"), [("synthetic_voice.flac", 22_050), ("genuine_voice.flac", 16_000)])
def test_voice_is_audible_and_never_digital_zero(name: str, rate: int) -> None:
    sound, found, _ = decode_sound(SAMPLES / name)
    assert found == rate
    assert 10 < len(sound) / rate < 15
    assert 0.05 < np.abs(sound).max() < 1.0
    blocks = sound[: len(sound) // rate * rate].reshape(-1, rate // 10)
    assert np.sqrt(np.mean(blocks**2, axis=1)).min() > 1e-5


def test_late_audio_is_the_same_sound_a_quarter_of_a_second_later() -> None:
    sound, rate, start = decode_sound(SAMPLES / "candidate_only.mp4")
    late, late_rate, late_start = decode_sound(SAMPLES / "late_audio.mp4")
    assert (rate, late_rate, start) == (48_000, 48_000, 0.0)
    # Ten seconds from 2 s on, found again in the late file's own seconds.
    wanted = np.fft.rfft(sound[2 * rate : 12 * rate], 2**20)
    first = round((1.5 - late_start) * rate)
    found = np.fft.rfft(late[first : first + 12 * rate], 2**20)
    delay = int(np.argmax(np.fft.irfft(found * np.conj(wanted))[:rate])) / rate - 0.5
    assert delay == pytest.approx(0.250, abs=0.002)


def test_turns_lie_where_somebody_speaks() -> None:
    sound, rate, start = decode_sound(SAMPLES / "interview.mp4")
    turns = read_turns(SAMPLES / "interview.rttm")
    assert {who for _, _, who in turns} == {"interviewer", "candidate"}
    covered = np.zeros(len(sound), dtype=bool)
    for begin, end, _ in turns:
        covered[round((begin - start) * rate) : round((end - start) * rate)] = True
    level = 10 * np.log10(np.mean(sound[covered] ** 2) / np.mean(sound[~covered] ** 2))
    assert level > 20
    assert 0.6 < covered.mean() < 0.95


def test_interview_has_exchanges_and_one_overlap() -> None:
    turns = read_turns(SAMPLES / "interview.rttm")
    answers = sum(a[2] == "interviewer" and b[2] == "candidate" for a, b in pairwise(turns))
    assert answers >= 6
    assert any(b[0] < a[1] and a[2] != b[2] for a, b in pairwise(turns))


def read_turns(path: Path) -> list[tuple[float, float, str]]:
    """(start, end, speaker) of every RTTM line."""
    fields = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return [(float(f[3]), float(f[3]) + float(f[4]), f[7]) for f in fields]


def decode_sound(path: Path) -> tuple[np.ndarray, int, float]:
    """First channel as float, sampling rate, and the first sample's time."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    pieces = [frame.to_ndarray() for frame in frames]
    sound = np.concatenate([p[0] for p in pieces])
    scaled = sound.astype(np.float64) / (32768 if sound.dtype == np.int16 else 1)
    return scaled, frames[0].sample_rate, float(frames[0].time or 0.0)
