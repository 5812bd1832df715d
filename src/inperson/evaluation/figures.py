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

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from inperson.evaluation import metrics
from inperson.evaluation.cells import Figure, Sample, Terms, cell, figure, reliability
from inperson.evaluation.rows import Row

SCHEMA = "inperson/evaluation/1"
MAX_VALUES = 30
"""A column with more values is not broken down by unless it is asked for."""
WITHIN = ("source", "pair", "pair_id")
"""Columns inside whose values the channel is taken to be the same; the first that is there is used by default."""
GROUP_DRAWS = 200
"""At most this many resamples for one group of a breakdown: there are many of them."""


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
    for signal, of_signal in split(rows, lambda row: row.signal).items():
        terms = Terms(prior, (nominal or {}).get(signal), draws, seed)
        conditions = {
            condition: _condition(some, chosen, inside, terms)
            for condition, some in split(of_signal, lambda row: row.condition).items()
        }
        signals[signal] = {"conditions": conditions}
    return {"signals": signals, "by": list(chosen), "within": inside}


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
        "reliability": reliability(whole, terms.prior),
        "within": inside(rows, within, draws, seed),
        "by": {column: _breakdown(rows, column, rough) for column in by},
        "quality": by_strata(whole, draws, seed),
        "leak": leak(rows, within, draws, seed),
        "baselines": baselines(rows, draws, seed),
        "worst": worst(rows, by),
        "unscored": unscored(rows),
    }


def _breakdown(rows: list[Row], column: str, terms: Terms) -> dict[str, Any]:
    groups = split([row for row in rows if row.columns.get(column)], lambda row: row.columns[column])
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


def _columns(rows: Sequence[Row]) -> tuple[str, ...]:
    values: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.columns.items():
            values.setdefault(name, set()).add(value)
    return tuple(name for name, found in values.items() if len(found) > 1 and len(found - {""}) <= MAX_VALUES)


def split(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
