"""What the process of one recording can take, open, reach and become: tried from inside, by analysers that do it."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clips
import pytest

from inperson import Analyzer
from inperson._isolated import confine, landlock, scratch
from inperson._isolated.seccomp import _MACHINES, _SHARED
from inperson.errors import AnalysisError, InpersonError, MediaError
from inperson.isolation import Confinement, IsolatedAnalyzer, in_force
from inperson.report import Finding, Media, Report, Subject

complete = pytest.mark.skipif(not in_force().complete, reason="this system has no Landlock or no seccomp")


def report(text: str) -> Report:
    return Report(
        version="0.1.0",
        media=Media(path="", sha256="0" * 64, size_bytes=1, container="mp4", duration=1.0, codecs=()),
        candidate=Subject(track=None, speaker=None, how=text),
        prior=0.5,
        findings=(Finding(signal="lip_sync", status="abstained", reason="this is a test"),),
    )


def libc(name: str, *arguments: Any) -> None:
    code = ctypes.CDLL(None, use_errno=True)
    if getattr(code, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


SCOPE = {module.__name__: module for module in (os, signal, socket, subprocess, tempfile, threading)}


def tries(path: str) -> Report:
    """Do what the file lists, a Python expression a line; the report says what came of each."""
    came = {}
    for line in Path(path).read_text().splitlines():
        try:
            eval(line, {**SCOPE, "path": path, "libc": libc})
            came[line] = "done"
        except OSError as error:
            came[line] = type(error).__name__
    return report(json.dumps(came))


@pytest.fixture(scope="module")
def tried() -> Any:
    with IsolatedAnalyzer(tries, timeout=60) as analyse:
        yield analyse


def outcome(analyse: IsolatedAnalyzer, folder: Path, *lines: str) -> dict[str, str]:
    path = folder / "recording"
    path.write_text("\n".join(lines))
    return dict(json.loads(analyse(path).candidate.how))


@complete
def test_what_a_recordings_process_may_do(tried: IsolatedAnalyzer, tmp_path: Path) -> None:
    allowed = (
        "open(path).read()",
        "open(os.path.join(tempfile.gettempdir(), 'copy'), 'w').write('x')",
        "os.mkdir(os.path.join(tempfile.gettempdir(), 'folder'))",
        "threading.Thread(target=int).start()",
        "open(os.__file__).read()",
        "open(os.devnull, 'w').write('x')",
        "os.kill(os.getpid(), 0)",
    )
    assert outcome(tried, tmp_path, *allowed) == dict.fromkeys(allowed, "done")


@complete
def test_what_it_may_not(tried: IsolatedAnalyzer, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("another candidate's")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    refused = (
        "open(os.path.join(os.path.dirname(path), 'other')).read()",
        "open(os.path.join(os.path.dirname(path), 'link')).read()",
        "open('/etc/passwd').read()",
        "os.listdir(os.path.dirname(path))",
        "open(path, 'r+b')",
        "os.truncate(path, 0)",
        "os.unlink(path)",
        "os.rename(path, path + '2')",
        "os.chmod(path, 0o777)",
        "os.utime(path)",
        "os.symlink(path, os.path.join(tempfile.gettempdir(), 'l'))",
        "open(path + '.new', 'w')",
        "open('/dev/shm/left', 'w')",
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
        "socket.create_connection(('127.0.0.1', 9))",
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv('/bin/true', ['true'])",
        "subprocess.run(['true'])",
        "os.kill(os.getppid(), 0)",
        "os.kill(0, 0)",
        "os.killpg(os.getpgid(0), 0)",
        "signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0)",
        "os.setpriority(os.PRIO_PROCESS, os.getppid(), 5)",
        "libc('ptrace', 16, os.getppid(), 0, 0)",
        "libc('unshare', 0x10000000)",
        "libc('mount', b'a', b'/tmp', b'tmpfs', 0, None)",
        "libc('syscall', 425, 1, None)",  # io_uring_setup
        "libc('syscall', 435, None, 0)",  # clone3
        "libc('syscall', 9999)",
    )
    came = outcome(tried, tmp_path, *refused)
    assert [line for line in refused if came[line] == "done"] == []
    assert came["open('/etc/passwd').read()"] == came["socket.socket()"] == "PermissionError"


@complete
def test_what_is_named_may_be_opened_besides(tmp_path: Path) -> None:
    for name in ("read", "write"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    wanted = Confinement(read=(str(tmp_path / "read"),), write=(str(tmp_path / "write"),))
    lines = (f"open('{tmp_path}/read/file').read()", f"open('{tmp_path}/write/new', 'w').write('x')")
    refused = f"open('{tmp_path}/read/file', 'w')"
    with IsolatedAnalyzer(tries, confinement=wanted) as analyse:
        came = outcome(analyse, tmp_path, *lines, refused)
    assert came == {lines[0]: "done", lines[1]: "done", refused: "PermissionError"}


@complete
def test_an_attempt_can_be_made_fatal_so_that_it_is_counted(tmp_path: Path) -> None:
    with IsolatedAnalyzer(tries, confinement=Confinement(kill=True)) as analyse:
        assert outcome(analyse, tmp_path, "open(path).read()") == {"open(path).read()": "done"}
        with pytest.raises(AnalysisError, match=r"Crash: .* SIGSYS, for it tried what its confinement forbids"):
            outcome(analyse, tmp_path, "socket.socket()")


def test_files_that_it_writes_are_bounded_and_gone_afterwards(tried: IsolatedAnalyzer, tmp_path: Path) -> None:
    fills = "open(tempfile.gettempdir() + '/big', 'wb').truncate(300 << 20)"
    keeps = "open(tempfile.gettempdir() + '/kept', 'w').write('x')"
    looks = "os.stat(tempfile.gettempdir() + '/kept')"
    assert outcome(tried, tmp_path, fills, keeps, looks) == {fills: "OSError", keeps: "done", looks: "done"}
    assert outcome(tried, tmp_path, looks) == {looks: "FileNotFoundError"}


def test_too_many_open_files_are_refused(tried: IsolatedAnalyzer, tmp_path: Path) -> None:
    line = "[os.dup(0) for _ in range(300)]"
    assert outcome(tried, tmp_path, line) == {line: "OSError"}


@dataclass(frozen=True)
class Measured:
    """An analyser that tells how long a recording is, and then does not end."""

    length: Any = 1.0

    def seconds(self, path: str) -> Any:
        return self.length

    def __call__(self, path: str) -> Report:
        while True:
            pass


def test_the_time_allowed_follows_from_the_recordings_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inperson._isolated.handle.allowed", lambda seconds: 0.2 + seconds / 10)
    with IsolatedAnalyzer(Measured(), timeout=60) as analyse:
        with pytest.raises(AnalysisError, match=r"Timeout: not finished after 0.3 s, enough for one of 1 s"):
            analyse(tmp_path)
        with pytest.raises(AnalysisError, match=r"Timeout: not finished after 0.4 s"):
            analyse(tmp_path, length=2.0)


def test_a_false_length_buys_no_time(tmp_path: Path) -> None:
    with IsolatedAnalyzer(Measured(), timeout=0.3) as analyse:
        for length in (1e300, 1e9):
            with pytest.raises(AnalysisError, match=r"Timeout: not finished after 0.3 s$"):
                analyse(tmp_path, length=length)
        for length in (float("nan"), "soon"):
            with pytest.raises(AnalysisError, match=r"Timeout|Crash|TypeError|ValueError"):
                analyse(tmp_path, length=length)


def spends(path: str) -> Report:
    confine.limit_cpu(time.process_time() + 1)
    while True:
        pass


def test_cpu_time_is_limited_whatever_the_clock_says(tmp_path: Path) -> None:
    with (
        IsolatedAnalyzer(spends) as analyse,
        pytest.raises(AnalysisError, match=r"Timeout: took more than .* s of CPU time"),
    ):
        analyse(tmp_path)


def forges(path: str) -> Report:
    """What a subverted process might write into every pipe it has, its worker's socket first."""
    for descriptor in sorted(range(3, 64), key=lambda one: not stat.S_ISSOCK(mode(one))):
        for text in (b'{"ended": 0}', b'{"report": {"candidate": "forged"}}', b'{"ready": true}', b"null", b"\xff"):
            try:
                os.write(descriptor, len(text).to_bytes(4, "big") + text)
            except OSError:
                break
    os._exit(0)


def mode(descriptor: int) -> int:
    try:
        return os.fstat(descriptor).st_mode
    except OSError:
        return 0


def test_a_process_can_speak_neither_for_its_worker_nor_for_the_next_recording(tmp_path: Path) -> None:
    with IsolatedAnalyzer(forges) as analyse:
        for _ in range(2):
            with pytest.raises(AnalysisError, match=r"Crash: the process sent no valid"):
                analyse(tmp_path)


def test_an_expected_error_comes_as_itself_and_the_worker_goes_on(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.wav", None, clips.tone(3.0))
    (tmp_path / "text.mp4").write_text("no recording")
    with IsolatedAnalyzer(Analyzer(signals=("synthetic_voice",)), confinement=Confinement(kill=True)) as analyse:
        with pytest.raises(MediaError, match=r"'text.mp4': the content is no known recording"):
            analyse(tmp_path / "text.mp4")
        found = analyse(path)
        assert found.media.duration == pytest.approx(3.0, abs=0.05)
        assert found == Analyzer(signals=("synthetic_voice",))(path)


def test_a_recording_in_work_can_be_cancelled_from_another_thread(tmp_path: Path) -> None:
    def cancel_once_begun() -> None:
        while not (tmp_path / "begun").exists():
            pass
        analyse.cancel()

    with IsolatedAnalyzer(waits, confinement=Confinement(write=(str(tmp_path),))) as analyse:
        threading.Thread(target=cancel_once_begun).start()
        with pytest.raises(AnalysisError) as caught:
            analyse(tmp_path / "begun")
    assert caught.value.kind == "Cancelled"


def waits(path: str) -> Report:
    Path(path).touch()
    while True:
        pass


def test_a_worker_outlives_the_thread_that_started_it_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    with IsolatedAnalyzer(parents) as analyse:
        found: list[int] = []
        for _ in range(2):
            thread = threading.Thread(target=lambda: found.append(int(analyse(tmp_path).candidate.how)))
            thread.start()
            thread.join()
        found.append(int(analyse(tmp_path).candidate.how))
        assert len(set(found)) == 1
        os.kill(found[0], signal.SIGKILL)
        while Path(f"/proc/{found[0]}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
            pass
        assert int(analyse(tmp_path).candidate.how) != found[0]


def parents(path: str) -> Report:
    return report(str(os.getppid()))


def test_isolation_can_be_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    with pytest.raises(InpersonError, match=r"isolation was required.*no Landlock"):
        IsolatedAnalyzer(tries, confinement=Confinement(required=True))
    IsolatedAnalyzer(tries).close()


def test_a_private_folder_left_by_a_killed_process_is_deleted_and_one_in_use_is_not(tmp_path: Path) -> None:
    code = """
import os, sys
from inperson._isolated.scratch import scratch
with scratch(sys.argv[1]):
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    with scratch.scratch(tmp_path) as mine:
        assert [str(path) for path in tmp_path.iterdir()] == [mine]
        assert os.stat(mine).st_mode & 0o777 == 0o700
        with scratch.scratch(tmp_path) as other:
            assert sorted(map(str, tmp_path.iterdir())) == sorted([mine, other])
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_system_calls_are_those_of_this_system() -> None:
    """The table is written by hand; the kernel's header knows better, where it is there."""
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists() or in_force().seccomp != "x86_64":
        pytest.skip("no kernel headers for x86_64")
    lines = [line.split() for line in header.read_text().splitlines() if line.startswith("#define __NR_")]
    known = {line[1].removeprefix("__NR_"): int(line[2]) for line in lines}
    names = "socket connect accept execve execveat fork vfork ptrace unshare setns chmod fchmodat utimensat bpf mount"
    assert {known[name] for name in names.split()} <= set(_MACHINES["x86_64"].refused)
    assert {known[name] for name in ("io_uring_setup", "pidfd_open", "pidfd_send_signal")} <= set(_SHARED)
