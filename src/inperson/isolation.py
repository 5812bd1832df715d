"""Analysing the recordings of strangers: one at a time, each in a confined process of its own.

>>> from inperson import Analyzer
>>> from inperson.isolation import IsolatedAnalyzer
>>> with IsolatedAnalyzer(Analyzer(signals=("lip_sync",))) as analyse:  # doctest: +SKIP
...     report = analyse("upload.mp4")

What `inperson batch` does to many recordings, for a service that is handed them one by one. A recording that crashes,
hangs or devours its process ends that process and raises `AnalysisError`; the next one finds a fresh process with the
models loaded already. `in_force` says what this system can hold the process to.

A script that uses this needs the usual ``if __name__ == "__main__":``, because the worker is spawned. Every
`IsolatedAnalyzer` is one worker, for one thread at a time; use one for each recording that is to be analysed at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from inperson._isolated.confine import Confinement, Protection, in_force
from inperson._isolated.handle import Limits
from inperson._isolated.supervisor import Isolated
from inperson.errors import AnalysisError, InpersonError, InputError, MediaError, ModelError

if TYPE_CHECKING:
    from inperson.report import Report

__all__ = ["MEMORY", "TIMEOUT", "Confinement", "IsolatedAnalyzer", "Protection", "in_force"]

TIMEOUT = 7200.0
"""Default wall seconds for one recording."""
MEMORY = 2048
"""Default MiB for one recording's process."""
_OWN: dict[str, type[InpersonError]] = {one.__name__: one for one in (MediaError, ModelError, InputError)}


class IsolatedAnalyzer:
    """An analyser whose every call runs in a confined process.

    Parameters
    ----------
    analyze : callable, optional
        Picklable; takes a path, returns a `Report`. ``Analyzer()`` by default. `inperson._isolated.worker` says what
        else it may have.
    timeout : float or None
        Wall seconds for one recording; a short one gets less (2 min and 4 s for each second). None for no limit but
        that.
    memory : int or None
        MiB of resident memory of the process, code and models included; None for no limit.
    confinement : Confinement, optional
        What it may open beside the recording.

    Raises
    ------
    InputError
        `analyze` cannot be pickled.
    InpersonError
        The confinement is required and this system cannot give it.
    """

    def __init__(
        self,
        analyze: Callable[[str], Any] | None = None,
        *,
        timeout: float | None = TIMEOUT,
        memory: int | None = MEMORY,
        confinement: Confinement | None = None,
    ) -> None:
        if analyze is None:
            from inperson.analysis import Analyzer

            analyze = Analyzer()
        self._one = Isolated(analyze, Limits(timeout, memory), confinement)
        self._turn = threading.Lock()
        self._cancelled = threading.Event()

    def start(self) -> None:
        """Start loading the models, without waiting, so that the first recording does not wait for them."""
        self._one.start()

    def __call__(self, path: str | Path, **options: Any) -> Report:
        """Analyse one recording; another thread that calls meanwhile waits.

        Parameters
        ----------
        path : path
        **options
            Fields of the analyser to be different for this recording, such as ``candidate="left"``.

        Raises
        ------
        MediaError, ModelError, InputError
            As `inperson.analyze`.
        AnalysisError
            The process crashed, took too long or too much memory, was cancelled, or met an unexpected error.
        """
        from pydantic import ValidationError

        from inperson.report import Report

        with self._turn:
            self._cancelled.clear()
            outcome = self._one(str(path), options, self._cancelled.is_set)
        if "error" in outcome:
            kind, message = outcome["error"]["type"], outcome["error"]["message"]
            raise _OWN[kind](message) if kind in _OWN else AnalysisError(kind, message)
        try:
            return Report.model_validate(outcome["report"])
        except ValidationError as error:
            why = f"the process sent no valid report: {error.errors()[0]['msg']}"
            raise AnalysisError("Crash", why) from None

    def cancel(self) -> None:
        """End the recording that is in work, from any thread: its call raises `AnalysisError` of kind ``Cancelled``."""
        self._cancelled.set()

    def close(self) -> None:
        """End the worker process and delete its private folder."""
        self._one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
