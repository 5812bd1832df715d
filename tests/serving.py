"""A real server for tests: in a thread of this process, or as the command in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
import uvicorn

from inperson.service.keys import SCOPES
from inperson.service.server import configured
from inperson.service.service import Service
from inperson.service.settings import Settings

HERE = Path(__file__).parent
WAIT = 120.0  # a machine with much else to do


def hanging(jobs: Path, id: str) -> str:
    """The process id of a worker that was given ``hang``, once it hangs."""
    return str(wait_for(lambda: next((copy.read_text() for copy in (jobs / id).rglob("copy.mp4")), "")))


def runs(pid: str) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Client:
    """Calls one server with one key."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        self._pool = urllib3.PoolManager(maxsize=64, retries=False, timeout=WAIT)

    def close(self) -> None:
        self._pool.clear()

    def call(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        return self._pool.request(method, self.url + path, headers=headers, **options)

    def upload(
        self, content: bytes, name: str = "interview.mp4", headers: dict[str, str] | None = None, **parts: Any
    ) -> urllib3.BaseHTTPResponse:
        fields: dict[str, Any] = {"recording": (name, content, "video/mp4")}
        for part, value in parts.items():
            fields[part] = value if isinstance(value, str) else json.dumps(value)
        return self.call("POST", "/v1/uploads", fields=fields, headers=headers or {})

    def job(self, id: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/v1/jobs/{id}").json())

    def ended(self, id: str) -> dict[str, Any]:
        """The job, once it has ended."""
        return wait_for(lambda: (job := self.job(id))["state"] in ("succeeded", "failed") and job)


def wait_for(condition: Callable[[], Any]) -> Any:
    """The first true value of `condition`, asked again and again."""
    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        if found := condition():
            return found
        threading.Event().wait(0.02)
    raise AssertionError("it did not come about in time")


class Served:
    """A running server with a client that has every scope."""

    def __init__(self, service: Service, client: Client, folder: Path) -> None:
        self.service, self.client, self.folder = service, client, folder

    def client_of(self, *scopes: str, owner: str = "default") -> Client:
        return Client(self.client.url, self.service.keys.add("test", scopes, owner)[1])

    def files(self) -> list[Path]:
        """Everything that lies in the service's folder beside its database and logs."""
        data = self.service.settings.data
        return sorted(path for name in ("jobs", "incoming") for path in (data / name).rglob("*"))


@contextmanager
def served(folder: Path, **settings: Any) -> Iterator[Served]:
    """Serve with the analyser of `behaving` in a thread until the block ends."""
    os.environ["PYTHONPATH"] = str(HERE)
    given = {"workers": 2, "analyse": "behaving:behave", "reserve_mib": 1, "data": folder / "data"} | settings
    service = Service(Settings(**given))
    _, key = service.keys.add("test", SCOPES)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(configured(service))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    client = Client(f"http://127.0.0.1:{listening.getsockname()[1]}", key)
    try:
        wait_for(lambda: server.started or not thread.is_alive())
        yield Served(service, client, folder)
    finally:
        client.close()
        server.should_exit = True
        thread.join(WAIT)
        assert not thread.is_alive(), "the server does not stop"


class Process:
    """``inperson serve`` in a process of its own."""

    def __init__(self, folder: Path, config: str = "") -> None:
        self.folder, self.data = folder, folder / "data"
        self.config = folder / "service.toml"
        analyse = "" if "analyse" in config else 'analyse = "behaving:behave"\n'
        self.config.write_text(f'data = "data"\nport = 0\nworkers = 2\nreserve_mib = 1\n{analyse}{config}')
        self.environment = {**os.environ, "PYTHONPATH": str(HERE)}
        self.key = self.run("keys", "add", "--name", "test", "--scopes", ",".join(SCOPES)).strip()
        self.process: subprocess.Popen[str] | None = None

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "inperson", *arguments, "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=self.environment).stdout

    def start(self) -> Client:
        log = open(self.folder / "server.log", "a")  # noqa: SIM115
        command = [sys.executable, "-m", "inperson", "serve", "--config", str(self.config)]
        before = len(self.log())
        self.process = subprocess.Popen(command, stderr=log, text=True, env=self.environment)
        log.close()
        line = wait_for(lambda: next((one for one in self.log()[before:] if one["event"] == "listening"), None))
        return Client(f"http://127.0.0.1:{line['port']}", self.key)

    def log(self) -> list[dict[str, Any]]:
        path = self.folder / "server.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(WAIT)
