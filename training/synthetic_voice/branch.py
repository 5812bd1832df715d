"""The second branch: a small network on statistics of an utterance's cepstra, phase, pitch, modulation and residual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from batches import targets, weights
from corpus import Corpus, made_here
from learn import Recipe, cost
from networks import HEADS
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

CLIP = 4.0
"""Deviations from the training mean at which a number is clipped: what is stranger is not known better."""


class Statistics(nn.Module):
    """(batch, 327) -> (batch, 3)"""

    def __init__(self, size: int, hidden: tuple[int, ...] = (192, 96), dropout: float = 0.3) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("inverse", torch.ones(size))
        layers: list[nn.Module] = []
        for i, o in zip((size, *hidden[:-1]), hidden, strict=True):
            layers += [nn.Linear(i, o), nn.SiLU(), nn.Dropout(dropout)]
        self.body = nn.Sequential(*layers, nn.Linear(hidden[-1], HEADS))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self.usual(x))

    def usual(self, x: Tensor) -> Tensor:
        """In deviations from the mean of training."""
        return ((x - self.mean) * self.inverse).clamp(-CLIP, CLIP)


class Experts(nn.Module):
    """Two panels of networks, one trained on clean speech and one on all, and how clean the speech is: (batch, 3)

    Clean speech shows traces that a call takes away: one panel for both gives up three points of EER on either.
    """

    def __init__(self, clean: list[Statistics], every: list[Statistics]) -> None:
        super().__init__()
        size = len(every[0].mean)
        self.clean, self.every = nn.ModuleList(clean), nn.ModuleList(every)
        self.gate = nn.Linear(size, 1)

    def forward(self, x: Tensor) -> Tensor:
        share = torch.sigmoid(self.gate(self.every[0].usual(x)))
        return share * _mean(self.clean, x) + (1 - share) * _mean(self.every, x)


def _mean(nets: nn.ModuleList, x: Tensor) -> Tensor:
    total = nets[0](x)
    for net in list(nets)[1:]:
        total = total + net(x)
    return total / len(nets)


@dataclass(frozen=True)
class Plan:
    """How the branch is trained."""

    passes: int = 5
    batch: int = 128
    rate: float = 1e-3
    decay: float = 0.05
    noise: float = 0.3  # deviations added to every number
    members: int = 4
    made: float = 0.1  # weight of what was made here (batches.weights)
    alone: float = 0.4  # share of draws from pages of one class
    seed: int = 0


def train(corpus: Corpus, x: NDArray[np.float32], plan: Plan) -> Experts:
    """Two panels whose members differ by their seed, each shown as many rows, and the gate."""
    clean = corpus["version"] == "clean"
    seeds = range(plan.seed, plan.seed + plan.members)
    steps = plan.passes * len(x) // plan.batch
    every = [_train(corpus, x, plan, seed, steps) for seed in seeds]
    alone = corpus.take(clean)
    made = Experts([_train(alone, x[clean], plan, seed, steps) for seed in seeds], every)
    found = ~made_here(corpus)
    with torch.inference_mode():
        usual = every[0].usual(torch.from_numpy(x[found])).numpy()
    gate = LogisticRegression(C=0.01, max_iter=300, class_weight="balanced").fit(usual, clean[found])
    with torch.no_grad():
        made.gate.weight.copy_(torch.from_numpy(gate.coef_))
        made.gate.bias.copy_(torch.from_numpy(gate.intercept_))
    return made.eval()


def _train(corpus: Corpus, x: NDArray[np.float32], plan: Plan, seed: int, steps: int) -> Statistics:
    torch.manual_seed(seed)
    weight = weights(corpus, plan.alone, plan.made)
    mean = np.average(x, axis=0, weights=weight)
    deviation = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight)) + 1e-6
    net = Statistics(x.shape[1])
    net.mean.copy_(torch.from_numpy(mean))
    net.inverse.copy_(torch.from_numpy(1 / deviation))
    labels = [torch.from_numpy(t) for t in targets(corpus)]
    rows, odds = torch.from_numpy(x.astype(np.float32)), torch.from_numpy(weight)
    optimizer = torch.optim.AdamW(net.parameters(), plan.rate, weight_decay=plan.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.rate, total_steps=steps, pct_start=0.1)
    spread = torch.from_numpy(deviation.astype(np.float32))
    drawn = torch.multinomial(odds, steps * plan.batch, replacement=True).view(steps, plan.batch)
    net.train()
    for some in drawn:
        noisy = rows[some] + plan.noise * spread * torch.randn(plan.batch, rows.shape[1])
        loss = cost(net(noisy), *(label[some] for label in labels), Recipe(""))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return net.eval()


def score(net: Experts, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows, 3) logits."""
    with torch.inference_mode():
        return net(torch.from_numpy(x.astype(np.float32))).numpy()
