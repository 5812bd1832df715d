"""Where pauses fall in recognised words, read and spoken freely: after function words, after punctuation marks.

    python training/response_latency/pauses.py WEIGHTS READ FREE ...

Folders as in `delivery.py`. A pause after "the" or "of" lies within a phrase; who reads aloud pauses at clauses
(Goldman-Eisler, "Pauses, clauses, sentences", Language and Speech 15, 1972). Prints shares of the pauses of
`units.PAUSE` and more, with their 95 % intervals over recordings, and the fillers that were recognised.
"""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

from inperson.asr import Transcription
from inperson.detectors._answers.said import FILLERS, tokens
from inperson.detectors._answers.sound import Listening
from inperson.detectors._answers.units import Loudness, runs, sounding
from inperson.evaluation import bootstrap
from inperson.media import Reader
from inperson.speech import Listener
from inperson.types import Word
from inperson.whisper import FasterWhisper

FUNCTION = frozenset(
    re.findall(
        r"\w+",
        "a an the of to in on at for with by from as into and or but that which who if because so is are was were be "
        "been am have has had will would can could should may might must do does did not i you he she it we they my "
        "your his her its our their this these those very more no some any",
    )
)
LONGEST = 30.0
FEWEST = 4
"""Words of a recording below which it is left out."""


def read(path: Path, weights: FasterWhisper) -> tuple[list[Word], list[tuple[float, float]]] | None:
    """The words of a recording, and its pauses; None where it is too quiet."""
    listener, listening, transcription = Listener(speakers=False), Listening(), Transcription(weights)
    with Reader(path, each_frame=lambda frame: frame, wanted=lambda time: False) as reader:
        for chunk in reader:
            if chunk.span.start >= LONGEST:
                break
            heard = listener.update(chunk)
            listening.push(heard)
            transcription.update(heard)
    words, sound = list(transcription.finish()), listening.finish()
    loudness = Loudness.of(sound, np.ones(len(sound), bool))
    if loudness is None:
        return None
    found = runs(sounding(sound, loudness))
    return words, [(sound.time(b), sound.time(c)) for (_, b), (c, _) in pairwise(found)]


def counted(words: list[Word], pauses: list[tuple[float, float]]) -> list[int]:
    """Pauses between two words, those after a function word, those after a mark; fillers; words."""
    total = function = marked = 0
    middles = [(word.span.start + word.span.end) / 2 for word in words]
    for begin, end in pauses:
        at = int(np.searchsorted(middles, (begin + end) / 2))
        if 0 < at < len(words) and (before := tokens(words[at - 1].text)):
            total += 1
            function += before[-1] in FUNCTION
            marked += words[at - 1].text[-1] in ".,?!;:"
    fillers = sum(token in FILLERS for word in words for token in tokens(word.text))
    return [total, function, marked, fillers, len(words)]


def main() -> None:
    weights = FasterWhisper(sys.argv[1], "en")
    for folder in map(Path, sys.argv[2:]):
        known = [found for path in sorted(folder.iterdir()) if (found := read(path, weights)) is not None]
        rows = np.array([counted(*found) for found in known if len(found[0]) >= FEWEST])
        print(f"{folder.name}: {len(rows)} recordings, {rows[:, 0].sum()} pauses, {rows[:, 4].sum()} words")
        for name, part, whole in (("after a function word", 1, 0), ("after a mark", 2, 0), ("fillers a word", 3, 4)):
            share = bootstrap.interval(
                lambda a, b: float(sum(a) / max(sum(b), 1)), rows[:, part], rows[:, whole], groups=range(len(rows))
            )
            print(f"  {name:22} {share:.3f}")


if __name__ == "__main__":
    main()
