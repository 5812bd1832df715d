"""Calibrate the likelihood ratio and write what its card needs: priors with sources, then ``[calibration]``.

The priors are stated here, from publications and from the fit part of the conversations; the calibration is fitted on
the calibrate part, which chose nothing. `evaluate.py` then measures on the test part.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from simulate import ASSISTANTS, GENUINE, Conversation, assisted, diarized, load, split

from inperson import calibration
from inperson.detectors.response_latency import (
    MIN_ANSWERS,
    MIN_BASELINE,
    SOURCE_QUALITY,
    Priors,
    log_ratio,
    raw_score,
)

MAX_LLR = 0.7
"""log10: at most 5 to 1 either way, because no real assisted interview was there to measure on."""

_PRIMOCK = "PriMock57 remote consultations over video, days 1 and 2 (fit.py --describe)"
PRIORS: dict[str, tuple[object, str]] = {
    "question": (2.0, "own choice: shorter questions leave an assistant little to work on"),
    "answer": (1.5, "own choice: shorter answers (yes, no, a name) need no assistant"),
    "thinking": (
        [0.15, 0.35],
        "mean 0.13, sd 0.24 in " + _PRIMOCK + "; wider here: job interviews ask harder questions",
    ),
    "scatter": (
        [0.42, 0.35],
        "mean 0.36, sd 0.09 in " + _PRIMOCK + "; wider here: meetings and job interviews vary more",
    ),
    "coupling": (
        0.4,
        "log scale of offsets per second of their median, over the fit part's 61 conversations of all kinds with eight "
        "exchanges or more: 0.69, less here so that a constant delay of the network changes little (fit.py --describe)",
    ),
    "tail": (3.0, "degrees of freedom of the residuals' Student t: " + _PRIMOCK),
    "hesitation": (
        [0.05, 1.2, 1.0],
        "own choice on the fit and calibrate parts: the right tail of meetings and earnings calls, which a symmetric "
        "density takes for an assistant used now and then",
    ),
    "wait": (
        [0.9, 0.6],
        "endpointing 0.3-0.8 s and first token 0.566 s (median) to 2.246 s (95 %) from voice-agent playbooks, reading "
        "onset 0.2-0.5 s (own assumption), less the person's own planning time",
    ),
    "regularity": ([0.25, 0.35], "own choice: between a fixed 0.15 s and the spread of first tokens over network"),
    "share": ([0.65, 0.95], "own choice: most substantive answers, or nearly all"),
}


@dataclass(frozen=True)
class Case:
    """One scored conversation."""

    kind: str
    group: str
    name: str
    variant: str
    assisted: bool
    score: float
    answers: int


def priors() -> Priors:
    return Priors.from_table({name: {"value": value} for name, (value, _) in PRIORS.items()})


def score(conversation: Conversation, given: Priors) -> tuple[float, int] | None:
    """Raw score and number of answers, or None where the detector would abstain."""
    found = conversation.exchanges
    substantive = np.array([given.substantive(exchange) for exchange in found], bool)
    if substantive.sum() < MIN_ANSWERS or (~substantive).sum() < MIN_BASELINE:
        return None
    offsets = np.array([exchange.offset for exchange in found])
    return raw_score(log_ratio(offsets, substantive, given)[0]), int(substantive.sum())


def cases(
    conversations: list[Conversation], seed: int, given: Priors, noise: float | None = None, assistants: bool = True
) -> Iterator[Case]:
    """Each conversation as recorded, in every variant and with every assistant; boundaries noisy with `noise`."""
    for conversation in conversations:
        variants = [(name, False, make(conversation, seed)) for name, make in GENUINE.items()]
        if assistants:
            variants += [(name, True, assisted(conversation, name, seed)) for name in ASSISTANTS]
        for name, positive, made in variants:
            scored = score(made if noise is None else diarized(made, seed, noise), given)
            if scored:
                yield Case(conversation.kind, conversation.group, conversation.name, name, positive, *scored)


def part(folder: Path, which: str) -> list[Conversation]:
    return [conversation for conversation in load(folder) if split(conversation) == which]


def describe(folder: Path) -> None:
    """What the consultations of the fit part say about the priors."""
    rows, residuals = [], []
    for conversation in part(folder, "fit"):
        if conversation.kind != "primock57":
            continue
        found = conversation.exchanges
        long = np.array([e.offset for e in found if priors().substantive(e)])
        short = np.array([e.offset for e in found if not priors().substantive(e)])
        asked = np.array([e.question.duration for e in found if priors().substantive(e)])
        scale = np.subtract(*np.quantile(long, [0.75, 0.25])) / 1.53  # of a t with 3 degrees of freedom
        residuals.append((long - np.median(long)) / scale)
        rows.append((np.median(short), np.median(long) - np.median(short), scale, np.polyfit(asked, long, 1)[0]))
    names = "short median", "long - short", "scale", "slope per question s"
    for name, values in zip(names, np.array(rows).T, strict=True):
        low, high = values.min(), values.max()
        print(f"{name}: mean {values.mean():.3f} sd {values.std(ddof=1):.3f} range {low:.3f} to {high:.3f}")
    kept = [np.array([e.offset for e in c.exchanges]) for c in part(folder, "fit") if len(c.exchanges) >= 8]
    levels = np.array([np.median(one) for one in kept])
    scales = np.log([np.subtract(*np.quantile(one, [0.75, 0.25])) / 1.53 for one in kept])
    slope, at_zero = np.polyfit(levels, scales, 1)
    left = np.std(scales - at_zero - slope * levels)
    print(f"log scale over median: {slope:.2f} per s, {len(kept)} conversations, deviation {left:.2f}")
    quantiles = np.quantile(np.concatenate(residuals), [0.025, 0.1, 0.9, 0.975])
    print("residuals / scale at 2.5, 10, 90, 97.5 %:", np.round(quantiles, 2))
    print("a Student t with 3 degrees of freedom:     [-3.18 -1.64  1.64  3.18]")


def held_apart(folder: Path, fit: calibration.Calibration, path: Path, seed: int = 0) -> None:
    """Scores of the calibrate part with the detector's quality, for training/abstention.py."""
    conversations = part(folder, "calibrate")
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "condition", "signal", "label", "person", "score", "llr", "quality"])
        for source, noise in (("supplied", None), ("diarized", 0.15)):
            for one in cases(conversations, seed, priors(), noise=noise):
                quality = one.answers / (one.answers + 5) * SOURCE_QUALITY[source]
                row = one.name, source, "response_latency", "spoof" if one.assisted else "bonafide", one.group
                writer.writerow([*row, one.score, fit.llr(one.score), quality])


def fitted(folder: Path, seed: int = 0) -> calibration.Calibration:
    """Calibration on the calibrate part: genuine as recorded, slowed and thinking; every assistant; exact and noisy."""
    conversations = part(folder, "calibrate")
    nearest = [conversation for conversation in conversations if conversation.kind == "primock57"]
    rows = [*cases(conversations, seed, priors()), *cases(conversations, seed + 1, priors(), noise=0.15)]
    for i in (2, 4):  # consultations count three times: of the four kinds they are nearest to an interview
        rows += [*cases(nearest, seed + i, priors()), *cases(nearest, seed + i + 1, priors(), noise=0.15)]
    fit = calibration.fit(
        [row.score for row in rows],
        [int(row.assisted) for row in rows],
        [row.group for row in rows],
        max_llr=MAX_LLR,
        neutral=0.0,  # the score is a log ratio: 0 is a call that tells nothing
    )
    # the same recordings stand on both sides and several times: count recordings
    recordings = len({row.name for row in rows})
    return replace(fit, n_bonafide=recordings, n_spoof=recordings)


def write(path: Path, fit: calibration.Calibration) -> None:
    lines = [f"{name} = {{ value = {value}, source = {quoted(source)} }}" for name, (value, source) in PRIORS.items()]
    path.write_text("\n".join(["[priors]", *lines, "", fit.to_toml()]), encoding="utf-8")


def quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("turns", type=Path, help="folder of RTTM files with manifest.csv")
    parser.add_argument("--fitted", type=Path, help="cards/response_latency.fitted.toml")
    parser.add_argument("--scores", type=Path, help="CSV for training/abstention.py")
    parser.add_argument("--describe", action="store_true", help="only print what the fit part says about the priors")
    args = parser.parse_args()
    if args.describe or args.fitted is None:
        describe(args.turns)
        return
    fit = fitted(args.turns)
    write(args.fitted, fit)
    if args.scores:
        held_apart(args.turns, fit, args.scores)
    print(f"{fit.method}: llr {fit.llrs} at {fit.scores}, bound {fit.llr_range}, {fit.n_bonafide} recordings")


if __name__ == "__main__":
    main()
