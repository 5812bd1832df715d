"""AUC, EER, Cllr and their bootstrap intervals over pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from classifier import ATTACKS
from data import Table
from sklearn.metrics import roc_auc_score


@dataclass(frozen=True)
class Recordings:
    """One row a recording (and version): the mean of its utterances' scores, as in the detector."""

    score: np.ndarray
    spoof: np.ndarray
    text: dict[str, np.ndarray]

    def take(self, mask: np.ndarray) -> Recordings:
        return Recordings(self.score[mask], self.spoof[mask], {k: v[mask] for k, v in self.text.items()})

    def attacks(self, *kinds: str) -> Recordings:
        """Bona fide and these kinds only (default: the kinds that are attacks)."""
        return self.take((self.spoof == 0) | np.isin(self.text["kind"], kinds or ATTACKS))


def recordings(table: Table, scores: np.ndarray) -> Recordings:
    key = np.char.add(np.char.add(table.text["path"], "|"), table.text["version"])
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    means = np.bincount(which, scores) / np.bincount(which)
    kept = ("path", "version", "kind", "system", "source", "label", "licence_class", "language")
    text = {name: table.text[name][first] for name in kept}
    text["seconds"] = np.bincount(which, table.text["seconds"].astype(float))
    return Recordings(means, (text["label"] == "spoof").astype(int), text)


def auc(r: Recordings) -> float:
    return float(roc_auc_score(r.spoof, r.score))


def eer(r: Recordings) -> float:
    """Equal error rate, in percent."""
    order = np.argsort(-r.score, kind="stable")
    y = r.spoof[order]
    missed, false = 1 - np.cumsum(y) / y.sum(), np.cumsum(1 - y) / (1 - y).sum()
    i = int(np.argmin(np.abs(missed - false)))
    return float(50 * (missed[i] + false[i]))


def within_page(r: Recordings) -> tuple[float, int]:
    """Mean AUC over the pages that hold at least three clips of either class, and their number."""
    found = []
    for page in sorted(set(r.text["source"])):
        here = r.take(r.text["source"] == page)
        if min(here.spoof.sum(), (1 - here.spoof).sum()) >= 3:
            found.append(auc(here))
    return (float(np.mean(found)) if found else float("nan")), len(found)


def cllr(llr10: np.ndarray, spoof: np.ndarray) -> float:
    """Cost of log-likelihood ratios (Brümmer & du Preez 2006); 1 is knowing nothing. `llr10` are log10 ratios."""
    natural = llr10 * np.log(10)
    target = np.logaddexp(0, -natural[spoof == 1]).mean()
    other = np.logaddexp(0, natural[spoof == 0]).mean()
    return float((target + other) / 2 / np.log(2))


def interval(r: Recordings, measure: Callable[[Recordings], float], draws: int = 500, seed: int = 0) -> str:
    """``value [2.5 %, 97.5 %]``, resampling whole pages."""
    rng = np.random.default_rng(seed)
    pages = sorted(set(r.text["source"]))
    rows = {page: np.flatnonzero(r.text["source"] == page) for page in pages}
    values = []
    while len(values) < draws:
        picked = np.concatenate([rows[pages[i]] for i in rng.integers(0, len(pages), len(pages))])
        drawn = r.take(picked)
        if 0 < drawn.spoof.sum() < len(picked):
            values.append(measure(drawn))
    low, high = np.percentile(values, [2.5, 97.5])
    return f"{measure(r):.3f} [{low:.3f}, {high:.3f}]"
