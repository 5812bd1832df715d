"""Utterances into recordings, and their figures with intervals over pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from classifier import ATTACKS
from data import Table

from inperson.evaluation import bootstrap, metrics


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


def of_recording(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """First row of each recording (and version), and the recording of each row."""
    key = np.char.add(np.char.add(table.text["path"], "|"), table.text["version"])
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return first, which


def recordings(table: Table, scores: np.ndarray) -> Recordings:
    first, which = of_recording(table)
    means = np.bincount(which, scores) / np.bincount(which)
    kept = ("path", "version", "kind", "system", "source", "label", "licence_class", "language")
    text = {name: table.text[name][first] for name in kept}
    text["seconds"] = np.bincount(which, table.text["seconds"].astype(float))
    return Recordings(means, (text["label"] == "spoof").astype(int), text)


def auc(r: Recordings) -> float:
    return metrics.auc(r.score, r.spoof)


def eer(r: Recordings) -> float:
    """Equal error rate, in percent."""
    return 100 * metrics.eer(r.score, r.spoof)


def within_page(r: Recordings) -> tuple[float, int]:
    """Mean AUC over the pages that hold at least three clips of either class, and their number."""
    found = []
    for page in sorted(set(r.text["source"])):
        here = r.take(r.text["source"] == page)
        if min(here.spoof.sum(), (1 - here.spoof).sum()) >= 3:
            found.append(auc(here))
    return (float(np.mean(found)) if found else float("nan")), len(found)


def interval(r: Recordings, measure: Callable[[Recordings], float], draws: int = 500, seed: int = 0) -> str:
    """``value [2.5 %, 97.5 %]``, resampling whole pages."""
    found = bootstrap.interval(
        lambda rows: measure(r.take(rows)),
        np.arange(len(r.score)),
        groups=r.text["source"],
        labels=r.spoof,
        draws=draws,
        seed=seed,
    )
    return f"{found:.3f}"
