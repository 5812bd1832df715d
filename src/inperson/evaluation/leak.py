"""Would the files give the label away? A classifier that sees only trivia must score near chance.

It is given what `inperson.evaluation.trivia` measures of the files, without `ASIDE`, and judged on recordings of groups
that it was not fitted on: whole pages where the rows name them, else whole persons. Two kinds are tried, because a
leak may be in one threshold or in a combination: logistic regression and a random forest (scikit-learn). The higher
of the two counts; being the higher of two, it leans a little to the side of caution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inperson.evaluation.bootstrap import Estimate, interval
from inperson.evaluation.metrics import auc
from inperson.evaluation.rows import SCORED, Row
from inperson.evaluation.trivia import ASIDE, NUMBERS, WORDS

FOLDS = 5
MIN_GROUPS = 5
"""Fewest groups of each class that the classifier is tried on."""
FAIR = 0.6
"""An AUC from here on says that the figures may measure the files, if its interval excludes `CHANCE`."""
CHANCE = 0.5
_TREES = 100
_LEAF = 3


def leak(rows: Sequence[Row], fold: str | None, draws: int, seed: int) -> dict[str, Any]:
    """The trivia check of one signal's rows under one condition.

    Parameters
    ----------
    rows : sequence of Row
        Those without trivia (errors) are left out.
    fold : str, optional
        Column whose values are kept whole; rows without a value, and all of them for None, go by `Row.group`.
    draws, seed : int
        Of the bootstrap; `seed` of the forest too.

    Returns
    -------
    dict
        ``auc`` (None where there are too few groups) and ``auc_scored``, of the scored rows alone, which the signal is
        compared with; ``classifiers``, ``features`` (the AUC of each alone, as it comes), ``groups`` by class,
        ``recordings``, and ``told`` in words.
    """
    from inperson.evaluation.cells import figure

    known = [row for row in rows if row.trivia is not None]
    labels = np.array([row.label for row in known], int)
    groups = np.array([row.group for row in known], str)
    scored = np.array([row.status == SCORED for row in known], bool)
    folds = np.array([_fold(row, fold) for row in known], str)
    names, values = _matrix(known)
    sizes = {name: len(set(folds[labels == label])) for label, name in enumerate(("bonafide", "spoof"))}
    found: dict[str, Any] = {"recordings": len(known), "groups": sizes, "fold": fold}
    found |= {"auc": None, "auc_scored": None, "classifiers": {}}
    if min(sizes.values()) >= MIN_GROUPS:
        seen = [i for i, name in enumerate(names) if name not in ASIDE]
        for kind in ("logistic", "forest"):
            scores = _predicted(kind, values[:, seen], labels, folds, seed)
            found["classifiers"][kind] = {
                "auc": figure(_auc(scores, labels, groups, draws, seed)),
                "scored": figure(_auc(scores[scored], labels[scored], groups[scored], draws, seed)),
            }
        higher = max(found["classifiers"].values(), key=lambda one: one["auc"]["value"] if one["auc"] else 0.0)
        found |= {"auc": higher["auc"], "auc_scored": higher["scored"]}
    found["features"] = _alone(names, values, labels)
    found["told"] = _told(found["auc"])
    return found


def _auc(
    scores: NDArray[np.float64], labels: NDArray[np.int_], groups: NDArray[np.str_], draws: int, seed: int
) -> Estimate:
    return interval(auc, scores, labels, groups=groups, labels=labels, draws=draws, seed=seed)


def _fold(row: Row, column: str | None) -> str:
    value = row.columns.get(column, "") if column else ""
    return f"{column} {value}" if value else row.group


def _matrix(rows: Sequence[Row]) -> tuple[list[str], NDArray[np.float64]]:
    """Numbers as they are (NaN where not known), one column a value of a word; what does not vary is left out."""
    columns: dict[str, list[float]] = {}
    for name in NUMBERS:
        columns[name] = [_number((row.trivia or {}).get(name)) for row in rows]
    for name in WORDS:
        texts = [str((row.trivia or {}).get(name) or "none") for row in rows]
        for text in sorted(set(texts)):
            columns[f"{name} {text}"] = [float(other == text) for other in texts]
    varying = {name: values for name, values in columns.items() if len({str(value) for value in values}) > 1}
    return list(varying), np.array(list(varying.values()), float).reshape(len(varying), len(rows)).T


def _number(value: float | str | None) -> float:
    return float("nan") if value is None or isinstance(value, str) else value


def _predicted(
    kind: str, values: NDArray[np.float64], labels: NDArray[np.int_], groups: NDArray[np.str_], seed: int
) -> NDArray[np.float64]:
    """P(spoof) of each row, from a classifier fitted on the other folds."""
    scores = np.full(len(labels), 0.5)
    parts = _folds(labels, groups)
    for part in range(FOLDS):
        test = parts == part
        if values.shape[1] and test.any():
            model = _model(kind, seed).fit(values[~test], labels[~test])
            scores[test] = model.predict_proba(values[test])[:, 1]
    return scores


def _model(kind: str, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    filled = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    if kind == "logistic":
        return make_pipeline(filled, StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000))
    forest = RandomForestClassifier(
        _TREES, min_samples_leaf=_LEAF, class_weight="balanced", random_state=seed, n_jobs=1
    )
    return make_pipeline(filled, forest)


def _folds(labels: NDArray[np.int_], groups: NDArray[np.str_]) -> NDArray[np.int_]:
    """A fold for each row, groups whole and both classes spread evenly: large groups first, each to the emptiest."""
    names, which = np.unique(groups, return_inverse=True)
    share = np.stack(
        [np.bincount(which[labels == k], minlength=len(names)) / max(1, (labels == k).sum()) for k in (0, 1)]
    )
    held = np.zeros((2, FOLDS))
    chosen = np.zeros(len(names), int)
    for group in sorted(range(len(names)), key=lambda g: (-share[:, g].max(), names[g])):
        chosen[group] = int(np.argmin((held + share[:, group : group + 1]).max(axis=0) + held.sum(axis=0)))
        held[:, chosen[group]] += share[:, group]
    return chosen[which]


def _alone(names: Sequence[str], values: NDArray[np.float64], labels: NDArray[np.int_]) -> list[dict[str, Any]]:
    """AUC of each feature alone, furthest from one half first."""
    found: list[dict[str, Any]] = []
    for name, column in zip(names, values.T, strict=True):
        there = ~np.isnan(column)
        if 0 < labels[there].sum() < there.sum():
            value = auc(column[there], labels[there])
            found.append({"feature": name, "recordings": int(there.sum()), "aside": name in ASIDE, "auc": value})
    return sorted(found, key=lambda one: (-abs(one["auc"] - 0.5), one["feature"]))


def _told(found: dict[str, float | None] | None) -> str:
    if found is None or found["value"] is None:
        return "cannot be told: too few groups of a class"
    low, high = (found["value"] if end is None else end for end in (found["low"], found["high"]))
    if low > CHANCE and found["value"] >= FAIR:
        return "the files give the label away: the figures below may measure the files and not the signal"
    if high >= FAIR:
        return "too few groups to tell whether the files give the label away"
    return "near chance: the comparison is fair as far as file-level trivia go"
