"""Measure the shipped model once on recordings that took no part in training or choosing.

    python evaluate.py --features devtest.npz --models ../../models [--open open.onnx] [--write]

`--write` puts the figures into the card.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from data import Table
from export import NAME, VERSION
from measures import Recordings, auc, eer, interval, recordings, within_page

from inperson.calibration import Calibration, confidence
from inperson.detectors.synthetic_voice import MIN_SPEECH
from inperson.evaluation import metrics

COMMAND = "python evaluate.py --features devtest.npz --models ../../models --write"
KINDS = ("tts", "vc", "accent_conversion", "vocoder_copy_synthesis", "codec")


def scored(table: Table, path: Path) -> Recordings:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return recordings(table, session.run(["logit"], {"features": table.x.astype(np.float32)})[0].reshape(-1))


def figures(r: Recordings, threshold: float, made: Calibration) -> Iterator[tuple[str, str]]:
    """Name and value of every figure, for recordings of one channel."""
    attacks = r.attacks()
    yield "recordings", f"{int((r.spoof == 0).sum())} genuine, {int(r.spoof.sum())} synthetic"
    yield "auc", interval(attacks, auc)
    yield "eer_percent", interval(attacks, eer)
    long = attacks.take(attacks.text["seconds"] >= MIN_SPEECH)
    yield "recordings_of_4_s_or_more", f"{int((long.spoof == 0).sum())} genuine, {int(long.spoof.sum())} synthetic"
    yield "auc_4_s_or_more", interval(long, auc)
    yield "eer_percent_4_s_or_more", interval(long, eer)
    for kind in KINDS:
        part = r.attacks(kind)
        if part.spoof.sum() >= 5:
            yield f"auc_{kind}", interval(part, auc)
            yield f"eer_percent_{kind}", interval(part, eer)
    mean, pages = within_page(attacks)
    yield "auc_within_page", f"{mean:.3f} over {pages} pages"
    false_alarms = metrics.false_alarm_rate(attacks.score, attacks.spoof, threshold)
    yield "false_alarms_at_5_percent_threshold", f"{false_alarms:.3f}"
    yield "detected_at_that_threshold", f"{1 - metrics.miss_rate(attacks.score, attacks.spoof, threshold):.3f}"
    llr = np.array([made.llr(s) for s in attacks.score])
    yield "cllr", f"{metrics.cllr(llr, attacks.spoof):.3f}"
    sure = np.array([confidence(x, 0.5) for x in llr])
    for part in metrics.reliability(sure, attacks.spoof, 5, prior=0.5):
        if part.count >= 5:
            name = f"confidence_{100 * part.low:.0f}_to_{100 * part.high:.0f}_percent"
            yield name, f"synthetic share {part.observed:.2f} at even prior ({part.count} recordings)"


def by(r: Recordings, column: str, threshold: float) -> Iterator[str]:
    """Share above the threshold, per value of a column and class."""
    for label in ("bonafide", "spoof"):
        for value in sorted(set(r.text[column][r.text["label"] == label])):
            here = (r.text[column] == value) & (r.text["label"] == label)
            share, median = np.mean(r.score[here] > threshold), np.median(r.score[here])
            yield f"  {label:8s} {value[:52]:52s} {here.sum():4d}  above {share:.2f}  median {median:+.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--open", type=Path, help="the open-licence variant that train.py left beside its features")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    table = Table.read(chosen.features)
    path = chosen.models / f"{NAME}-{VERSION}.toml"
    text = path.read_text(encoding="utf-8")
    card = tomllib.loads(text)
    threshold, made = float(card["utterances"]["threshold"]), Calibration.from_card(card["calibration"])
    r = scored(table, path.with_suffix(".onnx"))
    lines = []
    for version in sorted(set(r.text["version"])):
        here = r.take(r.text["version"] == version)
        lines.append(f'[evaluation.devtest.{version}]\ncommand = "{COMMAND}"')
        lines += [f'{name} = "{value}"' for name, value in figures(here, threshold, made)]
    if chosen.open:
        variant = scored(table, chosen.open)
        lines.append("[evaluation.devtest.open_licences_only]")
        for version in sorted(set(variant.text["version"])):
            here = variant.take(variant.text["version"] == version).attacks()
            lines += [f'auc_{version} = "{interval(here, auc)}"', f'eer_percent_{version} = "{interval(here, eer)}"']
    print("\n".join(lines))
    clean = r.take(r.text["version"] == "clean")
    for column in ("source", "system", "language"):
        print(f"by {column}, clean, share above {threshold:.3f}:")
        print("\n".join(by(clean, column, threshold)))
    if chosen.write:
        block = "# devtest begins\n" + "\n".join(lines) + "\n# devtest ends"
        text = re.sub(r"# devtest begins.*?# devtest ends", lambda _: block, text, flags=re.S)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
