"""One set of rows in figures: counts, rankings, costs, fixed thresholds, reliability.

What a figure is and when there is none is said in `inperson.evaluation.figures`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inperson.evaluation import metrics
from inperson.evaluation.bootstrap import Estimate, interval, share_interval
from inperson.evaluation.rows import SCORED, STATUSES, Row

CLASSES = ("bonafide", "spoof")
Figure = dict[str, float | None] | None
_NO_SPREAD = 1e-9
"""An interval no wider than rounding errors is none: no spread was seen, which does not mean that there is none."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What figures are made with; `nominal` is the threshold of `summarise` for the signal at hand."""

    prior: float
    nominal: float | None
    draws: int
    seed: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows as arrays: the counts are of all of them, the arrays of the scored ones; a value that is missing is NaN."""

    rows: Sequence[Row]
    label: NDArray[np.int_]
    group: NDArray[np.str_]
    score: NDArray[np.float64]
    llr: NDArray[np.float64]
    confidence: NDArray[np.float64]
    quality: NDArray[np.float64]
    p_value: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Sample:
        scored = [row for row in rows if row.status == SCORED]

        def column(name: str) -> NDArray[np.float64]:
            values = (getattr(row, name) for row in scored)
            return np.array([math.nan if value is None else value for value in values], float)

        llr = column("llr")
        score = column("score")
        return cls(
            rows,
            np.array([row.label for row in scored], int),
            np.array([row.group for row in scored], str),
            llr if np.isnan(score).any() else score,
            llr,
            column("confidence"),
            column("quality"),
            column("p_value"),
        )

    def interval(self, metric: Callable[..., float], values: NDArray[np.float64], terms: Terms) -> Estimate | None:
        """`metric` of `values` and labels; None where some value is missing or there is none."""
        if not len(values) or np.isnan(values).any():
            return None
        return interval(
            metric, values, self.label, groups=self.group, labels=self.label, draws=terms.draws, seed=terms.seed
        )

    def share(self, hit: NDArray[np.bool_], label: int) -> Figure:
        """Share of a class for which `hit` holds."""
        mine = self.label == label
        return figure(share_interval(hit[mine], self.group[mine])) if mine.any() else None


def cell(sample: Sample, terms: Terms) -> dict[str, Any]:
    """Counts, figures and fixed thresholds of one set of rows."""
    wanted: list[tuple[str, Callable[..., float], NDArray[np.float64]]] = [
        *((name, metric, sample.score) for name, metric in _RANKED),
        *((name, metric, sample.llr) for name, metric in _COSTED),
        ("ece", functools.partial(metrics.ece, prior=terms.prior), sample.confidence),
    ]
    return {
        "counts": counts(sample.rows),
        "figures": {name: figure(sample.interval(metric, values, terms)) for name, metric, values in wanted},
        "thresholds": _thresholds(sample, terms.nominal),
    }


def _detection(rate: float) -> Callable[..., float]:
    return lambda scores, labels: metrics.detection_rate(scores, labels, rate)


_RANKED: tuple[tuple[str, Callable[..., float]], ...] = (
    ("auc", metrics.auc),
    ("eer", metrics.eer),
    ("min_cllr", metrics.min_cllr),
    ("min_dcf", metrics.min_dcf),
    ("detected_at_1_percent", _detection(0.01)),
    ("detected_at_5_percent", _detection(0.05)),
)
_COSTED: tuple[tuple[str, Callable[..., float]], ...] = (("cllr", metrics.cllr), ("act_dcf", metrics.act_dcf))


def _thresholds(sample: Sample, nominal: float | None) -> dict[str, dict[str, Any]]:
    """False alarms and detections at thresholds that were fixed before these recordings were seen."""
    rules: list[tuple[str, NDArray[np.float64], Callable[[NDArray[np.float64]], NDArray[np.bool_]]]] = [
        ("llr_above_0", sample.llr, lambda x: x > 0),
        ("ratio_above_2", sample.llr, lambda x: x > math.log10(2)),
        ("p_value_at_most_5_percent", sample.p_value, lambda x: x <= 0.05),
    ]
    if nominal is not None:
        rules.append(("nominal_5_percent", sample.score, lambda x: x > nominal))
    return {
        name: {"false_alarms": sample.share(rule(values), 0), "detections": sample.share(rule(values), 1)}
        for name, values, rule in rules
        if len(values) and not np.isnan(values).any()
    }


def counts(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """For each class: recordings (rows), how many had each status, persons (groups) of all and of the scored ones."""
    made: dict[str, dict[str, int]] = {}
    for label, name in enumerate(CLASSES):
        mine = [row for row in rows if row.label == label]
        made[name] = {"recordings": len(mine), "persons": len({row.group for row in mine})}
        made[name]["persons_scored"] = len({row.group for row in mine if row.status == SCORED})
        made[name] |= {status: sum(row.status == status for row in mine) for status in STATUSES}
    return made


def reliability(sample: Sample, prior: float) -> list[dict[str, Any]]:
    """Bins of confidence that hold recordings, the classes weighted by the prior."""
    if not len(sample.label) or np.isnan(sample.confidence).any():
        return []
    return [
        {"low": one.low, "high": one.high, "recordings": one.count, "confidence": one.confidence, "spoof": one.observed}
        for one in metrics.reliability(sample.confidence, sample.label, prior=prior)
        if one.count
    ]


def figure(estimate: Estimate | None) -> Figure:
    """An estimate as JSON has it; None where its value is not defined."""
    if estimate is None or not math.isfinite(estimate.value):
        return None
    if not estimate.high - estimate.low > _NO_SPREAD:
        return {"value": estimate.value, "low": None, "high": None}
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
