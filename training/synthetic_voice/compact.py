"""A small network that says what the rater says (rating.py), at a fifth of its cost.

    python compact.py WEIGHTS.pt PREPARED --rater rater.onnx --panels RUNS/both-all.pt ... --out compact.pt

It learns in two parts, from openly licensed utterances and without a label: first to draw the rater's last picture and
the numbers taken of it, then the numbers alone, and what panels that had learnt on the rater's say of them. The weights
are the rater's, of its package; finish.py takes what this writes in their place.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from branch import Experts
from compare_branch import load
from corpus import OPEN, Corpus, read
from measured import statistics
from networks import RATE
from numpy.typing import NDArray
from rated import LONGEST, opened, rated
from rating import LOUDNESS, STEP, WINDOW, Compressed, Rater, described, examples, write
from torch import Tensor, nn

WIDTHS = (32, 48, 96, 128, 128, 256)
SLOPE = 0.1
"""Of the rater's activations below 0."""
CROP = 100
"""Positions of the rater's last picture in a crop: 2 s, 20 ms apart."""
SAMPLES = (2 * CROP - 1) * STEP + WINDOW
SHORTEST = 1.5
"""Seconds of an utterance to learn from."""
LOGIT_WEIGHT = 0.01
LOGITS = 2
"""Of the panels': synthetic, converted. What they say of codecs is not used."""
Sounds = list[NDArray[np.float32]]


class Compact(nn.Module):
    """(batch, samples) -> (batch, 2048), as `Rater`."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e, f = WIDTHS
        made = [
            nn.Conv2d(2, a, (5, 3), (2, 1), (0, 1)),
            nn.Conv2d(a, b, 3, (2, 1), (0, 1)),
            nn.Conv2d(b, c, 3, (2, 1), (0, 1)),
            nn.Conv2d(c, d, 3, (2, 2), (0, 1)),
            nn.Conv2d(d, e, 3, 1, 1),
            nn.Conv2d(e, f, 3, (2, 1), (0, 1)),
        ]
        self.front = Compressed()
        self.layers = nn.Sequential(*(part for conv in made for part in (conv, nn.LeakyReLU(SLOPE))))

    @classmethod
    def of(cls, path: Path) -> Compact:
        """What this file wrote."""
        made = cls()
        made.load_state_dict(torch.load(path, weights_only=True))
        return made.eval()

    def forward(self, x: Tensor) -> Tensor:
        return described(self.layers(self.front(x)))


def drawn(corpus: Corpus, count: int, seed: int) -> Sounds:
    """Openly licensed utterances, pages of many no more than their 0.3rd power."""
    rows = np.flatnonzero(np.isin(corpus["licence_class"], OPEN) & (corpus.samples > SHORTEST * RATE))
    _, page, size = np.unique(corpus["page"][rows], return_inverse=True, return_counts=True)
    odds = size[page] ** -0.7
    chosen = np.random.default_rng(seed).choice(rows, min(count, len(rows)), replace=False, p=odds / odds.sum())
    sounds = (corpus.sound(int(i))[:LONGEST].astype(np.float32) / 32768 for i in chosen)
    return [sound - sound.mean() for sound in sounds]


class Schedule:
    """A warm start, then down along a cosine."""

    def __init__(self, net: nn.Module, peak: float, steps: int) -> None:
        self.peak, self.steps, self.step = peak, steps, 0
        self.net, self.optimizer = net, torch.optim.AdamW(net.parameters(), peak, weight_decay=1e-4)

    def rate(self) -> float:
        share = self.step / self.steps
        return self.peak * min(1.0, (self.step + 1) / 50) * (0.5 * (1 + math.cos(math.pi * share)) + 0.005)

    def take(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1


def levelled(sound: NDArray[np.float32]) -> Tensor:
    """As the rater's front end levels a whole utterance."""
    return torch.from_numpy(sound * np.float32(LOUDNESS / (np.sqrt(np.mean(np.square(sound))) + 1e-9)))


def see(net: Compact, rater: Rater, sounds: Sounds, inverse: Tensor, steps: int) -> None:
    """First part: the rater's last picture, each value in its own deviations, and the numbers of it."""
    levels = [levelled(one) for one in sounds]
    with torch.inference_mode():  # in half precision: half a megabyte an utterance
        seen = [rater.layers(rater.front.spectrum(one[None]))[0].half() for one in levels]
    deviation = torch.stack([one.float().flatten(2).var(2) for one in seen[:200]]).mean(0).sqrt()[None, ..., None]
    room = [(len(level) - SAMPLES) // (2 * STEP) for level in levels]  # the last place of a crop
    long = [i for i, last in enumerate(room) if last >= 0]
    rng, schedule = np.random.default_rng(0), Schedule(net, 2e-3, steps)
    for step in range(steps):
        sound, told = [], []
        for i in rng.choice(long, 8):
            at = int(rng.integers(0, room[i] + 1))
            sound.append(levels[i][2 * STEP * at : 2 * STEP * at + SAMPLES])
            told.append(seen[i][:, :, at : at + CROP].float())
        made, picture = net.layers(net.front.spectrum(torch.stack(sound))), torch.stack(told)
        drawn = ((made - picture) / (deviation + 1e-3))[..., 2:-2].square().mean()
        numbers = ((described(made) - described(picture)) * inverse).square().mean()
        (drawn + 0.5 * numbers).backward()
        schedule.take()
        if step % 200 == 199:
            print(f"{step + 1}: picture {drawn.item():.3f}, numbers {numbers.item():.3f}", flush=True)


def say(net: Compact, told: Tensor, sounds: Sounds, panels: Sequence[Experts], steps: int) -> None:
    """Second part: `told`, the numbers of whole utterances as the rater has them in 8 bits, and what panels make of
    them."""
    facts = torch.from_numpy(np.stack([statistics(one) for one in sounds]))
    inverse = panels[0].every[0].inverse[facts.shape[1] :]
    with torch.inference_mode():
        meant = [panel(torch.cat([facts, told], 1))[:, :LOGITS] for panel in panels]
    rng, schedule = np.random.default_rng(1), Schedule(net, 2e-4, steps)
    for step in range(steps):
        costs = []
        for i in rng.choice(len(sounds), 6, replace=False):
            made = net(torch.from_numpy(sounds[i])[None])
            numbers = ((made - told[i]) * inverse).square().mean()
            heard = [panel(torch.cat([facts[i : i + 1], made], 1))[:, :LOGITS] for panel in panels]
            apart = [(a - b[i]).clamp(-4, 4).square().mean() for a, b in zip(heard, meant, strict=True)]
            cost = 0.5 * numbers + LOGIT_WEIGHT * torch.stack(apart).sum()
            (cost / 6).backward()
            costs.append(cost.item())
        schedule.take()
        if step % 100 == 99:
            print(f"{step + 1}: {np.mean(costs):.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--rater", type=Path, required=True, help="what rating.py wrote of the weights")
    parser.add_argument("--panels", type=Path, nargs="+", required=True, help="that know the rater (compare_branch.py)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4000, help="utterances")
    parser.add_argument("--seeing", type=int, default=2700, help="steps of the first part")
    parser.add_argument("--saying", type=int, default=700, help="steps of the second")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sounds = drawn(read(chosen.prepared), chosen.count, 5)
    panels = [load(path).requires_grad_(False) for path in chosen.panels]
    net, session = Compact(), opened(chosen.rater)
    told = torch.from_numpy(np.stack([rated(session, one) for one in sounds]))
    see(net, Rater.of(chosen.weights), sounds, panels[0].every[0].inverse[-told.shape[1] :], chosen.seeing)
    say(net, told, sounds, panels, chosen.saying)
    torch.save(net.state_dict(), chosen.out)
    write(net.eval(), examples(chosen.prepared), chosen.out.with_suffix(".onnx"))


if __name__ == "__main__":
    main()
