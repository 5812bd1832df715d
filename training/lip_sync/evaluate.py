"""What `lip_sync` can tell on clips that trained nothing: match, offset, dubbed stretches, generated mouths.

    python training/lip_sync/evaluate.py CLIPS=FOLDER... [--condition NAME CLIPS=FOLDER...] [--scores OUT.csv] [--match]

CLIPS is what data.py wrote of FOLDER. Clips of the protocol's devtest half, clips that may train, and generated ones
(but for their own table) are left out. Own voice: parts of genuine clips as they are. Swapped: one person's mouth with
another's voice, as long. Both are allowed their best lag. Intervals resample persons. ``--match`` prints the card's
[match] instead; training/calibrate.py makes the calibration of the scores.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from data import Clip, load
from replay import cut, dubbed, examine, measure, shifted
from train import may_train

from inperson.detectors._lip_found import Found
from inperson.detectors._lip_made import NAMES, evenness
from inperson.evaluation import bootstrap, metrics
from inperson.lips.mouth import RATE
from inperson.lips.pair import mask
from inperson.types import Abstention, Reading, Span

LENGTHS = (4.8, 8.0, 12.0)
"""Seconds of the parts that are compared."""
SHIFTS = tuple(s / 1000 for s in range(-500, 501, 100) if s)
MIN_SPEECH, SHIFTED_SPEECH = 2.5, 7.0
"""Seconds of speech of a clip, to be measured at all, and to have its sound shifted."""
SPAN = 5.0
"""Seconds of a dubbed stretch."""


@dataclass(frozen=True)
class Trial:
    """One mouth with one voice."""

    mouth: Clip
    voice: Clip
    result: Reading | Abstention
    found: Found | None

    @property
    def swapped(self) -> bool:
        return self.mouth.person != self.voice.person

    @property
    def score(self) -> float | None:
        return self.result.score if isinstance(self.result, Reading) else None

    def value(self, name: str) -> float:
        found = self.result.measurements.get(name)
        return float("nan") if found is None else found.value


def parts(clips: Sequence[Clip], seconds: float) -> list[Clip]:
    """Every clip in pieces of `seconds`, those with speech in half of it."""
    found = []
    for clip in clips:
        for i in count():
            if (i + 1) * seconds > len(clip.mel) / RATE + 0.1:
                break
            piece = cut(clip, i * seconds, seconds)
            if piece.spoken >= seconds / 2 and len(piece.times) > 10:
                found.append(piece)
    return found


def trials(pieces: Sequence[Clip]) -> list[Trial]:
    """Every piece with its own voice, and with the voice of every other person."""
    return [
        Trial(mouth, voice, *examine(mouth, voice))
        for mouth in pieces
        for voice in pieces
        if mouth is voice or mouth.person != voice.person
    ]


def separation(made: Sequence[Trial]) -> str:
    """AUC of swapped over own, with its interval over persons."""
    scored = [t for t in made if t.score is not None]
    labels, people = np.array([t.swapped for t in scored]), [t.mouth.person for t in scored]
    if not 0 < labels.sum() < len(labels):
        return "one class only"
    found = bootstrap.interval(metrics.auc, np.array([t.score for t in scored]), labels, groups=people, labels=labels)
    own, swapped = [t for t in made if not t.swapped], [t for t in made if t.swapped]
    told = [sum(t.score is not None for t in side) for side in (own, swapped)]
    return (
        f"AUC {found:.3f}, {len(set(people))} persons, scored {told[0]} of {len(own)} own and {told[1]} of "
        f"{len(swapped)} swapped; own above 0: {sum((t.score or 0) > 0 for t in own)}; an offset is told of "
        f"{sum(np.isfinite(t.value('offset')) for t in own)} and {sum(np.isfinite(t.value('offset')) for t in swapped)}"
    )


def shift_errors(clips: Sequence[Clip]) -> list[float]:
    """|Error| in ms of the change of the offset for each of `SHIFTS`; infinite where none is reported."""
    errors = []
    for clip in clips:
        if clip.spoken < SHIFTED_SPEECH:
            continue
        before = measure(clip, clip).measurements.get("offset")
        if before is None:
            print(f"  {clip.name[:50]}: no offset")
            continue
        for shift in SHIFTS:
            after = measure(clip, *shifted(clip, shift)).measurements.get("offset")
            errors.append(np.inf if after is None else abs(after.value - before.value - 1000 * shift))
    return errors


def dubs(clips: Sequence[Clip]) -> Iterator[float]:
    """Intersection over union of the evidence in which mouth and voice part with a dubbed stretch of `SPAN` seconds."""
    for i, clip in enumerate(clips):
        length = len(clip.mel) / RATE
        if length < 2 * SPAN:
            continue
        for k, other in enumerate(clips):
            if other.person != clip.person and len(other.mel) / RATE >= SPAN:
                start = (0.37 * (i + k)) % 1 * (length - SPAN)
                yield overlap(measure(clip, dubbed(clip, other, start, SPAN)), Span(start, start + SPAN))


def overlap(found: Reading | Abstention, truth: Span) -> float:
    told = [e.span for e in found.evidence if "agree little near" in e.note] if isinstance(found, Reading) else []
    best = 0.0
    for span in told:
        common = span & truth
        both = common.duration if common else 0.0
        best = max(best, both / (span.duration + truth.duration - both))
    return best


def chosen(pairs: Sequence[str]) -> list[Clip]:
    """Clips that are neither devtest nor training."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "protocols"))
    import split

    out = []
    for pair in pairs:
        stored, folder = map(Path, pair.split("=", 1))
        with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
            every = list(csv.DictReader(file))
        halves = split.halves(every) if "licence_class" in every[0] else {}
        out += [
            clip
            for clip in load(stored, folder)
            if clip.spoken >= MIN_SPEECH
            and halves.get(clip.row["path"]) != split.DEVTEST
            and not ("licence_class" in clip.row and may_train(clip))
            and clip.row.get("av_ok") != "no"
        ]
    return out


def match(made: Sequence[Trial]) -> None:
    """What the card's [match] is rounded from: likeness at the peak and by chance, per pair."""
    for side, group in (("own", [t for t in made if not t.swapped]), ("swapped", [t for t in made if t.swapped])):
        found = [t.found for t in group if t.found is not None]
        heights = np.array([f.peak.height - f.chance.mean for f in found])
        here = np.array([f.chance.here for f in found])
        second = np.array([f.chance.deviation * np.sqrt(f.pair.seconds) for f in found])
        print(
            f"  {side}: peak less chance {heights.mean():.4f}, deviation {heights.std():.4f}; "
            f"chance {here.mean():.4f}, from pair to pair {here.std():.4f}, over a second {second.mean():.4f}"
        )


def usual(clips: Sequence[Clip]) -> None:
    """The card's [generated]: means and deviations over genuine clips."""
    values = []
    for clip in clips:
        _, found = examine(clip, clip)
        even = evenness(found.lips, mask(clip.spans, len(clip.mel), 0.0)) if found else None
        if found and found.significant and even:
            values.append((found.peak.height - found.chance.mean, even.burst, even.width_tails))
    for name, column in zip(NAMES, np.array(values).reshape(-1, len(NAMES)).T, strict=True):
        print(f"  {name} = [{column.mean():.3f}, {column.std():.3f}]  # {len(column)} clips")


def save(path: Path, conditions: dict[str, list[Trial]]) -> None:
    """Scores and qualities, for training/calibrate.py and training/abstention.py."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "condition", "signal", "label", "person", "score", "llr", "quality"))
        for name, made in conditions.items():
            for t in made:
                if isinstance(t.result, Reading):
                    label = "spoof" if t.swapped else "bonafide"
                    row = (t.mouth.name, name, "lip_sync", label, t.mouth.person, t.score, t.score, t.result.quality)
                    writer.writerow(row)


def generated(every: Sequence[Clip]) -> None:
    """How far `generated_mouth` tells made mouths from genuine ones, and what the score says of made ones."""
    values: dict[str, list[float]] = {"real": [], "fake": []}
    for clip in every:
        found = measure(clip, clip)
        one = found.measurements.get("generated_mouth")
        if one is not None:
            values[clip.row["label"]].append(one.value)
        if clip.row["label"] == "fake":
            score = f"{found.score:+.2f}" if isinstance(found, Reading) else "abstained"
            print(f"  {clip.name[:60]:60s} score {score}, generated_mouth {f'{one.value:+.2f}' if one else '-'}")
    real, fake = np.array(values["real"]), np.array(values["fake"])
    if len(real) and len(fake):
        auc = metrics.auc(np.concatenate([real, fake]), np.repeat([0, 1], [len(real), len(fake)]))
        caught = np.mean(fake > np.quantile(real, 0.9))
        print(
            f"  generated_mouth: AUC {auc:.2f}, {len(real)} genuine and {len(fake)} made; "
            f"{caught:.0%} of those above nine of ten genuine; genuine up to {real.max():.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", help="CLIPS=FOLDER")
    parser.add_argument("--condition", action="append", nargs="+", default=[], metavar="NAME CLIPS=FOLDER")
    parser.add_argument("--scores", type=Path, help="CSV of the scores")
    parser.add_argument("--match", action="store_true")
    args = parser.parse_args()
    kept: dict[str, list[Trial]] = {}
    for name, pairs in [("clean", args.clips), *((c[0], c[1:]) for c in args.condition)]:
        every = chosen(pairs)
        genuine = [clip for clip in every if clip.row["label"] == "real"]
        kept[name] = []
        for seconds in LENGTHS:
            made = trials(parts(genuine, seconds))
            print(f"{name}, {seconds:g} s: {separation(made)}")
            if args.match:
                match(made)
            kept[name] += made
        errors = shift_errors(genuine)
        if errors:
            middle, most = np.percentile(errors, [50, 95], method="inverted_cdf")
            print(f"{name}, shifts: {len(errors)}, median |error| {middle:.0f} ms, 95 % within {most:.0f} ms")
        found = list(dubs(genuine))
        if found:
            share = np.mean([iou >= 0.5 for iou in found])
            print(f"{name}, dubbed {SPAN:g} s: {len(found)}, overlap of a half or more in {share:.0%}")
        if args.match:
            usual(genuine)
        generated(every)
    if args.scores:
        save(args.scores, kept)


if __name__ == "__main__":
    main()
