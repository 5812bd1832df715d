"""Diarization error of `inperson.speech.Listener`: no collar, overlap included.

``python diarization_error.py AUDIO [--split devtest] [--dialogues 40] [--seeds 0] [--reference NAME=FILE.rttm ...]``

AUDIO is the folder with ``manifest.csv``. Prints, for dialogues assembled from single-speaker clips with 1, 2 and 3
voices, the mean error with a 95 % bootstrap interval over dialogues, its parts, and how often the number of voices was
right; the same from one channel a speaker; then each shared dialogue for which a reference RTTM is given.

The error is ``(missed + false alarm + confused) / reference speech`` in speaker time on a 10 ms grid, with the mapping
between labels that is best for the system (the NIST definition). Two references: `trimmed`, from the first to the last
sound of each clip, and `whole`, the clip as cut, with its leading and trailing silence.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

GRID = 0.01
Turns = list[tuple[float, float, str]]


@dataclass(frozen=True)
class Error:
    """Seconds of speaker time."""

    missed: float
    false_alarm: float
    confused: float
    speech: float

    @property
    def rate(self) -> float:
        """May exceed 1; infinite where the reference has no speech but the system found some."""
        wrong = self.missed + self.false_alarm + self.confused
        return wrong / self.speech if self.speech else float("inf") if wrong else 0.0


def diarization_error(reference: Turns, hypothesis: Turns) -> Error:
    """Compare (start, end, speaker) turns in s; turns may overlap, labels need not match."""
    from scipy.optimize import linear_sum_assignment

    length = max((end for _, end, _ in reference + hypothesis), default=0.0)
    truth, guess = _grid(reference, length), _grid(hypothesis, length)
    spoken, said = truth.sum(axis=1), guess.sum(axis=1)
    together = truth.T.astype(np.float64) @ guess
    rows, columns = linear_sum_assignment(together, maximize=True)
    right = float(together[rows, columns].sum())
    return Error(
        missed=GRID * float(np.maximum(spoken - said, 0).sum()),
        false_alarm=GRID * float(np.maximum(said - spoken, 0).sum()),
        confused=GRID * (float(np.minimum(spoken, said).sum()) - right),
        speech=GRID * float(spoken.sum()),
    )


def _grid(turns: Turns, length: float) -> NDArray[np.int64]:
    names = sorted({who for _, _, who in turns})
    grid = np.zeros((round(length / GRID), len(names)), np.int64)
    for start, end, who in turns:
        grid[round(start / GRID) : round(end / GRID), names.index(who)] = 1
    return grid


def listen(audio: NDArray[np.float32], channels: NDArray[np.float32] | None = None) -> tuple[Turns, str, float]:
    """Turns, their source and the CPU seconds they took."""
    from inperson.speech import Listener
    from inperson.types import Chunk, Span

    listener, began = Listener(), time.process_time()
    for at in range(0, len(audio), 8000):
        part = audio[at : at + 8000]
        extra = np.zeros((0, 0), np.float32) if channels is None else channels[at : at + 8000]
        listener.update(Chunk(Span(at / 16000, (at + len(part)) / 16000), audio=part, channels=extra))
    turns, source = listener.finish()
    spent = time.process_time() - began
    return [(turn.span.start, turn.span.end, turn.speaker) for turn in turns], source, spent


def interval(values: NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def report(name: str, errors: list[Error], voices: list[int], expected: int, whole: list[Error]) -> None:
    rates = np.array([error.rate for error in errors])
    low, high = interval(rates)
    speech = sum(error.speech for error in errors)
    parts = [sum(getattr(e, part) for e in errors) / speech for part in ("missed", "false_alarm", "confused")]
    right = sum(count == expected for count in voices)
    print(
        f"{name:26} n={len(rates):3d}  DER {rates.mean():5.1%} [{low:.1%}, {high:.1%}]  median {np.median(rates):.1%}  "
        f"p90 {np.percentile(rates, 90):.1%}  missed {parts[0]:.1%} false {parts[1]:.1%} confused {parts[2]:.1%}  "
        f"voices right {right}/{len(rates)}  whole-clip reference {np.mean([e.rate for e in whole]):.1%}",
        flush=True,
    )


def measure_assembled(folder: Path, split: str, count: int, seeds: list[int]) -> None:
    from dialogues import assembled

    for speakers in (2, 1, 3):
        trimmed, whole, voices, separate, by_channel = [], [], [], [], []
        spent = heard = 0.0
        for seed in seeds:
            for dialogue in assembled(folder, split, speakers, count, seed):
                found, _, cpu = listen(dialogue.audio)
                spent, heard = spent + cpu, heard + len(dialogue.audio) / 16000
                trimmed.append(diarization_error(dialogue.turns, found))
                whole.append(diarization_error(dialogue.whole, found))
                voices.append(len({who for _, _, who in found}))
                if speakers == 2 and len(separate) < 20:
                    found, source, _ = listen(dialogue.audio, dialogue.channels)
                    separate.append(diarization_error(dialogue.turns, found))
                    by_channel.append(source == "channels")
        report(f"{split}, {speakers} voices, mixed", trimmed, voices, speakers, whole)
        if separate:
            rates = np.array([error.rate for error in separate])
            print(
                f"{split}, 2 voices, a channel each  n={len(rates)}  DER {rates.mean():.1%}  "
                f"taken as channels {sum(by_channel)}/{len(by_channel)}"
            )
        print(f"{'':26} CPU {60 * spent / heard:.2f} s per 60 s of sound, one thread")


def measure_shared(folder: Path, references: list[str]) -> None:
    """Real dialogues: each with the reference given, else only what was found."""
    from dialogues import read

    given = dict(item.split("=", 1) for item in references)
    rates = []
    for path in sorted(folder.glob("real_dialogue__*.flac")):
        audio = read(path)
        found, _, _ = listen(audio)
        line = f"{path.stem}  {len(audio) / 16000:.0f} s  voices {len({w for *_, w in found})}  turns {len(found)}"
        if path.stem in given:
            error = diarization_error(read_reference(Path(given[path.stem]), len(audio) / 16000), found)
            rates.append(error.rate)
            line += f"  DER {error.rate:.1%} (missed {error.missed:.1f} false {error.false_alarm:.1f} "
            line += f"confused {error.confused:.1f} of {error.speech:.1f} s)"
        print(line)
    if rates:
        print(f"shared dialogues with a reference: n={len(rates)}  mean DER {np.mean(rates):.1%}")


def read_reference(path: Path, length: float) -> Turns:
    """An RTTM, or lines of ``start,end,speaker``."""
    if path.suffix == ".rttm":
        from inperson.transcripts import read_turns

        turns = [(t.span.start, t.span.end, t.speaker) for t in read_turns(path)]
    else:
        rows = [line.replace("\t", ",").split(",") for line in path.read_text().splitlines() if line.strip()]
        turns = [(float(start), float(end), who.strip()) for start, end, who in rows]
    return [(start, min(end, length), who) for start, end, who in turns if start < length]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--split", default="devtest")
    parser.add_argument("--dialogues", type=int, default=40, help="per number of voices and seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--reference", nargs="*", default=[], metavar="CLIP=FILE")
    parser.add_argument("--skip-assembled", action="store_true")
    options = parser.parse_args()
    if not options.skip_assembled:
        measure_assembled(options.audio, options.split, options.dialogues, options.seeds)
    measure_shared(options.audio, options.reference)


if __name__ == "__main__":
    main()
