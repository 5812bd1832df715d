"""What `lip_sync` can tell, on the shared clips, and its calibration. Weights are always of other sources.

    python training/lip_sync/evaluate.py CLIPS DATA [--condition NAME=CLIPS ...] [--without-devtest] [--scores OUT.csv]

Own voice: genuine clips as they are. Swapped: one person's mouth with another's voice, cut to the shorter of the two.
Both are allowed their best lag within 0.8 s. Intervals resample persons. ``[match]`` is printed for
cards/lip_sync.fitted.toml; training/calibrate.py makes the calibration of the scores.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from regression import Clip, load
from replay import held_apart, measure

from inperson import calibration
from inperson.evaluation import bootstrap, metrics
from inperson.types import Reading

MAX_LLR = 0.7
"""log10: at most 5 to 1 either way. Eleven persons are behind this, and no recorded video call is among them."""
LONG = 225
"""Grid points (4.5 s): shorter clips hold less than the 3 s of speech that the detector asks for."""


@dataclass(frozen=True)
class Trial:
    """One mouth with one voice."""

    mouth: Clip
    voice: Clip
    result: object

    @property
    def swapped(self) -> bool:
        return self.mouth.person != self.voice.person

    @property
    def score(self) -> float | None:
        return self.result.score if isinstance(self.result, Reading) else None

    def value(self, name: str) -> float:
        found = self.result.measurements.get(name)
        return float("nan") if found is None else found.value


def trials(clips: Sequence[Clip], weights: dict[str, np.ndarray], swap: bool = True) -> list[Trial]:
    """Every clip with its own voice, and with the voice of every other person."""
    out = []
    for mouth in clips:
        for voice in clips if swap else (mouth,):
            if mouth is voice or mouth.person != voice.person:
                out.append(Trial(mouth, voice, measure(mouth, voice, weights[mouth.source])))
    return out


def separation(made: Sequence[Trial], measure_of) -> str:
    """AUC of swapped over own with its interval over persons."""
    labels, people = np.array([t.swapped for t in made]), [t.mouth.person for t in made]
    values = np.array([measure_of(t) for t in made])
    found = bootstrap.interval(metrics.auc, values, labels, groups=people, labels=labels)
    return f"{found:.3f} ({len(set(people))} persons)"


def without_devtest(data: Path, clips: Sequence[Clip]) -> list[Clip]:
    """Clips that the protocol does not measure with: its calibrate half, and those that trained the weights."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "protocols"))
    import split
    from lip_sync import WEIGHTS

    with open(data / "video" / "manifest.csv", newline="", encoding="utf-8") as file:
        halves = split.halves(csv.DictReader(file))
    return [c for c in clips if c.source in WEIGHTS or halves.get(c.row["path"]) == split.CALIBRATE]


def save(path: Path, conditions: Mapping[str, Sequence[Trial]]) -> None:
    """Scores and qualities by held-apart weights, for training/calibrate.py and training/abstention.py."""
    columns = ("path", "condition", "signal", "label", "person", "score", "llr", "quality")
    rows = [(name, t) for name, made in conditions.items() for t in made if isinstance(t.result, Reading)]
    shipped = calibration.fit(
        [t.score for _, t in rows],
        [int(t.swapped) for _, t in rows],
        [t.mouth.person for _, t in rows],
        max_llr=MAX_LLR,
    )
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for name, t in rows:
            label, llr = "spoof" if t.swapped else "bonafide", shipped.llr(t.score)
            writer.writerow([t.mouth.name, name, "lip_sync", label, t.mouth.person, t.score, llr, t.result.quality])


def table(made: Sequence[Trial]) -> None:
    """One line for each clip with its own voice."""
    for t in (t for t in made if not t.swapped):
        score = "abstained" if t.score is None else f"{t.score:+.2f}"
        seconds, height, over = (t.value(n) for n in ("speech_with_face", "peak_correlation", "peak_over_chance"))
        offset, low, high = (t.value(n) for n in ("offset", "offset_low", "offset_high"))
        print(
            f"  {t.mouth.name[:44]:44s} speech {seconds:4.1f} s  r {height:.2f}  over chance {over:4.1f}  "
            f"offset {offset:4.0f} [{low:4.0f}, {high:4.0f}]  score {score}"
        )


def summary(name: str, made: Sequence[Trial]) -> None:
    own, swapped = [t for t in made if not t.swapped], [t for t in made if t.swapped]
    for kind, part in (("own voice", own), ("swapped", swapped)):
        scores = np.array([t.score for t in part if t.score is not None])
        if part:
            print(
                f"{name}, {kind}: {len(part)} pairs, {len(scores)} scored; score above 0: {(scores > 0).sum()}; "
                f"offset reported: {sum(np.isfinite(t.value('offset')) for t in part)}"
            )


def calibrate(made: Sequence[Trial]) -> calibration.Calibration:
    """Fit on every scored pair; print what a fit that never saw the persons gives."""
    scored = [t for t in made if t.score is not None]
    x, y = np.array([t.score for t in scored]), np.array([int(t.swapped) for t in scored])
    people = np.array([t.mouth.person for t in scored])
    voices = np.array([t.voice.person for t in scored])
    llr = np.zeros(len(x))
    for person in set(people):
        rest = (people != person) & (voices != person)
        fitted = calibration.fit(x[rest], y[rest], list(people[rest]), max_llr=MAX_LLR)
        llr[people == person] = [fitted.llr(s) for s in x[people == person]]
    own, swapped = llr[y == 0], llr[y == 1]
    print(f"cross-fitted over persons: Cllr {metrics.cllr(llr, y):.2f} on {len(own)} own and {len(swapped)} swapped;")
    for threshold in (0.5, 0.8, 0.9):
        at = np.log10(threshold / (1 - threshold))
        print(f"  confidence above {threshold}: own {(own > at).mean():.2f}, swapped {(swapped > at).mean():.2f}")
    fitted = calibration.fit(x, y, list(people), max_llr=MAX_LLR)
    low, high = fitted.llr_range
    print(f"{fitted.method}, {len(fitted.scores)} knots, llr {low:.2f} to {high:.2f}")
    return fitted


def usual(made: Sequence[Trial]) -> dict[str, float]:
    """Mean and deviation of the peaks of genuine pairs: the card's ``[match]``. The deviation is at least 0.12, because
    so few persons cannot tell how low genuine ones get."""
    heights = np.array([t.value("peak_correlation") for t in made if not t.swapped])
    over = [t.value("peak_over_chance") for t in made if t.swapped]
    print(f"own peaks: mean {np.nanmean(heights):.3f}, deviation {np.nanstd(heights):.3f}")
    most, nearly_all = np.nanpercentile(over, [95, 99])
    print(f"swapped peaks over chance: 95 % below {most:.2f}, 99 % below {nearly_all:.2f}")
    return {"mean": round(float(np.nanmean(heights)), 2), "deviation": round(max(0.12, float(np.nanstd(heights))), 2)}


def report(name: str, made: Sequence[Trial]) -> None:
    """One condition: who is scored, who gives a false alarm, how well own and swapped voices are told apart."""
    summary(name, made)
    usable = [t for t in made if np.isfinite(t.value("peak_over_chance"))]
    print(f"{name}, AUC of the peak over chance:", separation(usable, lambda t: -t.value("peak_over_chance")))
    print(f"{name}, AUC of the score:", separation([t for t in made if t.score is not None], lambda t: t.score))


def per_source(made: Sequence[Trial]) -> None:
    for source in sorted({t.mouth.source for t in made}):
        here = [t for t in made if t.mouth.source == source and np.isfinite(t.value("peak_over_chance"))]
        labels = np.array([t.swapped for t in here])
        if 0 < labels.sum() < len(labels):
            found = metrics.auc([-t.value("peak_over_chance") for t in here], labels)
            print(f"  mouths of {source}: AUC {found:.3f} ({(~labels).sum()} own, {labels.sum()} swapped)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, help="folder written by data.py")
    parser.add_argument("data", type=Path, help="folder with video/ and talking/")
    parser.add_argument("--condition", action="append", default=[], metavar="NAME=CLIPS")
    parser.add_argument("--without-devtest", action="store_true", help="leave out what the protocol measures with")
    parser.add_argument("--scores", type=Path, help="CSV of the scores")
    args = parser.parse_args()

    def loaded(folder: Path) -> list[Clip]:
        clips = load(folder, args.data)
        return without_devtest(args.data, clips) if args.without_devtest else clips

    clips = loaded(args.clips)
    genuine = [clip for clip in clips if clip.genuine]
    weights = held_apart(clips)
    short = trials([c for c in genuine if len(c.mel) < LONG], weights, swap=False)
    print(f"genuine clips under 4.5 s: {len(short)}, abstained on {sum(t.score is None for t in short)}")
    made = trials([c for c in genuine if len(c.mel) >= LONG], weights)
    table(made)
    report("clean", made)
    per_source(made)
    conditions = {"clean": list(made)}
    for condition in args.condition:
        name, _, folder = condition.partition("=")
        there = trials([c for c in loaded(Path(folder)) if c.genuine and len(c.mel) >= LONG], weights)
        table(there)
        report(name, there)
        made += there
        conditions[name] = there
    print("mouths generated from the voice (they agree by construction):")
    driven = trials([c for c in clips if c.row["av_ok"] == "driven"], weights, swap=False)
    table(driven)
    summary("driven", driven)
    print(f"all conditions together: {len(made)} pairs")
    match, _ = usual(made), calibrate(made)
    print("[match]:", match)
    if args.scores:
        save(args.scores, conditions)


if __name__ == "__main__":
    main()
