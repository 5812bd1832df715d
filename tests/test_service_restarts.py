"""The service as a process that is killed: no accepted job is lost, none ends twice, nothing personal is logged."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3
from serving import Client, Process, hanging, runs, wait_for

from inperson.audit import entries, verify
from inperson.errors import InputError
from inperson.service.database import Database
from inperson.service.jobs import Job, Jobs

UPLOADS = int(os.environ.get("INPERSON_TEST_UPLOADS", "12"))
"""50 is the bar, and takes two busy cores half a minute and more."""


def test_uploads_at_once_with_kill_9_in_the_middle_all_end_once(tmp_path: Path) -> None:
    """Callers do what callers do: each sends its upload again, under its idempotency key, until it has an answer."""
    process = Process(tmp_path, "rate_per_minute = 60000\n")
    clients = [process.start()]
    answered: list[str] = []
    down = threading.Event()

    def send(number: int) -> str:
        name = f"Jane Doe {number} <b>.mp4"
        while True:
            down.wait()
            try:
                answer = clients[-1].upload(
                    b"slow 0.1 %d" % number, name=name, headers={"Idempotency-Key": f"interview-{number}"}
                )
            except urllib3.exceptions.HTTPError:
                threading.Event().wait(0.05)
                continue
            assert answer.status in (200, 202)
            answered.append(answer.json()["id"])
            return answered[-1]

    with ThreadPoolExecutor(UPLOADS) as pool:
        sent = [pool.submit(send, number) for number in range(UPLOADS)]
        down.set()
        wait_for(lambda: len(answered) >= UPLOADS // 3)
        down.clear()
        process.end(signal.SIGKILL)
        clients.append(process.start())
        down.set()
        wait_for(lambda: _ended(clients[-1]) >= UPLOADS // 3)
        down.clear()
        assert process.end(signal.SIGKILL) == -signal.SIGKILL
        clients.append(process.start())
        down.set()
        ids = [future.result() for future in sent]
    client = clients[-1]
    assert len(set(ids)) == UPLOADS
    jobs = [client.ended(id) for id in ids]
    assert Counter(job["state"] for job in jobs) == {"succeeded": UPLOADS}
    assert len(client.call("GET", "/v1/jobs?limit=100").json()["jobs"]) == UPLOADS
    for number, id in enumerate(ids):
        report = client.call("GET", f"/v1/jobs/{id}/result").json()
        assert report["findings"][0]["reason"] == f"slow 0.1 {number}"
    repeated = [job for job in jobs if job["attempts"] > 1]
    assert len(repeated) <= 4  # two workers, two kills
    wait_for(lambda: not list((process.data / "jobs").iterdir()))
    assert not list((process.data / "incoming").iterdir())
    assert process.end(signal.SIGTERM) in (0, -signal.SIGTERM)
    _check_audit(process, ids)
    _check_log(process)


def _ended(client: Client) -> int:
    return len(client.call("GET", "/v1/jobs?state=succeeded&limit=100").json()["jobs"])


def _check_audit(process: Process, ids: list[str]) -> None:
    log = process.data / "audit.jsonl"
    assert verify(log).entries > 2 * UPLOADS
    ended = Counter(entry["job"] for entry in entries(log) if entry["event"] == "job.ended")
    assert set(ended) == set(ids)


def _check_log(process: Process) -> None:
    text = (process.folder / "server.log").read_text()
    lines = process.log()
    assert len(lines) == len(text.splitlines()), "the log is JSON to the last line"
    assert "Jane" not in text
    assert "interview-" not in text
    uploads = [line for line in lines if line.get("route") == "/v1/uploads"]
    assert {"time", "level", "event", "request", "method", "route", "status", "seconds", "key"} == set(uploads[0])


def test_a_stop_puts_running_jobs_back_and_a_job_that_kills_the_service_is_given_up(tmp_path: Path) -> None:
    process = Process(tmp_path, "attempts = 2\nrecording_days = 1\n")
    client = process.start()
    job = client.upload(b"hang").json()["id"]
    _running(client, job)
    process.end(signal.SIGTERM)
    assert _row(process, job) == ("queued", 0)
    for attempt in (1, 2):
        client = process.start()
        assert _running(client, job)["attempts"] == attempt
        worker = hanging(process.data / "jobs", job)
        process.end(signal.SIGKILL)
        wait_for(lambda worker=worker: not runs(worker))
    client = process.start()
    ended = client.ended(job)
    assert (ended["state"], ended["error"]["type"]) == ("failed", "Interrupted")
    assert "killed 2 times" in ended["error"]["message"]
    process.end(signal.SIGTERM)


def _running(client: Client, job: str) -> dict[str, Any]:
    return dict(wait_for(lambda: (found := client.job(job))["progress"] and found))


def _row(process: Process, job: str) -> tuple[str, int]:
    import sqlite3

    connection = sqlite3.connect(process.data / "service.db")
    try:
        return connection.execute("SELECT state, attempts FROM jobs WHERE id = ?", (job,)).fetchone()
    finally:
        connection.close()


def test_a_real_recording_through_the_real_analyser(tmp_path: Path) -> None:
    """And one that is none: each in a process of its own, with the network's weights loaded there."""
    samples = Path(__file__).parents[1] / "samples"
    process = Process(tmp_path, 'analyse = "inperson.service.work:analyse"\n')
    client = process.start()
    options = {"signals": ["synthetic_voice", "response_latency"], "recheck": False}
    good = client.upload((samples / "genuine_voice.flac").read_bytes(), options=options).json()["id"]
    bad = client.upload(b"\x1aE\xdf\xa3 no film").json()["id"]
    turned = client.upload((samples / "genuine_voice.flac").read_bytes(), turns="no turns", options=options).json()
    report = json.loads(client.call("GET", f"/v1/jobs/{client.ended(good)['id']}/result").data)
    assert {finding["signal"]: finding["status"] for finding in report["findings"]} == {
        "synthetic_voice": "scored",
        "response_latency": "abstained",
    }
    assert client.ended(bad)["error"]["type"] == "MediaError"
    error = client.ended(turned["id"])["error"]
    assert (error["type"], error["message"].split(":")[0]) == ("InputError", "turns")
    process.end(signal.SIGTERM)


def test_only_the_run_that_a_job_has_now_can_end_it(tmp_path: Path) -> None:
    database = Database(tmp_path / "service.db")
    jobs = Jobs(database)
    job = Job("0" * 32, "default", "k1", "queued", 1.0, {}, "fingerprint", stored=True)
    jobs.add(job)
    first = jobs.claim()
    assert first is not None
    assert jobs.claim() is None
    jobs.again(first)
    second = jobs.claim()
    assert second is not None
    assert (first.run != second.run, second.attempts) == (True, 2)
    call = ("https://a.example/", "{}")
    assert not jobs.finish(first, '"first"', None, call)
    assert jobs.finish(second, '"second"', None, call)
    assert not jobs.finish(second, None, {"type": "Crash", "message": "late"}, call)
    jobs.again(second)
    ended = jobs.get(job.id)
    assert ended is not None
    assert (ended.state, jobs.report(ended), ended.error) == ("succeeded", '"second"', None)
    assert len(database.rows("SELECT * FROM deliveries")) == 1
    assert jobs.delete(ended)
    assert not database.rows("SELECT * FROM deliveries")
    assert not database.rows("SELECT * FROM results")
    database.close()


def test_a_database_of_something_else_or_of_later_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(b"not a database, and longer than a header of one hundred bytes" * 4)
    with pytest.raises(InputError, match="no database of this service"):
        Database(other)
    later = Database(tmp_path / "later.db")
    later.rows("PRAGMA user_version=99")
    later.close()
    with pytest.raises(InputError, match="newer inperson"):
        Database(tmp_path / "later.db")
