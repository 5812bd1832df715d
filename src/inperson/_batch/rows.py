"""What a batch writes for a recording: a checked report, with the signals that its row had before."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from inperson._batch.intake import Ready
from inperson._batch.results import Ledger


def settings(analyze: Callable[[str], Any]) -> dict[str, Any]:
    """What all analyses of a batch have in common, as plain values; empty for an analyser that is no `Analyzer`."""
    from inperson import site
    from inperson.analysis import Analyzer
    from inperson.asr import named

    if not isinstance(analyze, Analyzer):
        return {}
    own = site.of(analyze.calibration)
    heard = {} if analyze.asr is None else {"asr": named(analyze.asr)}  # left out: older results have no such entry
    return heard | {
        "candidate": analyze.candidate,
        "prior": analyze.prior,
        "audio_track": analyze.audio_track,
        "face_backend": analyze.face_backend,
        "calibration": None if own is None else own.sha256 or own.label,
        "recheck": analyze.recheck,
    }


def outcome_line(ready: Ready, outcome: dict[str, Any]) -> dict[str, Any]:
    """The report or error of a recording. What its process sent is checked: it has handled a hostile file."""
    from pydantic import ValidationError

    from inperson.report import Report

    if "error" in outcome:
        return {"error": outcome["error"]}
    try:
        report = Report.model_validate(outcome["report"]).model_dump(by_alias=True, mode="json")
    except ValidationError as error:
        what = f"the process sent no valid report: {error.errors()[0]['msg']}"
        return {"error": {"type": "Crash", "message": what}}
    report["media"] |= {"path": ready.path, "sha256": ready.sha256}  # as known here, not as a process says
    return {"report": report}


def changed(ready: Ready) -> dict[str, Any] | None:
    """An error where a file is no longer the one that its row is known by."""
    if not ready.fetched:
        try:
            found = os.stat(ready.local)
            if ready.stamp == f"{found.st_size}-{found.st_mtime_ns}":
                return None
        except OSError:
            pass
        message = "it changed while it was analysed; try it again when nobody writes it"
        return {"error": {"type": "MediaError", "message": message}}
    return None


class Merger:
    """Adds signals to the reports that are there."""

    def __init__(self, analyze: Callable[[str], Any], ledger: Ledger) -> None:
        from inperson import __version__
        from inperson.analysis import Analyzer
        from inperson.detectors import factories

        self.version = __version__
        self.signals: tuple[str, ...] | None = None
        """The signals that every row is to have; None where rows are not added to."""
        if isinstance(analyze, Analyzer) and analyze.detectors is None:
            self.signals = tuple(factory().signal for factory in factories(analyze.signals))
        self._ledger = ledger

    def merged(self, ready: Ready, report: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The report with the findings that its row had before, and the signals to analyse again all together.

        The latter where the two do not belong together: of another inperson, or about another face or voice.
        """
        known = self._ledger.rows.get(ready.key)
        new = {finding["signal"] for finding in report["findings"]}
        if known is None or known.failed or self.signals is None or known.signals <= new:
            return report, ()
        old = self._ledger.report(ready.key)
        if old["version"] != report["version"] or not _same_person(old["candidate"], report["candidate"]):
            return report, tuple(sorted(known.signals | new))
        return _together(old, report), ()


def _same_person(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two reports speak of one face and one voice, as far as both say."""
    return all(None in (one[part], other[part]) or one[part] == other[part] for part in ("track", "speaker"))


def _together(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    from inperson._together import together
    from inperson.detectors import names
    from inperson.report import Report

    known = names()
    findings = {finding["signal"]: finding for finding in (*old["findings"], *new["findings"])}
    order = sorted(findings, key=lambda signal: (known.index(signal) if signal in known else len(known), signal))
    fuller = old if _told(old["candidate"]) > _told(new["candidate"]) else new
    whole = {
        **new,
        "candidate": fuller["candidate"],
        "findings": [findings[signal] for signal in order],
        "warnings": list(dict.fromkeys((*old["warnings"], *new["warnings"]))),
    }
    report = Report.model_validate(whole)
    both = together(report.findings, report.media.duration)
    made: dict[str, Any] = report.model_copy(update={"findings": tuple(both)}).model_dump(by_alias=True, mode="json")
    return made


def _told(candidate: dict[str, Any]) -> int:
    return sum(candidate[part] is not None for part in ("track", "speaker"))
