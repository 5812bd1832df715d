"""Figures inside strata: where the channel is the same, and where the material is equally good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inperson.evaluation.bootstrap import interval
from inperson.evaluation.rows import SCORED, Row

if TYPE_CHECKING:
    from inperson.evaluation.cells import Sample


def inside(rows: list[Row], column: str | None, draws: int, seed: int) -> dict[str, Any] | None:
    """AUC within the values of a column: bona fide and spoof of one page or pair, whose channel is the same.

    The share of all pairs of a bona fide and a spoof recording of one value in which the spoof scores higher (ties
    count half). None without such a column; ``auc`` None where no value has both classes.
    """
    from inperson.evaluation.cells import figure

    if column is None:
        return None
    scored = [row for row in rows if row.status == SCORED and row.columns.get(column)]
    scores = [row.llr if row.score is None else row.score for row in scored]
    found: dict[str, Any] = {"column": column, "values": 0, "bonafide": 0, "spoof": 0, "auc": None}
    if not scored or None in scores:
        return found
    labels = np.array([row.label for row in scored])
    _, where = np.unique([row.columns[column] for row in scored], return_inverse=True)
    both = [k for k in range(where.max() + 1) if 0 < labels[where == k].sum() < (where == k).sum()]
    kept = np.isin(where, both)
    groups = np.array([row.group for row in scored])
    if both:
        args = (np.array(scores, float)[kept], labels[kept], where[kept])
        found["auc"] = figure(interval(_paired, *args, groups=groups[kept], labels=args[1], draws=draws, seed=seed))
    bonafide = int((labels[kept] == 0).sum())
    return {**found, "values": len(both), "bonafide": bonafide, "spoof": int(kept.sum()) - bonafide}


def _paired(scores: NDArray[np.float64], labels: NDArray[np.int_], where: NDArray[np.int_]) -> float:
    wins = pairs = 0.0
    for k in np.unique(where):
        mine = where == k
        low, high = scores[mine & (labels == 0)], scores[mine & (labels == 1)]
        gap = high[:, None] - low[None, :]
        wins += float((gap > 0).sum() + 0.5 * (gap == 0).sum())
        pairs += gap.size
    return wins / pairs if pairs else float("nan")


def by_strata(sample: Sample, draws: int, seed: int) -> dict[str, Any] | None:
    """Figures by quality, and whether quality predicts the error; None where the ratio or quality of some is not known.

    ``monotone`` is the rank correlation of quality and log cost: below 0 where better quality means a smaller error.
    """
    from inperson.evaluation.cells import figure
    from inperson.evaluation.metrics import log_cost
    from inperson.evaluation.quality import by_quality, monotone

    if not len(sample.label) or np.isnan(sample.quality).any() or np.isnan(sample.llr).any():
        return None
    bits = log_cost(sample.llr, sample.label)
    strata = by_quality(sample.llr, sample.label, sample.quality, sample.group, draws=draws, seed=seed)
    return {
        "monotone": figure(monotone(bits, sample.quality, sample.group, draws=draws, seed=seed)),
        "strata": [
            {
                "low": one.low,
                "high": one.high,
                "bonafide": one.n_bonafide,
                "spoof": one.n_spoof,
                "cllr": figure(one.cllr),
                "auc": figure(one.auc),
            }
            for one in strata
        ],
    }
