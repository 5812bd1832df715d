"""The errors worth looking at, and why recordings were not scored."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from inperson.evaluation.rows import SCORED, Row

SHOWN = 10
"""Recordings of each class, and reasons, in the list."""
_MOMENTS = 3  # the strongest of each recording
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def worst(rows: Sequence[Row], by: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Bona fide recordings with the highest likelihood ratio, and those with the signal that have the lowest.

    Only real errors are listed: a ratio on the wrong side of 1.
    """
    scored = [row for row in rows if row.status == SCORED and row.llr is not None]
    bonafide = sorted((row for row in scored if row.label == 0 and _llr(row) > 0), key=lambda r: (-_llr(r), r.path))
    spoof = sorted((row for row in scored if row.label == 1 and _llr(row) < 0), key=lambda r: (_llr(r), r.path))
    return {
        "bonafide": [_listed(row, by) for row in bonafide[:SHOWN]],
        "spoof": [_listed(row, by) for row in spoof[:SHOWN]],
    }


def _llr(row: Row) -> float:
    return 0.0 if row.llr is None else row.llr


def _listed(row: Row, by: Sequence[str]) -> dict[str, Any]:
    strongest = sorted(row.evidence, key=lambda moment: (-moment["score"], moment["start"]))[:_MOMENTS]
    return {
        "path": row.path,
        "llr": row.llr,
        "confidence": row.confidence,
        "quality": row.quality,
        "columns": {name: row.columns[name] for name in by if row.columns.get(name)},
        "evidence": [{key: moment[key] for key in ("start", "end", "note")} for moment in strongest],
    }


def unscored(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Why recordings were not scored, most frequent first, by class; reasons that differ in numbers count as one."""
    reasons: Counter[tuple[str, str]] = Counter()
    spoof: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row.status != SCORED:
            reason = row.status, _NUMBER.sub("N", row.reason)
            reasons[reason] += 1
            spoof[reason] += row.label
    ordered = sorted(reasons, key=lambda one: (-reasons[one], one))[:SHOWN]
    return [
        {"status": one[0], "reason": one[1], "bonafide": reasons[one] - spoof[one], "spoof": spoof[one]}
        for one in ordered
    ]
