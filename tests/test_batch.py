"""Batches: a recording that crashes, hangs or eats memory ends itself only; nothing is lost or done twice."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inperson import batch
from inperson._batch.journal import Journal
from inperson.errors import InpersonError, InputError, MediaError
from inperson.isolation import Confinement
from inperson.report import Finding, Media, Report, Subject

HERE = Path(__file__).parent


def behave(path: str) -> Report:
    """An analyser that does what the file says; the real one takes the same place."""
    text = Path(path).read_text()
    word = text.split()[0]
    with open(Path(path).parent / "tried.log", "a") as log:
        log.write(f"{ascii(path)[1:-1]}\n")
    if word == "exit":
        os._exit(7)
    if word == "segfault":
        ctypes.string_at(0)
    if word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "hang":
        while True:
            pass
    if word == "eat":
        held = []
        while True:
            held.append(bytearray(b"x") * (16 << 20))
    if word == "grab":
        np.zeros(1 << 30)
    if word == "refuse":
        raise MediaError("no audio or video stream")
    if word == "bug":
        raise ZeroDivisionError("a bug")
    if word == "leave":
        sys.exit(3)
    if word == "nonsense":
        return Nonsense()  # type: ignore[return-value]
    if word == "chatter":
        os.write(1, b"\x1b[31mcodec noise on stdout\n")
        os.write(2, b"\x1b[31mcodec noise on stderr\n")
    if word == "slow":
        time.sleep(float(text.split()[1]))
    return Report(
        version="0.1.0",
        media=Media(path="as given", sha256="0" * 64, size_bytes=9, container="mp4", duration=1.0, codecs=()),
        candidate=Subject(track=None, speaker=None, how=f"{os.getppid()} {os.getpid()}"),
        prior=0.5,
        findings=(Finding(signal="lip_sync", status="abstained", reason="this is a test"),),
    )


class Nonsense:
    """What a subverted worker might send."""

    def to_json(self, indent: int | None = None) -> str:
        return '{"schema": "inperson/report/1", "media": {"path": 3}}'


class Unpicklable:
    def __reduce__(self) -> str:
        raise TypeError("holds a socket")

    def __call__(self, path: str) -> Report:
        return behave(path)


class Unloadable:
    """Pickles here, cannot be loaded there."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (ctypes.CDLL, ("no-such-library.so",))

    def __call__(self, path: str) -> Report:
        return behave(path)


def run(paths: list[str], out: Path, **options: Any) -> batch.Tally:
    """A batch whose analyser may write beside its recordings, as `behave` does."""
    options = {"analyze": behave, "confinement": Confinement(write=(str(out.parent),)), **options}
    return batch.run(paths, out, **options)


def recordings(folder: Path, *words: str) -> list[str]:
    paths = []
    for number, word in enumerate(words):
        path = folder / f"{number:03d}.mp4"
        path.write_text(f"{word} # {number}")  # a content of its own
        paths.append(str(path))
    return paths


def lines(out: Path) -> list[dict]:
    return [json.loads(line) for line in out.read_text().splitlines()]


def tried(folder: Path) -> Counter:
    return Counter((folder / "tried.log").read_text().split())


def key(line: dict) -> str:
    return line["path"]


def test_each_kind_of_failure_ends_its_recording_only(tmp_path, capfd):
    words = [
        "fine",
        "exit",
        "segfault",
        "killed",
        "eat",
        "grab",
        "refuse",
        "bug",
        "leave",
        "nonsense",
        "chatter",
    ]
    paths = recordings(tmp_path, *words)
    out = tmp_path / "results.jsonl"
    tally = run(paths, out, workers=2, memory=300)
    found = {key(line): line for line in lines(out)}
    kinds = [found[path]["error"]["type"] if "error" in found[path] else "report" for path in paths]
    assert dict(zip(words, kinds, strict=True)) == {
        "fine": "report",
        "exit": "Crash",
        "segfault": "Crash",
        "killed": "Crash",
        "eat": "Memory",
        "grab": "Memory",
        "refuse": "MediaError",
        "bug": "ZeroDivisionError",
        "leave": "SystemExit",
        "nonsense": "Crash",
        "chatter": "report",
    }
    messages = {word: found[path].get("error", {}).get("message", "") for word, path in zip(words, paths, strict=True)}
    assert messages["exit"] == "the process ended with exit code 7"
    assert messages["segfault"] == "the process was ended by SIGSEGV"
    assert "runs out of memory" in messages["killed"]
    assert messages["eat"] == "needed more than 300 MiB"
    assert messages["refuse"] == "no audio or video stream"
    assert "a bug (raised in test_batch.py:" in messages["bug"]
    assert len(lines(out)) == len(words) == tally.finished
    assert tally == batch.Tally(
        total=11,
        analysed=2,
        errors={"Crash": 4, "Memory": 2, "MediaError": 1, "ZeroDivisionError": 1, "SystemExit": 1},
    )
    assert capfd.readouterr() == ("", "")
    assert set(tried(tmp_path).values()) == {1}


def test_a_hang_ends_at_the_timeout_and_its_place_is_filled(tmp_path):
    paths = recordings(tmp_path, "hang", "fine")
    out = tmp_path / "results.jsonl"
    tally = run(paths, out, workers=1, timeout=0.5)
    assert tally == batch.Tally(total=2, analysed=1, errors={"Timeout": 1})
    assert lines(out)[0]["path"] == paths[0]
    assert lines(out)[0]["error"] == {"type": "Timeout", "message": "not finished after 0.5 s"}


def test_every_recording_has_a_process_of_its_own_and_even_a_crash_costs_no_worker(tmp_path):
    paths = recordings(tmp_path, "fine", "refuse", "fine", "segfault", "bug", "fine")
    out = tmp_path / "results.jsonl"
    run(paths, out, workers=1)
    pairs = [line["report"]["candidate"]["how"].split() for line in lines(out) if "report" in line]
    workers, processes = zip(*pairs, strict=True)
    assert len(set(workers)) == 1
    assert len(set(processes)) == 3


def test_a_finished_recording_is_not_done_again_and_an_error_only_when_asked(tmp_path):
    paths = recordings(tmp_path, "fine", "refuse", "exit")
    out = tmp_path / "results.jsonl"
    run(paths, out, workers=1)
    again = run([*paths, paths[0]], out, workers=1)
    assert again == batch.Tally(total=3, skipped=3)
    assert tried(tmp_path) == dict.fromkeys(paths, 1)
    Path(paths[1]).write_text("fine")
    retried = run(paths[:2], out, workers=1, retry_errors=True)
    assert retried == batch.Tally(total=2, skipped=1, analysed=1)
    assert tried(tmp_path) == {paths[0]: 1, paths[1]: 2, paths[2]: 1}
    found = lines(out)
    assert sorted(map(key, found)) == sorted(paths)
    assert [key(line) for line in found if "error" in line] == [paths[2]]  # not asked for, so kept
    assert not list(tmp_path.glob(".*"))


def test_a_torn_last_line_is_cut_and_done_again(tmp_path):
    paths = recordings(tmp_path, "fine", "fine", "fine")
    out = tmp_path / "results.jsonl"
    run(paths, out, workers=1)
    whole = out.read_bytes()
    out.write_bytes(whole[:-20])
    tally = run(paths, out, workers=1)
    assert tally == batch.Tally(total=3, skipped=2, analysed=1)
    assert sorted(map(key, lines(out))) == paths
    out.write_bytes(whole + b"\0" * 512)  # as a file system leaves it after a power cut
    assert run(paths, out) == batch.Tally(total=3, skipped=3)
    assert out.read_bytes() == whole


@pytest.mark.parametrize(
    "content", [b"my notes\n", b'{"a": 1}\n', b"[1]\n", b"text\n{", b"\x00\x00\x00\x18ftypmp42" * 9]
)
def test_a_file_of_something_else_is_left_alone(tmp_path, content):
    out = tmp_path / "precious"
    out.write_bytes(content)
    with pytest.raises(InputError, match="is no result of inperson batch"):
        run(recordings(tmp_path, "fine"), out)
    assert out.read_bytes() == content


def test_out_must_be_a_regular_file_in_a_folder_that_exists(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for out, problem in (
        ("missing/x.jsonl", "No such file"),
        (".", "Is a directory"),
        ("pipe", "no regular"),
        ("x.parquet", "JSON Lines"),
    ):
        with pytest.raises(InputError, match=problem):
            run([], tmp_path / out)


SUPERVISOR = """
import signal, sys, test_batch
from pathlib import Path
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
    try:
        test_batch.run(sys.argv[2:], Path(sys.argv[1]), workers=2,
                  progress=lambda tally: print(tally.finished, flush=True))
    except KeyboardInterrupt:
        print("stopped")
"""


def start(tmp_path: Path, out: Path, paths: list[str]) -> subprocess.Popen:
    script = tmp_path / "supervisor.py"
    script.write_text(SUPERVISOR)
    return subprocess.Popen(
        [sys.executable, script, out, *paths],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])},
    )


def test_kill_9_in_the_middle_loses_and_repeats_nothing(tmp_path):
    paths = recordings(tmp_path, *["slow 0.05"] * 16)
    out = tmp_path / "results.jsonl"
    for stop_at in (3, 8):
        running = start(tmp_path, out, paths)
        for count in running.stdout:
            if int(count) >= stop_at:
                break
        running.kill()
        running.communicate()
    finished = set(map(key, lines(out)))
    assert 8 <= len(finished) < 16
    tally = run(paths, out, workers=2)
    assert tally == batch.Tally(total=16, skipped=len(finished), analysed=16 - len(finished))
    assert sorted(map(key, lines(out))) == paths


def test_workers_end_with_a_killed_supervisor_even_in_the_middle_of_a_recording(tmp_path):
    out = tmp_path / "results.jsonl"
    running = start(tmp_path, out, recordings(tmp_path, "fine", "hang", "hang"))
    for count in running.stdout:
        if int(count) == 1:
            break
    deadline = time.monotonic() + 30
    while len(tried(tmp_path)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    children = _children(running)
    assert len(children) >= 2
    running.kill()
    running.wait()
    deadline = time.monotonic() + 10
    while any(_alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.01)
    survivors = [pid for pid in children if _alive(pid)]
    for pid in survivors:
        os.kill(int(pid), signal.SIGKILL)
    running.communicate()
    assert not survivors


def test_ctrl_c_stops_supervisor_and_workers_without_a_word(tmp_path):
    out = tmp_path / "results.jsonl"
    running = start(tmp_path, out, recordings(tmp_path, "fine", "hang", "hang"))
    while len(_children(running)) < 2:  # the resource tracker and, not long enough to be ready, a worker
        pass
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does, to the whole group
    rest, errors = running.communicate(timeout=30)
    assert (rest.split()[-1], errors, running.returncode) == ("stopped", "", 0)


def _children(running: subprocess.Popen) -> list[str]:
    return Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_two_batches_never_share_a_results_file(tmp_path):
    out = tmp_path / "results.jsonl"
    running = start(tmp_path, out, recordings(tmp_path, "hang"))
    assert running.stdout.readline() == "0\n"
    with pytest.raises(InputError, match="another batch is writing"):
        run([], out)
    running.kill()
    running.communicate()
    assert run([], out) == batch.Tally(total=0)


def test_an_analyser_that_cannot_reach_the_workers_is_one_clear_error(tmp_path):
    paths = recordings(tmp_path, "fine")
    with pytest.raises(InputError, match=r"must be picklable .*holds a socket"):
        run(paths, tmp_path / "a.jsonl", analyze=Unpicklable())
    with pytest.raises(InpersonError, match=r"cannot start: OSError: .*no-such-library"):
        run(paths, tmp_path / "b.jsonl", analyze=Unloadable(), workers=1)


@pytest.mark.parametrize("bad", [{"workers": 0}, {"timeout": 0}, {"memory": 0}])
def test_arguments_out_of_range(tmp_path, bad):
    with pytest.raises(InputError, match=f"{next(iter(bad))} must be"):
        run([], tmp_path / "results.jsonl", **bad)


def test_an_engine_that_is_not_known_or_not_installed_is_one_clear_error(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="the engine is one of local, ray, found 'spark'"):
        run([], tmp_path / "results.jsonl", engine="spark")
    monkeypatch.setitem(sys.modules, "ray", None)  # as where it is not installed
    with pytest.raises(InpersonError, match=r"pip install 'inperson\[ray\]'"):
        run([], tmp_path / "results.jsonl", engine="ray")


def test_names_that_are_no_text_still_make_lines_of_their_own(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff\xe2\x80\xa8\n.mp4"
    with open(path, "w") as file:
        file.write("fine")
    out = tmp_path / "results.jsonl"
    for skipped in (0, 1):
        assert run([os.fsdecode(path)], out).skipped == skipped
    assert out.read_bytes().count(b"\n") == 1
    assert lines(out)[0]["path"] == lines(out)[0]["report"]["media"]["path"] == f"{tmp_path}/\\xff\u2028\n.mp4"


def test_find_takes_files_folders_and_patterns(tmp_path, monkeypatch):
    for name in ("b.mp4", "a.WAV", "notes.txt", ".hidden.mp4", "deep/er/c.webm", "deep/d.mov", "[x].mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "deep" / "pipe.mp4")
    monkeypatch.chdir(tmp_path)
    assert batch.find(["."]) == ["./[x].mp4", "./a.WAV", "./b.mp4", "./deep/d.mov", "./deep/er/c.webm"]
    assert batch.find(["notes.txt", "gone.mp4"]) == ["notes.txt", "gone.mp4"]
    assert batch.find(["*.mp4"]) == ["[x].mp4", "b.mp4"]
    assert batch.find(["**/*.webm", "[x].mp4"]) == ["deep/er/c.webm", "[x].mp4"]
    assert batch.find(["d*/**/er/*", "deep/**"]) == ["deep/er/c.webm", "deep/d.mov", "deep/er/c.webm"]
    assert batch.find(listing=["*.mp4", "deep/er"]) == ["*.mp4", "deep/er/c.webm"]
    with pytest.raises(InputError, match="no file matches"):
        batch.find(["*.avi"])


def test_a_batch_of_nothing_makes_an_empty_file_and_a_full_disk_is_one_clear_error(tmp_path):
    assert run([], tmp_path / "results.jsonl") == batch.Tally(total=0)
    assert (tmp_path / "results.jsonl").read_bytes() == b""
    journal = Journal(tmp_path / "results.jsonl", key=key)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))  # writing beyond it fails as on a full disk
    try:
        journal.append({"path": "a", "error": {}})
        with pytest.raises(InputError, match="cannot write to "):
            journal.append({"path": "b", "error": {"message": "x" * 100}})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        journal.close()
    assert [key(line) for line in lines(tmp_path / "results.jsonl")] == ["a"]


def test_default_workers_fit_cores_and_memory():
    cores = len(os.sched_getaffinity(0))
    assert batch.default_workers(memory=1) == cores
    assert batch.default_workers(memory=1 << 30) == 1
    assert batch.default_workers(memory=None) == cores
