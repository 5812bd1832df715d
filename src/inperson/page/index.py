"""The index of a batch: every recording in one table, what to look at first and why, how each signal is distributed.

Signals are never added up: a recording stands as high as its highest single finding, and the page says which one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inperson._batch.results import read as results
from inperson._over_time import Curve
from inperson.page import numbers, words
from inperson.page.build import environment, policed
from inperson.report import Finding, Report

FIRST = 12
"""Most recordings named under "look at first"."""
RARE = 0.05
"""p-value of the platform's own calibration from which a recording is named. Own choice, the usual one in twenty."""
BINS, REACH = 41, 2.05
"""Bars of a distribution, and the log10 ratio at which they end: shipped calibrations hardly go beyond 2."""
SPARKS = ((100, 48), (500, 24), (2000, 10))
"""Up to so many recordings a sparkline has so many points; beyond, none: for the size of the page."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the results: its report or its error, and its page if there is one."""

    path: str
    report: Report | None = None
    error: str = ""
    link: str | None = None

    @property
    def name(self) -> str:
        return Path(self.path).name or self.path


def read(path: str | os.PathLike[str], each: Callable[[int, Row], Row] = lambda _, row: row) -> list[Row]:
    """The rows of a batch's results file, one a content, under the first of its names.

    Parameters
    ----------
    path : path
    each : callable
        Called with the number of the row and the row, whole; what it returns is kept, without what the index does not
        show, so that thousands of reports fit into memory.

    Raises
    ------
    InputError
        It cannot be read, or a line is no result of `inperson batch`.
    """
    rows = []
    for number, found in enumerate(results(Path(path)), 1):
        error = "" if found.error is None else f"{found.error['type']}: {found.error['message']}"
        rows.append(_slim(each(number, Row(found.paths[0], found.report, error))))
    return rows


def index(rows: Sequence[Row], *, title: str = "Recordings") -> str:
    """The index page.

    Parameters
    ----------
    rows : sequence of Row
        None gives a page that says so.
    title : str

    Returns
    -------
    str
        HTML.
    """
    signals = _signals(rows)
    points = next((count for most, count in SPARKS if len(rows) <= most), 0)
    reports = [row.report for row in rows if row.report is not None]
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            title=title,
            rows=[_shown(row, signals, points) for row in rows],
            failed=sum(row.report is None for row in rows),
            signals=[(signal, words.of(signal)) for signal in signals],
            distributions=[_distribution(signal, reports) for signal in signals],
            first=first(rows),
            words=words,
            **policed("index.js"),
        )
    )


def first(rows: Iterable[Row]) -> list[tuple[Row, str, bool]]:
    """What to look at first: recording, why, and whether it stands out (else it is merely the highest).

    By the lower end of the interval of the recording's highest finding: what is sure, not what is possible.
    """
    found = []
    for row in rows:
        scored = [one for one in row.report.findings if one.interval is not None] if row.report else []
        if not scored or row.report is None:
            continue
        best = max(scored, key=lambda one: (one.interval or (0.0, 0.0), one.llr or 0.0))
        found.append((row, best, _stands_out(best, row.report.prior)))
    found.sort(key=lambda item: (item[2], item[1].interval or (0.0, 0.0), item[1].llr or 0.0), reverse=True)
    shown = [item for item in found if item[2]][:FIRST] or found[:3]
    return [(row, _why(best, out), out) for row, best, out in shown]


def _stands_out(finding: Finding, prior: float) -> bool:
    rare = finding.p_value is not None and finding.p_value <= RARE
    return rare or (finding.interval is not None and finding.interval[0] > prior)


def _why(finding: Finding, stands_out: bool) -> str:
    low, high = finding.interval or (0.0, 0.0)
    title = words.of(finding.signal).title
    told = f"{title}: confidence {finding.confidence or 0:.2f}, interval {low:.2f} to {high:.2f}"
    if finding.p_value is not None and finding.p_value <= RARE:
        told += f"; at most {numbers.of_hundred(finding.p_value)} genuine recordings here score as high"
    elif stands_out:
        told += ", all of it above the prior"
    moments = sum(not moment.kind for moment in finding.evidence)
    return f"{told}; {moments} moment{'s' * (moments != 1)} to listen to"


def _slim(row: Row) -> Row:
    """The row with sparklines instead of curves and without what lies along the recording."""
    if row.report is None:
        return row
    findings = tuple(one.model_copy(update={"curve": _thinned(one.curve)}) for one in row.report.findings)
    return replace(row, report=row.report.model_copy(update={"findings": findings, "timeline": None}))


def _thinned(curve: Curve | None, points: int = SPARKS[0][1]) -> Curve | None:
    if curve is None or not points:
        return None
    group = -(-len(curve.points) // points)
    kept = tuple(
        max(curve.points[i : i + group], key=lambda one: one.value) for i in range(0, len(curve.points), group)
    )
    return curve.model_copy(update={"points": kept})


def _signals(rows: Iterable[Row]) -> list[str]:
    """All signals, the library's own in their order, then others by name."""
    found = {one.signal for row in rows if row.report for one in row.report.findings}
    return [one for one in words.SIGNALS if one in found] + sorted(found - set(words.SIGNALS))


def _shown(row: Row, signals: Sequence[str], points: int) -> Mapping[str, Any]:
    known = {one.signal: one for one in row.report.findings} if row.report else {}
    return {
        "row": row,
        "duration": row.report.media.duration if row.report else 0.0,
        "highest": max((one.llr for one in known.values() if one.llr is not None), default=None),
        "cells": [(known.get(signal), _spark(known.get(signal), row, points)) for signal in signals],
    }


def _spark(finding: Finding | None, row: Row, points: int) -> str:
    """A finding's curve as a path in 100 x 20; empty where there is none or no room for it."""
    curve = None if finding is None else _thinned(finding.curve, points)
    if curve is None or row.report is None or row.report.media.duration <= 0:
        return ""
    kept = curve.points
    low, high = min(one.value for one in kept), max(one.value for one in kept)
    scale = 16 / (high - low) if high > low else 0.0
    length = row.report.media.duration
    return "".join(
        f"{'L' if i else 'M'}{100 * (one.start + one.end) / 2 / length:.1f} {18 - scale * (one.value - low):.1f}"
        for i, one in enumerate(kept)
    )


def _distribution(signal: str, reports: Sequence[Report]) -> Mapping[str, Any]:
    found = [one for report in reports for one in report.findings if one.signal == signal]
    ratios = [one.llr for one in found if one.llr is not None]
    counts = [0] * BINS
    for ratio in ratios:
        counts[min(max(int((ratio + REACH) / (2 * REACH) * BINS), 0), BINS - 1)] += 1
    most = max(counts, default=0) or 1
    return {
        "signal": signal,
        "told": words.of(signal),
        "scored": len(ratios),
        "others": [(words.STATUS[s], n) for s in words.ORDER[1:] if (n := sum(one.status == s for one in found))],
        "bars": list(_bars(counts, most)),
        "median": numbers.signed(sorted(ratios)[len(ratios) // 2]) if ratios else "",
        "marks": [
            (numbers.percent(mark + REACH, 2 * REACH), f"{mark:+d}" if mark else "0") for mark in (-2, -1, 0, 1, 2)
        ],
    }


def _bars(counts: Sequence[int], most: int) -> Iterator[tuple[str, str, float, float, str]]:
    for i, count in enumerate(counts):
        if count:
            height = max(2.0, 40 * count / most)
            middle = (i + 0.5) / BINS * 2 * REACH - REACH
            says = f"LLR about {middle:+.1f}: {count}"
            yield numbers.percent(i, BINS), numbers.percent(0.86, BINS), 42 - height, height, says
