"""What figures are made of: one row a recording, signal and condition.

Rows come from an evaluation's results (`inperson.evaluation.run`), from a batch's (`from_batch`), or from a script's
own scores: nothing else is needed for `inperson.evaluation.figures.summarise`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inperson.errors import InputError
from inperson.evaluation.manifest import Entry, Manifest
from inperson.evaluation.trivia import Trivia, of_report

SCORED = "scored"
ERROR = "error"
STATUSES = (SCORED, "abstained", "inconclusive", "not_applicable", ERROR)
"""What can become of a recording. Only scored ones enter a figure; the others are counted beside it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One recording looked at for one signal under one condition.

    Attributes
    ----------
    path, signal : str
        As in the manifest.
    label : int
        1 where the signal is present, 0 where bona fide.
    group : str
        What the bootstrap resamples: the person, or else the recording.
    condition : str
        ``clean``, or the name of a degradation.
    status : str
        One of `STATUSES`.
    score, llr, confidence, quality : float or None
        Of a scored row; `confidence` at the evaluation's prior.
    p_value : float or None
        Conformal, where a site calibration gave one.
    reason : str
        Why there is no score: the abstention's reason, or the error's text after its type.
    columns : mapping of str to str
        What to break down by; an empty value is not known.
    evidence : tuple of mapping
        Moments, as in a report.
    measurements : mapping of str to float
        Everything the detector measured, by name.
    trivia : mapping or None
        As from `inperson.evaluation.trivia.measure`.
    seconds, cpu_seconds, duration : float or None
        Wall and CPU time of the analysis, length of the recording.
    """

    path: str
    signal: str
    label: int
    group: str
    condition: str = "clean"
    status: str = SCORED
    score: float | None = None
    llr: float | None = None
    confidence: float | None = None
    quality: float | None = None
    p_value: float | None = None
    reason: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[Mapping[str, Any], ...] = ()
    measurements: Mapping[str, float] = field(default_factory=dict)
    trivia: Trivia | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    duration: float | None = None


def row(entry: Entry, condition: str, content: str, line: Mapping[str, Any]) -> Row:
    """The row of a manifest entry, from the line of its task: ``error``, or ``report`` and what else is known.

    `content` identifies the recording where no person is named.
    """
    known: dict[str, Any] = {
        "path": entry.path,
        "signal": entry.signal,
        "label": entry.label,
        "group": f"person {entry.person}" if entry.person else f"recording {content}",
        "condition": condition,
        "columns": entry.columns,
    }
    if "error" in line:
        return Row(**known, status=ERROR, reason=f"{line['error']['type']}: {line['error']['message']}")
    report = line["report"]
    finding = next((one for one in report["findings"] if one["signal"] == entry.signal), None)
    if finding is None:
        return Row(**known, status=ERROR, reason="NoFinding: the results hold nothing on this signal")
    return Row(
        **known,
        status=finding["status"],
        **{name: finding.get(name) for name in ("score", "llr", "confidence", "quality", "p_value")},
        reason=finding.get("reason") or "",
        evidence=tuple(finding.get("evidence", ())),
        measurements={name: one["value"] for name, one in finding.get("measurements", {}).items()},
        trivia=line.get("trivia"),
        seconds=line.get("seconds"),
        cpu_seconds=line.get("cpu_seconds"),
        duration=report["media"]["duration"],
    )


def calibrated(rows: Sequence[Row], prior: float) -> list[Row]:
    """`rows`, those with a score and without likelihood ratio given it, and a confidence, by their signal's card.

    Raises
    ------
    InputError
        No detector is known for the signal of such a row, or the prior is not inside (0, 1).
    """
    from inperson import models
    from inperson.calibration import Calibration, confidence
    from inperson.detectors import factories

    def fitted(signal: str) -> Calibration:
        model = factories((signal,))[0]().model
        return Calibration.from_card(models.card(model).calibration, model)

    lacking = {row.signal for row in rows if row.score is not None and row.llr is None}
    maps = {signal: fitted(signal) for signal in lacking}
    done: list[Row] = []
    for one in rows:
        if one.score is not None and one.llr is None:
            llr = maps[one.signal].llr(one.score)
            one = replace(one, llr=llr, confidence=confidence(llr, prior))
        done.append(one)
    return done


def from_batch(manifest: Manifest, results: Path, prior: float) -> list[Row]:
    """Rows from results of ``inperson batch``, matched by absolute path; a recording without a line is an error row.

    Trivia is what the reports tell of the files; confidences are at `prior`, whatever the batch's was.

    Raises
    ------
    InputError
        The results cannot be read, are none, or are of another model than the one installed.
    """
    from inperson.calibration import confidence

    lines = _batch_lines(results)
    missing = {"error": {"type": "NoResult", "message": "the results hold no line for this recording"}}
    rows = []
    for entry in manifest.entries:
        key = os.fsencode(os.path.abspath(entry.file)).decode("utf-8", "backslashreplace")
        line = lines.get(key, missing)
        content = line["report"]["media"]["sha256"] if "report" in line else key
        _require_model(entry, line, results)
        made = row(entry, "clean", content, line)
        rows.append(made if made.llr is None else replace(made, confidence=confidence(made.llr, prior)))
    return rows


def _require_model(entry: Entry, line: Mapping[str, Any], results: Path) -> None:
    """The document names the models that are installed; results of others would be shown under a wrong name."""
    from inperson.detectors import factories

    expected = factories((entry.signal,))[0]().model
    for finding in line["report"]["findings"] if "report" in line else ():
        if finding["signal"] == entry.signal and finding["model"] != expected:
            raise InputError(
                f"the results {results} were made with {finding['model']}, installed is {expected}; run the batch again"
            )


def _batch_lines(results: Path) -> dict[str, dict[str, Any]]:
    """By path: a report or an error, as a row wants them."""
    from inperson._batch.results import read

    found: dict[str, dict[str, Any]] = {}
    for result in read(results):
        line: dict[str, Any] = {"error": result.error}
        if result.report is not None:
            report = result.report.model_dump(by_alias=True, mode="json")
            line = {"report": report, "trivia": of_report(report["media"])}
        found.update(dict.fromkeys(result.paths, line))
    return found
