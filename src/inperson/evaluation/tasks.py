"""What there is to do for a manifest: each distinct recording, with its options, once per condition.

A task is known by its `key`, a digest of everything its result depends on: the recording's content (not its name), the
condition and its seed, the options, the signals asked for together, their models, the shared models, the code that
these reach and the libraries beneath. A result whose key is still asked for is never made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inperson.evaluation import fingerprint
from inperson.evaluation.manifest import Entry, Manifest

CLEAN = "clean"
"""The condition of a recording as it is."""
FORM = 1
"""Of what `inperson.evaluation.work` writes down; raise it when that changes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Options that hold for every recording; as in `inperson.analyze`, `seed` that of the degradations."""

    prior: float = 0.5
    face_backend: str = "onnx"
    calibration: Path | None = None
    recheck: bool = True
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """One analysis; its JSON form is what a worker process gets."""

    key: str
    path: str
    content: str
    signals: tuple[str, ...]
    condition: str
    seed: int
    turns: str | None
    candidate: str | None
    audio_track: int | None

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Task:
        fields = json.loads(text)
        return cls(**{**fields, "signals": tuple(fields["signals"])})


@dataclass(frozen=True, slots=True)
class Plan:
    """Tasks, each once, and which of them each manifest entry needs, one a condition."""

    tasks: dict[str, Task]
    keys: dict[tuple[int, str], str]
    contents: dict[Path, str]

    def key(self, entry: Entry, condition: str) -> str:
        return self.keys[entry.line, condition]


def planned(manifest: Manifest, conditions: Sequence[str], settings: Settings) -> Plan:
    """The tasks of a manifest.

    Raises
    ------
    MediaError
        A recording cannot be read.
    ModelError
        A model is missing or altered.
    """
    from inperson._media.probe import sha256

    contents = {entry.file: "" for entry in manifest.entries}
    for file in contents:
        contents[file] = sha256(file)
    asked: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in manifest.entries:
        same = (contents[entry.file], fingerprint.file_digest(entry.turns), entry.candidate, entry.audio_track)
        asked.setdefault(same, []).append(entry)
    marks = _Marks(settings)
    tasks: dict[str, Task] = {}
    keys: dict[tuple[int, str], str] = {}
    for same, entries in asked.items():
        signals = tuple(sorted({entry.signal for entry in entries}))
        for condition in conditions:
            task = _task(entries[0], signals, condition, same, marks)
            tasks.setdefault(task.key, task)
            keys.update({(entry.line, condition): task.key for entry in entries})
    return Plan(tasks, keys, contents)


def _task(entry: Entry, signals: tuple[str, ...], condition: str, same: tuple[Any, ...], marks: _Marks) -> Task:
    content, turns, candidate, audio_track = same
    seed = 0 if condition == CLEAN else _seed(marks.settings.seed, content)
    key = fingerprint.digest(
        {
            "content": content,
            "turns": turns,
            "candidate": candidate,
            "audio_track": audio_track,
            "condition": condition,
            "seed": seed,
            "depends": marks.of(signals, condition),
        }
    )
    return Task(
        key=key,
        path=os.path.abspath(entry.file),
        content=content,
        signals=signals,
        condition=condition,
        seed=seed,
        turns=None if entry.turns is None else os.path.abspath(entry.turns),
        candidate=candidate,
        audio_track=audio_track,
    )


def _seed(seed: int, content: str) -> int:
    """A recording is degraded alike however it is called and whichever others stand beside it."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{content}".encode()).digest()[:4])


class _Marks:
    """What a set of signals under a condition depends on, worked out once each."""

    def __init__(self, settings: Settings) -> None:
        from inperson.detectors import BUILT_IN

        self.settings = settings
        self._built_in = BUILT_IN
        self._common = {
            "prior": settings.prior,
            "face_backend": settings.face_backend,
            "recheck": settings.recheck,
            "calibration": fingerprint.file_digest(settings.calibration),
            "libraries": fingerprint.libraries(),
            "shared": shared_models(),
        }
        self._known: dict[tuple[tuple[str, ...], bool], str] = {}

    def of(self, signals: tuple[str, ...], condition: str) -> str:
        degraded = condition != CLEAN
        if (signals, degraded) not in self._known:
            self._known[signals, degraded] = self._digest(signals, degraded)
        return self._known[signals, degraded]

    def _digest(self, signals: tuple[str, ...], degraded: bool) -> str:
        from inperson.detectors import factories

        made = factories(signals)
        own = [self._built_in[s].partition(":")[0] for s in signals if s in self._built_in]
        start = ["inperson.analysis", "inperson.evaluation.trivia", *own]
        start += ["inperson.degradation"] if degraded else []
        return fingerprint.digest(
            {
                **self._common,
                "signals": {factory().signal: fingerprint.model(factory().model) for factory in made},
                "foreign": [fingerprint.foreign(factory) for factory in made],
                "code": fingerprint.code(start, self._unused()),
                "form": FORM,
            }
        )

    def _unused(self) -> list[str]:
        """Modules that an analysis imports for what these settings do not ask for."""
        site = [] if self.settings.calibration else ["inperson.site"]
        return site if self.settings.recheck else [*site, "inperson.stability"]


def shared_models() -> dict[str, str]:
    """Models that no detector owns, as `fingerprint.shared` has them."""
    from inperson.detectors import BUILT_IN, factories

    return fingerprint.shared([*BUILT_IN, *(factory().model for factory in factories(tuple(BUILT_IN)))])
