"""Pictures of an evaluation: DET curves, reliability diagrams, histograms of scores. The same rows, the same bytes."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inperson.errors import InputError
from inperson.evaluation import metrics
from inperson.evaluation.cells import Sample
from inperson.evaluation.figures import split
from inperson.evaluation.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
"""Okabe and Ito's, which people with colour-blindness can tell apart."""
BONAFIDE, SPOOF = "#0072b2", "#d55e00"
_TICKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_SETTINGS: Any = {
    "svg.hashsalt": "inperson",
    "svg.fonttype": "path",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_BINS = 24


def draw(rows: Sequence[Row], folder: Path, prior: float = 0.5) -> dict[str, list[str]]:
    """Draw what the rows allow into `folder`, made if missing; `prior` is the one that the confidences are stated for.

    Returns
    -------
    dict of str to list of str
        File names for each signal; a signal without a scored row of both classes has histograms alone, or nothing.

    Raises
    ------
    InputError
        A file cannot be written.
    """
    import matplotlib

    made: dict[str, list[str]] = {}
    with matplotlib.rc_context(_SETTINGS):
        for signal, mine in split(rows, lambda row: row.signal).items():
            samples = {name: Sample.of(some) for name, some in split(mine, lambda row: row.condition).items()}
            samples = {name: one for name, one in samples.items() if len(one.label) and not np.isnan(one.score).any()}
            both = {name: one for name, one in samples.items() if 0 < one.label.sum() < len(one.label)}
            sure = {name: one for name, one in both.items() if not np.isnan(one.confidence).any()}
            stem = re.sub(r"[^a-z0-9_]+", "_", signal.lower())
            wanted = (
                ("det", _det, both),
                ("reliability", functools.partial(_reliability, prior=prior), sure),
                ("scores", _histograms, samples),
            )
            made[signal] = [
                _saved(paint(some, signal), folder, f"{stem}-{name}.svg") for name, paint, some in wanted if some
            ]
    return made


def _saved(figure: Figure, folder: Path, name: str) -> str:
    from inperson._console import write

    content = io.StringIO()
    figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from None
    write(str(folder / name), content.getvalue())
    return name


def _figure(width: float, height: float, rows: int = 1) -> tuple[Figure, Any]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.subplots(rows, 1, squeeze=False, sharex=True)[:, 0]


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=10, parse_math=False)


def _legend(axes: Axes, **place: Any) -> None:
    for text in axes.legend(frameon=False, fontsize=8, **place).get_texts():
        text.set_parse_math(False)


def _det(samples: dict[str, Sample], signal: str) -> Figure:
    from scipy.special import ndtri

    figure, (axes,) = _figure(4.6, 4.6)
    ends = ndtri([_TICKS[0] * 0.8, 0.96])
    for colour, (condition, sample) in zip(_cycled(len(samples)), samples.items(), strict=True):
        _, false_alarms, misses = metrics.det_curve(sample.score, sample.label)
        x, y = (np.clip(ndtri(np.clip(rate, 1e-6, 1 - 1e-6)), *ends) for rate in (false_alarms, misses))
        rate = metrics.eer(sample.score, sample.label)
        axes.plot(x, y, color=colour, linewidth=1.4, label=f"{condition} (EER {100 * rate:.0f} %)")
    axes.plot(ends, -ends, color="#888888", linewidth=0.8, linestyle=":", label="chance")
    at = ndtri(_TICKS)
    labels = [f"{100 * tick:g}" for tick in _TICKS]
    axes.set_xticks(at, labels)
    axes.set_yticks(at, labels)
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    axes.tick_params(labelsize=7)
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_aspect("equal")
    axes.set_xlabel("false alarms, % of bona fide")
    axes.set_ylabel("misses, % of spoof")
    _title(axes, f"{signal}: DET")
    _legend(axes, loc="upper right")
    return figure


def _reliability(samples: dict[str, Sample], signal: str, prior: float) -> Figure:
    figure, (axes,) = _figure(4.6, 4.6)
    axes.plot([0, 1], [0, 1], color="#888888", linewidth=0.8, linestyle=":", label="as it should be")
    for colour, (condition, sample) in zip(_cycled(len(samples)), samples.items(), strict=True):
        bins = [one for one in metrics.reliability(sample.confidence, sample.label, prior=prior) if one.count]
        x, y = [one.confidence for one in bins], [one.observed for one in bins]
        axes.plot(x, y, color=colour, linewidth=1.2, label=condition)
        sizes = [12 + 160 * one.count / len(sample.label) for one in bins]
        axes.scatter(x, y, s=sizes, color=colour, alpha=0.7, linewidths=0)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_xlabel("confidence (mean of a bin; dots by number of recordings)")
    axes.set_ylabel(f"share with the signal, at a prior of {prior:g}")
    _title(axes, f"{signal}: reliability")
    _legend(axes, loc="upper left")
    return figure


def _histograms(samples: dict[str, Sample], signal: str) -> Figure:
    figure, all_axes = _figure(5.6, 1.0 + 1.3 * len(samples), len(samples))
    joined = np.concatenate([sample.score for sample in samples.values()])
    low, high = float(joined.min()), float(joined.max())
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    for axes, (condition, sample) in zip(all_axes, samples.items(), strict=True):
        for label, name, colour in ((0, "bona fide", BONAFIDE), (1, "spoof", SPOOF)):
            values = sample.score[sample.label == label]
            if len(values):
                weights = np.full(len(values), 100 / len(values))
                style = {"color": colour, "alpha": 0.5, "label": f"{name} ({len(values)})"}
                axes.hist(values, bins=edges, weights=weights, **style)
        axes.set_ylabel("% of class", fontsize=8)
        _title(axes, f"{signal}: {condition}")
        _legend(axes, loc="upper right")
    all_axes[-1].set_xlabel("score")
    return figure


def _cycled(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]
