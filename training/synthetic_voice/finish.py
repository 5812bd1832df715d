"""From networks to a shipped model: export, the two-level model, calibration, kinds and quality, written for the card.

    python finish.py PREPARED RUNS --held NAME,... --ship FILE.pt,... --long rows.csv [natural.csv] \
        --models ../../models --cards ../../cards

`RUNS/NAME.npz` are scores by networks that had seen neither the page nor its systems (compare.py); `rows.csv` the same
for long recordings (long_recordings.py score). Everything on the card comes from them; the networks that ship
(`--ship`) may have trained on all pages. `python ../../scripts/cards.py write` makes the card of what this writes.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from corpus import SHIPPED, Corpus, read
from export import NAME, VERSION, write
from figures import ATTACKS, Clips, auc, eer, false_alarms, interval, line, threshold, within_page, worst_systems
from networks import FAMILIES, Network
from numpy.typing import NDArray
from pooling import LENGTHS, Recording, attacks, correlation, excerpts, fit, gain, reference, to_toml
from pooling import read as read_long
from sklearn.linear_model import Ridge

from inperson import calibration
from inperson.detectors._voice_change import course
from inperson.detectors._voice_pooling import Levels, Windows
from inperson.detectors._voice_quality import terms
from inperson.evaluation.likelihood import log_cost
from inperson.evaluation.metrics import cllr

MAX_LLR = 1.5
"""Bound on the log10 ratio: tomorrow's systems and microphones differ more from these than these from each other."""
FALSE_ALARMS = 0.05
SPACING = 5.0
"""Seconds that an utterance of a clip is taken to begin after the one before."""
FOLDS = 5


def clip_recordings(corpus: Corpus, scores: NDArray[np.float32]) -> list[Recording]:
    """Each clip and version as a recording of one to three windows."""
    key = np.char.add(np.char.add(corpus["path"], "|"), corpus["version"])
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.r_[True, key[order][1:] != key[order][:-1]])
    made = []
    for rows in np.split(order, starts[1:]):
        rows = rows[np.argsort(corpus["number"][rows].astype(int))]
        i = int(rows[0])
        begin = SPACING * np.arange(len(rows))
        windows = Windows(
            scores[rows, 0].astype(float), begin, begin + corpus.samples[rows] / 16000, np.ones(len(rows))
        )
        text = {name: str(corpus[name][i]) for name in ("label", "kind", "system")}
        made.append(
            Recording(
                name=str(key[i]), page=str(corpus["page"][i]), clips=1, channel=str(corpus["version"][i]), change_at=None,
                windows=windows, **text,
            )
        )  # fmt: skip
    return made


def ratios(recordings: list[Recording], levels: Levels) -> NDArray[np.float64]:
    return np.array([course(r.windows, levels).ratio for r in recordings])


def spoofs(recordings: list[Recording]) -> NDArray[np.int64]:
    return np.array([r.spoof for r in recordings])


def groups(recordings: list[Recording]) -> list[str]:
    return [r.page for r in recordings]


def cross_calibrated(recordings: list[Recording]) -> NDArray[np.float64]:
    """log10 ratios by constants and a calibration from other pages."""
    pages = sorted({r.page for r in recordings})
    np.random.default_rng(0).shuffle(pages)
    out = np.zeros(len(recordings))
    for i in range(FOLDS):
        held = set(pages[i::FOLDS])
        other = [r for r in recordings if r.page not in held]
        here = np.array([r.page in held for r in recordings])
        levels = fit(other, [correlation(other)])
        made = calibration.fit(ratios(other, levels), spoofs(other), groups(other), max_llr=MAX_LLR, method="logistic")
        tested = [r for r in recordings if r.page in held]
        out[here] = [made.llr(score) for score in ratios(tested, levels)]
    return out


def quality(recordings: list[Recording], score: NDArray[np.float64], llr: NDArray[np.float64]) -> str:
    """TOML: ridge regression of the bits lost on sureness and length; a clip tells nothing of its background."""
    spoof = spoofs(recordings)
    x = np.array([terms(s, r.windows.seconds, 20.0) for s, r in zip(score, recordings, strict=True)])
    weight = np.where(spoof == 1, 1 / spoof.sum(), 1 / (1 - spoof).sum())
    made = Ridge(1.0).fit(x[:, :2], log_cost(llr, spoof), sample_weight=weight * len(spoof))
    a, b = (min(float(w), 0.0) for w in made.coef_)  # neither surer nor longer may be worse
    bias = float(made.intercept_ + (made.coef_ - [a, b]) @ x[:, :2].mean(axis=0))
    return f"[quality]\nbias = {bias:.4f}\nweights = [{a:.4f}, {b:.4f}, 0.0]\n"


def kinds(corpus: Corpus, scores: NDArray[np.float32], right: float = 0.85) -> str:
    """TOML: the least lead of a head at which it is right in `right` of the clips it names, by held-out pages."""
    kind = corpus["kind"]
    truth = np.where(np.isin(kind, ("tts", "concat")), 0, np.where(np.isin(kind, ("vc", "accent_conversion")), 1, -1))
    truth[kind == "codec"] = 2
    known = (truth >= 0) & (corpus["version"] == "clean")
    heads = np.stack([-scores[:, 1], scores[:, 1], scores[:, 2]], 1)[known]
    truth, named = truth[known], heads.argmax(1)
    ranked = np.sort(heads, 1)
    lead = ranked[:, 2] - ranked[:, 1]
    chosen, reached = float(lead.max()), 1.0
    for limit in np.quantile(lead, np.linspace(0.95, 0, 39)):
        here = lead >= limit
        share = float(
            np.mean([np.mean(named[here & (truth == t)] == t) for t in range(3) if (here & (truth == t)).any()])
        )
        if share >= right:
            chosen, reached = float(limit), share
    here = lead >= chosen
    counts = [
        f"{word} {np.mean(named[here & (truth == t)] == t):.2f} of {int((here & (truth == t)).sum())}"
        for t, word in enumerate(("generated", "converted", "codec"))
    ]
    return (
        "[kinds]\n"
        f"# Right where named, held-out pages, clean: {', '.join(counts)} (mean {reached:.2f}); named in {np.mean(here):.2f} of clips.\n"
        f"generated = 0.0\nconverted = 0.0\ncodec = 0.0\nlead = {chosen:.4f}\n"
    )


def sources(corpus: Corpus) -> str:
    """TOML rows: what trained, by source and licence."""
    usable = np.isin(corpus["licence_class"], SHIPPED)
    keys = ("source", "licence_class", "repo", "data_license", "label", "path")
    rows = {tuple(map(str, row)) for row in zip(*(corpus[k][usable] for k in keys), strict=True)}
    counts = Counter(row[:5] for row in rows)
    out = []
    for (source, licence, repo, data, label), n in sorted(counts.items()):
        text = f"{source}: {n} {label}, {repo or 'made by these scripts'}, licence class {licence}, {data or 'none stated'}"
        out.append(f'  "{text}",'.replace("\\", "/") if '"' not in text else f"  '{text}',")
    return "sources = [\n" + "\n".join(out) + "\n]\n"


def as_clips(recordings: list[Recording], score: NDArray[np.float64], corpus: Corpus) -> Clips:
    first = {f"{p}|{v}": i for i, (p, v) in enumerate(zip(corpus["path"], corpus["version"], strict=True))}
    rows = np.array([first[r.name] for r in recordings])
    names = ("path", "version", "kind", "system", "source", "label", "licence_class", "language", "accent", "sex")
    return Clips(score, spoofs(recordings), {name: corpus[name][rows] for name in names})


def held_out_figures(c: Clips, llr: NDArray[np.float64]) -> tuple[list[str], float]:
    """Lines for the card, and the threshold that 5 % of bona fide clips exceed."""
    level = threshold(c.of())
    spoof = c.of()
    attack = (c.spoof == 0) | np.isin(c.text["kind"], ATTACKS)
    numbers = {
        "auc": interval(spoof, auc),
        "eer_percent": interval(spoof, eer),
        "auc_clean": interval(spoof.clean(), auc),
        "eer_percent_clean": interval(spoof.clean(), eer),
        "within_page_auc": f"{within_page(spoof):.3f}",
        "cllr": f"{cllr(llr[attack], c.spoof[attack]):.3f}",
        "detected_at_5_percent_false_alarms": f"{np.mean(spoof.score[spoof.spoof == 1] > level):.3f}",
    }
    print(line("held out", c))
    out = [f'{name} = "{value}"' for name, value in numbers.items()]
    out += ["", "[cross_validation.worst_systems]"]
    out += [f'"{s}" = "AUC {a:.2f}, {n} clips"' for a, s, n in worst_systems(spoof.clean(), 10)[:20]]
    for column in ("source", "accent", "sex", "language"):
        out += ["", f"[cross_validation.false_alarms_by_{column}]"]
        out += [f'"{s or "not stated"}" = "{a:.2f} of {n}"' for a, s, n in false_alarms(c, level, column)]
    return out, level


def nets(paths: list[Path]) -> list[Network]:
    made = []
    for path in paths:
        net = FAMILIES[path.stem.partition("+")[0].rpartition("-")[0] or path.stem.partition("+")[0]]()
        net.load_state_dict(torch.load(path, weights_only=True))
        made.append(net)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--held", required=True)
    parser.add_argument("--ship", type=Path, nargs="+", required=True)
    parser.add_argument("--long", type=Path, nargs="+", required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--cards", type=Path, required=True)
    parser.add_argument("--name", default=NAME)
    chosen = parser.parse_args()
    corpus = read(chosen.prepared)
    scores = np.mean([np.load(chosen.runs / f"{n}.npz")["scores"] for n in chosen.held.split(",")], axis=0)
    done = np.isfinite(scores[:, 0])
    held, scores = corpus.take(done), scores[done]
    short = clip_recordings(held, scores)
    long = [r for path in chosen.long for r in read_long(path)]
    usable = attacks([*short, *long])
    levels = fit(usable, [correlation(usable)])
    weight, _ = reference(attacks(long), levels, 50)
    levels = replace(levels, reference=weight)
    cut = attacks(short) + [e for r in attacks(long) for seconds in LENGTHS for e in excerpts(r, seconds)]
    score, llr = ratios(cut, levels), cross_calibrated(cut)
    made = calibration.fit(score, spoofs(cut), groups(cut), max_llr=MAX_LLR, method="logistic")
    print(f"calibration {made.llrs} {made.llr_range}; Cllr {cllr(llr, spoofs(cut)):.3f}")
    print(gain(attacks(long), MAX_LLR))
    own = as_clips(attacks(short), score[: len(attacks(short))], held)
    figures, _ = held_out_figures(own, llr[: len(own.score)])
    numbers = np.array([[*levels.means, *levels.between, levels.within, levels.correlation]] * 2)
    parts = [
        to_toml(levels, numbers[0], numbers[1]),
        quality(cut, score, llr),
        kinds(held, scores),
        "[training.data]",
        sources(corpus),
        "[cross_validation]",
        'protocol = "whole pages held out together with every system of theirs; as they are and degraded; intervals by '
        'resampling pages"',
        *figures,
        "",
        made.to_toml(),
    ]
    (chosen.cards / f"{chosen.name}.fitted.toml").write_text("\n".join(parts), encoding="utf-8")
    digest = write(nets(chosen.ship), chosen.models / f"{chosen.name}-{VERSION}.onnx", 1.0, 0.0)
    print("wrote", f"{chosen.name}-{VERSION}.onnx", digest[:12], f"and {chosen.name}.fitted.toml")


if __name__ == "__main__":
    main()
