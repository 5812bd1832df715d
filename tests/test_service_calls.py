"""What the service calls, storage and webhooks: only allowed places, signed, tried again, never the inside."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from serving import served, wait_for

from inperson.audit import entries
from inperson.errors import InputError
from inperson.service import fetching
from inperson.service.addresses import Refused, allowed, outside, parse, parse_place
from inperson.service.service import Service
from inperson.service.settings import Settings
from inperson.service.webhooks import LONGEST_PAUSE, TRIES, pause
from inperson.service.work import Work

SECRETS = (b"n" * 40, b"o" * 40)
PLACES = tuple(map(parse_place, ("https://media.example.com/in/", "s3://bucket/calls/", "https://10.0.0.1:8443/")))


class Other:
    """Another server on this machine: serves what `answers` says, remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                outer.asked.append((self.command, self.path, dict(self.headers), body))
                outer.answers[self.path.partition("?")[0]](self)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.asked]


@pytest.fixture
def other() -> Iterator[Other]:
    running = Other()
    yield running
    running.server.shutdown()
    running.server.server_close()


def answer(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


def in_turn(*each: Callable[[BaseHTTPRequestHandler], None]) -> Callable[[BaseHTTPRequestHandler], None]:
    left = list(each)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)


@pytest.mark.parametrize(
    "address",
    [
        "https://media.example.com/in/a.mp4",
        "https://MEDIA.example.com:443/in/b%20c.mp4?X-Signature=abc%2F",
        "s3://bucket/calls/2026/a.mp4",
        "https://10.0.0.1:8443/x",
    ],
)
def test_addresses_below_an_allowed_place_are_taken(address: str) -> None:
    assert allowed(address, PLACES, "sources").path == address.partition("?")[0].split("/", 3)[3].join(("/", ""))


@pytest.mark.parametrize(
    "address",
    [
        *("https://media.example.com/other/a.mp4", "https://media.example.com/in", "https://media.example.com/"),
        *(
            "http://media.example.com/in/a.mp4",
            "https://media.example.com:8443/in/a.mp4",
            "ftp://media.example.com/in/a",
        ),
        *("https://media.example.com.evil.org/in/a", "https://evil.org/in/a?https://media.example.com/in/"),
        *("https://media.example.com@evil.org/in/a", "https://user:pw@media.example.com/in/a"),
        *("https://media.example.com/in/../secret", "https://media.example.com/in/%2e%2e/secret"),
        *(
            "https://media.example.com/in/..%2fsecret",
            "https://media.example.com/in//a",
            "https://media.example.com/in/./a",
        ),
        *("https://media.example.com\\@evil.org/in/a", "https://media.example.com/in/a\r\nHost: evil.org"),
        *("https://media.example.com/in/a#b", "https://media.example.com/in/\u00e9", "//media.example.com/in/a"),
        *("https:media.example.com/in/a", "file:///etc/passwd", "s3://bucket/other/a", "s3://bucket2/calls/a"),
        *(
            "s3://bucket/calls/a::https://evil.org/x",
            "simplecache::s3://bucket/calls/a",
            "s3://bucket/calls/a?version=1",
        ),
        *(
            "memory://bucket/calls/a",
            "https://media.example.com:0/in/a",
            "https://media.example.com:x/in/a",
            "",
            "a" * 3000,
        ),
        *(
            "https://media.example.com/in/a%00.mp4",
            "https://[::1]/in/a",
            "https://10.0.0.1/x",
            "https://ⓜedia.example.com/in/a",
        ),
    ],
)
def test_addresses_that_are_not_or_could_be_read_otherwise_are_refused(address: str) -> None:
    with pytest.raises(Refused):
        allowed(address, PLACES, "sources")


@pytest.mark.parametrize(
    ("ip", "public"),
    [
        *(("93.184.216.34", True), ("2606:2800:220:1::1", True), ("127.0.0.1", False), ("10.1.2.3", False)),
        *(("169.254.169.254", False), ("192.168.0.1", False), ("100.64.0.1", False), ("0.0.0.0", False)),
        *(("::1", False), ("fe80::1%eth0", False), ("fd00::1", False), ("::ffff:127.0.0.1", False)),
        *(("64:ff9b::a00:1", False), ("2002:7f00:1::", False), ("224.0.0.1", False), ("255.255.255.255", False)),
        ("64:ff9b::5db8:d822", True),
    ],
)
def test_only_public_addresses_are_outside_also_when_wrapped(ip: str, public: bool) -> None:
    assert outside(ip) is public


@pytest.mark.parametrize(
    "entry", ["https://media.example.com/in", "https://a/?x=1", "file:///data/", "media.example.com"]
)
def test_a_place_that_is_none_is_one_clear_error_in_the_settings(entry: str) -> None:
    with pytest.raises(InputError, match="sources"):
        Settings.read(sources=[entry])


def test_a_recording_in_storage_is_fetched_once_tried_again_and_its_address_forgotten(
    tmp_path: Path, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching.fetch, "__kwdefaults__", {"pause": 0.01})
    other.answers["/in/a.mp4"] = in_turn(answer(503), answer(200, b"well fetched"))
    with served(tmp_path, sources=[f"{other.url}/in/"], private_addresses=True) as server:
        url = f"{other.url}/in/a.mp4?signature=s3cret"
        job = server.client.call("POST", "/v1/jobs", json={"url": url, "consent": "c-1"}).json()
        assert "url" not in json.dumps(job["options"])
        ended = server.client.ended(job["id"])
        assert ended["state"] == "succeeded"
        assert ended["recording"]["sha256"] == hashlib.sha256(b"well fetched").hexdigest()
        assert other.paths() == ["/in/a.mp4?signature=s3cret"] * 2
        server.service.database.scrub()
        assert b"s3cret" not in (server.service.settings.data / "service.db").read_bytes()
        assert b"s3cret" not in server.service.audit.path.read_bytes()
        fetched = next(one for one in entries(server.service.audit.path) if one["event"] == "job.fetched")
        assert (fetched["job"], fetched["sha256"]) == (job["id"], ended["recording"]["sha256"])


def test_storage_that_refuses_redirects_or_sends_too_much_fails_the_job(tmp_path: Path, other: Other) -> None:
    other.answers["/in/moved"] = answer(302, location=f"{other.url}/secret")
    other.answers["/in/none"] = answer(404)
    other.answers["/in/large"] = answer(200, b"x" * (1 << 20) + b"x")
    other.answers["/secret"] = answer(200, b"well")
    with served(tmp_path, sources=[f"{other.url}/in/"], private_addresses=True, upload_mib=1) as server:
        found = {}
        for name in ("moved", "none", "large"):
            job = server.client.call("POST", "/v1/jobs", json={"url": f"{other.url}/in/{name}"}).json()["id"]
            error = server.client.ended(job)["error"]
            assert error["type"] == "Fetch"
            found[name] = error["message"]
        assert "redirect (302), and none is followed" in found["moved"]
        assert "status 404" in found["none"]
        assert "larger than the service takes" in found["large"]
        assert "/secret" not in other.paths()
        assert server.client.call("POST", "/v1/jobs", json={"url": f"{other.url}/secret"}).status == 422
        wait_for(lambda: not server.files())


def test_a_name_that_leads_inside_is_refused_at_the_connection(tmp_path: Path, other: Other) -> None:
    port = other.server.server_port
    other.answers["/in/a"] = answer(200, b"well")
    with served(tmp_path, sources=[f"http://localhost:{port}/in/"]) as server:
        job = server.client.call("POST", "/v1/jobs", json={"url": f"http://localhost:{port}/in/a"}).json()["id"]
        assert "private network" in server.client.ended(job)["error"]["message"]
        assert other.asked == []


def test_a_bucket_is_read_through_fsspec(tmp_path: Path) -> None:
    fsspec.register_implementation("s3", MemoryFileSystem, clobber=True)
    MemoryFileSystem().pipe("/bucket/calls/a b.mp4", b"well in a bucket")
    with served(tmp_path, sources=["s3://bucket/calls/"]) as server:
        jobs = [
            server.client.call("POST", "/v1/jobs", json={"url": f"s3://bucket/calls/{name}"}).json()["id"]
            for name in ("a%20b.mp4", "none.mp4")
        ]
        assert server.client.ended(jobs[0])["state"] == "succeeded"
        assert server.client.ended(jobs[1])["error"]["message"] == "the storage has no such object"
        report = server.client.call("GET", f"/v1/jobs/{jobs[0]}/result").json()
        assert report["findings"][0]["reason"] == "well in a bucket"


def test_a_bucket_that_no_package_here_can_read_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(InputError, match=r"sources: .*gs:// needs another package.*gcsfs"):
        Settings.read(sources=["https://media.example.com/in/", "gs://bucket/calls/"])


def test_a_webhook_is_signed_and_tried_again_until_it_is_taken(tmp_path: Path, other: Other) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_bytes(b"\n".join(SECRETS) + b"\n")
    other.answers["/hook/a"] = in_turn(answer(500), answer(302, location="/hook/b"), answer(204))
    other.answers["/hook/gone"] = answer(410)
    given = {"webhook_secret_file": secrets, "webhook_retry_seconds": 0.01, "private_addresses": True}
    with served(tmp_path, webhooks=[f"{other.url}/hook/"], **given) as server:
        job = server.client.upload(b"refuse", options={"webhook": f"{other.url}/hook/a"}).json()["id"]
        wait_for(lambda: len(other.asked) == 3)
        gone = server.client.upload(b"well", options={"webhook": f"{other.url}/hook/gone"}).json()["id"]
        rows = wait_for(lambda: _settled(server.service.database.rows("SELECT * FROM deliveries ORDER BY attempts")))
        assert [(row["job"], row["attempts"], row["outcome"]) for row in rows] == [
            (gone, 1, "refused"),
            (job, 3, "delivered"),
        ]
    assert "/hook/b" not in other.paths()
    first, *_, last = [asked for asked in other.asked if asked[1] == "/hook/a"]
    method, _, headers, body = last
    assert (method, json.loads(body)) == ("POST", {"type": "job.failed", "job": job, "error": "MediaError"})
    assert headers["Inperson-Delivery"] == first[2]["Inperson-Delivery"]
    at, *signatures = headers["Inperson-Signature"].split(",")
    signed = at.removeprefix("t=").encode() + b"." + body
    assert signatures == [f"v1={hmac.new(secret, signed, hashlib.sha256).hexdigest()}" for secret in SECRETS]
    genuine = _of_the_docs()
    assert [genuine(headers["Inperson-Signature"], body, secret) for secret in SECRETS] == [True, True]
    assert not genuine(headers["Inperson-Signature"], body + b" ", SECRETS[0])


def _of_the_docs() -> Callable[[str, bytes, bytes], bool]:
    """The receiver's check as docs/service.md shows it."""
    page = (Path(__file__).parents[1] / "docs/service.md").read_text()
    names: dict[str, Any] = {}
    exec(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0], names)  # noqa: S102
    found: Callable[[str, bytes, bytes], bool] = names["genuine"]
    return found


def _settled(rows: list[Any]) -> list[Any] | None:
    return rows if len(rows) == 2 and all(row["next"] is None for row in rows) else None


def test_a_webhook_that_was_due_when_the_service_stopped_is_called_by_the_next_one(
    tmp_path: Path, other: Other
) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_bytes(SECRETS[0])
    other.answers["/a"] = in_turn(answer(500), answer(200))
    given = {"webhooks": [f"{other.url}/"], "webhook_secret_file": secrets, "private_addresses": True}
    with served(tmp_path, webhook_retry_seconds=1e6, **given) as server:
        job = server.client.upload(b"well", options={"webhook": f"{other.url}/a"}).json()["id"]
        wait_for(lambda: server.service.database.rows("SELECT * FROM deliveries WHERE attempts = 1"))
        assert server.service.database.change("UPDATE deliveries SET next = 0") == 1
        server.service.database.change("UPDATE deliveries SET next = 1e12")
    with served(tmp_path, **given) as server:
        server.service.database.change("UPDATE deliveries SET next = 0")
        wait_for(lambda: server.service.database.rows("SELECT * FROM deliveries WHERE outcome = 'delivered'"))
    assert [json.loads(asked[3])["job"] for asked in other.asked] == [job, job]


def test_pauses_triple_up_to_half_a_day_and_last_days_in_all() -> None:
    for attempts, expected in ((1, 10), (2, 30), (5, 810), (9, LONGEST_PAUSE), (40, LONGEST_PAUSE)):
        assert 0.8 * expected <= pause(attempts, 10.0) <= 1.2 * expected
    whole = sum(min(10 * 3**n, LONGEST_PAUSE) for n in range(TRIES - 1))
    assert 2 * 86400 < whole < 3 * 86400


def test_settings_say_what_is_wrong_with_them(tmp_path: Path) -> None:
    path = tmp_path / "service.toml"
    for text, words in (
        ("port = 99999", "port"),
        ("prot = 1", "prot"),
        ('webhooks = ["https://a.example/"]', "webhook_secret_file"),
        ('tls_key = "a"', "tls_certificate and tls_key"),
        ("[calibrations]\n'../a' = 'x'", "calibrations"),
        ('asr_language = "en"', "there is no asr"),
        ("port = ", "no TOML"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            Settings.read(path)
    path.write_text('data = "d"\n[calibrations]\nsales = "site.toml"\n')
    read = Settings.read(path, port=0)
    assert (read.data, read.calibrations, read.port) == (tmp_path / "d", {"sales": tmp_path / "site.toml"}, 0)
    assert parse("https://a.example").path == "/"


def test_weights_are_a_folder_beside_the_settings_or_a_package(tmp_path: Path) -> None:
    path = tmp_path / "service.toml"
    (tmp_path / "whisper").mkdir()
    path.write_text('asr = "whisper"')
    assert Settings.read(path).asr == str(tmp_path / "whisper")
    path.write_text('asr = "some_weights"\nasr_language = "en"')
    assert (Settings.read(path).asr, Settings.read(path).asr_language) == ("some_weights", "en")


def test_weights_that_are_none_are_told_at_the_start_and_leave_the_folder_free(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(InputError, match="some_weights: expected a folder"):
            Service(Settings(data=tmp_path, asr="some_weights"))


def test_a_job_may_read_the_operators_weights_and_no_other_folder(tmp_path: Path) -> None:
    work = Work("behaving:behave", {"turns": "t.vtt", "asr": [str(tmp_path), "en"]})
    assert work.reads("call.mp4") == ["call.mp4", "t.vtt", str(tmp_path)]
