"""Measure the shipped card on the test part, turn by turn and without sound: every assistant, exact and noisy turns.

A conversation is flagged where its log10 likelihood ratio is at least 0.3 (a confidence of two thirds at a prior of one
half). Intervals are 95 %, over recordings.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from fit import Case, cases, part
from simulate import ASSISTANTS, GENUINE, load

from inperson import models
from inperson.calibration import Calibration
from inperson.detectors.response_latency import SOURCE_QUALITY, Priors, ResponseLatency
from inperson.evaluation import bootstrap, metrics

KINDS = {
    "primock57": "consultations over video",
    "earnings21": "earnings calls",
    "ami": "meetings",
    "voxconverse": "broadcast talk",
}
THRESHOLD = 0.3
NOISES = {"exact turns": None, "diarized (sd 0.1 s)": 0.1, "diarized (sd 0.2 s)": 0.2}


def share(flags: Sequence[bool]) -> str:
    """``value [low, high]`` for one flag a recording; n/a for none."""
    return f"{bootstrap.share_interval(flags, range(len(flags))):.2f}" if flags else "n/a"


def auc_interval(positive: list[Case], negative: list[Case], seed: int = 0) -> str:
    """Resamples recordings: the assisted and the genuine version of one recording stay together."""
    known = {case.name for case in negative} & {case.name for case in positive}
    both = [case for case in (*negative, *positive) if case.name in known]
    if not both:
        return "n/a"
    scores, labels = [case.score for case in both], [case.assisted for case in both]
    names = [case.name for case in both]
    return f"{bootstrap.interval(metrics.auc, scores, labels, groups=names, labels=labels, seed=seed):.2f}"


def table(rows: list[Case], calibration: Calibration) -> dict[str, str]:
    """Everything said about one condition: ``{what: figure}``."""
    found = {}

    def flagged(chosen: list[Case]) -> str:
        return share([calibration.llr(case.score) >= THRESHOLD for case in chosen])

    def chosen(variant: str, kind: str | None = None) -> list[Case]:
        return [case for case in rows if case.variant == variant and kind in (None, case.kind)]

    for kind, words in KINDS.items():
        genuine = chosen("as recorded", kind)
        found[f"false alarms, {words} (n = {len(genuine)})"] = flagged(genuine)
    for variant in list(GENUINE)[1:]:
        found[f"false alarms, simulated: {variant} (n = {len(chosen(variant))})"] = flagged(chosen(variant))
    for variant in ASSISTANTS:
        found[f"detected, {variant}"] = flagged(chosen(variant))
        found[f"AUC, {variant}"] = auc_interval(chosen(variant), chosen("as recorded"))
        found[f"AUC, consultations, {variant}"] = auc_interval(
            chosen(variant, "primock57"), chosen("as recorded", "primock57")
        )
    plain = [case for case in rows if case.assisted or case.variant == "as recorded"]
    llr = np.array([calibration.llr(case.score) for case in plain])
    found["Cllr, as recorded against all assistants, bits"] = f"{metrics.cllr(llr, [c.assisted for c in plain]):.2f}"
    return found


def shift_change(rows: list[Case], calibration: Calibration) -> str:
    """Largest and 95th percentile change of the confidence at a prior of one half, when 0.3 s are added."""

    def confidence(case: Case) -> float:
        return 1 / (1 + 10 ** -calibration.llr(case.score))

    plain = {case.name: confidence(case) for case in rows if case.variant == "as recorded"}
    moved = {case.name: confidence(case) for case in rows if case.variant == "network delay +0.3 s"}
    change = np.abs([moved[name] - plain[name] for name in plain if name in moved])
    return f"{np.quantile(change, 0.95):.3f} (95th percentile), {change.max():.3f} (largest)"


def genuine(folder: Path, calibration: Calibration, priors: Priors, seed: int, path: Path) -> None:
    """Scores of every conversation as recorded, of all parts, for training/protocols/site_guarantee.py."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["signal", "channel", "path", "person", "score", "quality", "llr"])
        for condition, noise in NOISES.items():
            for one in cases(load(folder), seed, priors, noise, assistants=False):
                if one.variant == "as recorded":
                    quality = (
                        one.answers / (one.answers + 5) * SOURCE_QUALITY["supplied" if noise is None else "diarized"]
                    )
                    ratio = calibration.llr(one.score)
                    writer.writerow(
                        ["response_latency", f"{one.kind}, {condition}", one.name, one.group, one.score, quality, ratio]
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("turns", type=Path, help="folder of RTTM files with manifest.csv")
    parser.add_argument("--genuine", type=Path, help="only write the genuine scores of all parts to this CSV")
    parser.add_argument("--seed", type=int, default=100)
    args = parser.parse_args()
    card = models.card(ResponseLatency.model)
    calibration, priors = Calibration.from_card(card.calibration), Priors.from_table(card.data["priors"])
    if args.genuine:
        genuine(args.turns, calibration, priors, args.seed, args.genuine)
        return
    test = part(args.turns, "test")
    lines = [f"flagged at a log10 ratio of {THRESHOLD}"]
    for condition, noise in NOISES.items():
        rows = list(cases(test, args.seed, priors, noise))
        figures = table(rows, calibration)
        if noise is None:
            known = [c for which in ("fit", "calibrate") for c in part(args.turns, which) if c.kind == "primock57"]
            seen = [case for case in cases(known, args.seed, priors, assistants=False) if case.variant == "as recorded"]
            figures[f"false alarms, consultations that chose the method (n = {len(seen)})"] = share(
                [calibration.llr(case.score) >= THRESHOLD for case in seen]
            )
            figures["change of confidence by +0.3 s, as recorded"] = shift_change(rows, calibration)
        lines += ["", f"{condition}:", *(f"  {what}: {figure}" for what, figure in figures.items())]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
