"""The prepared utterances as one table, and who may be trained on when a page is held out."""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WINDOW, STEP, BANDS = 400, 160, 128
ATTACKS = ("tts", "vc", "accent_conversion", "concat")
COPIES = "vocoder_copy_synthesis"
MADE_HERE = ("generated/", "copies/", "neural/")
"""Sources that are made by these scripts: they train in every fold but never measure."""
CRUDE = re.compile(r"^neural-.*(ode\d|after\d+-20|wide-166)|^neural-codec")
"""Generators made here whose sound is too far from speech to teach anything."""
MOST = 120
"""Clips of a source and class that measure at most."""
FOLDS = 4
FILLED = Path(__file__).with_name("folds.csv")
"""Folds of the first pages of more than 40 clips."""
FEW = 20
"""Clips of a fold up to which systems that are also made here are not measured, so that what was made may train."""
OPEN, UNLICENSED = ("open",), ("open", "none")
"""Licence classes that train: what ships, and what it would be with recordings of repositories without a licence."""
RESTRICTED = re.compile(r"research|non-?commercial|\bNC\b|LDC|restricted", re.IGNORECASE)
"""What publishers state of recordings that therefore train nothing, where no open licence stands beside it."""


@dataclass(frozen=True)
class Corpus:
    """Rows as columns of text; `sound[i]` is a row's utterance."""

    text: dict[str, NDArray[np.str_]]
    offset: NDArray[np.int64]
    samples: NDArray[np.int64]
    files: tuple[np.memmap, ...]  # type: ignore[type-arg]
    file: NDArray[np.int64]
    frame: NDArray[np.int64]  # of `pictures.py`, the first of each row

    def __len__(self) -> int:
        return len(self.offset)

    def sound(self, i: int) -> NDArray[np.int16]:
        return self.files[self.file[i]][self.offset[i] : self.offset[i] + self.samples[i]]

    def take(self, mask: NDArray[np.bool_] | NDArray[np.int64]) -> Corpus:
        text = {name: column[mask] for name, column in self.text.items()}
        return Corpus(text, self.offset[mask], self.samples[mask], self.files, self.file[mask], self.frame[mask])

    @property
    def names(self) -> list[str]:
        """Of each row, the name of the table that it stands in."""
        names = [Path(str(file.filename)).stem for file in self.files]
        return [names[i] for i in self.file]

    @property
    def frames(self) -> NDArray[np.int64]:
        return frames(self.samples)

    def __getitem__(self, name: str) -> NDArray[np.str_]:
        return self.text[name]

    @property
    def spoof(self) -> NDArray[np.int64]:
        return (self["label"] == "spoof").astype(int)


def read(prepared: Path) -> Corpus:
    """All that `prepare.py` wrote."""
    tables = sorted(prepared.glob("*.csv"))
    rows, file = [], []
    for number, table in enumerate(tables):
        with open(table, newline="", encoding="utf-8") as held:
            here = list(csv.DictReader(held))
        rows += here
        file += [number] * len(here)
    names = [n for n in rows[0] if all(n in row for row in rows)]
    text = {name: np.array([row[name] for row in rows]) for name in names}
    text["page"] = pages(text)
    text["family"] = np.array([family(s, o) for s, o in zip(text["system"], text["source"], strict=True)])
    files = tuple(np.memmap(table.with_suffix(".i16"), np.int16, "r") for table in tables)
    numbers = {n: text[n].astype(np.int64) for n in ("offset", "samples")}
    which, counts = np.array(file), frames(numbers["samples"])
    frame = np.concatenate([np.cumsum(counts[which == n]) - counts[which == n] for n in range(len(tables))])
    return Corpus(text, numbers["offset"], numbers["samples"], files, which, frame)


def joined(first: Corpus, then: Corpus) -> Corpus:
    """Both, one after the other, under the columns that both have."""
    text = {name: np.r_[first[name], then[name]] for name in first.text if name in then.text}
    file = np.r_[first.file, then.file + len(first.files)]
    arrays = (np.r_[getattr(first, name), getattr(then, name)] for name in ("offset", "samples", "frame"))
    offset, samples, frame = arrays
    return Corpus(text, offset, samples, (*first.files, *then.files), file, frame)


def restricted(corpus: Corpus) -> NDArray[np.bool_]:
    """Rows of recordings whose publishers state a use that training what ships is not."""
    stated = np.array([bool(RESTRICTED.search(one)) for one in corpus["data_license"]])
    return stated & ~np.isin(corpus["licence_class"], OPEN)


def frames(samples: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole frames of 25 ms every 10 ms."""
    return np.maximum(0, (samples - WINDOW) // STEP + 1)


def pages(text: dict[str, NDArray[np.str_]]) -> NDArray[np.str_]:
    """The page a row's voice comes from: its source, or its original's where it was made here from a clip."""
    made = np.zeros(len(text["source"]), bool)
    for word in MADE_HERE[1:]:
        made |= np.char.startswith(text["source"], word)
    of: dict[str, str] = {}
    for path, repo, inside, source in zip(
        *(text[n][~made] for n in ("path", "repo", "repo_path", "source")), strict=True
    ):
        of[path] = of[f"{repo}:{inside}"] = of[repo] = source
    found = text["source"].astype(object)
    for i in np.flatnonzero(made):
        held = (
            of.get(text["pair_id"][i]) or of.get(f"{text['repo'][i]}:{text['repo_path'][i]}") or of.get(text["repo"][i])
        )
        found[i] = held or text["repo"][i] or text["source"][i]  # an original that was left out is a page of its own
    return found.astype(str)


def family(system: str, source: str) -> str:
    """A system's name without versions and voices, so that its relatives are held out with it."""
    name = re.sub(r"[^a-z]+", " ", system.lower()).strip()
    for word in ("kokoro", "piper", "flite", "espeak", "vits", "hifi", "wavegrad", "diffwave", "melgan", "waveglow"):
        if word in name or word in source:
            return word
    return name.split(" ")[0] if name else source


def made_here(corpus: Corpus) -> NDArray[np.bool_]:
    return np.logical_or.reduce([np.char.startswith(corpus["source"], word) for word in MADE_HERE])


def measures(corpus: Corpus) -> NDArray[np.bool_]:
    """Rows that may measure: recordings found, not made here; at most `MOST` clips of a source and class."""
    names = {name: hashlib.sha256(name.encode()).hexdigest() for name in set(corpus["path"])}
    order = sorted(names, key=names.__getitem__)
    first = dict(zip(corpus["path"], np.char.add(corpus["source"], corpus["label"]), strict=True))
    taken: dict[str, int] = {}
    few = set()
    for name in order:
        taken[first[name]] = taken.get(first[name], 0) + 1
        if taken[first[name]] <= MOST:
            few.add(name)
    return ~made_here(corpus) & np.isin(corpus["path"], sorted(few))


def _named(page: str) -> int:
    return int(hashlib.sha256(page.encode()).hexdigest(), 16)


def folds(corpus: Corpus, count: int = FOLDS) -> NDArray[np.int64]:
    """Fold of every row by page; -1: only trains.

    The pages that were large when folds were first filled stay where they were then (`folds.csv`, either class about as
    often in each), all others go by their names: nothing moves when recordings come in, so what was trained on one
    preparation of them may go on with the next, or be held against it.
    """
    may = measures(corpus) & (corpus["version"] == "clean") & (corpus["number"] == "0")
    with open(FILLED, newline="", encoding="utf-8") as file:
        filled = {row["page"]: int(row["fold"]) for row in csv.DictReader(file)}
    fold = {page: filled.get(page, _named(page) % count) for page in set(corpus["page"][may])}
    return np.array([fold.get(p, -1) for p in corpus["page"]])


def beside(corpus: Corpus, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the rows `held`, those that do not measure: up to `FEW` clips of a system that is also made here."""
    made = made_here(corpus)
    out = np.zeros(len(corpus), bool)
    for name in set(corpus["family"][made & (corpus.spoof == 1)]):
        own = held & ~made & (corpus["family"] == name) & (corpus.spoof == 1)
        out |= own & (len(set(corpus["path"][own])) <= FEW)
    return out


def trains(corpus: Corpus, held: NDArray[np.bool_], licences: tuple[str, ...] = OPEN) -> NDArray[np.bool_]:
    """Rows to train on when the rows `held` measure: neither their pages, nor their systems' relatives."""
    seen = set(corpus["family"][held & (corpus.spoof == 1) & ~made_here(corpus) & ~beside(corpus, held)])
    out = ~held & ~np.isin(corpus["page"], sorted(set(corpus["page"][held])))
    out &= ~((corpus.spoof == 1) & np.isin(corpus["family"], sorted(seen)))
    out &= np.array([not CRUDE.search(system) for system in corpus["system"]])
    return out & np.isin(corpus["licence_class"], licences)
