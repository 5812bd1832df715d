"""Choose by cross-validation over whole pages, fit, calibrate, and write the model and what its card needs.

    python train.py --features clean.npz random.npz --models ../../models --cards ../../cards [--choose]

`--choose` prints the cross-validated figures of every setting in `GRID` and of the licence variants; without it only
the shipped setting runs. The devtest split is not read here.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path

import numpy as np
from classifier import ATTACKS, Linear, fit, out_of_page, trains
from data import Table
from doubt import Doubt, distances
from doubt import fit as fit_doubt
from doubt import out_of_page as out_of_page_doubt
from export import NAME, VERSION, write_onnx
from measures import Recordings, auc, eer, interval, of_recording, recordings, within_page

from inperson import calibration
from inperson.detectors.synthetic_voice import MIN_SPEECH
from inperson.evaluation.likelihood import log_cost
from inperson.evaluation.metrics import cllr

BETA, GAMMA = 0.5, 0.2
GRID = ((0.3, 0.1), (0.3, 0.3), (0.5, 0.2), (1.0, 0.03), (1.0, 0.1), (2.0, 0.03))
SHIPPED, OPEN = ("open", "none"), ("open",)
FALSE_ALARMS = 0.05
MAX_LLR = 1.0
"""Bound on the log10 ratio (10 to 1): tomorrow's pages differ more from these than these from each other."""
SEEDS = (0,)
COMMAND = """command = "python train.py --features clean.npz random.npz --models ../../models --cards ../../cards"
protocol = "train split; whole pages held out together with every system of theirs; recordings level-normalised and \
degraded; intervals by resampling pages"
"""


def joined(paths: list[Path]) -> Table:
    tables = [Table.read(path) for path in paths]
    text = {name: np.concatenate([t.text[name].astype(str) for t in tables]) for name in tables[0].text}
    return Table(np.concatenate([t.x for t in tables]), text)


def line(name: str, r: Recordings) -> str:
    kinds = "  ".join(f"{k} {auc(r.attacks(k)):.3f}" for k in ("tts", "vc", "vocoder_copy_synthesis", "codec"))
    mean, pages = within_page(r.attacks())
    with_copies, more = within_page(r.attacks("tts", "vc", "concat", "accent_conversion", "vocoder_copy_synthesis"))
    return (
        f"{name:28s} AUC {auc(r.attacks()):.3f}  EER {eer(r.attacks()):4.1f} %  {kinds}  "
        f"within page {mean:.3f} ({pages})  with vocoder copies {with_copies:.3f} ({more})"
    )


def choose(table: Table) -> None:
    for beta, gamma in GRID:
        for seed in SEEDS:
            r = recordings(table, out_of_page(table, SHIPPED, beta, gamma, seed))
            print(line(f"beta {beta} gamma {gamma} seed {seed}", r), flush=True)


def calibrated(table: Table, scores: np.ndarray) -> tuple[calibration.Calibration, Recordings]:
    """On recordings by models that saw neither their page nor its systems; attacks only, codecs and copies left out."""
    r = recordings(table, scores).attacks()
    r = r.take(np.isin(r.text["licence_class"], SHIPPED))
    return calibration.fit(r.score, r.spoof, list(r.text["source"]), max_llr=MAX_LLR), r


def cross_calibrated(r: Recordings, count: int = 5) -> float:
    """Cllr where the calibration, too, is fitted on other pages."""
    pages = sorted(set(r.text["source"]))
    np.random.default_rng(0).shuffle(pages)
    llr = np.zeros(len(r.score))
    for i in range(count):
        held = np.isin(r.text["source"], pages[i::count])
        other = r.take(~held)
        made = calibration.fit(other.score, other.spoof, list(other.text["source"]), max_llr=MAX_LLR)
        llr[held] = [made.llr(s) for s in r.score[held]]
    return cllr(llr, r.spoof)


def deviation_within(table: Table, scores: np.ndarray) -> float:
    """Root mean variance of utterance scores around their recording's mean, over recordings with several."""
    squares, freedom = 0.0, 0
    names = np.char.add(table.text["path"], table.text["version"])
    for name in np.unique(names):
        here = scores[names == name]
        squares += float(((here - here.mean()) ** 2).sum())
        freedom += len(here) - 1
    return float(np.sqrt(squares / max(freedom, 1)))


def final(table: Table, licences: tuple[str, ...]) -> tuple[Linear, np.ndarray]:
    """The model on all pages, and every row's out-of-page score, both on a natural log-odds scale."""
    scores = out_of_page(table, licences, BETA, GAMMA)
    r = recordings(table, scores).attacks()
    made = calibration.fit(r.score, r.spoof, list(r.text["source"]), method="logistic")
    slope, intercept = np.log(10) * np.polyfit(made.scores, made.llrs, 1)  # through two knots: exact
    usable = trains(table, licences)
    spoof = (table.text["label"] == "spoof").astype(int)
    model = fit(table.x[usable], spoof[usable], table.text["source"][usable], table.text["path"][usable], BETA, GAMMA)
    return model.rescaled(slope, intercept), scores * slope + intercept


def false_alarms(r: Recordings, threshold: float) -> str:
    """TOML table: share of each genuine source's recordings above the threshold, degraded copies counted too."""
    out = ["[cross_validation.false_alarms_by_source]"]
    for source in sorted(set(r.text["source"][r.spoof == 0])):
        here = (r.text["source"] == source) & (r.spoof == 0)
        clean = here & (r.text["version"] == "clean")
        if clean.sum() >= 5:
            share, degraded = np.mean(r.score[clean] > threshold), np.mean(r.score[here & ~clean] > threshold)
            out.append(f'"{source}" = "{share:.2f} of {clean.sum()} clean, {degraded:.2f} of their degraded copies"')
    return "\n".join(out) + "\n"


def sources(table: Table) -> str:
    """TOML rows: what trained, by source and licence."""
    usable = trains(table, SHIPPED)
    keys = ("source", "licence_class", "repo", "data_license", "label", "path")
    rows = {tuple(map(str, row)) for row in zip(*(table.text[k][usable] for k in keys), strict=True)}
    counts = Counter((source, licence, repo, data, label) for source, licence, repo, data, label, _ in rows)
    out = []
    for (source, licence, repo, data, label), n in sorted(counts.items()):
        stated = data or "none stated"
        out.append(f'  "{source}: {n} {label}, {repo}, licence class {licence}, {stated}",'.replace("\\", "/"))
    return "sources = [\n" + "\n".join(out) + "\n]\n"


def doubtful(table: Table, model: Linear, scores: np.ndarray, made: calibration.Calibration, path: Path) -> Doubt:
    """Fit what the model will err on; write each held-apart score and quality for training/abstention.py."""
    everything = recordings(table, scores)
    usable = np.isin(everything.text["licence_class"], SHIPPED) & (everything.text["seconds"] >= MIN_SPEECH)
    usable &= (everything.spoof == 0) | np.isin(everything.text["kind"], ATTACKS)
    distance, r = distances(model, table.x, of_recording(table)[1])[usable], everything.take(usable)
    llr = np.array([made.llr(float(score)) for score in r.score])
    quality = np.clip(1 - out_of_page_doubt(distance, r, llr), 0, 1)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "condition", "signal", "label", "person", "score", "llr", "quality"])
        text = r.text
        rows = zip(text["path"], text["version"], text["label"], text["source"], r.score, llr, quality, strict=True)
        writer.writerows([p, v, NAME, label, page, score, ratio, q] for p, v, label, page, score, ratio, q in rows)
    return fit_doubt(distance, log_cost(llr, r.spoof), r.spoof)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=Path, nargs="+", required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--cards", type=Path, required=True)
    parser.add_argument("--choose", action="store_true")
    chosen = parser.parse_args()
    table = joined(chosen.features)
    if chosen.choose:
        choose(table)
    open_model, open_scores = final(table, OPEN)
    print(line("open licences only", recordings(table, open_scores)))
    model, scores = final(table, SHIPPED)
    everything = recordings(table, scores)
    print(line("open and none (shipped)", everything))
    for version in sorted(set(everything.text["version"])):
        print(line(f"  {version}", everything.take(everything.text["version"] == version)))
    made, r = calibrated(table, scores)
    threshold = float(np.quantile(r.score[r.spoof == 0], 1 - FALSE_ALARMS))
    figures = {
        "auc": interval(r, auc),
        "auc_level_normalised_only": interval(r.take(r.text["version"] == "clean"), auc),
        "eer_percent_level_normalised_only": interval(r.take(r.text["version"] == "clean"), eer),
        "eer_percent": interval(r, eer),
        "cllr": f"{cross_calibrated(r):.3f}",
        "threshold_5_percent_false_alarms": f"{threshold:.4f}",
        "detected_at_that_threshold": f"{np.mean(r.score[r.spoof == 1] > threshold):.3f}",
    }
    print("cross-validated:", figures, f"calibration {made.method} {made.llrs} {made.llr_range}")
    stem = chosen.models / f"{NAME}-{VERSION}"
    doubt = doubtful(table, model, scores, made, chosen.features[0].parent / "quality.csv")
    write_onnx(model, doubt, Path(f"{stem}.onnx"))
    write_onnx(open_model, doubt, chosen.features[0].parent / f"{NAME}_open-{VERSION}.onnx")
    by_source = false_alarms(everything, threshold)
    print(by_source)
    parts = [
        "[utterances]",
        "# Standard deviation of utterance scores around their recording's mean, cross-validated.",
        f"deviation = {deviation_within(table, scores):.4f}\n",
        "[training.data]",
        sources(table),
        "[cross_validation]",
        COMMAND,
        *(f'{name} = "{value}"' for name, value in figures.items()),
        "",
        by_source,
        made.to_toml(),
    ]
    (chosen.cards / f"{NAME}.fitted.toml").write_text("\n".join(parts), encoding="utf-8")
    print("wrote", f"{stem.name}.onnx", f"and {NAME}.fitted.toml; scripts/cards.py makes the card of them")


if __name__ == "__main__":
    main()
