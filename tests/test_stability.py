"""Findings that speak for a signal are measured again on re-encoded copies of the recording."""

import os
import tempfile
import wave
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import pytest

from inperson import Chunk, Reading, Session, analyze
from inperson.report import Finding, Report

ROOT = Path(__file__).parents[1]

CARD = """
name = "{name}"
version = "0.1.0"
licence = "Apache-2.0"
source = "made by this test"
task = "none"

[calibration]
scores = [-1.0, 1.0]
llrs = [-1.0, 1.0]
llr_range = [-1.0, 1.0]
"""


class Loud:
    """Speaks for its signal as long as there is sound: no encoding changes that."""

    signal: ClassVar[str] = "loud"
    needs: ClassVar[frozenset[str]] = frozenset({"audio"})
    model: ClassVar[str] = "loud-0.1.0"

    def __init__(self) -> None:
        self.sound: list[np.ndarray] = []

    def update(self, chunk: Chunk) -> None:
        self.sound.append(chunk.audio)

    def finish(self, session: Session) -> Reading:
        return Reading(1.0 if np.abs(np.concatenate(self.sound)).max() > 0.05 else -1.0, 0.9)


class Exact(Loud):
    """Speaks for its signal where every sample is a multiple of 1 / 32768, as no lossy codec leaves them."""

    signal: ClassVar[str] = "exact"
    model: ClassVar[str] = "exact-0.1.0"

    def finish(self, session: Session) -> Reading:
        steps = np.concatenate(self.sound) * 32768
        return Reading(1.0 if np.abs(steps - np.round(steps)).max() < 1e-3 else -1.0, 0.9)


class Faint(Exact):
    """The same, but says so little that it is not worth a second look."""

    signal: ClassVar[str] = "faint"
    model: ClassVar[str] = "faint-0.1.0"

    def finish(self, session: Session) -> Reading:
        return Reading(0.25 * super().finish(session).score, 0.9)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of noise as 16-bit samples at 16 kHz, which the library reads as they are."""
    path = tmp_path_factory.mktemp("stability") / "noise.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(0).normal(0, 3000, 32000).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def two_tracks(recording: Path) -> Path:
    """Silence as the first audio track, the noise as the second."""
    path = recording.with_name("two.mkv")
    noise = np.random.default_rng(0).normal(0, 3000, (1, 32000)).astype(np.int16)
    with av.open(str(path), "w", format="matroska") as file:
        streams = [file.add_stream("pcm_s16le", rate=16000, layout="mono") for _ in range(2)]
        for stream, samples in zip(streams, (np.zeros_like(noise), noise), strict=True):
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = 16000
            file.mux([*stream.encode(frame), *stream.encode(None)])
    return path


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for path in (ROOT / "models").iterdir():
        (folder / path.name).symlink_to(path)
    for name in ("loud", "exact", "faint"):
        (folder / f"{name}-0.1.0.toml").write_text(CARD.format(name=name))
    monkeypatch.setenv("INPERSON_MODELS", str(folder))


def found(report: Report, signal: str) -> Finding:
    return report.finding(signal)


@pytest.mark.usefixtures("cards")
def test_a_finding_that_hangs_on_the_encoding_is_inconclusive(recording: Path) -> None:
    report = analyze(recording, detectors=[Loud, Exact])
    loud, exact = found(report, "loud"), found(report, "exact")
    assert (loud.status, loud.llr) == ("scored", 1.0)
    assert {name: q.value for name, q in loud.measurements.items()} == {"llr_reencoded_a": 1.0, "llr_reencoded_b": 1.0}
    assert (exact.status, exact.confidence, exact.llr, exact.score) == ("inconclusive", None, None, 1.0)
    assert exact.measurements["llr_as_recorded"].value == 1.0
    assert exact.measurements["llr_reencoded_a"].value == -1.0
    assert exact.reason == (
        "it does not survive mild re-encoding: a likelihood ratio of 10 as recorded, "
        "0.1 and 0.1 in two re-encoded copies"
    )
    assert Report.from_json(report.to_json()) == report


@pytest.mark.usefixtures("cards")
def test_without_the_second_look_it_is_scored(recording: Path) -> None:
    assert found(analyze(recording, detectors=[Exact], recheck=False), "exact").status == "scored"


@pytest.mark.usefixtures("cards")
def test_what_hardly_speaks_is_not_measured_again(recording: Path) -> None:
    finding = found(analyze(recording, detectors=[Faint]), "faint")
    assert (finding.status, finding.llr, finding.measurements) == ("scored", 0.25, {})


@pytest.mark.usefixtures("cards")
def test_nothing_is_left_behind(recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    analyze(recording, detectors=[Exact])
    assert os.listdir(scratch) == []


@pytest.mark.usefixtures("cards")
def test_where_no_copy_can_be_written_the_finding_stays_and_the_report_says_so(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    report = analyze(recording, detectors=[Exact])
    assert found(report, "exact").status == "scored"
    assert any("not measured again" in warning for warning in report.warnings)


@pytest.mark.usefixtures("cards")
@pytest.mark.parametrize(("track", "llr"), [(0, -1.0), (1, 1.0)])
def test_the_second_look_is_at_the_audio_track_that_was_chosen(two_tracks: Path, track: int, llr: float) -> None:
    report = analyze(two_tracks, detectors=[Loud], audio_track=track)
    again = {"llr_reencoded_a": llr, "llr_reencoded_b": llr} if llr > 0 else {}
    assert (found(report, "loud").status, found(report, "loud").llr) == ("scored", llr)
    assert {name: q.value for name, q in found(report, "loud").measurements.items()} == again
    assert report.warnings == ()
