"""Pages that trained nothing, as the networks that ship hear them.

Folds of the training pages show single networks, and a network that leaves a fold out has to be trained for each. On
pages that trained nothing what ships can be asked itself: half of them (`protocols/split.py`) fit the blend and the
card's tables, the other half measures.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from branch import Experts
from corpus import ATTACKS, Corpus, read
from export import asked
from learn import score
from measured import statistics
from networks import Network
from numpy.typing import NDArray
from rated import opened, rated

sys.path.append(str(Path(__file__).parents[1] / "protocols"))
import split

VERSIONS = ("clean", "call0")
Floats = NDArray[np.float32]


def pages(prepared: Path, half: str) -> Corpus:
    """Utterances of genuine speech and attacks, as they are and through a call, on the pages of one half."""
    corpus = read(prepared)
    rows = (corpus["label"] == "bonafide") | np.isin(corpus["kind"], ATTACKS)
    rows &= np.isin(corpus["version"], VERSIONS)
    return corpus.take(rows & np.array([split.half(page) == half for page in corpus["source"]]))


def logits(
    corpus: Corpus, families: Sequence[Sequence[Network]], rater: Path, panels: Sequence[Experts], cache: Path
) -> list[Floats]:
    """(rows, 3) by each family's mean and, last, by each panel; `cache` keeps what was heard and measured."""
    held = dict(np.load(cache)) if cache.exists() else {}
    out = []
    for nets in families:
        heard = []
        for net in nets:
            name = _name(net)
            if name not in held:
                held[name] = score(net, corpus)
                np.savez(cache, **held)
            heard.append(held[name])
        out.append(np.mean(heard, axis=0))
    sounds = [corpus.sound(i).astype(np.float32) / 32768 for i in range(len(corpus))]
    if "statistics" not in held:
        held["statistics"] = np.stack([statistics(sound) for sound in sounds])
        np.savez(cache, **held)
    if "rated" not in held:
        session = opened(rater)
        held["rated"] = np.stack([rated(session, sound) for sound in sounds])
        np.savez(cache, **held)
    numbers = np.concatenate([held["statistics"], held["rated"]], axis=1)
    with torch.inference_mode():
        return [*out, *(one.numpy() for one in asked(panels, torch.from_numpy(numbers)))]


def _name(net: Network) -> str:
    """Of a network in the cache: its family and a number of its weights."""
    total = sum(float(p.detach().double().abs().sum()) for p in net.parameters())
    return f"{type(net).__name__}-{total:.6f}"
