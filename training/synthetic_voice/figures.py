"""Figures of held-out scores: utterances into clips, then AUC and EER pooled, in pages, by kind and by system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from corpus import ATTACKS, COPIES, Corpus
from numpy.typing import NDArray

from inperson.evaluation import bootstrap, metrics

COLUMNS = (
    "path",
    "version",
    "kind",
    "system",
    "source",
    "label",
    "licence_class",
    "language",
    "accent",
    "sex",
    "speaker",
)


@dataclass(frozen=True)
class Clips:
    """One row a clip and version: the mean of its utterances' scores, weighted by their length."""

    score: NDArray[np.float64]
    spoof: NDArray[np.int64]
    text: dict[str, NDArray[np.str_]]

    def take(self, mask: NDArray[np.bool_] | NDArray[np.int64]) -> Clips:
        return Clips(self.score[mask], self.spoof[mask], {k: v[mask] for k, v in self.text.items()})

    def of(self, *kinds: str) -> Clips:
        """Bona fide and these kinds (none named: the attacks)."""
        return self.take((self.spoof == 0) | np.isin(self.text["kind"], kinds or ATTACKS))

    def clean(self) -> Clips:
        return self.version("clean")

    def version(self, start: str) -> Clips:
        """Those whose version begins so: ``clean``, ``random``, ``call``."""
        return self.take(np.char.startswith(self.text["version"], start))


def clips(corpus: Corpus, score: NDArray[np.floating]) -> Clips:
    key = np.char.add(np.char.add(corpus["path"], "|"), corpus["version"])
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    weight = corpus.samples.astype(float)
    mean = np.bincount(which, score * weight) / np.bincount(which, weight)
    text = {name: corpus[name][first] for name in COLUMNS if name in corpus.text}
    return Clips(mean, corpus.spoof[first], text)


def auc(c: Clips) -> float:
    return metrics.auc(c.score, c.spoof)


def eer(c: Clips) -> float:
    return 100 * metrics.eer(c.score, c.spoof)


def within_page(c: Clips) -> float:
    """Mean AUC over the pages with three clips or more of either class."""
    found = [auc(here) for here in _by(c, "source") if min(here.spoof.sum(), (1 - here.spoof).sum()) >= 3]
    return float(np.mean(found)) if found else float("nan")


def worst_systems(c: Clips, least: int = 15) -> list[tuple[float, str, int]]:
    """(AUC against all bona fide, system, clips), worst first."""
    real = c.take(c.spoof == 0)
    out = []
    for system in sorted(set(c.text["system"][c.spoof == 1])):
        here = c.score[(c.text["system"] == system) & (c.spoof == 1)]
        if len(here) >= least:
            score = np.concatenate([here, real.score])
            out.append((metrics.auc(score, np.arange(len(score)) < len(here)), system, len(here)))
    return sorted(out)


def false_alarms(c: Clips, threshold: float, column: str = "source", least: int = 10) -> list[tuple[float, str, int]]:
    """(share above, group, clips) of bona fide clips, worst first."""
    real = c.take(c.spoof == 0)
    out = []
    for here in _by(real, column):
        if len(here.score) >= least:
            out.append((float(np.mean(here.score > threshold)), str(here.text[column][0]), len(here.score)))
    return sorted(out, reverse=True)


def threshold(c: Clips, share: float = 0.05) -> float:
    return float(np.quantile(c.score[c.spoof == 0], 1 - share))


def interval(c: Clips, measure: Callable[[Clips], float], draws: int = 500, seed: int = 0) -> str:
    """``value [2.5 %, 97.5 %]``, resampling whole pages."""
    rows, groups = np.arange(len(c.score)), c.text["source"]
    found = bootstrap.interval(
        lambda some: measure(c.take(some)), rows, groups=groups, labels=c.spoof, draws=draws, seed=seed
    )
    return f"{found:.3f}"


def line(name: str, c: Clips) -> str:
    """One line for the eye."""
    kinds = "  ".join(f"{k[:4]} {auc(c.of(k)):.3f}" for k in ("tts", "vc", COPIES, "codec"))
    versions = " ".join(f"{v} {eer(c.of().version(v)):4.1f} %" for v in ("clean", "random", "call"))
    return (
        f"{name:30s} AUC {auc(c.of()):.3f} EER {eer(c.of()):4.1f} % {versions}  {kinds}  "
        f"within page {within_page(c.of()):.3f}, with copies {within_page(c.of(*ATTACKS, COPIES)):.3f}"
    )


def _by(c: Clips, column: str) -> list[Clips]:
    return [c.take(c.text[column] == value) for value in sorted(set(c.text[column]))]
