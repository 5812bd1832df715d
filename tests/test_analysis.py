import os
import pickle
import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

import inperson
from inperson import Abstention, Analyzer, Chunk, Evidence, InputError, Measurement, Reading, Session, Span, analyze
from inperson.detectors import factories, usual
from inperson.testing import check_detector

ROOT = Path(__file__).parents[1]
INTERVIEW = ROOT / "samples/interview.mp4"

CARD = """
name = "loudness"
version = "0.1.0"
licence = "Apache-2.0"
source = "made by this test"
task = "none"

[calibration]
scores = [-2.0, 2.0]
llrs = [-2.0, 2.0]
llr_range = [-1.0, 1.0]
"""


class Loudness:
    """A plug-in: its score is the share of loud samples, its evidence partly outside the recording."""

    signal: ClassVar[str] = "loudness"
    needs: ClassVar[frozenset[str]] = frozenset({"audio"})
    model: ClassVar[str] = "loudness-0.1.0"

    def __init__(self) -> None:
        self.loud = 0

    def update(self, chunk: Chunk) -> None:
        self.loud += int((abs(chunk.audio) > 0.01).sum())

    def finish(self, session: Session) -> Reading | Abstention:
        if not self.loud:
            return Abstention("nothing is loud")
        evidence = (Evidence(Span(1.0, 1e9), 1.0, "Loud here."), Evidence(Span(1e8, 1e9), 1.0, "After the end."))
        return Reading(0.5, 0.9, evidence=evidence, measurements={"loud": Measurement(float(self.loud), "1")})


class Inside(Loudness):
    """The same, its evidence inside the recording."""

    def finish(self, session: Session) -> Reading | Abstention:
        found = super().finish(session)
        return replace(found, evidence=found.evidence[:0]) if isinstance(found, Reading) else found


class Worthless(Inside):
    """Its card says that its score tells nothing."""

    model: ClassVar[str] = "loudness-0.1.1"


class Counting(Inside):
    """Its score depends on how the recording was cut into chunks."""

    def update(self, chunk: Chunk) -> None:
        super().update(chunk)
        self.chunks = getattr(self, "chunks", 0) + 1

    def finish(self, session: Session) -> Reading | Abstention:
        found = super().finish(session)
        return replace(found, score=float(self.chunks)) if isinstance(found, Reading) else found


class Broken(Loudness):
    def finish(self, session: Session) -> Reading | Abstention:
        raise KeyError("oops")


class Refusing(Loudness):
    """Raises one of inperson's own errors in the middle of the recording, while the next chunks are read ahead."""

    needs: ClassVar[frozenset[str]] = frozenset({"audio", "faces"})
    model: ClassVar[str] = "lip_sync-0.2.0"

    def update(self, chunk: Chunk) -> None:
        if chunk.span.start >= 1.0:
            raise InputError("enough")


class Endless(Loudness):
    def finish(self, session: Session) -> Reading | Abstention:
        return Reading(float("inf"), 1.0)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loudness-0.1.0.toml").write_text(CARD)
    monkeypatch.setenv("INPERSON_MODELS", str(tmp_path))


@pytest.fixture(scope="module")
def report() -> inperson.Report:
    return analyze(INTERVIEW)


def test_every_signal_has_one_finding(report: inperson.Report) -> None:
    assert [finding.signal for finding in report.findings] == list(usual())
    assert report.media.duration == pytest.approx(64, abs=8)
    assert report.candidate.track is not None
    assert report.candidate.speaker is not None
    for finding in report.findings:
        for moment in finding.evidence:
            assert 0 <= moment.start <= moment.end <= report.media.duration
    assert inperson.Report.from_json(report.to_json()) == report


def test_two_runs_agree() -> None:
    assert analyze(ROOT / "samples/candidate_only.mp4") == analyze(ROOT / "samples/candidate_only.mp4")


def test_a_plug_in_is_calibrated_and_its_evidence_cut_to_the_recording(shelf: None) -> None:
    (finding,) = analyze(ROOT / "samples/genuine_voice.flac", detectors=[Loudness]).findings
    assert finding.status == "scored"
    assert finding.llr == pytest.approx(0.5)
    assert finding.confidence == pytest.approx(10**0.5 / (1 + 10**0.5))
    assert len(finding.evidence) == 1
    assert finding.evidence[0].end == pytest.approx(12, abs=1)


def test_the_contract_test_passes_a_good_detector_and_catches_a_bad_one() -> None:
    check_detector(Inside)
    with pytest.raises(AssertionError, match="lies outside the recording"):
        check_detector(Loudness)
    with pytest.raises(AssertionError, match=r"chunks of 0\.1 s change the result"):
        check_detector(Counting)
    with pytest.raises(AssertionError, match="expected an Abstention"):
        check_detector(Endless)


def test_a_score_that_tells_nothing_says_so(shelf: None, tmp_path: Path) -> None:
    card = tmp_path / "loudness-0.1.1.toml"
    card.write_text(CARD.replace("0.1.0", "0.1.1").replace("llrs = [-2.0, 2.0]", "llrs = [0.0, 0.0]"))
    report = analyze(ROOT / "samples/genuine_voice.flac", detectors=[Worthless], prior=0.3)
    assert report.findings[0].confidence == pytest.approx(0.3)
    assert report.warnings == (
        "loudness: on the data of its card this score told nothing, so its confidence stays at the prior",
    )


def test_the_prior_moves_the_confidence_and_not_the_ratio(shelf: None) -> None:
    (finding,) = analyze(ROOT / "samples/genuine_voice.flac", detectors=[Loudness], prior=0.01).findings
    assert finding.llr == pytest.approx(0.5)
    assert finding.confidence == pytest.approx(10**0.5 / 99 / (1 + 10**0.5 / 99))
    with pytest.raises(InputError, match="prior"):
        analyze(INTERVIEW, prior=1.5)


@pytest.mark.parametrize(("detector", "message"), [(Broken, "KeyError"), (Endless, "finite")])
def test_a_failing_detector_abstains_and_spares_the_others(shelf: None, detector: type, message: str) -> None:
    first, second = analyze(ROOT / "samples/genuine_voice.flac", detectors=[detector, Loudness]).findings
    assert first.status == "abstained"
    assert message in str(first.reason)
    assert second.status == "scored"


def test_a_missing_medium_is_not_applicable() -> None:
    found = analyze(ROOT / "samples/genuine_voice.flac", signals=["face_swap", "lip_sync", "reading"])
    assert [finding.status for finding in found.findings] == ["not_applicable"] * 3


def test_unknown_signals_are_named() -> None:
    with pytest.raises(InputError, match="found 'mood'"):
        factories(["mood"])


def test_the_analyzer_can_be_sent_to_another_process() -> None:
    analyzer = Analyzer(signals=("response_latency",), prior=0.2)
    assert pickle.loads(pickle.dumps(analyzer)) == analyzer  # noqa: S301


def test_progress_reaches_the_end() -> None:
    seen: list[tuple[float, float | None]] = []
    analyze(
        ROOT / "samples/genuine_voice.flac", signals=["response_latency"], progress=lambda a, b: seen.append((a, b))
    )
    assert seen == sorted(seen)
    assert seen[-1][0] == pytest.approx(seen[-1][1], abs=0.1)


def test_importing_is_light() -> None:
    heavy = ("onnxruntime", "librosa", "cv2", "scipy", "av")
    code = f"import sys, inperson; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_socket_is_opened() -> None:
    """An audit hook sees every socket that Python code opens while a recording is analysed."""
    code = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event.startswith('socket.'):\n"
        "        print('SOCKET', event, args, flush=True)\n"
        "sys.addaudithook(hook)\n"
        "import inperson\n"
        f"print(len(inperson.analyze({str(ROOT / 'samples/candidate_only.mp4')!r}).findings))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == str(len(usual()))


def test_exported_names_are_these() -> None:
    modules = {name for name, value in vars(inperson).items() if type(value).__name__ == "module"}
    plain = {name for name in vars(inperson) if not name.startswith("_")} - modules - {"Any", "TYPE_CHECKING"}
    assert plain | {"Finding", "Report"} == set(inperson.__all__)
    assert all(getattr(inperson, name).__module__.startswith("inperson") for name in inperson.__all__)


def test_constant_damage_gives_abstentions_and_not_scores(tmp_path: Path) -> None:
    """Bytes flipped all over a video leave a mouth that does not fit the sound: that must not count against anyone."""
    content = bytearray((ROOT / "samples/candidate_only.mp4").read_bytes())
    rng = random.Random(3)
    for _ in range(300):
        content[rng.randrange(len(content) // 10, len(content) * 9 // 10)] = rng.randrange(256)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(content)
    found = analyze(path, signals=["lip_sync", "synthetic_voice"])
    assert all(finding.status == "abstained" for finding in found.findings)
    assert "damage looks like manipulation" in str(found.finding("synthetic_voice").reason)
    assert any("could not be decoded" in warning for warning in found.warnings)


def test_an_error_on_the_way_ends_the_reading_thread() -> None:
    before = threading.active_count()
    with pytest.raises(InputError, match="enough") as caught:
        analyze(ROOT / "samples/candidate_only.mp4", detectors=[Refusing])
    assert threading.active_count() == before
    assert caught.traceback  # kept alive: the thread must have ended without the generator being collected
