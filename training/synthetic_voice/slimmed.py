"""The recogniser's blocks (listening.py) with half of each one's inner width, taught to say the same.

    python slimmed.py RUNS/whisper_2+w1-all.pt PREPARED --out RUNS/whisper_2slim+w1-all.pt

No label is used, and openly licensed utterances alone. Of each block the inner units stay that move most of what it
adds; the second layer is solved again for them (least squares), and then all learns, so that the last block gives what
the whole one's gives, and the head says what it said.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from compact import Schedule, Sounds, drawn
from corpus import read
from families import FAMILIES
from listening import Listener
from numpy.typing import NDArray
from torch import Tensor, nn

WHOLE, SLIM = "whisper_2", "whisper_2slim"
FITTED = 300
"""Utterances from which units are chosen and layers solved: some 50,000 frames for a thousand unknowns."""
BATCH = 8
RATE = 1.5e-4
LOGIT_WEIGHT = 0.02
SMALL = 1e-3
"""Of the mean power of units, added in the least squares."""


def slimmed(whole: Listener, sounds: Sounds) -> Listener:
    """Half of the units, and second layers that make the best of them."""
    made = FAMILIES[SLIM]()
    kept = {name: value for name, value in whole.state_dict().items() if ".up." not in name and ".down." not in name}
    made.load_state_dict(kept, strict=False)
    heard = [first_frames(whole, one) for one in sounds]
    for old, new in zip(whole.blocks, made.blocks, strict=True):
        attended = [old.attended(x) for x in heard]
        units = torch.cat([old.inner(x)[0] for x in attended])
        keep = strongest(units, old.down.weight, new.up.out_features)
        new.up.weight.copy_(old.up.weight[keep])
        new.up.bias.copy_(old.up.bias[keep])
        solve(new.down, units[:, keep], units @ old.down.weight.T + old.down.bias)
        heard = [x + old.down(old.inner(x)) for x in attended]
    return made


def first_frames(net: Listener, sound: NDArray[np.float32]) -> Tensor:
    """What goes into the first block, (1, frames, 512)."""
    blocks, net.blocks = net.blocks, nn.ModuleList()
    made = net.heard(net.front(torch.from_numpy(sound)[None]))
    net.blocks = blocks
    return made


def strongest(units: Tensor, weight: Tensor, count: int) -> Tensor:
    """The `count` units whose changes move most of the sum: deviation times the length of their column."""
    return (units.std(0) * weight.norm(dim=0)).topk(count).indices.sort().values


def solve(layer: nn.Linear, units: Tensor, meant: Tensor) -> None:
    """Weights and bias of `layer`, so that it makes `meant` (frames, 512) of `units`."""
    middle, target = units.mean(0), meant.mean(0)
    x, y = (units - middle).double(), (meant - target).double()
    gram = x.T @ x
    gram += SMALL * gram.diagonal().mean() * torch.eye(len(gram))
    weight = torch.linalg.solve(gram, x.T @ y).T.float()
    layer.weight.copy_(weight)
    layer.bias.copy_(target - weight @ middle)


def teach(net: Listener, whole: Listener, sounds: Sounds, steps: int) -> None:
    """`net` further, towards what `whole` hears, in deviations of it, and says."""
    with torch.inference_mode():
        deviation = torch.cat([whole.heard(whole.front(torch.from_numpy(s)[None]))[0] for s in sounds[:100]]).std(0)
    deviation, net = deviation.clone(), net.eval()  # without dropout: what is to be said is known
    rng, schedule = np.random.default_rng(0), Schedule(net, RATE, steps)
    for step in range(steps):
        costs = []
        for i in rng.choice(len(sounds), BATCH, replace=False):
            picture = whole.front(torch.from_numpy(sounds[i])[None])
            with torch.no_grad():
                meant = whole.heard(picture)
                said = whole.head(meant.transpose(1, 2))
            made = net.heard(picture)
            heard = ((made - meant) / deviation).square().mean()
            apart = (net.head(made.transpose(1, 2)) - said).square().mean()
            ((heard + LOGIT_WEIGHT * apart) / BATCH).backward()
            costs.append((heard.item(), apart.item()))
        schedule.take()
        if step % 50 == 49:
            print(f"{step + 1}: heard {np.mean(costs, 0)[0]:.4f}, logits {np.mean(costs, 0)[1]:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("whole", type=Path)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=6000, help="utterances")
    parser.add_argument("--steps", type=int, default=600)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    whole = FAMILIES[WHOLE]()
    whole.load_state_dict(torch.load(chosen.whole, weights_only=True))
    whole = whole.eval().requires_grad_(False)
    sounds = drawn(read(chosen.prepared), chosen.count, 7)
    with torch.no_grad():
        made = slimmed(whole, sounds[:FITTED])
    teach(made, whole, sounds, chosen.steps)
    torch.save(made.state_dict(), chosen.out)


if __name__ == "__main__":
    main()
