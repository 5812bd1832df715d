"""How well real weights hear: words wrong, the first word's place, words said twice, words heard in music, cost.

    python training/response_latency/recognition.py WEIGHTS SPEECH [--every 20] [--without-speech FOLDER]

WEIGHTS is a folder or package as `inperson check --asr` takes it. SPEECH is a clone of jimbozhang/speechocean762
(CC BY 4.0): English read by 250 speakers of Mandarin, children among them, with what they said. Every `--every`th
recording by name is put into silence, after 0.5 to 2.5 s of it, and all of it is recognised as an analysis would do it.
Recordings in which a word is said twice on end (numbers aside) are recognised besides. FOLDER holds recordings without
any speech.
"""

from __future__ import annotations

import argparse
import re
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from inperson import asr
from inperson.asr import Transcription
from inperson.detectors._answers.said import tokens
from inperson.evaluation import bootstrap
from inperson.media import Reader
from inperson.speech import Listener
from inperson.types import Chunk, Span, Word
from inperson.whisper import FasterWhisper

RATE = 16_000
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
FUNCTION = frozenset(re.findall(r"\w+", "a at but do for had i in is it its of on she the to we what where who you"))


def texts(clone: Path) -> dict[str, list[str]]:
    lines = [line for part in ("train", "test") for line in (clone / part / "text").read_text().splitlines()]
    return {name: tokens(text) for name, text in (line.split("\t") for line in lines)}


def sound(path: Path) -> np.ndarray:
    with Reader(path, each_frame=lambda frame: frame, wanted=lambda time: False) as reader:
        return np.concatenate([chunk.audio for chunk in reader])


def trimmed(audio: np.ndarray) -> np.ndarray:
    """From the first loud 20 ms to the last, at one level."""
    power = np.convolve(np.square(audio), np.ones(320) / 320, "same")
    loud = np.flatnonzero(power > np.percentile(power, 95) * 10**-2.5)
    audio = audio[loud[0] : loud[-1]]
    return audio * np.float32(0.05 / np.sqrt(np.mean(np.square(audio))))


def words_of(audio: np.ndarray, weights: FasterWhisper) -> tuple[list[Word], float]:
    """The words, and the CPU seconds that their recognition took."""
    spent = 0.0

    def timed(piece: np.ndarray, rate: int) -> list[Word]:
        nonlocal spent
        started = time.process_time()
        found = weights(piece, rate)
        spent += time.process_time() - started
        return found

    listener, transcription = Listener(speakers=False), Transcription(timed)
    for first in range(0, len(audio), RATE):
        piece = audio[first : first + RATE].astype(np.float32)
        transcription.update(listener.update(Chunk(Span(first / RATE, (first + len(piece)) / RATE), audio=piece)))
    return list(transcription.finish()), spent


def said(words: list[Word]) -> list[str]:
    text = re.sub(r"\d", lambda found: f" {DIGITS[int(found.group())]} ", " ".join(word.text for word in words))
    return tokens(text.replace("-", " "))


def errors(truth: list[str], heard: list[str]) -> int:
    """Words to put in, take out or exchange."""
    row = list(range(len(heard) + 1))
    for i, one in enumerate(truth, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


def twice(words: list[str]) -> list[str]:
    return [a for a, b in pairwise(words) if a == b and a not in DIGITS]


def read_aloud(weights: FasterWhisper, clone: Path, known: dict[str, list[str]], every: int) -> None:
    rng = np.random.default_rng(0)
    paths = sorted(path for path in (clone / "WAVE").rglob("*.WAV") if path.stem in known)[::every]
    parts, spans, end = [], [], 0.0
    for path in paths:
        audio, gap = trimmed(sound(path)), rng.uniform(0.5, 2.5)
        parts += [np.zeros(round(gap * RATE), np.float32), audio]
        start = end + round(gap * RATE) / RATE
        end = start + len(audio) / RATE
        spans.append(Span(start, end))
    whole = np.concatenate([*parts, np.zeros(RATE, np.float32)])
    words, spent = words_of(whole + 3e-4 * rng.standard_normal(len(whole)).astype(np.float32), weights)
    wrong, counts, late, owned, invented = [], [], [], [], 0
    for path, span in zip(paths, spans, strict=True):
        own = [word for word in words if span.start - 0.25 <= (word.span.start + word.span.end) / 2 <= span.end + 0.25]
        owned.append(own)
        heard = said(own)
        wrong.append(errors(known[path.stem], heard))
        counts.append(len(known[path.stem]))
        invented += len(twice(heard)) > len(twice(known[path.stem]))
        late += [own[0].span.start - span.start] if own else []
    rate = bootstrap.interval(lambda a, b: sum(a) / sum(b), wrong, counts, groups=[path.parent.name for path in paths])
    print(f"{len(paths)} recordings, {sum(counts)} words: {rate:.2f} of them wrong")
    off = np.abs(late)
    print(f"first word off by {np.median(off):.2f} s (median), {np.percentile(off, 90):.2f} s (90 %), of {len(late)}")
    ratios = [len(said(one)) / n for one, n in zip(owned, counts, strict=True)]
    low, high = np.percentile(ratios, [10, 90])
    print(
        f"words heard for each said: {sum(map(len, map(said, owned))) / sum(counts):.2f}; 80 % {low:.2f} to {high:.2f}"
    )
    print(f"a word heard twice that was said once: in {invented}")
    print(f"{spent / end:.2f} CPU seconds a second of sound")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("speech", type=Path)
    parser.add_argument("--every", type=int, default=20)
    parser.add_argument("--without-speech", type=Path)
    parser.add_argument("--unplaced", action="store_true", help="leave words where the recogniser put them")
    args = parser.parse_args()
    if args.unplaced:
        asr._placed = lambda words, speech: list(words)
    weights, known = FasterWhisper(args.weights, "en"), texts(args.speech)
    weights(np.zeros(RATE, np.float32), RATE)  # loads them
    read_aloud(weights, args.speech, known, args.every)
    kept: dict[bool, list[bool]] = {True: [], False: []}
    for path in sorted((args.speech / "WAVE").rglob("*.WAV")):
        for word in dict.fromkeys(twice(known.get(path.stem, []))):
            kept[word in FUNCTION].append(word in twice(said(words_of(sound(path), weights)[0])))
    print(f"function words said twice: {sum(kept[True])} of {len(kept[True])} heard twice")
    print(f"other words said twice: {sum(kept[False])} of {len(kept[False])} heard twice")
    if args.without_speech is not None:
        sounds = [sound(path)[: 60 * RATE] for path in sorted(args.without_speech.iterdir())]
        found = sum(len(words_of(one, weights)[0]) for one in sounds)
        print(f"without speech, {sum(map(len, sounds)) / RATE / 60:.1f} minutes: {found} words")


if __name__ == "__main__":
    main()
