"""From networks to a shipped model: export, the two-level model, calibration, kinds and quality, written for the card.

    python finish.py PREPARED RUNS --sound NAME... --statistics NAME...            # prints the blend
    python finish.py PREPARED RUNS --sound NAME... --statistics NAME --ship FILE.pt... --ship-statistics FILE.pt \
        --long rows.csv natural.csv --models ../../models --cards ../../cards
    python finish.py PREPARED RUNS --sound NAME... --statistics NAME --ship ... --ship-statistics ... --public PUBLIC

`RUNS/NAME.npz` are scores by networks that had seen neither the page nor its systems (compare.py, compare_branch.py);
`rows.csv` the same for long recordings (long_recordings.py score). Everything on the card comes from them. The panels
that ship trained on all pages; of the networks on sound, each left a fold out and their mean ships. With `--public`,
none of these scores count, but what the networks that ship say of pages that trained nothing (unheard.py).
`python ../../scripts/cards.py write` makes the card of what this writes.
"""

from __future__ import annotations

import argparse
import csv
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from batches import targets
from compact import Compact
from compare_branch import load as load_branch
from corpus import OPEN, UNLICENSED, Corpus, read
from export import NAME, VERSION, Blend, write
from families import FAMILIES
from figures import ATTACKS, Clips, auc, clips, eer, false_alarms, interval, line, threshold, within_page, worst_systems
from networks import Network
from numpy.typing import NDArray
from pooling import LENGTHS, Recording, attacks, excerpts, fit, gain, to_toml
from pooling import read as read_long
from rating import Rater, examples
from sklearn.linear_model import LogisticRegression, Ridge
from unheard import logits, pages

from inperson import calibration
from inperson.detectors._voice_change import course
from inperson.detectors._voice_pooling import Levels, Windows
from inperson.detectors._voice_quality import Expected, terms
from inperson.evaluation.likelihood import log_cost
from inperson.evaluation.metrics import cllr

MAX_LLR = 1.5
"""Bound on the log10 ratio: tomorrow's systems and microphones differ more from these than these from each other."""
FALSE_ALARMS = 0.05
CORRELATION = 0.1
"""Of neighbouring windows: pooling.py finds it near 0 in single files of a minute or two, and a call lasts longer."""
SPACING = 5.0
"""Seconds that an utterance of a clip is taken to begin after the one before."""
FOLDS = 5
HALF = "calibrate"
HELD_OUT = "whole pages held out together with every system of theirs; as they are and degraded"
PUBLIC = "half of the pages of measured_voices.csv by what ships, blend fitted on them; as they are and through a call"


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
                name=str(key[i]),
                page=str(corpus["page"][i]),
                clips=1,
                channel=str(corpus["version"][i]),
                change_at=None,
                windows=windows,
                **text,
            )
        )
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
        levels = fit(other, [CORRELATION])
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


def write_quality(path: Path, name: str, recordings: list[Recording], score: NDArray[np.float64], table: str) -> None:
    """What training/abstention.py reads."""
    expected = Expected.from_card(tomllib.loads(table)["quality"])
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "signal", "label", "person", "score", "quality"])
        for r, s in zip(recordings, score, strict=True):
            writer.writerow([r.name, name, r.label, r.page, s, expected.quality(s, r.windows.seconds, 20.0)])


def kinds(corpus: Corpus, scores: NDArray[np.float32], right: float = 0.8) -> str:
    """TOML: the least logit at which naming a kind is right in a share `right`, either kind being as common.

    The head for neural codecs did not hold on held-out pages, so no codec is named.
    """
    converted = targets(corpus)[1]
    known = np.isfinite(converted) & (corpus["version"] == "clean")
    logit, truth = scores[known, 1], converted[known]
    least, told = {}, []
    for name, side, label in (("generated", -1, 0), ("converted", 1, 1)):
        chosen = (1000.0, 0.0, 0.0)
        for at in np.quantile(side * logit, np.linspace(0.98, 0, 99)):
            own, other = (np.mean((side * logit >= at)[truth == t]) for t in (label, 1 - label))
            if at > 0 and own / (own + other + 1e-9) >= right:
                chosen = (float(at), float(own), float(other))
        least[name] = chosen[0]
        told.append(f"{name} named in {chosen[1]:.2f} of its clips and {chosen[2]:.2f} of the other kind's")
    return (
        f"[kinds]\n# Clean: {'; '.join(told)}. Codecs are not named.\n"
        f"generated = {least['generated']:.4f}\nconverted = {least['converted']:.4f}\ncodec = 1000.0\nlead = 0.0\n"
    )


def sources(corpus: Corpus, licences: tuple[str, ...]) -> list[str]:
    """What trained, by source and licence, a line each."""
    usable = np.isin(corpus["licence_class"], licences)
    keys = ("source", "licence_class", "repo", "data_license", "label", "path")
    rows = {tuple(map(str, row)) for row in zip(*(corpus[k][usable] for k in keys), strict=True)}
    counts = Counter(row[:5] for row in rows)
    return [
        f"{source}: {n} {label}, {repo or 'made by these scripts'}, licence class {licence}, {data or 'none stated'}"
        for (source, licence, repo, data, label), n in sorted(counts.items())
    ]


def listed(texts: list[str]) -> str:
    """TOML of the lines of `sources`."""
    out = [f'  "{text}",'.replace("\\", "/") if '"' not in text else f"  '{text}'," for text in texts]
    return "sources = [\n" + "\n".join(out) + "\n]\n"


def kept(path: Path, more: Path | None) -> list[str]:
    """An earlier model's lines, for one whose parts were taken from it (resume.py), and those that grown.py wrote."""
    held: list[str] = tomllib.loads(path.read_text(encoding="utf-8"))["training"]["data"]["sources"]
    return held if more is None else sorted({*held, *more.read_text(encoding="utf-8").splitlines()})


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


def nets(names: list[str], paths: list[Path]) -> list[list[Network]]:
    """The networks of `paths`, ``NAME-*.pt``, family by family in the order of `names`."""
    made: dict[str, list[Network]] = {name: [] for name in names}
    for path in paths:
        name = path.stem.rpartition("-")[0]
        if name not in made:
            raise SystemExit(
                f"{path}: expected a network of {', '.join(names)}, named NAME-*.pt as compare.py writes them"
            )
        net = FAMILIES[name.partition("+")[0]]()
        net.load_state_dict(torch.load(path, weights_only=True))
        made[name].append(net)
    if lacking := [name for name, held in made.items() if not held]:
        raise SystemExit(f"no network of {', '.join(lacking)} was given")
    return list(made.values())


def blend(corpus: Corpus, branches: list[NDArray[np.float32]]) -> Blend:
    """Logistic regression on attacks and bona fide clips, classes and pages weighted alike."""
    use = (corpus["label"] == "bonafide") | np.isin(corpus["kind"], ATTACKS)
    x, y, page = np.stack([one[:, 0] for one in branches], 1)[use], corpus.spoof[use], corpus["page"][use]
    groups = np.char.add(page, y.astype(str))
    _, which, size = np.unique(groups, return_inverse=True, return_counts=True)
    weight = size[which] ** -0.5
    for label in (0, 1):
        weight[y == label] /= weight[y == label].sum()
    made = LogisticRegression(C=1e3).fit(x, y, sample_weight=weight * len(y))
    mean, converted = np.mean([one[:, 1:2] for one in branches], axis=0), targets(corpus)[1]
    known = np.isfinite(converted)
    kind = LogisticRegression(C=1e3, class_weight="balanced").fit(mean[known], converted[known])
    found = (*made.coef_[0], made.intercept_[0], kind.coef_[0, 0], kind.intercept_[0])
    return Blend.of([round(float(w), 4) for w in found])


def blended(made: Blend, branches: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return made(*map(torch.from_numpy, branches)).numpy()


def scored(corpus: Corpus, runs: Path, names: list[str]) -> tuple[Corpus, list[NDArray[np.float32]]]:
    """The rows that all branches scored, and their logits by each, (rows, 3)."""
    logits = [np.load(runs / f"{name}.npz")["scores"] for name in names]
    done = np.all([np.isfinite(one[:, 0]) for one in logits], axis=0)
    return corpus.take(done), [one[done] for one in logits]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--sound", nargs="+", required=True, help="families of networks on sound, with their tags")
    parser.add_argument("--statistics", nargs="+", required=True, help="panels (compare_branch.py)")
    parser.add_argument("--ship", type=Path, nargs="+", help="networks on sound; of those of a family the mean ships")
    parser.add_argument("--ship-statistics", type=Path, nargs="*", default=[])
    parser.add_argument("--rater", type=Path, help="what rating.py wrote")
    parser.add_argument("--weights", type=Path, help="the rater's, of its package")
    parser.add_argument("--compact", type=Path, help="what compact.py wrote, to ship in the rater's place")
    parser.add_argument("--data", type=Path, help="fitted tables whose list of training data stands (resume.py)")
    parser.add_argument("--more", type=Path, help="what grown.py's panels learnt beside that data")
    parser.add_argument("--public", type=Path, help="utterances of pages that trained nothing (prepare.py)")
    parser.add_argument("--apart", type=Path, nargs="*", help="what grown.py's panels say of pages kept from them")
    parser.add_argument("--long", type=Path, nargs="*", default=[])
    parser.add_argument("--unlicensed", action="store_true", help="what ships trained on licence class none too")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--cards", type=Path)
    chosen = parser.parse_args()
    if (chosen.models or chosen.public) and not (
        chosen.ship and chosen.ship_statistics and chosen.rater and (chosen.weights or chosen.compact)
    ):
        parser.error("--models and --public need --ship, --ship-statistics, --rater and --weights or --compact")
    names = [*chosen.sound, *chosen.statistics]
    sound = nets(chosen.sound, chosen.ship) if chosen.ship else []
    panels = [load_branch(path) for path in chosen.ship_statistics]
    if chosen.public:
        held = pages(chosen.public, HALF)
        branches = logits(held, sound, chosen.rater, panels, chosen.runs / f"public-{HALF}.npz")
        if chosen.apart:
            branches[len(sound) :] = [np.load(path)["scores"] for path in chosen.apart]
    else:
        held, branches = scored(read(chosen.prepared), chosen.runs, names)
    made = blend(held, branches)
    print("--blend", *made.numbers)
    scores = blended(made, branches)
    for name, one in zip((*names, "all"), (*branches, scores), strict=True):
        print(line(name, clips(held, one[:, 0])))
    if chosen.models:
        path = chosen.models / f"{called(chosen.unlicensed)}-{VERSION}.onnx"
        rater = Compact.of(chosen.compact) if chosen.compact else Rater.of(chosen.weights)
        digest = write(sound, rater, panels, made, path, examples(chosen.prepared))
        print("wrote", path.name, digest[:12])
        card(chosen, read(chosen.prepared), held, scores)


def called(unlicensed: bool) -> str:
    """The model's name, by what it was trained on."""
    return NAME if unlicensed else f"{NAME}_open"


def card(chosen: argparse.Namespace, corpus: Corpus, held: Corpus, scores: NDArray[np.float32]) -> None:
    """Write the card's fitted tables."""
    name, licences = called(chosen.unlicensed), UNLICENSED if chosen.unlicensed else OPEN
    short, long = clip_recordings(held, scores), [r for path in chosen.long for r in read_long(path)]
    usable = attacks([*short, *long])
    levels = fit(usable, [CORRELATION])
    cut = attacks(short) + [e for r in attacks(long) for seconds in LENGTHS for e in excerpts(r, seconds)]
    score, llr = ratios(cut, levels), cross_calibrated(cut)
    made = calibration.fit(score, spoofs(cut), groups(cut), max_llr=MAX_LLR, method="logistic")
    print(f"calibration {made.scores} {made.llrs} {made.llr_range}; Cllr {cllr(llr, spoofs(cut)):.3f}")
    if long:
        print(gain(attacks(long), MAX_LLR))
    own = as_clips(attacks(short), score[: len(attacks(short))], held)
    figures, _ = held_out_figures(own, llr[: len(own.score)])
    expected = quality(cut, score, llr)
    write_quality(chosen.runs / f"quality.{name}.csv", name, cut, score, expected)
    parts = [
        to_toml(levels),
        expected,
        kinds(held, scores),
        "[training.data]",
        listed(sources(corpus, licences) if chosen.data is None else kept(chosen.data, chosen.more)),
        "[cross_validation]",
        f'protocol = "{PUBLIC if chosen.public else HELD_OUT}; intervals by resampling pages"',
        *figures,
        "",
        made.to_toml(),
    ]
    (chosen.cards / f"{name}.fitted.toml").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
