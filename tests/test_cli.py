"""The command line as its users meet it: outputs, exit codes, one line for every failure."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import clips
import jsonschema
import pytest

from inperson import __version__, models
from inperson.cli import main
from inperson.report import Report

SIGNALS = ["face_swap", "lip_sync", "synthetic_voice", "response_latency", "reading"]


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    log = logging.getLogger("inperson")
    before = log.level, log.propagate, list(log.handlers)
    yield
    log.setLevel(before[0])
    log.propagate, log.handlers = before[1], before[2]


@pytest.fixture(scope="session")
def recording(tmp_path_factory) -> Path:
    """Three seconds with sound and picture, without face and speech."""
    path = tmp_path_factory.mktemp("cli") / "interview.mp4"
    clips.write(path, *clips.flash_and_beep())
    return path


@pytest.fixture
def cli(capsys, monkeypatch):
    """Run the command line in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return run


def spawn(*arguments: object, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "inperson", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


def failed(result: tuple[int, str, str], code: int, message: str) -> None:
    """One line on standard error, nothing on standard output."""
    found, out, err = result
    assert (found, out) == (code, "")
    assert err.startswith("inperson: ")
    assert err.count("\n") == 1
    assert message in err


def test_check_shows_a_table_and_writes_the_report(cli, recording, tmp_path):
    target = tmp_path / "report.json"
    target.write_text("an older report")
    code, out, err = cli("check", recording, "--json", target, "--prior", "0.2")
    assert code == 0
    assert err == f"inperson: JSON written to {target}\n"
    assert "P at prior 0.2" in out
    assert "not a verdict" in out
    assert max(map(len, out.splitlines())) <= 80
    report = Report.from_json(target.read_text())
    assert [finding.signal for finding in report.findings] == SIGNALS
    assert {finding.status for finding in report.findings} == {"abstained"}
    assert report.prior == 0.2
    assert all(finding.signal in out for finding in report.findings)
    assert sorted(tmp_path.iterdir()) == [target]


def test_check_can_write_json_alone_to_standard_output(cli, recording):
    code, out, err = cli("check", recording, "--json", "-", "--signals", "response_latency, lip_sync")
    assert (code, err) == (0, "")
    assert [finding["signal"] for finding in json.loads(out)["findings"]] == ["lip_sync", "response_latency"]


def test_a_hostile_name_is_shown_harmless(cli, recording, tmp_path):
    evil = tmp_path / "[red]x\x1b[31m\n.mp4"
    shutil.copy(recording, evil)
    for arguments in (
        ("check", evil, "--signals", "response_latency"),
        ("check", f"{evil}.gone"),
        ("check", recording, evil),
    ):
        _, out, err = cli(*arguments)
        assert "\x1b" not in out + err
        assert "[red]x\\x1b[31m" in "".join((out + err).split())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["check", "gone.mp4"], 3, "gone.mp4"),
        (["check", "text.mp4"], 3, "text.mp4"),
        (["check", "."], 3, "directory"),
        (["check"], 2, "Missing argument"),
        (["chek", "x.mp4"], 2, "chek"),
        (["check", "x.mp4", "--priors", "1"], 2, "--priors"),
        (["check", "{clip}", "--prior", "1.5"], 2, "prior"),
        (["check", "{clip}", "--prior", "often"], 2, "'--prior'"),
        (["check", "{clip}", "--signals", "honesty"], 2, "'honesty'"),
        (["check", "{clip}", "--signals", ","], 2, "found none"),
        (["check", "{clip}", "--turns", "gone.vtt"], 2, "gone.vtt"),
        (["check", "{clip}", "--audio-track", "7"], 2, "7"),
        (["check", "{clip}", "--json", "{clip}"], 2, "would overwrite the recording"),
        (["check", "{clip}", "--signals", "response_latency", "--json", "gone/x.json"], 2, "cannot write gone/x.json"),
        (["batch", "--out", "x.jsonl"], 2, "give --list"),
        (["batch", "{clip}"], 2, "--out"),
        (["batch", "empty", "--out", "x.jsonl"], 2, "no recording found in empty"),
        (["batch", "*.avi", "--out", "x.jsonl"], 2, "no file matches"),
        (["batch", "--list", "gone.txt", "--out", "x.jsonl"], 2, "gone.txt"),
        (["batch", "{clip}", "--out", "text.mp4"], 2, "is no result of inperson batch"),
        (["batch", "{clip}", "--out", "x.jsonl", "--signals", "honesty"], 2, "'honesty'"),
        (["batch", "{clip}", "--out", "x.jsonl", "--prior", "0"], 2, "prior"),
        (["batch", "{clip}", "--out", "x.jsonl", "--workers", "0"], 2, "workers must be at least 1"),
        (["bench", "gone.mp4"], 3, "gone.mp4"),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_code(cli, recording, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.mp4").write_text("no recording")
    (tmp_path / "empty").mkdir()
    before = recording.read_bytes()
    failed(cli(*(argument.format(clip=recording) for argument in arguments)), code, message)
    assert recording.read_bytes() == before
    assert not (tmp_path / "x.jsonl").exists()
    assert (tmp_path / "text.mp4").read_text() == "no recording"


def test_an_altered_model_is_exit_code_4_everywhere(cli, recording, tmp_path, monkeypatch):
    folder = tmp_path / "models"
    shutil.copytree(models.folder(), folder)
    monkeypatch.setenv("INPERSON_MODELS", str(folder))
    assert cli("models", "verify")[0] == 0
    altered = sorted(folder.glob("face_mesh-*.onnx"))[-1]
    altered.write_bytes(altered.read_bytes()[:-1] + b"\0")
    failed(cli("models", "verify"), 4, f"{altered.name} is altered")
    failed(cli("batch", recording, "--out", tmp_path / "x.jsonl"), 4, f"{altered.name} is altered")
    code, out, err = cli("models", "list")
    assert (code, err) == (0, "")
    assert "is altered" in " ".join(out.split())
    folder.rename(tmp_path / "worse")  # cards are read once a process
    monkeypatch.setenv("INPERSON_MODELS", str(tmp_path / "worse"))
    next((tmp_path / "worse").glob("face_detector-*.toml")).write_text("name = ")
    code, out, err = cli("models", "verify")
    assert (code, out, err.count("\n")) == (4, "", 2)
    monkeypatch.setenv("INPERSON_MODELS", str(tmp_path / "nowhere"))
    failed(cli("models"), 4, "no model card in")


def test_models_lists_every_card(cli):
    code, out, err = cli("models")
    assert (code, err) == (0, "")
    for card in models.cards():
        assert card.name in out
    assert out.count("unaltered") == len(models.cards())
    assert cli("models", "list")[1] == out


def test_batch_writes_a_line_a_recording_and_resumes(cli, recording, tmp_path):
    shutil.copy(recording, tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_text("no recording")
    (tmp_path / "list.txt").write_bytes(os.fsencode(tmp_path / "a.mp4") + b"\r\n\ngone.mp4\n")
    out = tmp_path / "x.jsonl"
    arguments = (
        "batch",
        tmp_path,
        "--list",
        tmp_path / "list.txt",
        "--out",
        out,
        "--signals",
        "response_latency",
        "--workers",
        1,
    )
    code, printed, said = cli(*arguments)
    assert (code, printed) == (0, "")
    assert said.startswith("inperson: 3 recordings: 1 analysed, 2 failed (2 MediaError); ")
    lines = {line["path"]: line for line in map(json.loads, out.read_text().splitlines())}
    assert set(lines) == {str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4"), os.path.abspath("gone.mp4")}
    report = Report.model_validate(lines[str(tmp_path / "a.mp4")]["report"])
    assert [finding.signal for finding in report.findings] == ["response_latency"]
    assert lines[str(tmp_path / "b.mp4")]["error"]["type"] == "MediaError"
    before = out.read_bytes()
    assert cli(*arguments, "--quiet") == (0, "", "")
    assert out.read_bytes() == before


def test_bench_shows_a_table_and_writes_figures(cli, recording, tmp_path):
    target = tmp_path / "bench.json"
    code, out, err = cli("bench", recording, "--signals", "response_latency", "--json", target)
    assert (code, err) == (0, "")
    assert "decode only" in out
    found = json.loads(target.read_text())
    assert found["times_decode"] == pytest.approx(found["total"]["cpu_seconds"] / found["decode"]["cpu_seconds"])


def test_schema_accepts_a_report(cli, recording):
    schema = json.loads(cli("schema")[1])
    report = json.loads(cli("check", recording, "--json", "-")[1])
    jsonschema.validate(report, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(report | {"verdict": "fake"}, schema)


def test_version_and_help(cli):
    assert cli("--version") == (0, f"inperson {__version__}\n", "")
    for arguments in (["--help"], ["check", "-h"], ["batch", "--help"], ["models", "--help"], ["bench", "--help"]):
        code, out, _ = cli(*arguments)
        assert code == 0
        assert "3 the recording cannot be read" in " ".join(out.split())


def test_a_fault_is_one_line_and_debug_shows_where(cli, recording, monkeypatch):
    def faulty(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division\nby zero \x1b[31m")

    monkeypatch.setattr("inperson.analysis.analyze", faulty)
    failed(cli("check", recording), 1, "unexpected ZeroDivisionError: division by zero \\x1b[31m. This is a bug")
    code, _, err = cli("--debug", "check", recording)
    assert code == 1
    assert "Traceback" in err


def test_interruption_is_130_and_one_line(cli, recording, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("inperson.analysis.analyze", interrupted)
    failed(cli("check", recording), 130, "interrupted")


def test_help_loads_nothing_heavy():
    probe = "import sys; from inperson.cli import main\ntry: main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    heavy = {"av", "cv2", "onnxruntime", "librosa", "scipy"}
    assert "inperson.cli" in found.stdout
    assert not heavy & set(found.stdout.split())


def test_a_reader_that_leaves_early_ends_it_quietly():
    command = f"{sys.executable} -m inperson schema | head -c 1; exit ${{PIPESTATUS[0]}}"
    # More than the pipe holds, so that the writer meets the closed end.
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert (found.stdout, found.stderr) == ("{", "")
    assert found.returncode in (0, 141)


def test_no_colour_outside_a_terminal_and_any_encoding(recording, tmp_path):
    odd = tmp_path / "李雷.mp4"
    shutil.copy(recording, odd)
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "80"}
    found = spawn("check", odd, "--signals", "response_latency", env=environment)
    assert (found.returncode, found.stderr) == (0, "")
    assert "\\u674e\\u96f7.mp4" in "".join(found.stdout.split())
    assert "\x1b" not in found.stdout
