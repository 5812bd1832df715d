"""Recordings in S3, batch and service: through the real client, from a server that speaks its protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from serving import served
from test_batch import lines, run

from inperson import batch
from inperson.service import fetching

moto = pytest.importorskip("moto.server", reason="moto is not installed; make test-s3 installs it")
pytest.importorskip("s3fs", reason="s3fs is not installed; make test-s3 installs it")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of a server with an empty bucket ``calls``."""
    import boto3
    import s3fs

    server = moto.ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    urllib3.request("POST", f"http://{host}:{port}/moto-api/reset")  # what it holds is held by the process
    client = boto3.client("s3")
    client.create_bucket(Bucket="calls")
    client.stop = server.stop
    yield client
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()
    client.close()


def put(calls: Any, key: str, body: bytes) -> None:
    calls.put_object(Bucket="calls", Key=key, Body=body)


def spooled(folder: Path) -> dict[str, Any]:
    """Options of a batch whose analyser may write beside what was fetched, as `behave` does."""
    spool = str(folder / "spool")
    Path(spool).mkdir()
    return {"schemes": ("s3",), "confinement": batch.Confinement(write=(spool,), scratch=spool)}


def test_a_batch_finds_fetches_and_resumes(calls: Any, tmp_path: Path) -> None:
    for key in ("in/a b.mp4", "in/deep/c.mp4", "in/notes.txt"):
        put(calls, key, f"fine {key}".encode())
    out = tmp_path / "results.jsonl"
    urls = batch.find(["s3://calls/in/"], schemes=("s3",))
    assert urls == ["s3://calls/in/a b.mp4", "s3://calls/in/deep/c.mp4"]
    assert batch.find(["s3://calls/in/*.mp4"], schemes=("s3",)) == urls[:1]
    wanted = [*urls, "s3://calls/in/none.mp4", "s3://nobody/a.mp4"]
    options = spooled(tmp_path)
    tally = run(wanted, out, **options)
    assert (tally.analysed, tally.errors) == (2, {"StorageError": 2})
    found = {line["path"]: line for line in lines(out)}
    assert found[urls[0]]["sha256"] == hashlib.sha256(b"fine in/a b.mp4").hexdigest()
    assert "there is no such object" in found["s3://calls/in/none.mp4"]["error"]["message"]
    assert run(urls, out, **options).skipped == 2
    put(calls, "in/a b.mp4", b"fine and new")
    assert run(urls, out, **options).analysed == 1


def test_what_is_replaced_after_it_was_listed_is_analysed_as_it_is_now(calls: Any, tmp_path: Path) -> None:
    put(calls, "in/a.mp4", b"fine at first")
    urls = batch.find(["s3://calls/in/"], schemes=("s3",))
    put(calls, "in/a.mp4", b"fine, and longer, in the end")
    run(urls, tmp_path / "results.jsonl", **spooled(tmp_path))
    (line,) = lines(tmp_path / "results.jsonl")
    assert line["sha256"] == hashlib.sha256(b"fine, and longer, in the end").hexdigest()


def submitted(server: Any, key: str) -> dict[str, Any]:
    answer = server.client.call("POST", "/v1/jobs", json={"url": f"s3://calls/{key}"})
    return dict(server.client.ended(answer.json()["id"]))


def test_the_service_takes_what_is_there_now(calls: Any, tmp_path: Path) -> None:
    with served(tmp_path, sources=["s3://calls/in/"]) as server:
        early = submitted(server, "in/a%20b.mp4")
        assert early["error"] == {"type": "Fetch", "message": "the storage has no such object"}
        content = b"well " + bytes(3 << 20)
        put(calls, "in/a b.mp4", content)
        late = submitted(server, "in/a%20b.mp4")
        assert late["state"] == "succeeded"
        assert late["recording"]["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_storage_that_is_down_or_refuses_is_told_apart(
    calls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching.fetch, "__kwdefaults__", {"pause": 0.01})
    put(calls, "in/a.mp4", b"well")
    with served(tmp_path, sources=["s3://calls/in/"]) as server:
        assert submitted(server, "in/a.mp4")["state"] == "succeeded"
        calls.stop()
        down = submitted(server, "in/a.mp4")["error"]
        assert down["message"] == "the storage could not be reached in 3 tries: EndpointConnectionError"


def test_missing_credentials_end_the_job_and_name_no_address(
    calls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with served(tmp_path, sources=["s3://calls/in/"]) as server:
        assert submitted(server, "in/a.mp4")["error"]["message"] == "the storage refuses: NoCredentialsError"
