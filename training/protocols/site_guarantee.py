"""Does on-site calibration keep the rate of false alarms on a channel that the shipped calibration has not seen?

    python training/protocols/site_guarantee.py genuine.csv [--count 40] [--nominal 0.05] [--json out.json]
    python training/protocols/site_guarantee.py --results webm=webm.jsonl --results phone=phone.jsonl

The CSV holds genuine recordings only, one row a recording and signal: columns signal, channel, path, score, quality,
llr, and person where known. `--results CHANNEL=FILE` takes what `inperson batch` wrote on genuine recordings of one
channel instead (persons are then not known).

For every signal and channel, again and again (`--splits`, seeded): calibrate on `--count` genuine recordings of the
channel, chosen at random with each person's recordings kept together, and count the p-values at or under `--nominal` on
the rest of the channel. Beside it stand, on all of the channel and without any calibration on it, the share that reach
the raw score that gave 5 % on the shipped calibration's own genuine recordings, and the share whose likelihood ratio
exceeds 2; both with 95 % intervals that resample persons. The spread over splits includes that of a finite rest.

Recordings without a score are not rows; inconclusive ones have a score and no ratio (put 0 there). A recording of lower
quality than all in the calibration gets no p-value and raises no alarm; how many did is printed. `--apart` ignores
persons: use it only where nobody recurs.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from inperson import models, site
from inperson.calibration import Calibration
from inperson.detectors import BUILT_IN, factories
from inperson.errors import InpersonError
from inperson.evaluation.bootstrap import share_interval

SPEAKS = math.log10(2)
REST = 10
"""Fewest recordings of a channel that must remain beside the calibration."""


@dataclass(frozen=True, slots=True)
class Row:
    """A genuine recording's score."""

    signal: str
    channel: str
    person: str
    score: float
    quality: float
    llr: float


@dataclass(frozen=True, slots=True)
class Line:
    """One signal on one channel. Rates are shares of genuine recordings; None where they cannot be had."""

    signal: str
    channel: str
    recordings: int
    persons: int
    splits: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    at_or_under_nominal: float | None = None
    within_8_percent: float | None = None
    not_compared: float | None = None
    speaks_after: float | None = None
    shipped_at_threshold: str | None = None
    shipped_speaks: str | None = None


def from_csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            person = row.get("person") or row["path"]
            numbers = float(row["score"]), float(row["quality"]), float(row["llr"])
            yield Row(row["signal"], row["channel"], person, *numbers)


def from_results(argument: str) -> Iterator[Row]:
    channel, _, path = argument.partition("=")
    for report in site.results(path):
        for found in report.findings:
            if found.status in site.MEASURED and found.score is not None:
                quality = 1.0 if found.quality is None else found.quality
                yield Row(found.signal, channel, report.media.path, found.score, quality, found.llr or 0.0)


def split(persons: Sequence[str], count: int, rng: np.random.Generator) -> np.ndarray:
    """Which rows calibrate: whole persons in random order, until there are `count` rows."""
    persons = np.asarray(persons)
    chosen = np.zeros(len(persons), bool)
    for person in rng.permutation(sorted(set(persons.tolist()))):
        if chosen.sum() >= count:
            break
        chosen |= persons == person
    return chosen


def calibrated(rows: Iterable[Row]) -> site.Genuine:
    pairs = sorted((row.score, row.quality) for row in rows)
    return site.Genuine("any-0", tuple(s for s, _ in pairs), tuple(q for _, q in pairs))


def trial(rows: Sequence[Row], chosen: np.ndarray, nominal: float, assurance: float) -> tuple[float, float, float]:
    """On the rest: shares of alarms, of recordings not compared, and of ratios above 2 as bounded by the p-value."""
    made = calibrated(row for row, taken in zip(rows, chosen, strict=True) if taken)
    rest = [row for row, taken in zip(rows, chosen, strict=True) if not taken]
    found = [made.compare(row.score, row.quality, assurance) for row in rest]
    alarms = [one.p_value is not None and one.p_value <= nominal for one in found]
    speaks = [min(row.llr, one.most) > SPEAKS for row, one in zip(rest, found, strict=True)]
    return float(np.mean(alarms)), float(np.mean([one.p_value is None for one in found])), float(np.mean(speaks))


def threshold(signal: str) -> float | None:
    """The raw score that 5 % of the shipped calibration's own genuine recordings reached, if its card says."""
    if signal not in BUILT_IN:
        return None
    (factory,) = factories([signal])
    model = factory().model
    return Calibration.from_card(models.card(model).calibration, model).nominal.get(0.05)


def shipped(above: Sequence[bool], persons: Sequence[str]) -> str:
    return f"{share_interval(above, persons):.3f}"


def line(rows: Sequence[Row], count: int, splits: int, nominal: float, assurance: float, seed: int) -> Line:
    """Everything about one signal on one channel."""
    persons = [row.person for row in rows]
    at = threshold(rows[0].signal)
    rng = np.random.default_rng(seed)
    known = {
        "shipped_at_threshold": None if at is None else shipped([row.score >= at for row in rows], persons),
        "shipped_speaks": shipped([row.llr > SPEAKS for row in rows], persons),
    }
    chosen = [split(persons, count, rng) for _ in range(splits)]
    chosen = [one for one in chosen if len(rows) - one.sum() >= REST]
    facts = rows[0].signal, rows[0].channel, len(rows), len(set(persons)), len(chosen)
    if not chosen:
        return Line(*facts, **known)
    rates, missing, speaks = np.array([trial(rows, one, nominal, assurance) for one in chosen]).T
    return Line(
        *facts,
        mean=float(rates.mean()),
        low=float(np.quantile(rates, 0.025)),
        high=float(np.quantile(rates, 0.975)),
        at_or_under_nominal=float(np.mean(rates <= nominal)),
        within_8_percent=float(np.mean(rates <= 0.08)),
        not_compared=float(missing.mean()),
        speaks_after=float(speaks.mean()),
        **known,
    )


def table(lines: Iterable[Line], nominal: float, count: int) -> str:
    """Markdown."""

    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    titles = [
        *("signal", "channel", "recordings (persons)", "splits", f"false alarms at {nominal:.0%} after {count} [95 %]"),
        *(f"splits at or under {nominal:.0%}", "within 0-8 %", "not compared", "ratio above 2 after"),
        *("shipped: at its 5 % threshold", "shipped: ratio above 2"),
    ]
    out = ["| " + " | ".join(titles) + " |", "|" + " --- |" * len(titles)]
    for one in lines:
        rate = "too few recordings" if one.mean is None else f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]"
        out.append(
            f"| {one.signal} | {one.channel} | {one.recordings} ({one.persons}) | {one.splits} | {rate} | "
            f"{share(one.at_or_under_nominal)} | {share(one.within_8_percent)} | {share(one.not_compared)} | "
            f"{share(one.speaks_after)} | {one.shipped_at_threshold or 'not in the card'} | {one.shipped_speaks} |"
        )
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("genuine", type=Path, nargs="*", help="CSV files; see the head of this script")
    parser.add_argument("--results", action="append", default=[], metavar="CHANNEL=FILE")
    parser.add_argument("--count", type=int, default=40, help="genuine recordings to calibrate on")
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--nominal", type=float, default=0.05)
    parser.add_argument("--assurance", type=float, default=site.ASSURANCE)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--apart", action="store_true", help="take every recording for another person's")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    try:
        rows = [row for path in options.genuine for row in from_csv(path)]
        rows += [row for argument in options.results for row in from_results(argument)]
    except (InpersonError, OSError, KeyError, ValueError) as error:
        parser.error(f"cannot read the scores: {error!r}")
    kinds: dict[tuple[str, str], list[Row]] = {}
    for i, row in enumerate(rows):
        kinds.setdefault((row.signal, row.channel), []).append(
            Row(row.signal, row.channel, str(i), row.score, row.quality, row.llr) if options.apart else row
        )
    settings = options.count, options.splits, options.nominal, options.assurance, options.seed
    lines = [line(kinds[kind], *settings) for kind in sorted(kinds)]
    print(table(lines, options.nominal, options.count))
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(one) for one in lines], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
