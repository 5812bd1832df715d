"""From rows to figures: how well each signal told, under each condition, overall and for each group.

`summarise` runs nothing and reads no file, so that a script with scores of its own (simulated positives, another
system) gets the same document as ``inperson evaluate``::

    rows = [Row(path="a", signal="reading", label=0, group="person 1", score=0.2, llr=-0.4, confidence=0.28), ...]
    document = {"schema": SCHEMA, **summarise(rows)}

Conventions
-----------
Only scored rows enter a figure; what else became of recordings is counted beside it. A figure is ``{"value", "low",
"high"}``, the 95 % bootstrap interval resampling persons (or recordings); None where it is not defined, and ``low``
and ``high`` None where the recordings do not support an interval. Rankings (AUC, EER, minima, detection rates) are of
the raw score, costs of the log10 likelihood ratio. Without both classes a group has its false alarms or its
detections, and its ``against_all``: its recordings against all those of the other class, under the same condition.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inperson.evaluation import metrics
from inperson.evaluation.bootstrap import Estimate, interval, share_interval
from inperson.evaluation.rows import SCORED, STATUSES, Row

SCHEMA = "inperson/evaluation/1"
MAX_VALUES = 30
"""A column with more values is not broken down by unless it is asked for."""
WITHIN = ("source", "pair", "pair_id")
"""Columns inside whose values the channel is taken to be the same; the first that is there is used by default."""
GROUP_DRAWS = 200
"""At most this many resamples for one group of a breakdown: there are many of them."""
CLASSES = ("bonafide", "spoof")
Figure = dict[str, float | None] | None
_NO_SPREAD = (
    1e-9  # an interval no wider than rounding errors is none: no spread was seen, which does not mean there is none
)


def summarise(
    rows: Sequence[Row],
    *,
    by: Sequence[str] | None = None,
    within: str | None = None,
    nominal: Mapping[str, float] | None = None,
    prior: float = 0.5,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """All figures of `rows`, ready for JSON.

    Parameters
    ----------
    rows : sequence of Row
        Of any number of signals and conditions; may be empty.
    by : sequence of str, optional
        Columns to break down by; all those with 2 to `MAX_VALUES` values by default.
    within : str, optional
        Column inside whose values bona fide and spoof are compared; the first present of `WITHIN` by default.
    nominal : mapping of str to float, optional
        For each signal the raw score that its card expects 5 % of bona fide recordings to exceed.
    prior : float
        P(signal present) that the confidences are stated for.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    dict
        ``{"signals": {signal: {"conditions": {condition: {...}}}}, "by": [...], "within": str or None}``; the parts of
        a condition are described in ``docs/evaluate.md``.
    """
    chosen = _columns(rows) if by is None else tuple(by)
    inside = within or next((name for name in WITHIN if any(row.columns.get(name) for row in rows)), None)
    signals: dict[str, Any] = {}
    for signal, of_signal in _split(rows, lambda row: row.signal).items():
        terms = Terms(prior, (nominal or {}).get(signal), draws, seed)
        conditions = {
            condition: _condition(some, chosen, inside, terms)
            for condition, some in _split(of_signal, lambda row: row.condition).items()
        }
        signals[signal] = {"conditions": conditions}
    return {"signals": signals, "by": list(chosen), "within": inside}


@dataclass(frozen=True, slots=True)
class Terms:
    """What figures are made with; `nominal` is the threshold of `summarise` for the signal at hand."""

    prior: float
    nominal: float | None
    draws: int
    seed: int


def _condition(rows: list[Row], by: Sequence[str], within: str | None, terms: Terms) -> dict[str, Any]:
    from inperson.evaluation.baselines import baselines
    from inperson.evaluation.leak import leak
    from inperson.evaluation.strata import by_strata, inside
    from inperson.evaluation.worst import unscored, worst

    whole = Sample.of(rows)
    draws, seed = terms.draws, terms.seed
    rough = replace(terms, draws=min(draws, GROUP_DRAWS))
    return {
        **cell(whole, terms),
        "reliability": _reliability(whole, terms.prior),
        "within": inside(rows, within, draws, seed),
        "by": {column: _breakdown(rows, column, rough) for column in by},
        "quality": by_strata(whole, draws, seed),
        "leak": leak(rows, within, draws, seed),
        "baselines": baselines(rows, draws, seed),
        "worst": worst(rows, by),
        "unscored": unscored(rows),
    }


def _breakdown(rows: list[Row], column: str, terms: Terms) -> dict[str, Any]:
    groups = _split([row for row in rows if row.columns.get(column)], lambda row: row.columns[column])
    return {
        value: {**cell(Sample.of(some), terms), "against_all": _against_all(some, rows, terms)}
        for value, some in groups.items()
    }


def _against_all(some: list[Row], rows: list[Row], terms: Terms) -> dict[str, Figure] | None:
    """A group of one class against all rows of the other class; None where the group has both."""
    labels = {row.label for row in some}
    if len(labels) > 1:
        return None
    joined = Sample.of([*some, *(row for row in rows if row.label not in labels)])
    return {
        name: figure(joined.interval(metric, joined.score, terms))
        for name, metric in (("auc", metrics.auc), ("eer", metrics.eer))
    }


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


def _reliability(sample: Sample, prior: float) -> list[dict[str, Any]]:
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


def _columns(rows: Sequence[Row]) -> tuple[str, ...]:
    values: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.columns.items():
            values.setdefault(name, set()).add(value)
    return tuple(name for name, found in values.items() if len(found) > 1 and len(found - {""}) <= MAX_VALUES)


def _split(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
