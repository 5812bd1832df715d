"""The examples run as they stand: asyncio with threads, Celery with a worker process and a broker of files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
VOICES = [str(ROOT / "samples/genuine_voice.flac"), str(ROOT / "samples/synthetic_voice.flac")]


def test_asyncio_analyses_side_by_side_and_goes_on_after_a_bad_one(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no film")
    command = [sys.executable, str(EXAMPLES / "asyncio_analyses.py"), *VOICES, str(bad)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    progress = [line for line in lines if ": read " in line]
    assert {line.partition(":")[0] for line in progress} == set(VOICES)
    assert lines[-3:-1] == [f"{path}: scored" for path in VOICES]
    assert lines[-1].startswith(f"{bad}: MediaError ")


def test_asyncio_gives_up_an_analysis_with_its_thread() -> None:
    code = (
        "import asyncio, threading, runpy\n"
        f"example = runpy.run_path({str(EXAMPLES / 'asyncio_analyses.py')!r})\n"
        f"asyncio.run(example['main']([{VOICES[0]!r}], timeout=0.05))\n"
        "print([thread.name for thread in threading.enumerate()])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *_, said, threads = done.stdout.splitlines()
    assert said.startswith(f"{VOICES[0]}: TimeoutError")
    assert threads == "['MainThread']"


def test_celery_workers_analyse_and_report_errors_as_results(tmp_path: Path) -> None:
    queue, results = tmp_path / "queue", tmp_path / "results"
    queue.mkdir()
    results.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": str(EXAMPLES),
        "CELERY_BROKER_URL": "filesystem://",
        "CELERY_FILESYSTEM_FOLDER": str(queue),
        "CELERY_RESULT_BACKEND": f"file://{results}",
    }
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no film")
    command = [sys.executable, "-m", "celery", "--app", "celery_tasks", "worker", "--concurrency", "1"]
    with open(tmp_path / "worker.log", "w") as log:
        worker = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log)
        try:
            caller = [sys.executable, str(EXAMPLES / "celery_tasks.py"), VOICES[1], str(bad)]
            done = subprocess.run(caller, capture_output=True, text=True, env=environment, timeout=120)
        finally:
            worker.terminate()
            worker.wait(60)
    assert done.stdout.splitlines() == [f"{VOICES[1]} scored", f"{bad} MediaError"], done.stderr
