"""The audio-to-lips regression behind `lip_sync`: ridge, from the spectra around a moment to the mouth's movement.

A clip is what `data.py` keeps of a recording: the candidate's mouth over time and the log-mel spectra of the sound.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inperson.detectors import _lip_features as features
from inperson.detectors import _lip_lag as lag
from inperson.types import Span

ROUNDS = 2
"""Rounds of lining the training clips up with each other: each has a few tens of milliseconds of its own."""
MAX_OWN = 8
"""Grid points (0.16 s) a clip may be moved in them."""


@dataclass(frozen=True)
class Clip:
    """One genuine or fake recording on the grid, with its row of the manifest."""

    name: str
    row: dict[str, str]
    times: np.ndarray
    values: np.ndarray
    mel: np.ndarray
    spans: tuple[Span, ...]

    @property
    def source(self) -> str:
        """Where it comes from; GRID counts as one source wherever it was found."""
        return "grid" if "grid" in self.name else self.row["source"]

    @property
    def person(self) -> str:
        return self.row["person_id"] or self.name

    @property
    def may_train(self) -> bool:
        """Genuine, sound its own or probably so, openly licensed."""
        return self.genuine and self.row["licence_class"] == "open" and self.row["av_ok"] in ("yes", "unknown")

    @property
    def genuine(self) -> bool:
        return self.row["label"] == "real" and self.row["av_ok"] != "no"

    def series(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Spectra (n, BANDS) levelled, mouth movement (n, LIPS) normalised, and where it was measured (n,)."""
        n = len(self.mel)
        mouth = features.lips(self.times, self.values, n, 0.0)
        everywhere = np.ones(n, bool)
        return features.levelled(self.mel, everywhere), lag.normalised(mouth.motion, mouth.measured), mouth.measured


def rows(data: Path) -> Iterable[tuple[Path, dict[str, str]]]:
    """Every recording with sound of ``video/`` and ``talking/``, with one form of manifest row."""
    for folder in ("video", "talking"):
        with open(data / folder / "manifest.csv", newline="") as file:
            for row in csv.DictReader(file):
                talking = folder == "talking"
                row = {"label": "real", "av_ok": "yes", "source": "grid"} | row if talking else row
                if row["has_audio"] == "1" and "|" not in row.get("crops", ""):
                    yield data / folder / row["path"], row


def load(folder: Path, data: Path) -> list[Clip]:
    """The clips that `data.py` has written to `folder`."""
    found = []
    for path, row in rows(data):
        stored = folder / f"{path.stem[:80]}.npz"
        if stored.exists():
            with np.load(stored) as file:
                spans = tuple(Span(float(a), float(b)) for a, b in file["spans"])
                clip = Clip(path.stem[:80], row, file["times"], file["values"], file["mel"], spans)
            if len(clip.times) > 1:
                found.append(clip)
    return found


def design(clip: Clip, own: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of the regression where the mouth was measured, the sound taken `own` grid points later."""
    mel, motion, measured = clip.series()
    where = np.flatnonzero(measured)
    return features.context(mel, np.clip(where + own, 0, len(mel) - 1)), motion[where]


def fit(clips: Sequence[Clip]) -> np.ndarray:
    """Weights (CONTEXT * BANDS, LIPS) fitted on `clips`, which are lined up with each other on the way."""
    own = dict.fromkeys((clip.name for clip in clips), 0)
    weights = _ridge(clips, own)
    for _ in range(ROUNDS):
        own = {clip.name: _own_offset(clip, weights) for clip in clips}
        weights = _ridge(clips, own)
    return weights


def _ridge(clips: Sequence[Clip], own: dict[str, int]) -> np.ndarray:
    size = features.CONTEXT * features.BANDS
    square, cross = np.zeros((size, size)), np.zeros((size, features.LIPS))
    for clip in clips:
        x, y = design(clip, own[clip.name])
        square += x.T.astype(float) @ x
        cross += x.T @ y
    square[np.diag_indices(size)] += lag.RIDGE * np.trace(square) / size
    return np.linalg.solve(square, cross)


def _own_offset(clip: Clip, weights: np.ndarray) -> int:
    mel, motion, measured = clip.series()
    where = np.arange(len(mel))
    predicted = features.context(mel, where) @ weights
    curve = lag.agreement(lag.block_sums(predicted, where, np.zeros(1, int), motion, measured)[0])
    near = lag.peak(curve, near=lag.MAX_LAG, reach=2 * MAX_OWN)
    return int(np.clip(lag.LAGS[near.index], -MAX_OWN, MAX_OWN))
