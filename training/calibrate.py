"""Fit a signal's calibration on scores of recordings that did not train it, and put it beside the card's words.

    python training/calibrate.py SCORES.csv... --signal NAME --max-llr 0.7 --fitted cards/NAME.fitted.toml

SCORES.csv is what ``inperson evaluate --split calibrate`` writes as scores.csv. Several conditions of one recording
count as one person. The ``[calibration]`` table of the fitted file is replaced; ``scripts/cards.py write`` then puts it
into the card.
"""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path

from inperson import calibration


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path, nargs="+")
    parser.add_argument("--signal", required=True)
    parser.add_argument("--max-llr", type=float, required=True, help="bound on the absolute log10 ratio")
    parser.add_argument("--fitted", type=Path, required=True)
    parser.add_argument("--without", default="", metavar="A,B", help="kinds of recordings to leave out")
    options = parser.parse_args()
    rows, without = [], {kind for kind in options.without.split(",") if kind}
    for path in options.scores:
        with open(path, newline="", encoding="utf-8") as file:
            found = [row for row in csv.DictReader(file) if row["signal"] == options.signal and row["score"]]
        rows += [row for row in found if row.get("kind", "") not in without]
    made = calibration.fit(
        [float(row["score"]) for row in rows],
        [int(row["label"] in ("spoof", "1")) for row in rows],
        [row["person"] or row["path"] for row in rows],
        max_llr=options.max_llr,
    )
    print(f"{made.method}, {made.n_bonafide} bona fide and {made.n_spoof} spoof: {made.scores} to {made.llrs}")
    print(f"bounded to {made.llr_range}; nominal thresholds {dict(made.nominal)}; tells nothing: {made.flat}")
    text = options.fitted.read_text(encoding="utf-8") if options.fitted.exists() else ""
    rest = re.sub(r"^\[calibration\]\n.*?(?=^\[[a-z]|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    options.fitted.write_text(rest.rstrip() + "\n\n" + made.to_toml(), encoding="utf-8")


if __name__ == "__main__":
    main()
