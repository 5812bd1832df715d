"""The service over real HTTP: who may do what, what a job becomes, what is refused, what is left behind."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from serving import Client, Served, hanging, runs, served, wait_for

from inperson.audit import entries, verify
from inperson.cli import main
from inperson.report import Report
from inperson.service import retention
from inperson.service.keys import Keys
from inperson.service.rates import Rates
from inperson.service.work import NOTE, noted

EVIL = '"><script>alert(1)</script>../../../../etc/cron.d/x\x01.mp4'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("service")) as running:
        yield running


def test_an_upload_becomes_a_report_and_its_recording_is_gone(server: Served) -> None:
    options = {
        "candidate": "left",
        "prior": 0.2,
        "consent": "consent-17",
        "signals": ["lip_sync"],
        "exclude": [[1, 2.5]],
    }
    accepted = server.client.upload(b"well", options=options, turns="WEBVTT")
    assert accepted.status == 202
    job = accepted.json()
    assert (job["state"], job["options"]["consent"], job["recording"]["bytes"]) == ("queued", "consent-17", 4)
    assert accepted.headers["location"] == f"/v1/jobs/{job['id']}"
    ended = server.client.ended(job["id"])
    assert (ended["state"], ended["attempts"], ended["error"]) == ("succeeded", 1, None)
    report = Report.from_json(server.client.call("GET", f"/v1/jobs/{job['id']}/result").data)
    assert (report.media.path, report.prior) == (f"job:{job['id']}", 0.2)
    assert report.candidate.how == "left; WEBVTT"
    assert report.excluded == ((1.0, 2.5),)
    assert server.client.job(job["id"])["recording"]["stored"] is False


def test_the_report_for_people_is_a_page_that_nothing_in_it_can_escape_from(server: Served) -> None:
    job = server.client.upload(b"<script>alert(1)</script>\x1b[2J").json()["id"]
    server.client.ended(job)
    page = server.client.call("GET", f"/v1/jobs/{job}/report")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["x-content-type-options"] == "nosniff"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'sha256-" in policy
    assert b"<script>alert" not in page.data
    assert b"&lt;script&gt;alert(1)" in page.data
    assert b"\x1b" not in page.data
    assert b"\\x1b[2J" in page.data


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"refuse", "MediaError", "the recording no audio or video stream"),
        (b"exit", "Crash", "exit code 7"),
        (b"bug", "ZeroDivisionError", "a bug"),
    ],
)
def test_a_recording_that_cannot_be_analysed_fails_with_its_reason(
    server: Served, content: bytes, kind: str, message: str
) -> None:
    job = server.client.upload(content).json()["id"]
    error = server.client.ended(job)["error"]
    assert error["type"] == kind
    assert message in error["message"]
    assert job not in error["message"]
    assert server.client.call("GET", f"/v1/jobs/{job}/result").status == 409


def test_a_hanging_job_shows_its_progress_and_deleting_it_leaves_nothing(server: Served) -> None:
    job = server.client.upload(b"hang", options={"consent": "c-9"}).json()
    folder = server.service.settings.recordings / job["id"]
    progress = wait_for(lambda: server.client.job(job["id"])["progress"])
    assert progress == {"read": 3.0, "duration": 12.0, "fraction": 0.25}
    pid = hanging(folder.parent, job["id"])
    assert runs(pid)
    assert server.client.call("DELETE", f"/v1/jobs/{job['id']}").status == 204
    assert not folder.exists()
    assert server.client.call("GET", f"/v1/jobs/{job['id']}").status == 404
    wait_for(lambda: not runs(pid))
    for name in ("service.db", "service.db-wal"):
        assert job["id"].encode() not in (server.service.settings.data / name).read_bytes()
    last = [entry for entry in entries(server.service.audit.path) if entry.get("job") == job["id"]][-1]
    assert (last["event"], last["why"], last["sha256"]) == ("job.deleted", "request", job["recording"]["sha256"])


def test_the_same_idempotency_key_gives_the_same_job_also_when_sent_at_once(server: Served) -> None:
    def send(_: int) -> Any:
        return server.client.upload(b"well once", headers={"Idempotency-Key": "interview-1"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert sorted(answer.status for answer in answers) == [200] * 7 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert server.client.ended(answers[0].json()["id"])["attempts"] == 1
    assert server.client.upload(b"another", headers={"Idempotency-Key": "interview-1"}).status == 409
    other = server.client_of("submit", owner="other")
    assert other.upload(b"well once", headers={"Idempotency-Key": "interview-1"}).status == 202


def test_a_key_opens_what_its_scopes_say_and_no_more(server: Served) -> None:
    job = server.client.upload(b"well").json()["id"]
    server.client.ended(job)
    calls = {
        "submit": lambda client: client.upload(b"well"),
        "read": lambda client: client.call("GET", f"/v1/jobs/{job}"),
        "delete": lambda client: client.call("DELETE", f"/v1/jobs/{'0' * 32}"),
        "metrics": lambda client: client.call("GET", "/metrics"),
        "admin": lambda client: client.call("GET", "/v1/audit/head"),
    }
    for scope in calls:
        client = server.client_of(scope)
        refused = {name for name, call in calls.items() if call(client).status == 403}
        assert refused == set(calls) - {scope}


def test_owners_do_not_see_each_others_jobs_and_an_admin_sees_all(server: Served) -> None:
    job = server.client_of("submit", owner="acme").upload(b"well").json()["id"]
    other = server.client_of("read", "delete", owner="other2")
    assert other.call("GET", f"/v1/jobs/{job}").status == 404
    assert other.call("DELETE", f"/v1/jobs/{job}").status == 404
    assert other.call("GET", "/v1/jobs").json()["jobs"] == []
    assert server.client_of("read", owner="acme").job(job)["id"] == job
    assert server.client_of("read", "admin", owner="ops").job(job)["id"] == job


def test_forged_expired_and_revoked_keys_are_refused_before_the_body_is_read(server: Served) -> None:
    key, text = server.service.keys.add("short", ["submit"])
    flipped = text[:-1] + ("A" if text[-1] != "A" else "B")
    unknown = f"inperson_{'0' * 16}_{text[-43:]}"
    for forged in (flipped, unknown, text.upper(), "", "Basic", f"{text}x", "ключ"):
        client = server.client_of("submit")
        client.key = forged.encode().decode("latin-1")
        answer = client.upload(b"well")
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    server.client.key, kept = text, server.client.key
    assert server.client.upload(b"well").status == 202
    server.service.keys.revoke(key.id)
    assert server.client.upload(b"well").status == 401
    server.client.key = server.service.keys.add("gone", ["submit"], days=1e-9)[1]
    assert server.client.upload(b"well").status == 401
    server.client.key = kept


def test_keys_are_kept_as_hashes(server: Served) -> None:
    _, text = server.service.keys.add("secret", ["read"])
    server.service.database.scrub()
    stored = (server.service.settings.data / "service.db").read_bytes()
    assert text.rpartition("_")[0].split("_")[1].encode() in stored
    assert text[-43:].encode() not in stored


def test_names_and_fields_of_a_form_never_become_paths(server: Served) -> None:
    before = set(server.folder.rglob("*"))
    job = server.client.upload(b"well named", name=EVIL).json()
    server.client.ended(job["id"])
    wait_for(lambda: not (server.service.settings.recordings / job["id"]).exists())
    assert EVIL not in json.dumps(server.client.job(job["id"]))
    assert set(server.folder.rglob("*")) <= before
    for path in ("/v1/jobs/../../etc/passwd", "/v1/jobs/..%2f..%2fetc%2fpasswd/result", f"/v1/jobs/{'A' * 32}"):
        raw = server.client.call("GET", path, preload_content=True)
        assert raw.status in (404, 422)
        assert b"root:" not in raw.data


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"options": "{"}, "options"),
        ({"options": '{"signals": ["emotion"]}'}, "signals are of"),
        ({"options": '{"prior": 1.5}'}, "prior"),
        ({"options": '{"candidate": "a\\u202eb"}'}, "candidate"),
        ({"options": '{"calibration": "../x"}'}, "calibration"),
        ({"options": '{"asr": "/etc"}'}, "asr"),
        ({"options": '{"calibration": "none"}'}, "the service has none of that name"),
        ({"options": '{"webhook": "https://example.com/"}'}, "not below any that the operator allows"),
        ({"options": "{}" + " " * 70_000}, "more than 65536 bytes"),
        ({"other": "x"}, "the parts of the form are"),
    ],
)
def test_options_that_are_not_as_documented_are_refused_and_leave_nothing(
    server: Served, parts: dict[str, Any], words: str
) -> None:
    answer = server.client.upload(b"well refused", **parts)
    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert words in answer.json()["detail"]
    assert b"well refused" not in b"".join(path.read_bytes() for path in server.files() if path.is_file())


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data", b"x", 422),
        ("multipart/form-data; boundary=b", b"--b\r\nno header\r\n", 422),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n{}\r\n--b--',
            422,
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="recording"\r\n\r\ncut off',
            422,
        ),
        ("application/json", b"{}", 415),
        ("multipart/form-data; boundary=" + "b" * 200, b"x", 422),
    ],
)
def test_a_body_that_is_no_form_is_refused(server: Served, kind: str, body: bytes, status: int) -> None:
    answer = server.client.call("POST", "/v1/uploads", body=body, headers={"Content-Type": kind})
    assert answer.status == status
    assert not list(server.service.settings.incoming.iterdir())


def test_every_answer_has_an_id_and_safe_headers(server: Served) -> None:
    own = server.client.call("GET", "/v1/jobs", headers={"X-Request-ID": "trace-1"})
    assert own.headers["x-request-id"] == "trace-1"
    made = server.client.call("GET", "/v1/jobs/none", headers={"X-Request-ID": "a b<script>"})
    assert made.json()["request_id"] == made.headers["x-request-id"] != "a b<script>"
    for answer in (own, made, server.client.call("GET", "/nowhere"), server.client.call("GET", "/healthz")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_jobs_are_listed_newest_first_in_pages(server: Served) -> None:
    client = server.client_of("submit", "read", owner="pages")
    made = [client.upload(b"well").json()["id"] for _ in range(3)]
    found: list[str] = []
    before = ""
    while before is not None:
        page = client.call("GET", f"/v1/jobs?limit=2{before and f'&before={before}'}").json()
        found += [job["id"] for job in page["jobs"]]
        before = page["next"]
    assert found == made[::-1]
    assert client.call("GET", "/v1/jobs?state=failed").json()["jobs"] == []


def test_prometheus_reads_what_happened_without_labels_of_callers(server: Served) -> None:
    server.client.call("GET", "/v1/jobs/evil-name")
    text = server.client.call("GET", "/metrics").data.decode()
    assert 'inperson_jobs{state="queued"}' in text
    assert 'inperson_jobs_ended_total{error="MediaError",state="failed"} 1.0' in text
    assert 'route="/v1/jobs/{job_id}"' in text
    assert "evil-name" not in text


def test_it_is_alive_and_ready_and_says_so_to_anybody(server: Served) -> None:
    client = server.client_of("submit")
    client.key = "none"
    assert client.call("GET", "/healthz").json() == {"alive": True}
    ready = client.call("GET", "/readyz")
    assert (ready.status, ready.json()) == (
        200,
        {"ready": True, "checks": {"workers": True, "queue": True, "disk": True}},
    )


def test_the_audit_log_says_who_asked_for_what_and_is_unbroken(server: Served) -> None:
    key, text = server.service.keys.add("asker", ["submit", "read"], "audited")
    client = Client(server.client.url, text)
    job = client.upload(b"well audited", options={"consent": "ref-5"}).json()
    wait_for(lambda: client.ended(job["id"])["recording"]["stored"] is False)
    client.call("GET", f"/v1/jobs/{job['id']}/result")
    mine = [entry for entry in entries(server.service.audit.path) if entry.get("job") == job["id"]]
    assert [entry["event"] for entry in mine] == ["job.accepted", "job.ended", "recording.deleted", "result.read"]
    accepted, ended, *_ = mine
    assert {accepted[name] for name in ("key", "owner", "sha256", "consent")} == {
        *(key.id, "audited", job["recording"]["sha256"], "ref-5")
    }
    assert (ended["models"], ended["state"], ended["version"]) == (["lip_sync-0.2.0"], "succeeded", "0.1.0")
    head = client_head(server)
    assert str(verify(server.service.audit.path).head) == head


def client_head(server: Served) -> str:
    return str(server.client.call("GET", "/v1/audit/head").json()["head"])


def test_limits_of_size_speed_space_rate_and_consent(tmp_path: Path) -> None:
    limits = {"upload_mib": 1, "idle_seconds": 1.5, "rate_per_minute": 40, "require_consent": True}
    with served(tmp_path, **limits) as server:
        client = server.client
        assert "consent" in client.upload(b"well").json()["detail"]
        too_large = client.upload(b"x" * (1 << 20) + b"x", options={"consent": "c"})
        assert (too_large.status, too_large.json()["detail"]) == (413, "a recording may have 1 MiB")
        assert _half_of_a_form(client, length=1 << 40) == "413"
        assert _half_of_a_form(client, length=1000) == "408"
        client.key, key = "forged", client.key
        assert _half_of_a_form(client, length=1000) == "401"
        client.key = key
        assert client.call("POST", "/v1/jobs", body=b"[" * (6 << 20) + b"[").status == 413
        assert not list(server.service.settings.incoming.iterdir())
        while (last := client.call("GET", "/v1/jobs")).status == 200:
            pass
        assert (last.status, int(last.headers["retry-after"])) in ((429, 1), (429, 2))
    with served(tmp_path, reserve_mib=1 << 40) as server:
        assert server.client.upload(b"well").status == 507
        assert server.client.call("GET", "/readyz").status == 503


def _half_of_a_form(client: Client, length: int) -> str:
    """Send the beginning of an upload and wait; the status that comes, after which the connection must end."""
    host, port = client.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = (
            f"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.key}\r\n"
            f"Content-Length: {length}\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        connection.sendall(head.encode() + b'--b\r\nContent-Disposition: form-data; name="recording"\r\n\r\nhalf')
        return connection.makefile("rb").read().split()[1].decode()


def test_a_head_that_never_ends_is_hung_up_on(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inperson.service.server.HEAD_SECONDS", 0.2)
    host, port = server.client.url.removeprefix("http://").split(":")
    for start in (b"", b"GET /healthz HTTP/1.1\r\nX-Slow: "):
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(start)
            assert connection.recv(100) == b""


def test_retention_deletes_recordings_and_then_results(tmp_path: Path) -> None:
    with served(tmp_path, recording_days=2.0, result_days=10.0) as server:
        job = server.client.upload(b"well kept").json()["id"]
        ended = server.client.ended(job)
        assert ended["recording"]["stored"] is True
        recording = server.service.settings.recordings / job / "recording"
        assert recording.read_bytes() == b"well kept"
        finished = server.service.jobs.get(job).finished
        assert finished is not None
        day = retention.DAY
        assert retention.sweep(server.service, finished + 1.9 * day) == 0
        assert retention.sweep(server.service, finished + 2.1 * day) == 1
        assert not recording.parent.exists()
        assert server.client.call("GET", f"/v1/jobs/{job}/result").status == 200
        assert retention.sweep(server.service, finished + 9.9 * day) == 0
        assert retention.sweep(server.service, finished + 10.1 * day) == 1
        assert server.client.call("GET", f"/v1/jobs/{job}").status == 404
        events = [entry["event"] for entry in entries(server.service.audit.path) if entry.get("job") == job]
        assert events[-3:] == ["recording.deleted", "result.read", "job.deleted"]


def test_two_services_do_not_share_a_folder(tmp_path: Path) -> None:
    from inperson.errors import InputError
    from inperson.service.service import Service

    with served(tmp_path) as server, pytest.raises(InputError, match="another service is using"):
        Service(server.service.settings)


def test_a_bucket_fills_steadily() -> None:
    now = [0.0]
    rates = Rates(lambda: now[0])
    assert [rates.take("k", 60) for _ in range(61)] == [0.0] * 60 + [1.0]
    now[0] = 1.0
    assert (rates.take("k", 60), rates.take("k", 60), rates.take("other", 60)) == (0.0, 1.0, 0.0)


def test_keys_are_words_with_known_scopes(server: Served) -> None:
    from inperson.errors import InputError

    keys: Keys = server.service.keys
    for name, scopes, owner in (("a b", ["read"], "o"), ("a", ["write"], "o"), ("a", [], "o"), ("a", ["read"], "o/x")):
        with pytest.raises(InputError):
            keys.add(name, scopes, owner)
    with pytest.raises(InputError, match="no key has the id"):
        keys.revoke("f" * 16)


def test_without_the_extra_the_command_says_what_to_install() -> None:
    code = "import sys; sys.modules['fastapi'] = None; from inperson.cli import main; main(['keys', 'list'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the service needs fastapi: pip install 'inperson[serve]'" in done.stderr


def test_keys_are_made_listed_and_revoked_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["keys", *arguments, "--data", str(tmp_path / "data")])
        assert ended.value.code == 0
        return capsys.readouterr().out

    key = run("add", "--name", "backend", "--scopes", "submit, read", "--owner", "acme", "--days", "30").strip()
    id = key.split("_")[1]
    assert run("list").split()[:4] == [id, "backend", "acme", "read,submit"]
    assert run("revoke", id) == f"{id} (backend) is revoked\n"
    assert run("list").rstrip().endswith("revoked")
    events = [entry["event"] for entry in entries(tmp_path / "data/audit.jsonl")]
    assert events == ["log.started", "key.added", "key.revoked"]
    assert key[-43:] not in (tmp_path / "data/audit.jsonl").read_text()


def test_progress_is_read_from_a_worker_that_is_not_trusted(tmp_path: Path) -> None:
    assert noted(tmp_path) is None
    deep = tmp_path / "inperson-a" / "inperson-b"
    deep.mkdir(parents=True)
    (deep / NOTE).write_text("3.5 12.0".ljust(64))
    assert noted(tmp_path) == (3.5, 12.0)
    for number, said in enumerate(("nan 1", "-1 2", "1e99 2", "1", "1 2 3", "\u0661 2", "")):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / NOTE).write_text(said)
        assert noted(tmp_path / f"{number}") is None
    os.mkfifo(tmp_path / NOTE)
    assert noted(tmp_path) == (3.5, 12.0)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / NOTE).symlink_to(deep / NOTE)
    (linked / "inner").symlink_to(deep)
    assert noted(linked) is None
