"""Fit the two-level model of a recording's windows, and show what pooling by it gains.

    python pooling.py rows.csv [natural.csv] [--out utterances.toml] [--draws 50]

`rows.csv` holds one row a window, scored by models that saw neither the recording's page nor its systems
(`long_recordings.py score`).

The constants of `inperson.detectors._voice_pooling.Levels` are fitted by maximum likelihood on genuine speech and
attacks, a page counting by the root of its recordings, and their intervals by resampling whole pages. What is compared
is made on pages that the constants and the calibration did not see: the trimmed mean of the windows, calibrated once
for all lengths, against the two-level ratio, for recordings of 10 s, 30 s, 2 min and 10 min.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from corpus import ATTACKS
from scipy.optimize import minimize

from inperson import calibration
from inperson.detectors._voice_change import course
from inperson.detectors._voice_pooling import LAG, Levels, Windows, beside, log_ratio, pooled
from inperson.errors import InputError
from inperson.evaluation.metrics import cllr
from inperson.types import Span

LENGTHS = (10.0, 30.0, 120.0, 600.0)
"""Seconds."""
FILLED = 0.6
"""An excerpt counts for a length if its windows cover this share of it (the rest is pauses)."""
REPEATED = 25.0
"""Seconds of speech from which a recording may stand in for a longer one, its windows repeated in shuffled order. Such
a recording says nothing new by being longer, so what pooling makes of it is a lower bound of what it makes of a real
one, and shows whether it boasts. Only lengths over a minute, where real recordings are few, are filled up so."""
NATURAL = 20
"""Recordings of a single file, of 4 windows or more, from which the correlation is read; with fewer, it is read from
joined clips too, and understated: neighbours that were shuffled together share nothing."""
EXCERPTS = 3
"""Disjoint excerpts of one recording at most."""
CORRELATIONS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
LEAST_CORRELATION = 0.1
"""Recordings at hand that were not joined last 90 s at most; slower drift, which they cannot show, is allowed for."""
HELPS = 0.005
"""Bits of Cllr by which the interviewer's voice must lower the cost to be used."""
FOLDS = 5
FALSE_ALARMS = 0.05


@dataclass(frozen=True)
class Recording:
    """Windows of one recording, and what it is."""

    name: str
    page: str
    label: str
    kind: str
    system: str
    clips: int
    channel: str
    change_at: float | None
    windows: Windows

    @property
    def spoof(self) -> int:
        return int(self.label == "spoof")


def read(path: Path) -> list[Recording]:
    """Recordings of a row file, in order of name."""
    held: dict[str, list[dict[str, str]]] = defaultdict(list)
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            held[row["recording"]].append(row)
    made = []
    for name, rows in sorted(held.items()):
        spans = [Span(float(row["start"]), float(row["end"])) for row in rows]
        windows = Windows.of([float(row["logit"]) for row in rows], spans)
        page, label, kind, system = (rows[0][key] for key in ("page", "label", "kind", "system"))
        change_at = float(rows[0]["change_at"]) if rows[0]["change_at"] else None
        clips = int(rows[0].get("clips") or 2)
        made.append(Recording(name, page, label, kind, system, clips, rows[0]["channel"], change_at, windows))
    return made


def attacks(recordings: Sequence[Recording]) -> list[Recording]:
    """Genuine speech and attacks; codecs, vocoder copies and changed recordings are left out."""
    return [r for r in recordings if r.label == "bonafide" or (r.spoof and r.kind in ATTACKS)]


def excerpts(r: Recording, seconds: float) -> list[Recording]:
    """Disjoint stretches of a length from the start on, by the windows' middles; or one stand-in (`REPEATED`)."""
    made = []
    middles = r.windows.middles
    for begin in float(r.windows.starts[0]) + seconds * np.arange(EXCERPTS):
        here = np.flatnonzero((middles >= begin) & (middles < begin + seconds))
        if len(here):
            part = r.windows.part(int(here[0]), int(here[-1]) + 1)
            made += [replace(r, windows=part)] if part.seconds >= FILLED * seconds else []
    if not made and seconds > 60 and r.windows.seconds >= REPEATED:
        made.append(replace(r, name=f"{r.name} repeated", windows=repeated(r.windows, seconds)))
    return made


def repeated(windows: Windows, seconds: float) -> Windows:
    """The same windows over and over, shuffled each time, for `seconds`."""
    rng = np.random.default_rng(len(windows))
    size = int(np.ceil(seconds / LAG))
    order = np.concatenate([rng.permutation(len(windows)) for _ in range(size // len(windows) + 1)])[:size]
    starts = LAG * np.arange(size)
    return Windows(windows.logits[order], starts, starts + 0.95 * LAG, windows.weights[order])


@dataclass(frozen=True)
class _Sums:
    """What the likelihood needs of each recording for one correlation; arrays of one length."""

    count: np.ndarray
    ones: np.ndarray  # 1' R^-1 1
    cross: np.ndarray  # 1' R^-1 x
    square: np.ndarray  # x' R^-1 x
    log_det: np.ndarray
    spoof: np.ndarray
    weight: np.ndarray


def _sums(recordings: Sequence[Recording], correlation: float) -> _Sums:
    """The Ornstein-Uhlenbeck process is Markov, so R^-1 is that of its innovations."""
    rows = []
    for r in recordings:
        x, one = r.windows.logits / r.windows.scales, 1 / r.windows.scales
        alike = correlation ** (np.diff(r.windows.middles) / LAG) if correlation else np.zeros(len(x) - 1)
        power = np.concatenate([[1.0], np.maximum(1 - alike**2, 1e-6)])
        x, one = (np.concatenate([y[:1], y[1:] - alike * y[:-1]]) / np.sqrt(power) for y in (x, one))
        rows.append((len(x), one @ one, one @ x, x @ x, np.log(power * r.windows.scales**2).sum()))
    sizes = Counter((r.page, r.spoof) for r in recordings)
    weight = np.array([sizes[r.page, r.spoof] ** -0.5 for r in recordings])
    spoof = np.array([r.spoof for r in recordings])
    for label in (0, 1):
        weight[spoof == label] /= weight[spoof == label].sum()
    return _Sums(*np.array(rows, float).T, spoof, weight)


def _cost(parameters: np.ndarray, s: _Sums) -> float:
    """Weighted -2 log likelihood; parameters: both means, log deviations between (both) and within."""
    mean = parameters[s.spoof]
    between, within = np.exp(2 * parameters[2 + s.spoof]), np.exp(2 * parameters[4])
    rest = s.square - 2 * mean * s.cross + mean**2 * s.ones
    gain = 1 + between * s.ones / within
    fit_ = rest / within - between * (s.cross - mean * s.ones) ** 2 / within**2 / gain
    return float(s.weight @ (s.count * np.log(within) + s.log_det + np.log(gain) + fit_))


def correlation(recordings: Sequence[Recording]) -> float:
    """Of windows `LAG` seconds apart, from recordings that were not joined, where there are `NATURAL` of them."""
    natural = [r for r in recordings if r.clips == 1 and len(r.windows) >= 4]
    enough = len(natural) >= NATURAL and len({r.spoof for r in natural}) == 2
    try:
        return max(fit(natural if enough else recordings).correlation, LEAST_CORRELATION)
    except ValueError:  # few pages: their synthetic speech happens to score below the genuine
        return LEAST_CORRELATION


def fit(recordings: Sequence[Recording], correlations: Sequence[float] = CORRELATIONS) -> Levels:
    """Maximum likelihood; the correlation from a grid.

    Raises
    ------
    ValueError
        The synthetic mean is not above the genuine one, or a class is missing.
    """
    levels = {c: np.array([r.windows.logits.mean() for r in recordings if r.spoof == c]) for c in (0, 1)}
    inner = np.sqrt(np.mean([r.windows.logits.var() for r in recordings if len(r.windows) > 1]) + 1e-3)
    start = [levels[0].mean(), levels[1].mean(), *np.log([levels[0].std() + 0.1, levels[1].std() + 0.1, inner + 0.1])]
    best: tuple[float, float, np.ndarray] | None = None
    for tried in correlations:
        found = minimize(_cost, start if best is None else best[2], args=(_sums(recordings, tried),))
        if best is None or found.fun < best[0]:
            best = float(found.fun), tried, found.x
    assert best is not None
    (genuine, synthetic), spreads = best[2][:2], np.exp(best[2][2:])
    between = (float(max(spreads[0], 1e-3)), float(max(spreads[1], 1e-3)))
    return Levels((float(genuine), float(synthetic)), between, float(spreads[2]), best[1])


def resampled(recordings: Sequence[Recording], rng: np.random.Generator) -> list[Recording]:
    """As many pages, drawn with replacement; a page drawn twice counts as two."""
    of: dict[str, list[Recording]] = defaultdict(list)
    for r in recordings:
        of[r.page].append(r)
    drawn = rng.choice(sorted(of), len(of))
    return [replace(r, page=f"{page}#{i}") for i, page in enumerate(drawn) for r in of[page]]


Score = Callable[[Recording, Levels], float]


def by_trimmed_mean(r: Recording, _: Levels) -> float:
    """Without a tenth of the windows at either end: what there was before."""
    cut = len(r.windows) // 10
    return float(np.sort(r.windows.logits)[cut : len(r.windows) - cut].mean())


def by_levels(r: Recording, levels: Levels) -> float:
    return log_ratio(pooled(r.windows, levels), levels)


def by_course(r: Recording, levels: Levels) -> float:
    return course(r.windows, levels).ratio


def held_out(recordings: Sequence[Recording], tested: Sequence[Recording], score: Score, max_llr: float) -> np.ndarray:
    """log10 ratios of `tested` by constants and one calibration fitted on other pages' excerpts of every length."""
    pages = sorted({r.page for r in recordings})
    np.random.default_rng(0).shuffle(pages)
    ratios = np.zeros(len(tested))
    for fold in range(FOLDS):
        held = set(pages[fold::FOLDS])
        train = [r for r in recordings if r.page not in held]
        levels = fit(train, [correlation(train)])
        cut = [e for r in train for seconds in LENGTHS for e in excerpts(r, seconds)]
        scores = [score(r, levels) for r in cut]
        made = calibration.fit(
            scores, [r.spoof for r in cut], [r.page for r in cut], max_llr=max_llr, method="logistic"
        )
        for i, r in enumerate(tested):
            if r.page in held:
                ratios[i] = made.llr(score(r, levels))
    return ratios


def gain(recordings: Sequence[Recording], max_llr: float) -> str:
    """Cllr a length: trimmed mean and two-level ratio, each calibrated once; the latter with runs looked at."""
    tested = [(seconds, e) for seconds in LENGTHS for r in recordings for e in excerpts(r, seconds)]
    length, cut = np.array([seconds for seconds, _ in tested]), [e for _, e in tested]
    spoof = np.array([r.spoof for r in cut])
    lines = [
        "length   genuine  attacks  trimmed mean  two levels  two levels + runs   (Cllr; share of genuine over 5 %)"
    ]
    try:
        ratios = [held_out(recordings, cut, score, max_llr) for score in (by_trimmed_mean, by_levels, by_course)]
    except InputError as error:
        return f"nothing to compare: {error}"
    limits = [float(np.quantile(r[spoof == 0], 1 - FALSE_ALARMS)) for r in ratios]
    for seconds in LENGTHS:
        here = length == seconds
        counts = np.bincount(spoof[here], minlength=2)
        stand_ins = sum(one.name.endswith(" repeated") for one, at in zip(cut, here, strict=True) if at)
        if counts.min() < 5:
            lines.append(f"{seconds:5.0f} s  {counts[0]:7d}  {counts[1]:7d}  too few")
            continue
        cells = []
        for ratio, limit in zip(ratios, limits, strict=True):
            alarms = np.mean(ratio[here & (spoof == 0)] > limit)
            cells.append(f"{cllr(ratio[here], spoof[here]):.3f} ({100 * alarms:4.1f} %)")
        lines.append(
            f"{seconds:5.0f} s  {counts[0]:7d}  {counts[1]:7d}  " + "  ".join(cells) + f"  {stand_ins} stand-ins"
        )
    return "\n".join(lines)


def shared(recordings: Sequence[Recording], levels: Levels, pairs_of_one_channel: bool = True) -> float:
    """Correlation of two genuine voices' levels, of different pages, by one channel (or by different ones)."""
    genuine = [r for r in recordings if not r.spoof]
    off = np.array([pooled(r.windows, levels).mean for r in genuine])
    page, channel = np.array([r.page for r in genuine]), np.array([r.channel for r in genuine])
    for name in set(page):  # the page's own level is no channel
        if (page == name).sum() > 2:
            off[page == name] -= off[page == name].mean()
        else:
            off[page == name] -= levels.means[0]
    usable = (page[:, None] < page) & ((channel[:, None] == channel) == pairs_of_one_channel)
    return float((off[:, None] * off)[usable].mean() / levels.between[0] ** 2) if usable.any() else 0.0


def reference(recordings: Sequence[Recording], levels: Levels, draws: int) -> tuple[float, tuple[float, float]]:
    """`Levels.reference` and its 95 % interval over resampled channels; 0 where the interval reaches 0."""
    rng = np.random.default_rng(0)
    channels = sorted({r.channel for r in recordings})
    found = []
    for _ in range(draws):
        drawn = rng.choice(channels, len(channels))
        found.append(
            shared(
                [replace(r, channel=f"{c}#{i}") for i, c in enumerate(drawn) for r in recordings if r.channel == c],
                levels,
            )
        )
    low, high = np.percentile(found, [2.5, 97.5])
    return (min(max(shared(recordings, levels), 0.0), 0.95) if low > 0 else 0.0), (float(low), float(high))


def beside_gain(recordings: Sequence[Recording], levels: Levels) -> tuple[bool, str]:
    """Whether candidates beside each genuine voice of another page by the same channel cost less than alone."""
    alone, corrected, labels = [], [], []
    for candidate in recordings:
        level = pooled(candidate.windows, levels)
        for other in recordings:
            if other.spoof or other.page == candidate.page or other.channel != candidate.channel:
                continue
            alone.append(log_ratio(level, levels))
            corrected.append(log_ratio(beside(level, pooled(other.windows, levels), levels), levels))
            labels.append(candidate.spoof)
    spoof = np.array(labels, int)
    if min(np.bincount(spoof, minlength=2)) < 5:
        return False, "too few pairs"
    limit = np.quantile(np.array(alone)[spoof == 0], 1 - FALSE_ALARMS)
    costs, cells = [], []
    for name, ratios in (("alone", np.array(alone)), ("beside", np.array(corrected))):
        costs.append(cllr(ratios / np.log(10), spoof))
        over = [100 * np.mean(ratios[spoof == label] > limit) for label in (0, 1)]
        cells.append(f"{name} Cllr {costs[-1]:.3f}, over the limit genuine {over[0]:.1f} %, attacks {over[1]:.1f} %")
    return costs[1] < costs[0] - HELPS, f"{len(spoof)} pairs: " + "; ".join(cells)


def changes(recordings: Sequence[Recording], levels: Levels) -> str:
    """What `course` finds in recordings that change, and in those that do not."""
    found = [(r, course(r.windows, levels)) for r in recordings if r.change_at is not None]
    still = [course(r.windows, levels) for r in recordings if r.change_at is None and len(r.windows) >= 6]
    errors = [min(abs(c.time - r.change_at) for c in one.changes) for r, one in found if one.changes and r.change_at]
    carried = sum(one.carrier is not None for _, one in found)
    held = sum(any(r.change_at in c.within for c in one.changes) for r, one in found if r.change_at is not None)
    spurious, higher = sum(bool(one.changes) for one in still), sum(one.carrier is not None for one in still)
    middle = f"median error {np.median(errors):.1f} s, 90 % within {np.quantile(errors, 0.9):.1f} s, " if errors else ""
    return (
        f"{len(found)} recordings change: found in {len(errors)}, {middle}time inside its interval in {held}, a run "
        f"carries the score in {carried}; {len(still)} do not: a change found in {spurious}, a run carries in {higher}"
    )


def intervals(low: np.ndarray, high: np.ndarray) -> str:
    """A comment for the card."""
    names = ("means[0]", "means[1]", "between[0]", "between[1]", "within", "correlation")
    shown = ", ".join(f"{n} [{a:.2f}, {b:.2f}]" for n, a, b in zip(names, low, high, strict=True))
    return f"# 95 % by resampled pages: {shown}\n"


def to_toml(levels: Levels, comment: str = "") -> str:
    """The card's ``[utterances]`` table."""
    return (
        "[utterances]\n"
        "# Two-level model of window logits (training/synthetic_voice/pooling.py).\n"
        f"{comment}"
        f"deviation = {levels.within:.4f}\n"
        f"means = [{levels.means[0]:.4f}, {levels.means[1]:.4f}]\n"
        f"between = [{levels.between[0]:.4f}, {levels.between[1]:.4f}]\n"
        f"within = {levels.within:.4f}\n"
        f"correlation = {levels.correlation:.2f}\n"
        f"reference = {levels.reference:.3f}\n"
    )


def _numbers(levels: Levels) -> list[float]:
    return [*levels.means, *levels.between, levels.within, levels.correlation]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, help="where to write the card's [utterances] table")
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--max-llr", type=float, default=2.0, help="bound of the calibrations compared, log10")
    chosen = parser.parse_args()
    everything = [r for path in chosen.rows for r in read(path)]
    usable = attacks(everything)
    rng = np.random.default_rng(0)
    drawn = []
    while len(drawn) < chosen.draws:
        sample = resampled(usable, rng)
        if {r.spoof for r in sample} == {0, 1}:
            try:
                drawn.append(_numbers(fit(sample, [correlation(sample)])))
            except ValueError:  # pages drawn whose synthetic speech scores below the genuine
                continue
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    levels = fit(usable, [max(correlation(usable), LEAST_CORRELATION)])
    weight, interval = reference(usable, levels, chosen.draws)
    helps, said = beside_gain(usable, replace(levels, reference=weight))
    levels = replace(levels, reference=weight if helps else 0.0)
    print(to_toml(levels, intervals(low, high)))
    print(gain(usable, chosen.max_llr))
    same, other = shared(usable, levels), shared(usable, levels, pairs_of_one_channel=False)
    print(f"levels of two genuine voices correlate: one channel {same:.3f} {interval}, different channels {other:.3f}")
    print(f"beside the interviewer, by {weight:.3f}: {said}; {'used' if helps else 'not used'}")
    print(changes([r for r in everything if r.label == "changed"] + usable, levels))
    if chosen.out:
        chosen.out.write_text(to_toml(levels, intervals(low, high)), encoding="utf-8")


if __name__ == "__main__":
    main()
