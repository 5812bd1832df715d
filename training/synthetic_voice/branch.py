"""The second branch: a small network on statistics of an utterance's cepstra, phase, pitch, modulation and residual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from batches import targets, weights
from corpus import Corpus
from learn import Recipe, cost
from networks import HEADS
from numpy.typing import NDArray
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
        return self.body(((x - self.mean) * self.inverse).clamp(-CLIP, CLIP))


@dataclass(frozen=True)
class Plan:
    """How the branch is trained."""

    passes: int = 8
    batch: int = 128
    rate: float = 1e-3
    decay: float = 0.05
    noise: float = 0.3  # deviations added to every number
    members: int = 5
    seed: int = 0


def train(corpus: Corpus, x: NDArray[np.float32], plan: Plan) -> list[Statistics]:
    """Several networks that differ by their seed."""
    return [_train(corpus, x, plan, plan.seed + i) for i in range(plan.members)]


def _train(corpus: Corpus, x: NDArray[np.float32], plan: Plan, seed: int) -> Statistics:
    torch.manual_seed(seed)
    weight = weights(corpus)
    mean = np.average(x, axis=0, weights=weight)
    deviation = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight)) + 1e-6
    net = Statistics(x.shape[1])
    net.mean.copy_(torch.from_numpy(mean))
    net.inverse.copy_(torch.from_numpy(1 / deviation))
    labels = [torch.from_numpy(t) for t in targets(corpus)]
    rows, odds = torch.from_numpy(x.astype(np.float32)), torch.from_numpy(weight)
    steps = plan.passes * len(x) // plan.batch
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


def score(nets: list[Statistics], x: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows, 3): mean logits."""
    with torch.inference_mode():
        made = torch.stack([net(torch.from_numpy(x.astype(np.float32))) for net in nets])
    return made.mean(0).numpy()
