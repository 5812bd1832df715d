"""Inside another program: analyses that are cancelled, that run side by side in threads, and after fork and spawn."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import pytest
from threadpoolctl import threadpool_info

from inperson import Analyzer, Cancelled, InputError
from inperson import stability as stabilities
from inperson._one_thread import one_blas_thread

ROOT = Path(__file__).parents[1]
WHOLE = ROOT / "samples/candidate_only.mp4"
VOICE = ROOT / "samples/synthetic_voice.flac"
FORKS = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 warns of what is tested here
ANALYZER = Analyzer(signals=("lip_sync", "synthetic_voice"), recheck=False)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first five seconds of a candidate who talks."""
    path = tmp_path_factory.mktemp("embedding") / "clip.mp4"
    with av.open(str(WHOLE)) as source, av.open(str(path), "w") as out:
        streams = {one.index: out.add_stream_from_template(one) for one in source.streams}
        for packet in source.demux():
            if packet.dts is not None and packet.pts * packet.time_base < 5:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return path


@pytest.fixture(scope="module")
def alone(clip: Path) -> str:
    """The report of an analysis with the process to itself."""
    return ANALYZER(clip).to_json()


def test_threads_side_by_side_give_the_same_report(clip: Path, alone: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: ANALYZER(clip).to_json(), range(2))) == [alone] * 2


@FORKS
def test_a_forked_child_of_a_process_that_has_analysed_gives_the_same_report(clip: Path, alone: str) -> None:
    child = os.fork()
    if child == 0:
        same = False
        try:
            same = ANALYZER(clip).to_json() == alone
        finally:
            os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0


PREPARED = """
import os, sys
from inperson import Analyzer, models
analyze = Analyzer()
analyze.prepare()
libraries, sessions = set(sys.modules), models._session.cache_info().misses
child = os.fork()
if child == 0:
    try:
        analyze.seconds(sys.argv[1])
        analyze(sys.argv[1])
        print(sorted(set(sys.modules) - libraries), models._session.cache_info().misses - sessions)
        sys.stdout.flush()
    finally:
        os._exit(0)
os.waitpid(child, 0)
"""


def test_a_child_of_a_prepared_process_loads_no_library_and_no_model(clip: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", PREPARED, clip], capture_output=True, text=True, check=True)
    assert ran.stdout == "[] 0\n"


def test_a_spawned_process_gives_the_same_report(clip: Path, alone: str) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(ANALYZER, (clip,)).to_json() == alone


def test_overlapping_blocks_leave_the_blas_as_they_found_it() -> None:
    before = _blas_threads()
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set(_blas_threads()) == {1}
    second.__exit__(None, None, None)
    assert _blas_threads() == before


def test_a_thread_is_limited_too_after_the_main_thread_was() -> None:
    def inside() -> list[int]:
        with one_blas_thread():
            return _blas_threads()

    assert set(inside()) == {1}
    with ThreadPoolExecutor(1) as pool:
        assert set(pool.submit(inside).result()) == {1}


def test_a_block_that_began_in_another_thread_does_not_end_this_one() -> None:
    before, other = _blas_threads(), one_blas_thread()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(other.__enter__).result()
        with one_blas_thread():
            pool.submit(other.__exit__, None, None, None).result()
            assert set(_blas_threads()) == {1}
    assert _blas_threads() == before


@FORKS
def test_a_child_forked_from_inside_a_block_can_use_one_of_its_own() -> None:
    with one_blas_thread():
        child = os.fork()
        if child == 0:
            try:
                with one_blas_thread():
                    os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0


def _blas_threads() -> list[int]:
    import scipy.linalg  # noqa: F401

    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]


def test_cancelling_stops_within_a_chunk_and_leaves_no_thread() -> None:
    threads = threading.active_count()
    stop = threading.Event()
    read: list[float] = []

    def progress(done: float, total: float | None) -> None:
        read.append(done)
        if done >= 2:
            stop.set()

    with pytest.raises(Cancelled, match="cancelled by its caller"):
        ANALYZER(WHOLE, progress, cancel=stop.is_set)
    assert read[-1] == 2.0
    assert threading.active_count() == threads


def test_cancelling_reaches_the_copies_that_are_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording without a finding to recheck would never get there, so the threshold is lowered to any ratio."""
    monkeypatch.setattr(stabilities, "SPEAKS", -99.0)
    lengths: list[float | None] = []

    def progress(done: float, total: float | None) -> None:
        lengths.append(total)

    asked_after_reading = []

    def cancel() -> bool:
        if lengths and lengths[-1] is not None and len(lengths) > lengths[-1] * 2:  # the whole recording is read
            asked_after_reading.append(True)
        return len(asked_after_reading) > 6  # past session and finish of one signal: a copy is being written

    with pytest.raises(Cancelled):
        Analyzer(signals=("synthetic_voice",))(VOICE, progress, cancel=cancel)
    assert len(asked_after_reading) == 7


def test_an_exception_from_the_callers_hook_is_passed_on() -> None:
    def progress(done: float, total: float | None) -> None:
        raise InputError("enough")

    with pytest.raises(InputError, match="enough"):
        ANALYZER(WHOLE, progress)
