"""How long an analysis takes, where the time goes, and how that compares with merely decoding the same file.

Conventions
-----------
All of it happens in one run: the file is read once to bring it into the page cache, decoded once without keeping
anything, then analysed. Decoding uses the same opening, streams and thread settings as the analysis, one thread a
codec. Seconds are wall-clock; CPU seconds are of the thread that does the work, for the totals of the whole process: a
recogniser (``asr``) that works in threads of its own shows in the total alone.
Decoding for the analysis runs in a thread of its own beside the rest, so the stages can add up to more than the total.
"""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inperson.errors import InpersonError, MediaError

if TYPE_CHECKING:
    from inperson.asr import Recogniser

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Stage:
    """Seconds and CPU seconds that a part took, summed over the recording."""

    name: str
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Bench:
    """What a bench found.

    Attributes
    ----------
    path : str
    duration : float
        Seconds of recording that were read.
    decode : Stage
        Merely decoding picture and sound, one after the other as they come.
    stages : tuple of Stage
        Parts of the analysis in the order they first ran; ``decode`` is decoding and conversion to RGB and 16 kHz.
    total : Stage
        The whole analysis, models loaded within.
    peak_memory : int
        Most bytes of resident memory the process has held, Python and models included.
    cores : int
        That the process may use.
    """

    path: str
    duration: float
    decode: Stage
    stages: tuple[Stage, ...]
    total: Stage
    peak_memory: int
    cores: int
    start_up: Stage = Stage("start-up", 0.0, 0.0)

    @property
    def times_decode(self) -> float:
        """CPU seconds of the analysis as a multiple of those of merely decoding."""
        return self.total.cpu_seconds / max(self.decode.cpu_seconds, 1e-9)

    @property
    def times_decode_wall(self) -> float:
        """The same of wall seconds."""
        return self.total.seconds / max(self.decode.seconds, 1e-9)

    @property
    def speed(self) -> float:
        """Seconds of recording analysed in a second."""
        return self.duration / max(self.total.seconds, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the derived ones included."""
        derived = {"times_decode": self.times_decode, "times_decode_wall": self.times_decode_wall, "speed": self.speed}
        return asdict(self) | derived


def bench(
    path: str | Path,
    *,
    signals: Iterable[str] | None = None,
    face_backend: str = "onnx",
    asr: Recogniser | None = None,
) -> Bench:
    """Measure one recording. Options as in `inperson.analyze`.

    Raises
    ------
    MediaError, ModelError, InputError
        As `inperson.analyze`.
    """
    from inperson.analysis import analyze

    _warm(path)
    start_up = _start_up(signals)
    decode = _decode_only(path)
    sums: dict[str, tuple[float, float]] = {}
    lock = threading.Lock()

    def on_stage(name: str, seconds: float, cpu_seconds: float) -> None:
        with lock:  # decoding runs in a thread of its own
            wall, cpu = sums.get(name, (0.0, 0.0))
            sums[name] = wall + seconds, cpu + cpu_seconds

    started = time.perf_counter(), time.process_time()
    report = analyze(path, signals=signals, face_backend=face_backend, recheck=False, on_stage=on_stage, asr=asr)
    total = Stage("total", time.perf_counter() - started[0], time.process_time() - started[1])
    stages = tuple(Stage(name, *spent) for name, spent in sums.items())
    cores = len(os.sched_getaffinity(0))
    return Bench(report.media.path, report.media.duration, decode, stages, total, peak_memory(), cores, start_up)


def _start_up(signals: Iterable[str] | None) -> Stage:
    """Load what a process loads once, however many recordings it analyses: libraries and models."""
    from inperson.analysis import load

    started = time.perf_counter(), time.process_time()
    load(signals)
    return Stage("start-up", time.perf_counter() - started[0], time.process_time() - started[1])


def peak_memory() -> int:
    """Most bytes of resident memory this process has held so far."""
    try:
        status = Path("/proc/self/status").read_text()
        # Not ru_maxrss where there is a choice: it starts from what the parent process held when it forked.
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _warm(path: str | Path) -> None:
    try:
        with open(path, "rb") as file:
            while file.read(_BLOCK):
                pass
    except OSError as error:
        raise MediaError(f"cannot read {os.fspath(path)!r}: {error.strerror}") from None


def _decode_only(path: str | Path) -> Stage:
    from inperson._media.containers import Handle, Limits
    from inperson.media import probe

    info = probe(path)
    started = time.perf_counter(), time.process_time()
    with Handle(path, Limits()) as handle:
        wanted = [track.index for track in info.audio]
        if info.video is not None:
            wanted.append(info.video.index)
            codec = handle.container.streams[info.video.index].codec_context
            codec.thread_count, codec.thread_type = 1, "AUTO"
        for packet in handle.packets([handle.container.streams[index] for index in wanted]):
            _decoded(packet)
    return Stage("decode only", time.perf_counter() - started[0], time.process_time() - started[1])


def _decoded(packet: Any) -> None:
    try:
        packet.decode()
    except InpersonError:
        raise
    except Exception:  # a damaged packet: the analysis counts and reports it
        return
