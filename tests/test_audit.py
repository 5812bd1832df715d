"""The audit log: what was done to it afterwards is found."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inperson.audit import AuditError, AuditLog, Head, entries, verify
from inperson.errors import InputError

Lines = list[bytes]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    with AuditLog(path) as opened:
        for number in range(4):
            opened.append("job.accepted", job=f"job{number}", key="k1", sha256=f"{number}" * 64, consent=None)
    return path


def test_an_untouched_log_is_unbroken_and_says_what_was_said(log: Path) -> None:
    found = verify(log)
    assert (found.entries, found.head.seq) == (5, 5)
    first, second, *_ = entries(log)
    assert (first["event"], first["previous"]) == ("log.started", "0" * 64)
    assert (second["job"], second["sha256"], second["previous"]) == ("job0", "0" * 64, first["hash"])
    assert "consent" not in second
    assert os.stat(log).st_mode & 0o777 == 0o600


def _alter(lines: Lines) -> Lines:
    return [lines[0], lines[1].replace(b"job0", b"jobX"), *lines[2:]]


def _hide_behind_a_second_key(lines: Lines) -> Lines:
    return [lines[0], lines[1].replace(b'{"event"', b'{"event":"nothing.happened","event"'), *lines[2:]]


def _alter_and_hash_again(lines: Lines) -> Lines:
    from inperson.audit import _canonical, _hash

    entry = json.loads(lines[1]) | {"job": "jobX"}
    del entry["hash"]
    return [lines[0], _canonical(entry | {"hash": _hash(entry)}), *lines[2:]]


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (_alter, 2, "altered"),
        (_hide_behind_a_second_key, 2, "altered"),
        (_alter_and_hash_again, 3, "dropped, put in or moved"),
        (lambda lines: lines[:2] + lines[3:], 3, "dropped, put in or moved"),
        (lambda lines: lines[1:], 1, "dropped, put in or moved"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], 2, "dropped, put in or moved"),
        (lambda lines: [lines[0], lines[1], lines[1], *lines[2:]], 3, "dropped, put in or moved"),
        (lambda lines: [*lines[:4], lines[4][:-9]], 5, "incomplete"),
        (lambda lines: [lines[0], b"[1]", *lines[1:]], 2, "no entry"),
    ],
)
def test_what_was_done_to_an_entry_is_found(log: Path, change: Callable[[Lines], Lines], line: int, words: str) -> None:
    lines = change(log.read_bytes().splitlines())
    log.write_bytes(b"\n".join(lines) + (b"" if words == "incomplete" else b"\n"))
    with pytest.raises(AuditError, match=f"line {line} .*{words}"):
        verify(log)
    if words != "incomplete":
        with pytest.raises(AuditError, match=words):
            AuditLog(log)


def test_a_cut_end_is_found_by_a_head_kept_elsewhere(log: Path) -> None:
    head = verify(log).head
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:4]))
    assert verify(log).entries == 4  # by itself a shorter log looks whole
    with pytest.raises(AuditError, match="ends at entry 4, the head names entry 5; its end was cut off"):
        verify(log, head)


def test_a_head_still_holds_when_the_log_has_grown_and_not_in_another_log(log: Path, tmp_path: Path) -> None:
    head = Head.parse(str(verify(log).head))
    with AuditLog(log) as opened:
        opened.append("job.deleted", job="job1")
    assert verify(log, head).entries == 6
    with AuditLog(tmp_path / "other.jsonl") as other:
        for _ in range(5):
            other.append("job.accepted")
    with pytest.raises(AuditError, match="entry 5 is not the one that the head names; the log was rewritten"):
        verify(tmp_path / "other.jsonl", head)
    with pytest.raises(InputError, match="SEQ:HASH"):
        Head.parse("5:xyz")


def test_an_interrupted_write_is_cut_off_and_said(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b'{"event":"job.acc')
    with AuditLog(log) as opened:
        opened.append("job.deleted", job="job1")
    *_, repaired, last = entries(log)
    assert (repaired["event"], repaired["bytes_cut"], last["event"]) == ("log.repaired", 17, "job.deleted")


def _append(path: Path) -> None:
    with AuditLog(path) as log, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: log.append("job.accepted", number=number), range(10)))


def test_threads_and_processes_append_side_by_side(log: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(_append, [log, log])
    assert verify(log).entries == 25


def test_a_full_disk_is_one_clear_error_and_the_log_stays_whole(log: Path) -> None:
    """A file size limit stands in for the full disk: the kernel cuts the write the same way."""
    code = (
        "import resource, signal, sys\nfrom inperson.audit import AuditLog\nfrom inperson.errors import InputError\n"
        "log = AuditLog(sys.argv[1])\nsize = log.path.stat().st_size\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, size + 50))\n"
        "try:\n    log.append('job.accepted', note='x' * 100)\nexcept InputError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(log)], capture_output=True, text=True, check=True)
    assert "cannot write to the audit log" in done.stdout
    assert verify(log).entries == 5


def test_the_commands_print_the_head_and_end_with_5_on_a_broken_log(log: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "inperson", "audit", *arguments], capture_output=True, text=True)

    head = str(verify(log).head)
    assert run("verify", str(log), "--head", head).stdout == f"5 entries, unbroken; head {head}\n"
    shown = run("show", str(log), "--job", "job2").stdout
    assert "job.accepted" in shown
    assert '"2222' in shown
    assert len(shown.splitlines()) == 1
    log.write_bytes(log.read_bytes().replace(b"job3", b"job9"))
    broken = run("verify", str(log))
    assert (broken.returncode, "line 5 was altered" in broken.stderr, broken.stdout) == (5, True, "")
    assert run("verify", str(log.with_name("none"))).returncode == 2
