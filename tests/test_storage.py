"""Recordings by URL: only from schemes that were allowed, within a limit, tried again only where that may help."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from test_batch import lines, run

from inperson import batch
from inperson._batch.storage import TRIES, Storage, passing
from inperson.errors import InputError, StorageError


@pytest.fixture
def bucket() -> Iterator[Any]:
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    yield fs
    fs.store.clear()


class Server(http.server.ThreadingHTTPServer):
    """Serves `answers`: for every path a list of (status, body), the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[tuple[int, bytes]]] = {}
        self.asked: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        place = self.path.partition("?")[0]
        self.server.asked.append(f"{self.command} {place}")
        answers = self.server.answers.get(place, [(404, b"")])
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as one:
        threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield one
        one.shutdown()


def test_objects_are_found_fetched_analysed_and_not_fetched_again(bucket: Any, tmp_path: Path) -> None:
    for name in ("calls/a.mp4", "calls/deep/b.mp4", "calls/notes.txt", "other/c.mp4"):
        bucket.pipe(f"/{name}", f"fine {name}".encode())
    urls = batch.find(["memory://calls/"], schemes=("memory",))
    assert urls == ["memory:///calls/a.mp4", "memory:///calls/deep/b.mp4"]
    assert batch.find(["memory://*/c.mp4"], schemes=("memory",)) == ["memory:///other/c.mp4"]
    out, spool = tmp_path / "results.jsonl", tmp_path / "spool"
    spool.mkdir()
    wanted = batch.Confinement(write=(str(tmp_path), str(spool)), scratch=str(spool))
    assert run(urls, out, workers=1, schemes=("memory",), confinement=wanted).analysed == 2
    assert list(spool.iterdir()) == []
    assert sorted(line["path"] for line in lines(out)) == sorted(urls)
    assert all(line["report"]["media"]["path"] == line["path"] for line in lines(out))  # in the order of arrival
    assert run(urls, out, schemes=("memory",)) == batch.Tally(total=2, skipped=2)
    bucket.pipe("/calls/a.mp4", b"fine and changed, and longer")
    again = run(urls, out, workers=1, schemes=("memory",), confinement=wanted)
    assert (again.analysed, again.skipped) == (1, 1)


def test_a_scheme_that_was_not_allowed_is_not_asked(bucket: Any, server: Server, tmp_path: Path) -> None:
    server.answers["/a.mp4"] = [(200, b"fine")]
    out = tmp_path / "results.jsonl"
    for url in (server.url("/a.mp4"), "memory://a.mp4"):
        run([url], out)
    assert [line["error"]["type"] for line in lines(out)] == ["InputError", "InputError"]
    assert "allow it by name, with --allow-scheme http" in lines(out)[0]["error"]["message"]
    assert server.asked == []


def test_a_scheme_that_nobody_knows_is_refused_before_anything(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"fsspec knows no 'nonsense'"):
        run([], tmp_path / "results.jsonl", schemes=("nonsense",))


def storage(folder: Path, *schemes: str, limit: int = 1) -> tuple[Storage, list[float]]:
    pauses: list[float] = []
    return Storage(schemes, str(folder), limit, pauses.append), pauses


def test_a_passing_failure_is_tried_again_with_longer_pauses(server: Server, tmp_path: Path) -> None:
    server.answers["/a.mp4"] = [(503, b""), (429, b""), (200, b"content")]
    store, pauses = storage(tmp_path, "http")
    local, _ = store.fetch(server.url("/a.mp4"))
    assert Path(local).read_bytes() == b"content"
    assert len(pauses) >= 1
    assert all(2**n <= pause <= 2 ** (n + 1) for n, pause in enumerate(pauses))


def test_a_lasting_failure_is_not_and_a_long_one_ends(server: Server, tmp_path: Path) -> None:
    server.answers |= {"/secret.mp4": [(403, b"")], "/down.mp4": [(503, b"")]}
    store, pauses = storage(tmp_path, "http")
    for path, says in (("/gone.mp4", "there is no such object"), ("/secret.mp4", "cannot be fetched")):
        with pytest.raises(StorageError, match=says):
            store.fetch(server.url(path))
        assert pauses == []
    with pytest.raises(StorageError, match=f"tried {TRIES} times: the server answered 503"):
        store.stamp(server.url("/down.mp4"))
    assert len(pauses) == TRIES - 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_larger_than_the_limit_is_not_kept(bucket: Any, server: Server, tmp_path: Path) -> None:
    bucket.pipe("/large.mp4", bytes(1 << 20) + b"x")
    server.answers["/large.mp4"] = [(200, bytes(1 << 20) + b"x")]
    store, _ = storage(tmp_path, "http", "memory")
    for url in (server.url("/large.mp4"), "memory://large.mp4"):
        with pytest.raises(StorageError, match="more than 1 MiB"):
            store.fetch(url)
    assert list(tmp_path.iterdir()) == []


def test_no_secret_of_a_url_reaches_the_results(server: Server, tmp_path: Path) -> None:
    server.answers["/a.mp4"] = [(200, b"fine")]
    out = tmp_path / "results.jsonl"
    url = server.url("/a.mp4?id=5&X-Amz-Signature=abc123&X-Amz-Credential=AKIA&sig=abc123#abc123")
    gone = server.url("/gone.mp4?token=abc123")
    wanted = batch.Confinement(write=("/",))
    run([url.replace("//", "//user:abc123@"), gone], out, workers=1, schemes=("http",), confinement=wanted)
    assert "abc123" not in out.read_text()
    assert "AKIA" not in out.read_text()
    assert {line["path"] for line in lines(out)} == {server.url("/gone.mp4"), server.url("/a.mp4?id=5")}


def test_which_failures_may_pass() -> None:
    class Answer(Exception):
        def __init__(self, status: int) -> None:
            self.status = status

    assert [passing(Answer(code)) for code in (404, 403, 429, 503)] == [False, False, True, True]
    assert passing(TimeoutError())
    assert passing(ConnectionResetError())
    assert passing(OSError(5, "EIO"))
    assert not passing(FileNotFoundError())
    assert not passing(PermissionError())
    assert not passing(OSError(28, "no space left"))
    assert not passing(ValueError())
