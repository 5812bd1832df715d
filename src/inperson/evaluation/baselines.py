"""What a signal has to beat: each of its own measurements, used alone as a score.

The AUC is as it comes, not turned round where it is below one half: the direction would be learnt from the very
recordings it is judged on. 0.2 is a measurement that is lower for the signal, and as telling as 0.8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from inperson.evaluation.bootstrap import interval
from inperson.evaluation.metrics import auc
from inperson.evaluation.rows import SCORED, Row


def baselines(rows: Sequence[Row], draws: int, seed: int) -> list[dict[str, Any]]:
    """AUC of each measurement over the scored rows that have it; only those that both classes have and that vary."""
    from inperson.evaluation.cells import figure

    scored = [row for row in rows if row.status == SCORED]
    found: list[dict[str, Any]] = []
    for name in sorted({name for row in scored for name in row.measurements}):
        having = [row for row in scored if math.isfinite(row.measurements.get(name, math.nan))]
        values = [row.measurements[name] for row in having]
        labels = [row.label for row in having]
        if len(set(labels)) == 2 and len(set(values)) > 1:
            groups = [row.group for row in having]
            estimate = interval(auc, values, labels, groups=groups, labels=labels, draws=draws, seed=seed)
            found.append({"measurement": name, "recordings": len(having), "auc": figure(estimate)})
    return found
