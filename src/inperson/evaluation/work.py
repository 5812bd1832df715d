"""The inside of a worker: degrade a recording if asked, analyse it, note the file's trivia.

A degraded recording exists in the private folder of its process (`inperson.isolation`), which is deleted with it.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inperson.evaluation.tasks import CLEAN, Settings, Task

if TYPE_CHECKING:
    from inperson.analysis import Analyzer


@dataclass(frozen=True, slots=True)
class Result:
    """What a worker sends: a report, trivia, and what it cost; `inperson._isolated.worker` asks for `to_json`."""

    values: dict[str, Any]

    def to_json(self, indent: int | None = None) -> str:
        return json.dumps(self.values, indent=indent)


@dataclass(frozen=True, slots=True)
class Job:
    """Callable with a task's JSON; picklable."""

    settings: Settings

    def prepare(self) -> None:
        """Load what every task needs."""
        from inperson.analysis import load

        load()

    def reads(self, text: str) -> list[str]:
        """The files that a task opens."""
        task = Task.from_json(text)
        return self._analyzer(task).reads(task.path)

    def __call__(self, text: str) -> Result:
        task = Task.from_json(text)
        if task.condition == CLEAN:
            return self._analysed(task, task.path, 0.0)
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            path = _degraded(task, Path(folder))
            return self._analysed(task, path, time.perf_counter() - begun)

    def _analysed(self, task: Task, path: str, degrading: float) -> Result:
        from inperson.evaluation.trivia import measure

        wall, cpu = time.perf_counter(), time.process_time()
        report = self._analyzer(task)(path)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return Result(
            {
                "report": json.loads(report.to_json(indent=None)),
                "trivia": measure(path),
                "seconds": round(wall, 3),
                "cpu_seconds": round(cpu, 3),
                "degrade_seconds": round(degrading, 3),
            }
        )

    def _analyzer(self, task: Task) -> Analyzer:
        from inperson.analysis import Analyzer

        return Analyzer(
            signals=task.signals,
            turns=task.turns,
            candidate=task.candidate,
            prior=self.settings.prior,
            audio_track=task.audio_track if task.condition == CLEAN else None,  # a degraded copy has that one alone
            face_backend=self.settings.face_backend,
            calibration=self.settings.calibration,
            recheck=self.settings.recheck,
        )


def _degraded(task: Task, folder: Path) -> str:
    from inperson.degradation import degrade, suffix
    from inperson.media import probe

    info = probe(task.path)
    out = folder / f"recording{suffix(task.condition, info.video is not None)}"
    degrade(task.path, out, task.condition, seed=task.seed, audio_track=task.audio_track)
    return str(out)
