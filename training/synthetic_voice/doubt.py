"""What the classifier will probably err on: its expected log cost, from how unusual an utterance's numbers are.

Speech to noise ratio, bandwidth and length do not predict its error on these recordings (training/abstention.py shows
it); the distance of each number from the training mean does, in part. A ridge regression from these distances to the
log cost of the calibrated ratio, in bits, becomes a second output of the network; the detector's quality is one minus
it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from classifier import CLIP, Linear
from measures import Recordings
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold

from inperson.evaluation.likelihood import log_cost

PENALTIES = np.logspace(2, 6, 9)
"""Tried by leave-one-out on the rows given; far apart, because only the size matters."""


@dataclass(frozen=True)
class Doubt:
    """bits = weight . |clip((x - mean) / scale, -CLIP, CLIP)| + bias, with mean and scale of the classifier"""

    weight: np.ndarray
    bias: float

    def __call__(self, distance: np.ndarray) -> np.ndarray:
        return distance @ self.weight + self.bias


def distances(model: Linear, x: np.ndarray, which: np.ndarray) -> np.ndarray:
    """(recordings, d): mean distance of each number from the training mean; `which` names each row's recording."""
    z = np.abs(np.clip((x - model.mean) / model.scale, -CLIP, CLIP))
    return np.stack([np.bincount(which, column) for column in z.T], axis=1) / np.bincount(which)[:, None]


def fit(distance: np.ndarray, bits: np.ndarray, spoof: np.ndarray) -> Doubt:
    """Both classes weighted alike."""
    mean, scale = distance.mean(axis=0), distance.std(axis=0) + 1e-9
    weight = np.where(spoof == 1, 1 / spoof.sum(), 1 / (1 - spoof).sum()) * len(spoof)
    made = RidgeCV(PENALTIES).fit((distance - mean) / scale, bits, sample_weight=weight)
    turned = made.coef_ / scale
    return Doubt(turned, float(made.intercept_ - turned @ mean))


def out_of_page(distance: np.ndarray, r: Recordings, llr: np.ndarray, count: int = 8) -> np.ndarray:
    """Expected bits of every recording, by a regression that saw no recording of its page."""
    bits, made = log_cost(llr, r.spoof), np.zeros(len(llr))
    for train, test in GroupKFold(count).split(distance, bits, r.text["source"]):
        made[test] = fit(distance[train], bits[train], r.spoof[train])(distance[test])
    return made
