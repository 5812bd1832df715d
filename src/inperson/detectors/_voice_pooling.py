"""From the logits of a voice's windows to one log-likelihood ratio for the recording, and what it leans on.

The model has two levels. A recording's own level is drawn around its class's mean, ``level ~ N(mean, between**2)``:
voice, microphone, speech system. Its windows scatter around that level with deviation ``within``, alike in both
classes, and two windows whose middles lie `LAG` seconds apart correlate by ``correlation`` (``correlation ** (d /
LAG)`` at distance d: an Ornstein-Uhlenbeck process). The mean of the windows then has variance ``between**2 + v``,
where v shrinks with their number; so more speech makes more certain, but never more than ``between`` allows, however
long the recording. Scatter and correlation are alike in both classes: a lively recording is no evidence in itself.

The two-level Gaussian likelihood ratio is that of Lindley, "A problem in forensic science", Biometrika 64 (1977)
207-213, with the class in place of the source; the constants come from the model's card (``[utterances]``) and are
fitted by ``training/synthetic_voice/pooling.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inperson.errors import InputError, ModelError
from inperson.types import Span

Array = NDArray[np.float64]

LAG = 5.0
"""Seconds between the middles of neighbouring windows for which the card states the correlation."""
SHORTENED = 0.25
"""A window of s seconds deviates by ``within * (LAG / s) ** SHORTENED``: short ones are less sure. Measured on training
recordings' logits by models that did not know the page: deviations around the recording's mean of 2.1, 1.8, 1.7 and 1.4
at 1.2, 1.8, 2.5 and 5 s (`training/synthetic_voice/pooling.py` fits `within` with it)."""
OUTLYING = 2.0
"""Deviations (`Levels.within`) from the recording's median at which a window is clipped: a share p of windows that lie
anyhow far off moves the mean by no more than 2 p deviations, and of Gaussian windows under 5 % are touched."""
LEAST_WEIGHT = 0.05
"""Weight of a window whose doubt is complete: it counts little, but a recording of such windows still has a mean."""
BELIEVED = 2.0
FORGOTTEN = 4.0
"""Deviations (`Levels.between` of genuine voices) of the interviewer's level: up to the first, the channel is believed
to explain it; beyond the second, nothing is, because the interviewer may be a machine too (linear between: the
three-part redescending function of Hampel, JASA 69 (1974) 383-393)."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The two-level model's constants, on the scale of the window logits.

    Attributes
    ----------
    means : (float, float)
        Mean level of genuine and of synthetic recordings; the second is the larger.
    between : (float, float)
        Deviation of recordings' levels around the class's mean, genuine and synthetic.
    within : float
        Deviation of windows of `LAG` seconds around their recording's level.
    correlation : float
        Of windows `LAG` seconds apart, in [0, 1].
    reference : float
        Correlation of the levels of two genuine voices that come by one channel, in [0, 1); 0 where not fitted.
    """

    means: tuple[float, float]
    between: tuple[float, float]
    within: float
    correlation: float
    reference: float = 0.0

    def __post_init__(self) -> None:
        numbers = (*self.means, *self.between, self.within, self.correlation, self.reference)
        if not all(map(math.isfinite, numbers)):
            raise ValueError("a number that is not finite")
        if self.means[1] <= self.means[0]:
            raise ValueError("the synthetic mean must be above the genuine one")
        if min(*self.between, self.within) <= 0:
            raise ValueError("deviations must be above 0")
        if not (0 <= self.correlation <= 1 and 0 <= self.reference < 1):
            raise ValueError("correlations must lie in [0, 1]")

    @classmethod
    def from_card(cls, table: Mapping[str, Any], name: str = "model") -> Levels:
        """Read a card's ``[utterances]`` table.

        Raises
        ------
        ModelError
            A key is missing or a value cannot be.
        """
        try:
            genuine, synthetic = (float(x) for x in table["means"])
            of_genuine, of_synthetic = (float(x) for x in table["between"])
            return cls(
                means=(genuine, synthetic),
                between=(of_genuine, of_synthetic),
                within=float(table["within"]),
                correlation=float(table["correlation"]),
                reference=float(table.get("reference", 0.0)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"the [utterances] of {name} is not usable ({error!r}); reinstall inperson or refit it"
            ) from None


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Scored windows of one voice in order of time: four arrays of length n >= 1.

    Attributes
    ----------
    logits : (n,) float64
    starts, ends : (n,) float64
        Seconds; `starts` ascend.
    weights : (n,) float64
        Above 0, beside what their length makes them weigh; only their proportions count.
    """

    logits: Array
    starts: Array
    ends: Array
    weights: Array

    @classmethod
    def of(cls, logits: ArrayLike, spans: Sequence[Span], doubts: ArrayLike | None = None) -> Windows:
        """Sort by time; a window weighs one minus its doubt (at least `LEAST_WEIGHT`), all alike without `doubts`.

        Raises
        ------
        InputError
            No windows, lengths that differ, or a number that is not finite.
        """
        values = np.asarray(logits, np.float64)
        weights = np.ones(len(values)) if doubts is None else 1 - np.asarray(doubts, np.float64)
        if not len(values) or not len(values) == len(spans) == len(weights):
            raise InputError(f"{len(values)} logits, {len(spans)} spans and {len(weights)} weights do not go together")
        if not (np.isfinite(values).all() and np.isfinite(weights).all()):
            raise InputError("a window's logit or doubt is not finite")
        order = np.argsort([span.start for span in spans], kind="stable")
        starts = np.array([spans[i].start for i in order])
        ends = np.array([spans[i].end for i in order])
        return cls(values[order], starts, ends, np.clip(weights[order], LEAST_WEIGHT, None))

    def __len__(self) -> int:
        return len(self.logits)

    @property
    def middles(self) -> Array:
        return (self.starts + self.ends) / 2

    @property
    def scales(self) -> Array:
        """Deviation of each window over that of one of `LAG` seconds."""
        made: Array = (LAG / np.maximum(self.ends - self.starts, 0.1)) ** SHORTENED
        return made

    @property
    def seconds(self) -> float:
        return float(np.sum(self.ends - self.starts))

    def part(self, first: int, stop: int) -> Windows:
        """Windows ``first <= i < stop``."""
        return Windows(
            self.logits[first:stop], self.starts[first:stop], self.ends[first:stop], self.weights[first:stop]
        )


@dataclass(frozen=True, slots=True)
class Pooled:
    """A voice's level as its windows show it: their mean, and its error's variance."""

    mean: float
    variance: float


def pooled(windows: Windows, levels: Levels) -> Pooled:
    """Weighted mean of the windows, clipped `OUTLYING` deviations from their median, and its variance.

    A window weighs the inverse of its variance, times its own weight. Of one window of `LAG` seconds it is the window
    itself, with variance ``within**2``; perfectly correlated windows count as one. Clipping is not credited: the
    variance stays that of unclipped windows.
    """
    scales = windows.scales
    middle, reach = float(np.median(windows.logits)), OUTLYING * levels.within * scales
    weights = windows.weights / scales**2
    share = weights / weights.sum()
    mean = float(share @ np.clip(windows.logits, middle - reach, middle + reach))
    at, parts = windows.middles, share * scales
    alike = levels.correlation ** (np.abs(at[:, None] - at) / LAG)
    np.fill_diagonal(alike, 1.0)
    return Pooled(mean, levels.within**2 * float(parts @ alike @ parts))


def log_ratio(level: Pooled, levels: Levels) -> float:
    """Natural log of P(level | synthetic) / P(level | genuine), never falling where the level rises.

    Two Gaussians of unequal width have a ratio that turns round beyond its vertex: far enough below both means, the
    wider class is the likelier again. That is the curve's shape and not knowledge, so beyond the vertex it is flat.
    """
    genuine, synthetic = (deviation**2 + level.variance for deviation in levels.between)
    at = level.mean
    curvature = 1 / genuine - 1 / synthetic
    if abs(curvature) > 1e-12 * max(1 / genuine, 1 / synthetic):
        vertex = (levels.means[0] / genuine - levels.means[1] / synthetic) / curvature
        at = max(at, vertex) if curvature > 0 else min(at, vertex)
    of_genuine = math.log(genuine) + (at - levels.means[0]) ** 2 / genuine
    of_synthetic = math.log(synthetic) + (at - levels.means[1]) ** 2 / synthetic
    return 0.5 * (of_genuine - of_synthetic)


def spread(level: Pooled, levels: Levels) -> float:
    """Standard error of `log_ratio`: half of what it moves from one error of the level below to one above."""
    error = math.sqrt(level.variance)
    low, high = (log_ratio(Pooled(level.mean + x, level.variance), levels) for x in (-error, error))
    return (high - low) / 2


def beside(candidate: Pooled, interviewer: Pooled, levels: Levels) -> Pooled:
    """The candidate's level less what the channel explains of it, by the interviewer's voice over the same channel.

    Of the interviewer's excess over a genuine voice's mean, the regression of one genuine voice's level on another's by
    the same channel (`Levels.reference`, shrunk by the interviewer's own error) is taken off. Careful on purpose, for
    whether both voices came by one path is unknown (each has a microphone of its own; they share the recording's codec
    at least): it only ever lowers suspicion, claims no more certainty, and lets go of an excess that is so large that
    the interviewer may be a machine (`BELIEVED`, `FORGOTTEN`). With `reference` 0 nothing changes.
    """
    unit = levels.between[0]
    excess = max(interviewer.mean - levels.means[0], 0.0)
    believed = min(excess, BELIEVED * unit)
    if excess > BELIEVED * unit:
        believed *= max(0.0, (FORGOTTEN * unit - excess) / ((FORGOTTEN - BELIEVED) * unit))
    weight = levels.reference * unit**2 / (unit**2 + interviewer.variance)
    return Pooled(candidate.mean - weight * believed, candidate.variance)


Kind = Literal["generated", "converted", "codec", "cannot_tell"]


@dataclass(frozen=True, slots=True)
class KindBand:
    """When a kind is named; from a card's ``[kinds]`` table.

    Attributes
    ----------
    least : mapping of kind to float
        Logit that the kind's own head must reach (recording mean).
    lead : float
        By how much it must exceed the other heads; less is the band in which the kinds cannot be told apart.
    """

    least: Mapping[str, float]
    lead: float

    @classmethod
    def from_card(cls, table: Mapping[str, Any], name: str = "model") -> KindBand:
        """Keys ``generated``, ``converted``, ``codec`` (least logit of each) and ``lead`` (at least 0).

        Raises
        ------
        ModelError
            A key is missing or a value cannot be.
        """
        try:
            made = cls({kind: float(table[kind]) for kind in ("generated", "converted", "codec")}, float(table["lead"]))
            if not (made.lead >= 0 and all(map(math.isfinite, (made.lead, *made.least.values())))):
                raise ValueError("lead must be at least 0 and every number finite")
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"the [kinds] of {name} is not usable ({error!r}); reinstall inperson") from None
        return made


def kind(generated: float, converted: float, codec: float, band: KindBand) -> Kind:
    """Which kind of resynthesis three recording-level logits speak for, or ``"cannot_tell"``.

    The names are no grades of guilt: a neural codec is innocent, and converted voice includes accent conversion, which
    honest people use. Call it only where the recording's own ratio already speaks for a machine.
    """
    heads: dict[Kind, float] = {"generated": generated, "converted": converted, "codec": codec}
    first, second, _ = sorted(heads, key=heads.__getitem__, reverse=True)
    if not all(map(math.isfinite, heads.values())):
        return "cannot_tell"
    clear = heads[first] >= band.least[first] and heads[first] - heads[second] >= band.lead
    return first if clear else "cannot_tell"
