"""Assisted interviews simulated from real conversations: the answers' onsets rewritten by a model of an assistant.

No labelled recording of an assisted answer exists. So a genuine conversation is taken (RTTM), and after some of the
questions the answer is moved to where an assistant would have let it begin; everything later moves with it. What is
simulated is the delay alone: the words, their number and the person's other timing stay those of the real speaker.

Each assistant's delay is endpointing + first token + reading onset, from published components:

- endpointing 300 to 800 ms (voice-agent stacks; Deepgram 300 ms, OpenAI realtime 500 ms in an open-source assistant);
- time to first token 0.566 s at the median, 2.246 s at the 95th percentile (a voice-agent playbook): log-normal with
  sigma 0.84, half of its variance between calls, half within;
- reading onset 0.2 to 0.5 s (own assumption: time to find and begin a line);
- a 3 s silence window before the question is submitted (an open-source assistant's default);
- vendors' claims of 0.2 to 0.4 s from end of speech to first word.
"""

from __future__ import annotations

import argparse
import csv
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from inperson.exchanges import Exchange, exchanges
from inperson.types import Span, Turn, merged

Draw = Callable[[], float]
SUBSTANTIVE = (2.0, 1.5)
"""Shortest question and answer in seconds that an assistant is used for; as in the card."""


@dataclass(frozen=True)
class Conversation:
    """Turns of one recording with its answering speaker; `kind` and `person` for splitting and reporting."""

    name: str
    kind: str
    group: str
    turns: tuple[Turn, ...]
    candidate: str

    @property
    def exchanges(self) -> list[Exchange]:
        return exchanges(self.turns, self.candidate)


def read_rttm(path: Path) -> tuple[Turn, ...]:
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("SPEAKER")]
    return tuple(sorted(Turn(Span(float(r[3]), float(r[3]) + float(r[4])), r[7]) for r in rows))


def load(folder: Path) -> list[Conversation]:
    """Every recording of the folder's manifest in which somebody answers often enough.

    Consultations: the patient. Elsewhere, where roles are not given: the speaker who takes over most often.
    """
    found = []
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        paths = sorted({row["path"] for row in csv.DictReader(file)})
    for name in paths:
        turns = read_rttm(folder / name)
        kind, _, rest = name.removesuffix(".rttm").partition("_")
        speakers = {turn.speaker for turn in turns}
        candidate = "patient" if kind == "primock57" else max(speakers, key=lambda s: (len(exchanges(turns, s)), s))
        found.append(Conversation(name, kind, _group(kind, rest), turns, candidate))
    return found


def _group(kind: str, rest: str) -> str:
    """What must not be split: a consultation day (one clinician), a meeting series (same people), else the file."""
    if kind == "primock57":
        return f"primock57_{rest.split('_')[0]}"
    return f"ami_{rest[:-1]}" if kind == "ami" else f"{kind}_{rest}"


def _constant(rng: np.random.Generator, low: float, high: float, spread: float) -> Draw:
    floor = rng.uniform(low, high)
    return lambda: max(0.1, float(rng.normal(floor, spread)))


def _pipeline(rng: np.random.Generator, wait: float = 0.0) -> Draw:
    """Endpointing (or a fixed silence window) + first token + reading onset."""
    endpoint = wait or rng.uniform(0.3, 0.8)
    sigma = 0.84 * np.sqrt(0.5)
    median, reading = rng.lognormal(np.log(0.566), sigma), rng.uniform(0.2, 0.5)
    return lambda: float(endpoint + min(rng.lognormal(np.log(median), sigma), 6.0) + rng.normal(reading, 0.08))


ASSISTANTS: dict[str, Callable[[np.random.Generator], Draw]] = {
    "fast (0.3-0.6 s, sd 0.15)": lambda rng: _constant(rng, 0.3, 0.6, 0.15),
    "good (0.6-1.0 s, sd 0.2)": lambda rng: _constant(rng, 0.6, 1.0, 0.2),
    "regular (1.5 s, sd 0.3)": lambda rng: _constant(rng, 1.5, 1.5, 0.3),
    "pipeline (published components)": lambda rng: _pipeline(rng),
    "slow (3 s window + components)": lambda rng: _pipeline(rng, wait=3.0),
    "stalling (filler, then pipeline)": lambda rng: _pipeline(rng),
}


def assisted(
    conversation: Conversation, assistant: str, seed: int, share: float | None = None, also_short: bool | None = None
) -> Conversation:
    """The same conversation with an assistant's delays.

    `share` of the substantive answers (drawn from 0.5 to 1 where None) are assisted; short exchanges too with
    `also_short` (three in ten persons where None).
    """
    rng = np.random.default_rng([seed, *assistant.encode(), *conversation.name.encode()])
    draw = ASSISTANTS[assistant](rng)
    share = rng.uniform(0.5, 1.0) if share is None else share
    short = rng.random() < 0.3 if also_short is None else also_short
    stalls = assistant.startswith("stalling")
    changes: list[tuple[float, float]] = []
    fillers: list[tuple[float, float]] = []
    for exchange in conversation.exchanges:
        if (is_substantive(exchange) or short) and rng.random() < share:
            changes.append((exchange.answer.start, draw() - exchange.offset))
            if stalls:
                fillers.append((exchange.answer.start, float(rng.uniform(0.3, 0.6))))
    return replace(conversation, turns=_moved(conversation, changes, fillers))


def is_substantive(exchange: Exchange) -> bool:
    return exchange.question.duration >= SUBSTANTIVE[0] and exchange.answer.duration >= SUBSTANTIVE[1]


def _moved(
    conversation: Conversation, changes: list[tuple[float, float]], fillers: list[tuple[float, float]]
) -> tuple[Turn, ...]:
    """Shift every turn by the sum of the changes at or before its start; put fillers at the answers' old onsets."""
    starts = np.array([at for at, _ in changes])
    shifts = np.concatenate([[0.0], np.cumsum([change for _, change in changes])])

    def shift(time: float, side: str) -> float:
        return float(shifts[np.searchsorted(starts, time, side=side)])  # type: ignore[call-overload]

    turns = []
    for turn in conversation.turns:
        by = shift(turn.span.start + 1e-6, "right")
        turns.append(replace(turn, span=Span(max(0.0, turn.span.start + by), max(0.0, turn.span.end + by))))
    for at, length in fillers:
        start = at + shift(at - 1e-6, "right")
        room = shift(at + 1e-6, "right") - shift(at - 1e-6, "right")
        if room > length + 0.2:
            turns.append(Turn(Span(start, start + length), conversation.candidate))
    return tuple(sorted(turns))


def slowed(conversation: Conversation, seed: int, mean: float = 1.5, stretch: float = 1.3) -> Conversation:
    """A slow but human answerer: every offset about `mean` seconds, deviations stretched."""
    del seed
    found = conversation.exchanges
    middle = float(np.median([e.offset for e in found])) if found else 0.0
    changes = [(e.answer.start, mean + stretch * (e.offset - middle) - e.offset) for e in found]
    return replace(conversation, turns=_moved(conversation, changes, []))


def thinking(conversation: Conversation, seed: int) -> Conversation:
    """A person who thinks before substantive answers: 0 to 3 s more (gamma, mean 0.8 s), short exchanges untouched."""
    rng = np.random.default_rng([seed, *conversation.name.encode()])
    changes = [(e.answer.start, float(rng.gamma(1.6, 0.5))) for e in conversation.exchanges if is_substantive(e)]
    return replace(conversation, turns=_moved(conversation, changes, []))


def delayed(conversation: Conversation, seed: int, delay: float = 0.3) -> Conversation:
    """A network delay: each of the candidate's answers arrives later by a constant."""
    del seed
    changes = [(e.answer.start, delay) for e in conversation.exchanges]
    return replace(conversation, turns=_moved(conversation, changes, []))


def diarized(conversation: Conversation, seed: int, jitter: float = 0.15, missed: float = 0.05) -> Conversation:
    """What a diarization of the mix makes of it: jittered boundaries, no overlap, missed and merged turns."""
    rng = np.random.default_rng([seed, 7, *conversation.name.encode()])
    pieces = sorted(
        (span, speaker)
        for speaker in {turn.speaker for turn in conversation.turns}
        for span in merged((t.span for t in conversation.turns if t.speaker == speaker), 0.3)
    )
    out: list[Turn] = []
    for span, speaker in pieces:
        if rng.random() < missed * np.exp(-max(span.duration - 0.5, 0)):
            continue
        start = max(0.0, span.start + rng.normal(0, jitter))
        end = max(start + 0.1, span.end + rng.normal(0, jitter))
        if out and out[-1].span.end > start:
            start = out[-1].span.end
        if end > start:
            out.append(Turn(Span(start, end), speaker))
    return replace(conversation, turns=tuple(sorted(out)))


GENUINE: dict[str, Callable[[Conversation, int], Conversation]] = {
    "as recorded": lambda c, seed: c,
    "slow but human (mean 1.5 s)": slowed,
    "thinks before long answers": thinking,
    "network delay +0.3 s": delayed,
}

SPLITS = ("fit", "calibrate", "test")


def split(conversation: Conversation) -> str:
    """By group: a meeting series or a consultation day is never cut; days 1-2, 3-4 and 5, elsewhere a hash."""
    if conversation.kind == "primock57":
        return {"1": "fit", "2": "fit", "3": "calibrate", "4": "calibrate", "5": "test"}[conversation.group[-1]]
    return SPLITS[zlib.crc32(conversation.group.encode()) % 3]


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the conversations and exchanges of each kind and split.")
    parser.add_argument("turns", type=Path, help="folder of RTTM files with manifest.csv")
    counts: Counter[tuple[str, str, str]] = Counter()
    for conversation in load(parser.parse_args().turns):
        found = conversation.exchanges
        where = conversation.kind, split(conversation)
        counts[(*where, "recordings")] += 1
        counts[(*where, "exchanges")] += len(found)
        counts[(*where, "substantive")] += sum(map(is_substantive, found))
    for key, count in sorted(counts.items()):
        print(*key, count)


if __name__ == "__main__":
    main()
