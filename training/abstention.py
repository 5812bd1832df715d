"""Choose from measured errors the quality below which a signal abstains, and say whether quality predicts the error.

    python training/abstention.py SCORES.csv... --signal NAME --fitted cards/NAME.fitted.toml

SCORES.csv has the columns path, signal, label, person, score and quality, one row a recording and condition: what
``inperson evaluate`` writes as scores.csv, or a training command from scores by models that did not see the recording.
It must hold training material only: the rule is a threshold. Ratios are those of the calibration in the fitted file,
whose ``[abstention]`` table is replaced; ``scripts/cards.py write`` then puts it into the card.
"""

from __future__ import annotations

import argparse
import csv
import re
import tomllib
from pathlib import Path

import numpy as np

from inperson.calibration import Calibration
from inperson.evaluation.bootstrap import Estimate
from inperson.evaluation.likelihood import log_cost
from inperson.evaluation.quality import by_quality, least_quality, monotone


def rows(paths: list[Path], signal: str) -> list[dict[str, str]]:
    """Scored rows of a signal."""
    found: list[dict[str, str]] = []
    for path in paths:
        with open(path, newline="", encoding="utf-8") as file:
            found += [row for row in csv.DictReader(file) if row["signal"] == signal and row["score"]]
    return [row for row in found if row["quality"]]


def shown(one: Estimate) -> str:
    return f"[{one.value:.3f}, {one.low:.3f}, {one.high:.3f}]"


def table(found: list[dict[str, str]], source: str, fitted: Calibration) -> str:
    """The [abstention] table of a card."""
    llr = np.array([fitted.llr(float(row["score"])) for row in found])
    quality = np.array([float(row["quality"]) for row in found])
    labels = np.array([int(row["label"] in ("spoof", "1")) for row in found])
    groups = [row["person"] or row["path"] for row in found]
    bits = log_cost(llr, labels)
    least = least_quality(bits, quality, groups, labels=labels)
    relation = monotone(bits, quality, groups)
    lines = [
        "[abstention]",
        f"# From {source}: {len(found)} scored recordings of {len(set(groups))} persons or pages.",
    ]
    if np.ptp(llr) == 0:
        return "\n".join([*lines, 'rule = "none: every score has the same ratio, so no quality predicts its error"\n'])
    lines += [
        "# Spearman's correlation of quality and log cost with its 95 % interval; below 0 is as it should be.",
        f"correlation_of_quality_and_error = {shown(relation)}",
        "strata = [",
    ]
    for one in by_quality(llr, labels, quality, groups):
        lines.append(
            f"  {{ quality = [{one.low:.2f}, {one.high:.2f}], recordings = [{one.n_bonafide}, {one.n_spoof}], "
            f"cllr = {shown(one.cllr)}, auc = {shown(one.auc)} }},"
        )
    lines.append("]")
    if least is None:
        lines.append('rule = "none: no quality was found from which on the signal surely tells something"')
    else:
        lines.append(f"least_quality = {least:.3f}")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path, nargs="+")
    parser.add_argument("--signal", required=True)
    parser.add_argument("--fitted", type=Path, required=True)
    parser.add_argument("--source", default="", help="what the scores are, for the card")
    options = parser.parse_args()
    text = options.fitted.read_text(encoding="utf-8")
    fitted = Calibration.from_card(tomllib.loads(text)["calibration"], options.signal)
    made = table(rows(options.scores, options.signal), options.source or options.scores[0].name, fitted)
    print(made)
    rest = re.sub(r"^\[abstention\]\n.*?(?=^\[|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    options.fitted.write_text(made + "\n" + rest, encoding="utf-8")


if __name__ == "__main__":
    main()
