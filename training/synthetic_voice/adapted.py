"""Panels that learnt on the rater's numbers (compare_branch.py), taught to say the same on the compact network's.

    python adapted.py PREPARED --rater rater.onnx --compact compact.onnx --panels RUNS/both-all.pt ... --out ADAPTED

No label is used: what a panel said of the rater's numbers is what it shall say of the others. Writes the panels under
their names in ADAPTED.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import numpy as np
import torch
from branch import Experts
from compact import Sounds, drawn
from compare_branch import load
from corpus import read
from measured import statistics
from rated import opened, rated
from torch import Tensor, nn

BATCH, RATE, NOISE, DROPOUT = 128, 1e-4, 0.1, 0.1


def taught(panel: Experts, meant: Tensor, read_now: Tensor, passes: int) -> Experts:
    """`panel` for `read_now` (rows, 2375), so that it says what it says of `meant`."""
    with torch.inference_mode():
        said = panel(meant)
    said, made = said.clone(), copy.deepcopy(panel).train()
    for part in made.modules():
        if isinstance(part, nn.Dropout):
            part.p = DROPOUT
    spread = 1 / panel.every[0].inverse
    steps = passes * len(read_now) // BATCH
    optimizer = torch.optim.AdamW(made.parameters(), RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        rows = torch.randint(0, len(read_now), (BATCH,))
        noisy = read_now[rows] + NOISE * spread * torch.randn(BATCH, read_now.shape[1])
        loss = (made(noisy) - said[rows]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return made.eval()


def numbers(model: Path, facts: Tensor, sounds: Sounds) -> Tensor:
    """(rows, 2375): statistics, and what `model` hears."""
    session = opened(model)
    return torch.cat([facts, torch.from_numpy(np.stack([rated(session, one) for one in sounds]))], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--rater", type=Path, required=True, help="what rating.py wrote")
    parser.add_argument("--compact", type=Path, required=True, help="what compact.py wrote, .onnx")
    parser.add_argument("--panels", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4000, help="utterances, openly licensed")
    parser.add_argument("--passes", type=int, default=10)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    chosen.out.mkdir(parents=True, exist_ok=True)
    sounds = drawn(read(chosen.prepared), chosen.count, 5)
    facts = torch.from_numpy(np.stack([statistics(one) for one in sounds]))
    before, now = (numbers(model, facts, sounds) for model in (chosen.rater, chosen.compact))
    for path in chosen.panels:
        panel = load(path)
        made = taught(panel, before, now, chosen.passes)
        with torch.inference_mode():
            apart = (made(now) - panel(before))[:, 0]
        print(f"{path.name}: logits differ by {apart.mean():.3f} on the mean, deviation {apart.std():.3f}")
        torch.save(made.state_dict(), chosen.out / path.name)


if __name__ == "__main__":
    main()
