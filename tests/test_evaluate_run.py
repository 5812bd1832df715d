"""Evaluations that run: each recording once, resumed after kill -9, run again where a model changed."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from inperson import models
from inperson.batch import Tally
from inperson.detectors.synthetic_voice import SyntheticVoice
from inperson.evaluation import manifest, run
from inperson.evaluation.tasks import Settings, planned

ROOT = Path(__file__).parents[1]
SIGNAL, MODEL = SyntheticVoice.signal, SyntheticVoice.model
OPTIONS = {"draws": 20, "workers": 1, "recheck": False}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings of each class, the same speech at other levels; a broken one; a silent one; a manifest."""
    folder = tmp_path_factory.mktemp("recordings")
    rows = ["path,signal,label,person,kind"]
    for label, name in enumerate(("genuine_voice", "synthetic_voice")):
        sound = speech(ROOT / "samples" / f"{name}.flac")
        for k in range(3):
            save(folder / f"{name}-{k}.wav", sound * (1 - 0.1 * k))
            rows.append(f"{name}-{k}.wav,{SIGNAL},{label},{name}{k},{'real' if not label else 'tts'}")
    save(folder / "silent.wav", np.zeros(16000))
    (folder / "broken.wav").write_bytes(b"RIFF nothing")
    shutil.copy(folder / "genuine_voice-0.wav", folder / "copy.wav")
    rows += [f"silent.wav,{SIGNAL},0,,real", f"broken.wav,{SIGNAL},1,,tts", f"copy.wav,{SIGNAL},0,,real"]
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder


def speech(path: Path) -> np.ndarray:
    from inperson.media import samples

    with samples(path) as reader:
        return np.concatenate([chunk.audio for chunk in reader])


def save(path: Path, sound: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes((sound * 32767).astype("<i2").tobytes())


def figures(out: Path) -> bytes:
    """The JSON without what may differ from run to run."""
    document = json.loads((out / "evaluation.json").read_text())
    del document["runtime"]
    return json.dumps(document, sort_keys=True).encode()


@pytest.fixture(scope="module")
def whole(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> run.Evaluation:
    """An uninterrupted run."""
    return run.evaluate(recordings / "manifest.csv", tmp_path_factory.mktemp("whole"), **OPTIONS)


def test_each_content_is_analysed_once_and_nothing_fails_into_a_score(whole):
    assert whole.tally == Tally(total=8, analysed=7, errors={"MediaError": 1})  # 9 rows, one of them a copy
    counts = whole.document["signals"][SIGNAL]["conditions"]["clean"]["counts"]
    bonafide, spoof = counts["bonafide"], counts["spoof"]
    assert (bonafide["recordings"], bonafide["scored"], bonafide["abstained"]) == (5, 4, 1)
    assert (spoof["recordings"], spoof["scored"], spoof["error"]) == (4, 3, 1)
    assert whole.document["signals"][SIGNAL]["conditions"]["clean"]["figures"]["auc"]["value"] == 1.0
    assert whole.document["runtime"]["clean"]["recordings"] == 8
    with open(whole.out / "scores.csv", newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert rows["copy.wav"]["score"] == rows["genuine_voice-0.wav"]["score"] != ""
    assert (rows["silent.wav"]["status"], rows["silent.wav"]["score"]) == ("abstained", "")
    assert rows["broken.wav"]["reason"].startswith("MediaError: ")
    assert max(float(row["quality"] or 0) for row in rows.values()) > 0
    assert not (whole.out / ".degraded").exists()


def test_a_second_run_does_no_work_and_a_new_row_only_its_own(whole, recordings, tmp_path):
    shutil.copytree(whole.out, tmp_path, dirs_exist_ok=True)
    before = figures(tmp_path)
    again = run.evaluate(recordings / "manifest.csv", tmp_path, **OPTIONS)
    assert again.tally == Tally(total=8, skipped=8)
    assert figures(tmp_path) == before
    text = (recordings / "manifest.csv").read_text()
    more = recordings / "more.csv"
    more.write_text(text + f"{ROOT}/samples/genuine_voice.flac,{SIGNAL},0,x,real\n")
    assert run.evaluate(more, tmp_path, **OPTIONS).tally == Tally(total=9, skipped=8, analysed=1)
    retried = run.evaluate(more, tmp_path, retry_errors=True, **OPTIONS)
    assert retried.tally == Tally(total=9, skipped=8, errors={"MediaError": 1})


def test_a_changed_model_is_run_again_and_another_is_not(whole, recordings, tmp_path, monkeypatch):
    out, changed = tmp_path / "out", tmp_path / "models"
    shutil.copytree(whole.out, out)
    shutil.copytree(models.folder(), changed)
    monkeypatch.setenv("INPERSON_MODELS", str(changed))
    other = changed / "reading-0.2.0.toml"
    other.write_text(other.read_text().replace("\n[calibration]", "\n[calibration]\nremark = 1"))
    assert run.evaluate(recordings / "manifest.csv", out, **OPTIONS).tally.skipped == 8
    models._card.cache_clear()
    card = changed / f"{MODEL}.toml"
    card.write_text(card.read_text().replace("\n[calibration]", "\n[calibration]\nremark = 1"))
    done = run.evaluate(recordings / "manifest.csv", out, **OPTIONS)
    models._card.cache_clear()
    assert done.tally == Tally(total=8, analysed=7, errors={"MediaError": 1})
    assert done.document["models"] != whole.document["models"]


def test_kill_9_resumes_and_ends_with_the_same_figures(whole, recordings, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "inperson", "evaluate", str(recordings / "manifest.csv"), "--out", str(out)]
    command += ["--draws", "20", "--workers", "1", "--no-recheck", "--quiet"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE)
    while lines(out) < 3 and running.poll() is None:
        pass
    running.kill()
    running.communicate()
    (out / ".degraded").mkdir(exist_ok=True)
    (out / ".degraded" / "left.wav").write_bytes(b"somebody's voice")
    with open(out / "results.jsonl", "ab") as file:
        file.write(b'{"key": "torn')
    finished = lines(out)
    assert 3 <= finished < 8
    done = run.evaluate(recordings / "manifest.csv", out, **OPTIONS)
    assert done.tally.skipped == finished
    assert figures(out) == figures(whole.out)
    assert (out / "report.md").read_text().split("## Runtime")[0] == (
        (whole.out / "report.md").read_text().split("## Runtime")[0]
    )
    assert not (out / ".degraded").exists()


def lines(out: Path) -> int:
    try:
        return (out / "results.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0


def test_degraded_recordings_are_a_condition_of_their_own_and_are_not_kept(recordings, tmp_path):
    short = recordings / "short.csv"
    short.write_text("\n".join((recordings / "manifest.csv").read_text().splitlines()[i] for i in (0, 1, 4)) + "\n")
    done = run.evaluate(short, tmp_path / "out", degrade=("phone",), **OPTIONS)
    assert list(done.document["signals"][SIGNAL]["conditions"]) == ["clean", "phone"]
    assert done.document["options"]["conditions"] == ["clean", "phone"]
    rates = {(row.condition, row.trivia["sample_rate"]) for row in done.rows}
    assert rates == {("clean", 16000), ("phone", 8000)}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("evaluation.json", "plots", "report.md", "results.jsonl", "scores.csv")
    ]
    only = run.evaluate(short, tmp_path / "out", degrade=("phone",), clean=False, **OPTIONS)
    assert only.tally == Tally(total=2, skipped=2)
    assert {row.condition for row in only.rows} == {"phone"}
    table = manifest.read(short)
    plans = [planned(table, ("clean", "phone"), Settings(recheck=False, seed=seed)) for seed in (0, 1)]
    same = set(plans[0].tasks) & set(plans[1].tasks)
    assert {plans[0].tasks[key].condition for key in same} == {"clean"}
    assert {plan.tasks[key].condition for plan in plans for key in set(plan.tasks) - same} == {"phone"}


def test_the_command_says_what_it_found(whole, recordings, capfd):
    command = [sys.executable, "-m", "inperson", "evaluate", str(recordings / "manifest.csv"), "--out", str(whole.out)]
    command += ["--draws", "20", "--no-recheck", "--by", "kind"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200"})
    assert "8 recordings: 0 analysed, 8 done before" in done.stderr
    assert "report.md" in done.stderr
    assert f"{SIGNAL} clean     7/9    1.00 [?]" in done.stdout
    missing = subprocess.run([*command[:4], "gone.csv", "--out", "x"], capture_output=True, text=True)
    assert missing.returncode == 2
    assert missing.stderr == "inperson: cannot read the manifest gone.csv: No such file or directory\n"
