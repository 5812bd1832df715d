"""One network from several that began with the same weights: the mean of theirs (Wortsman et al., ICML 2022).

    python soup.py PREPARED FAMILY+TAG-all.pt FAMILY+TAG-all.pt --out FAMILY+TAG-all.pt

Trained side by side, each on a core, and no dearer to run than one of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from compare import source
from corpus import read, trains
from families import FAMILIES
from learn import Recipe, settled
from torch import Tensor


def mean(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Of each tensor; whole numbers (counts of batches) are the first's."""
    first = states[0]
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if tensor.is_floating_point() else tensor
        for name, tensor in first.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("networks", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    family = chosen.networks[0].stem.partition("+")[0]
    net = FAMILIES[family]()
    net.load_state_dict(mean([torch.load(path, weights_only=True) for path in chosen.networks]))
    corpus = read(chosen.prepared)
    rows = trains(corpus, np.zeros(len(corpus), bool))
    made = settled(net, source(chosen.prepared, corpus.take(rows), family), Recipe(family, made=0.4), 40)
    torch.save(made.state_dict(), chosen.out)


if __name__ == "__main__":
    main()
