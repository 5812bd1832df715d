"""Batches on a Ray cluster: the rows of the local engine, whichever workers and nodes die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_batch import HERE, Unloadable, Unpicklable, behave, key, lines, recordings, run, tried

from inperson import batch
from inperson._batch import ray_pool
from inperson._batch.ray_connection import connected
from inperson._isolated.handle import Limits
from inperson._isolated.supervisor import Job, Listed
from inperson.errors import InpersonError, InputError
from inperson.isolation import Confinement

pytest.importorskip("ray", reason="Ray is not installed; make test-ray installs it")


@pytest.fixture(scope="module", autouse=True)
def _modules_on_the_nodes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]))
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


DRIVER = """
import sys, test_batch
from pathlib import Path
if __name__ == "__main__":
    test_batch.run(sys.argv[2:], Path(sys.argv[1]), engine="ray", workers=1,
                   progress=lambda tally: print(tally.finished, flush=True))
"""


def test_after_kill_9_the_workers_end_and_the_local_engine_can_go_on(tmp_path):
    paths = recordings(tmp_path, *["slow 0.2"] * 10)
    out = tmp_path / "results.jsonl"
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    running = subprocess.Popen(
        [sys.executable, script, out, *paths], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": "/tmp"}
    )
    assert running.stdout is not None
    for count in running.stdout:
        if int(count) == 3:
            break
    running.kill()
    running.communicate()
    worker = int(lines(out)[-1]["report"]["candidate"]["how"].split()[0])
    deadline = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
    done = len(lines(out))
    assert run(paths, out) == batch.Tally(total=10, skipped=done, analysed=10 - done)
    assert sorted(map(key, lines(out))) == paths


def nosy(path: str) -> Any:
    """Analyses what it should, after a try to read what lies in the folder that the batch is run in."""
    with pytest.raises(PermissionError):
        (Path(path).parent.parent / "run here" / "secret.txt").read_text()
    return behave(path)


def test_a_node_that_dies_in_the_middle_loses_and_doubles_nothing(tmp_path, monkeypatch):
    from ray.cluster_utils import Cluster

    for name in ("run here", "recordings"):
        (tmp_path / name).mkdir()
    (tmp_path / "run here" / "secret.txt").write_text("of another candidate")
    monkeypatch.chdir(tmp_path / "run here")
    paths = recordings(tmp_path / "recordings", *["slow 0.2"] * 20)
    out = tmp_path / "recordings" / "results.jsonl"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)

        def remove(tally: batch.Tally) -> None:
            workers = {line["report"]["candidate"]["how"].split()[0] for line in lines(out)}
            if len(nodes) == len(workers) == 2:
                cluster.remove_node(nodes.pop(), allow_graceful=False)

        tally = run(paths, out, engine="ray", analyze=nosy, progress=remove)
    finally:
        cluster.shutdown()
    assert len(nodes) == 1
    assert tally == batch.Tally(total=20, analysed=20)
    assert sorted(map(key, lines(out))) == paths
    assert Counter(tried(tmp_path / "recordings").values())[1] >= 19  # only what the node had was begun again


def test_an_address_where_nobody_answers_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(
        InpersonError, match=r"the Ray cluster at 127.0.0.1:1 \(RAY_ADDRESS\) cannot be reached: .*refused"
    ):
        run(recordings(tmp_path, "fine"), tmp_path / "results.jsonl", engine="ray")


@pytest.fixture(scope="module")
def own() -> Iterator[None]:
    """A cluster for all tests below: `batch.run` takes the connection that is there, as those above must not."""
    with connected(2, None):
        yield


@pytest.mark.usefixtures("own")
def test_the_rows_are_those_of_the_local_engine_and_no_failure_costs_an_actor(tmp_path):
    words = ["fine", "exit", "segfault", "eat", "refuse", "bug", "nonsense", "chatter", "hang", "fine"]
    paths = recordings(tmp_path, *words)
    found: dict[str, Any] = {}
    for engine in ("local", "ray"):
        out = tmp_path / f"{engine}.jsonl"
        tally = run(paths, out, engine=engine, workers=1, memory=300, timeout=2)
        rows = {key(line): line for line in lines(out)}
        workers = {line["report"]["candidate"].pop("how").split()[0] for line in rows.values() if "report" in line}
        assert len(workers) == 1
        found[engine] = tally, rows
    assert found["ray"] == found["local"]
    assert found["ray"][0].finished == len(words)
    assert set(tried(tmp_path).values()) == {2}


@pytest.mark.usefixtures("own")
def test_a_killed_actor_and_a_killed_worker_lose_and_double_nothing(tmp_path):
    paths = recordings(tmp_path, *["slow 0.05"] * 40)
    out = tmp_path / "results.jsonl"
    killed: list[int] = []

    def kill(tally: batch.Tally) -> None:
        if tally.finished in (5, 15, 25) and len(killed) < tally.finished // 10 + 1:
            worker = int(lines(out)[-1]["report"]["candidate"]["how"].split()[0])
            killed.append(worker if tally.finished == 15 else parent(worker))
            os.kill(killed[-1], signal.SIGKILL)

    tally = run(paths, out, engine="ray", workers=2, progress=kill)
    assert len(set(killed)) == 3
    crashed = tally.errors.get("Crash", 0)  # a worker is killed with what it has: its own recording's outcome
    assert crashed <= 1
    assert tally == batch.Tally(total=40, analysed=40 - crashed, errors={"Crash": 1} if crashed else {})
    assert sorted(map(key, lines(out))) == paths
    again = run(paths, out, engine="ray", workers=2)
    assert again == batch.Tally(total=40, skipped=40)


@pytest.mark.usefixtures("own")
def test_a_recording_whose_actor_dies_every_time_is_given_up(tmp_path):
    paths = recordings(tmp_path, "hang", "fine")
    out = tmp_path / "results.jsonl"
    killer = threading.Thread(target=_kill_whoever_has, args=(paths[0], 3))
    killer.start()
    tally = run(paths, out, engine="ray", workers=1, analyze=announce)
    killer.join()
    assert tally == batch.Tally(total=2, analysed=1, errors={"Crash": 1})
    assert tried(tmp_path)[paths[0]] == 3
    errors = [line["error"]["message"] for line in lines(out) if "error" in line]
    assert errors[0].startswith("the worker that had it was lost 3 times; last: ActorDiedError: ")


def announce(path: str) -> Any:
    with open(f"{path}.pid", "a") as file:
        file.write(f"{os.getppid()}\n")
    return behave(path)


def _kill_whoever_has(path: str, times: int) -> None:
    for number in range(times):
        while not (told := Path(f"{path}.pid")).exists() or len(found := told.read_text().splitlines()) <= number:
            time.sleep(0.01)
        os.kill(parent(int(found[number])), signal.SIGKILL)


@pytest.mark.usefixtures("own")
def test_what_no_node_sees_is_an_error_that_names_the_node_and_the_rest_goes_on(tmp_path):
    (there,) = recordings(tmp_path, "fine")
    feed = Listed([Job("gone", "/nowhere/17.mp4", {}), Job("there", there, {})])
    with ray_pool.cluster(1, None) as engine:
        found = dict(engine.outcomes(feed, behave, Limits(None, None), Confinement(write=(str(tmp_path),))))
    assert found["gone"]["error"]["type"] == "StorageError"
    assert f"not found under this path on {os.uname().nodename}; " in found["gone"]["error"]["message"]
    assert "report" in found["there"]


@pytest.mark.usefixtures("own")
def test_an_analyser_that_cannot_reach_the_workers_is_one_clear_error(tmp_path):
    paths = recordings(tmp_path, "fine")
    with pytest.raises(InputError, match=r"must be picklable .*holds a socket"):
        run(paths, tmp_path / "a.jsonl", engine="ray", analyze=Unpicklable())
    with pytest.raises(InpersonError, match=r"cannot start: OSError: .*no-such-library"):
        run(paths, tmp_path / "b.jsonl", engine="ray", analyze=Unloadable(), workers=1)


@pytest.mark.usefixtures("own")
def test_nodes_of_another_version_and_without_room_end_the_batch_with_one_clear_error(tmp_path, monkeypatch):
    paths = recordings(tmp_path, "fine")
    monkeypatch.setattr(ray_pool, "_START_SECONDS", 0.5)
    with pytest.raises(InpersonError, match=r"no CPU and memory for any worker in 0.5 s; it has 2 CPUs and \d+ MiB"):
        run(paths, tmp_path / "a.jsonl", engine="ray", memory=1 << 30)
    monkeypatch.undo()
    monkeypatch.setattr("inperson.__version__", "99.0")
    with pytest.raises(InpersonError, match=r"cannot start: it has inperson \S+, the batch is run by 99.0"):
        run(paths, tmp_path / "b.jsonl", engine="ray")
    assert not (tmp_path / "tried.log").exists()
