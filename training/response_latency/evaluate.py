"""Measure the card on the test part, which neither chose nor calibrated anything, and write its ``[evaluation]``.

A conversation is flagged where its log10 likelihood ratio is at least 0.3 (a confidence of two thirds at a prior of one
half). Intervals are 95 %, bootstrapped over recordings.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from fit import Case, cases, part
from simulate import ASSISTANTS, GENUINE

from inperson.calibration import Calibration
from inperson.detectors.response_latency import Priors

KINDS = {
    "primock57": "consultations over video",
    "earnings21": "earnings calls",
    "ami": "meetings",
    "voxconverse": "broadcast talk",
}
THRESHOLD = 0.3
NOISES = {"exact turns": None, "diarized (sd 0.1 s)": 0.1, "diarized (sd 0.2 s)": 0.2}


def interval(values: Sequence[float], statistic: Callable[[np.ndarray], float], seed: int = 0) -> str:
    """``value [low, high]``; n/a for none."""
    array = np.asarray(values, float)
    if not len(array):
        return "n/a"
    rng = np.random.default_rng(seed)
    drawn = [statistic(array[rng.integers(0, len(array), len(array))]) for _ in range(1000)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{statistic(array):.2f} [{low:.2f}, {high:.2f}]"


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    return float((positive[:, None] > negative).mean() + 0.5 * (positive[:, None] == negative).mean())


def auc_interval(positive: list[Case], negative: list[Case], seed: int = 0) -> str:
    """Resamples recordings: the assisted and the genuine version of one recording stay together."""
    pairs = {case.name: case.score for case in negative}
    both = np.array([(case.score, pairs[case.name]) for case in positive if case.name in pairs])
    if not len(both):
        return "n/a"
    rng = np.random.default_rng(seed)
    drawn = [auc(*both[rng.integers(0, len(both), len(both))].T) for _ in range(300)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{auc(*both.T):.2f} [{low:.2f}, {high:.2f}]"


def cllr(llr: np.ndarray, positive: np.ndarray) -> float:
    """Cost of the log likelihood ratio in bits; 1 is what no evidence at all costs."""
    odds = 10.0**llr
    return float(0.5 * np.log2(1 + 1 / odds[positive]).mean() + 0.5 * np.log2(1 + odds[~positive]).mean())


def table(rows: list[Case], calibration: Calibration) -> dict[str, str]:
    """Everything said about one condition: ``{what: figure}``."""
    found = {}

    def flagged(chosen: list[Case]) -> str:
        return interval([calibration.llr(case.score) > THRESHOLD for case in chosen], lambda x: float(x.mean()))

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
    found["Cllr, as recorded against all assistants, bits"] = f"{cllr(llr, np.array([c.assisted for c in plain])):.2f}"
    return found


def shift_change(rows: list[Case], calibration: Calibration) -> str:
    """Largest and 95th percentile change of the confidence at a prior of one half, when 0.3 s are added."""

    def confidence(case: Case) -> float:
        return 1 / (1 + 10 ** -calibration.llr(case.score))

    plain = {case.name: confidence(case) for case in rows if case.variant == "as recorded"}
    moved = {case.name: confidence(case) for case in rows if case.variant == "network delay +0.3 s"}
    change = np.abs([moved[name] - plain[name] for name in plain if name in moved])
    return f"{np.quantile(change, 0.95):.3f} (95th percentile), {change.max():.3f} (largest)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("turns", type=Path, help="folder of RTTM files with manifest.csv")
    parser.add_argument("--card", type=Path, required=True, help="card that fit.py wrote; its [evaluation] is replaced")
    parser.add_argument("--seed", type=int, default=100)
    args = parser.parse_args()
    text = args.card.read_text(encoding="utf-8")
    card = tomllib.loads(text)
    calibration, priors = Calibration.from_card(card["calibration"]), Priors.from_table(card["priors"])
    test = part(args.turns, "test")
    lines = ["[evaluation]", 'command = "python evaluate.py TURNS --card CARD"', f"threshold_llr = {THRESHOLD}"]
    for condition, noise in NOISES.items():
        rows = list(cases(test, args.seed, priors, noise))
        figures = table(rows, calibration)
        if noise is None:
            known = [c for which in ("fit", "calibrate") for c in part(args.turns, which) if c.kind == "primock57"]
            seen = [case for case in cases(known, args.seed, priors, assistants=False) if case.variant == "as recorded"]
            figures[f"false alarms, consultations that chose the method (n = {len(seen)})"] = interval(
                [calibration.llr(case.score) > THRESHOLD for case in seen], lambda x: float(x.mean())
            )
            figures["change of confidence by +0.3 s, as recorded"] = shift_change(rows, calibration)
        lines += ["", f'[evaluation."{condition}"]', *(f'"{what}" = "{figure}"' for what, figure in figures.items())]
    written = "\n".join(lines) + "\n"
    print(written)
    text = re.sub(r"\n\[evaluation\]\n.*?(?=\n\[(?!evaluation)|\Z)", "", text, flags=re.DOTALL)
    args.card.write_text(text.rstrip() + "\n\n" + written, encoding="utf-8")


if __name__ == "__main__":
    main()
