"""The classifier: linear discriminant analysis that treats the difference between pages as nuisance.

Real and synthetic clips of one page share their channel, and pages differ more from each other than the two classes do.
So the covariance is that of clips around their own page's mean, plus `BETA` times that of the pages' means around their
class mean: a direction in which pages scatter is worth little, however well it separates the classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from data import Table

CLIP = 4.0
"""Standard deviations at which a number is clipped: no single odd number decides."""
KINDS = ("real", "tts", "vc", "concat", "accent_conversion", "vocoder_copy_synthesis")
"""What trains. Neural codecs do not: they are no attack, and no genuine voice either."""
ATTACKS = ("tts", "vc", "concat", "accent_conversion")


@dataclass(frozen=True)
class Linear:
    """logit = weight . clip((x - mean) / scale, -CLIP, CLIP) + bias"""

    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    bias: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.clip((x - self.mean) / self.scale, -CLIP, CLIP) @ self.weight + self.bias

    def rescaled(self, slope: float, intercept: float) -> Linear:
        """The same with ``slope * logit + intercept``."""
        return Linear(self.mean, self.scale, self.weight * slope, self.bias * slope + intercept)


def fit(x: np.ndarray, spoof: np.ndarray, page: np.ndarray, clip: np.ndarray, beta: float, gamma: float) -> Linear:
    """Fit on rows `x` (n, d); `page` and `clip` name each row's page and recording; `gamma` shrinks to a sphere."""
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = np.clip((x - mean) / scale, -CLIP, CLIP)
    size = z.shape[1]
    within, between, rows = np.zeros((size, size)), np.zeros((size, size)), 0.0
    centres = []
    for label in (0, 1):
        means, weights = [], []
        for name in sorted(set(page[spoof == label])):
            here = (page == name) & (spoof == label)
            # A page counts by the root of its size: neither each clip alike nor each page alike.
            weight = float(np.sqrt(len(set(clip[here]))))
            means.append(z[here].mean(axis=0))
            weights.append(weight)
            if here.sum() > 2:
                within += weight * np.cov(z[here].T, bias=True)
                rows += weight
        share = np.array(weights) / np.sum(weights)
        centre = share @ np.array(means)
        rest = np.array(means) - centre
        between += 0.5 * (share[:, None] * rest).T @ rest
        centres.append(centre)
    total = within / rows + beta * between
    total = (1 - gamma) * total + gamma * np.eye(size) * np.trace(total) / size
    weight = np.linalg.solve(total, centres[1] - centres[0])
    return Linear(mean, scale, weight, float(-0.5 * weight @ (centres[0] + centres[1])))


def folds(table: Table, count: int, seed: int) -> np.ndarray:
    """Fold of every row; whole pages, with both classes spread evenly."""
    rng = np.random.default_rng(seed)
    page, label, clip = table.text["source"], table.text["label"], table.text["path"]
    sizes = {
        name: np.array([len(set(clip[(page == name) & (label == c)])) for c in ("bonafide", "spoof")], float)
        for name in sorted(set(page))
    }
    total = np.sum(list(sizes.values()), axis=0)
    held, of = np.zeros((count, 2)), {}
    for name in sorted(sizes, key=lambda n: -float((sizes[n] / total).sum()) + rng.uniform(0, 1e-3)):
        cost = [(((held + np.eye(count)[i][:, None] * sizes[name]) / total) ** 2).sum() for i in range(count)]
        best = int(np.argmin(cost))
        held[best] += sizes[name]
        of[name] = best
    return np.array([of[name] for name in page])


def trains(table: Table, licences: tuple[str, ...]) -> np.ndarray:
    """Which rows may train."""
    return np.isin(table.text["licence_class"], licences) & np.isin(table.text["kind"], KINDS)


def out_of_page(
    table: Table, licences: tuple[str, ...], beta: float, gamma: float, seed: int = 0, count: int = 8
) -> np.ndarray:
    """Every row's score by a model that saw neither its page nor, elsewhere, the systems of that page."""
    fold, usable = folds(table, count, seed), trains(table, licences)
    spoof = (table.text["label"] == "spoof").astype(int)
    scores = np.zeros(len(fold))
    for i in range(count):
        held = fold == i
        systems = sorted(set(table.text["system"][held & (spoof == 1)]))
        train = usable & ~held & ~((spoof == 1) & np.isin(table.text["system"], systems))
        model = fit(table.x[train], spoof[train], table.text["source"][train], table.text["path"][train], beta, gamma)
        scores[held] = model(table.x[held])
    return scores
