"""Train one network, and score utterances with it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pictures
import torch
from batches import RATE, Batch, batches
from corpus import Corpus
from families import FAMILIES
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

LONGEST = int(4.99 * RATE)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. `samples` counts clips shown, whatever the size of the corpus."""

    family: str
    samples: int = 40000
    batch: int = 32
    rate: float = 2e-3
    decay: float = 1e-2
    average: float = 0.04  # share of the way over which the weights are averaged at its end
    smooth: float = 0.05  # of the labels
    kinds: float = 0.2  # weight of the two further heads
    made: float = 1.0  # weight of what was made here (batches.weights)
    mix: float = 0.0  # share of batches mixed (Zhang et al., ICLR 2018)
    start: str = ""  # weights to begin with (`listening.Listener.begin`)
    gentle: float = 0.1  # share of the rate for what they set
    moved: float = 1.0  # of the way they went from there, the share that is kept
    on: str = ""  # weights of an earlier run to go on with
    seed: int = 0


def cost(out: Tensor, spoof: Tensor, converted: Tensor, codec: Tensor, recipe: Recipe) -> Tensor:
    made = bce(out[:, 0], spoof, recipe.smooth)
    return made + recipe.kinds * (bce(out[:, 1], converted, recipe.smooth) + bce(out[:, 2], codec, recipe.smooth))


def bce(logit: Tensor, target: Tensor, smooth: float) -> Tensor:
    """Mean over the rows that have a target."""
    known = ~torch.isnan(target)
    if not bool(known.any()):
        return logit.sum() * 0
    soft = target[known] * (1 - smooth) + 0.5 * smooth
    return functional.binary_cross_entropy_with_logits(logit[known], soft)


Source = Corpus | pictures.Pictures


def drawn(source: Source, count: int, recipe: Recipe, seed: int) -> Iterator[Batch]:
    make = pictures.batches if isinstance(source, pictures.Pictures) else batches
    return make(source, count, recipe.batch, seed, recipe.made)


def train(source: Source, recipe: Recipe, say: str = "") -> nn.Module:
    """The average of the network's weights along the second part of the way.

    `source` gives sound to any family, or pictures to those whose front end has `finish`, and several times faster.
    """
    torch.manual_seed(recipe.seed)
    net = FAMILIES[recipe.family]().to(memory_format=torch.channels_last)
    if recipe.start:
        net.begin(Path(recipe.start))
    if recipe.on:
        net.load_state_dict(torch.load(recipe.on, weights_only=True))
    mean = copy.deepcopy(net)  # at the start far off, but forgotten long before the end
    steps = recipe.samples // recipe.batch
    groups = parameters(net, recipe)
    optimizer = torch.optim.AdamW(groups, weight_decay=recipe.decay)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, [g["lr"] for g in groups], total_steps=steps, pct_start=0.15)
    rng = np.random.default_rng(recipe.seed)
    began, running = time.monotonic(), math.nan
    net.train()
    for step, batch in enumerate(drawn(source, steps, recipe, recipe.seed)):
        x = torch.from_numpy(batch.sound)
        targets = [torch.from_numpy(t) for t in (batch.spoof, batch.converted, batch.codec)]
        if rng.random() < recipe.mix:
            share = float(rng.beta(0.5, 0.5))
            x = share * x + (1 - share) * x.flip(0)
            targets = [share * t + (1 - share) * t.flip(0) for t in targets]
        with short():
            out = net(x)
        loss = cost(out.float(), *targets, recipe)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimizer.step()
        plan.step()
        follow(mean, net, 1 - 1 / max(recipe.average * steps, 1))
        running = loss.item() if math.isnan(running) else 0.98 * running + 0.02 * loss.item()
        if step % 200 == 199:
            print(f"{say} step {step + 1}/{steps} loss {running:.3f} {time.monotonic() - began:.0f} s", flush=True)
    if recipe.start:
        draw_back(mean, recipe)
    return settled(mean, source, recipe)


def short() -> torch.autocast:
    """Products in bfloat16, where the processor has instructions for them: without, they take many times as long."""
    has = torch.cpu.get_capabilities()
    return torch.autocast("cpu", torch.bfloat16, enabled=has["avx512_bf16"] or has["amx_bf16"])


def draw_back(net: nn.Module, recipe: Recipe) -> None:
    """Learned weights between where they began and where they came to (Wortsman et al., CVPR 2022)."""
    began = FAMILIES[recipe.family]()
    began.begin(Path(recipe.start))
    with torch.no_grad():
        for now, before in zip(net.learned(), began.learned(), strict=True):
            now.lerp_(before, 1 - recipe.moved)


def parameters(net: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Groups for the optimizer: what began with learned weights moves more slowly."""
    learned = {id(p): p for p in net.learned()} if recipe.start else {}
    fresh = [p for p in net.parameters() if id(p) not in learned]
    groups = [{"params": fresh, "lr": recipe.rate}, {"params": [*learned.values()], "lr": recipe.gentle * recipe.rate}]
    return [group for group in groups if group["params"]]


def follow(mean: nn.Module, net: nn.Module, keep: float) -> None:
    with torch.no_grad():
        for a, b in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
            if a.dtype.is_floating_point:
                a.mul_(keep).add_(b, alpha=1 - keep)
            else:
                a.copy_(b)


def settled(mean: nn.Module, source: Source, recipe: Recipe, count: int = 60) -> nn.Module:
    """The batch statistics of averaged weights, measured anew (Izmailov et al., UAI 2018)."""
    for layer in mean.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.reset_running_stats()
            layer.momentum = None
    mean.train()
    with torch.no_grad(), short():
        for batch in drawn(source, count, recipe, recipe.seed + 1):
            mean(torch.from_numpy(batch.sound))
    return mean.eval()


def score(net: nn.Module, corpus: Corpus, batch: int = 16) -> NDArray[np.float32]:
    """(rows, 3) logits, each utterance whole; utterances of one length go together."""
    net.eval()
    out = np.zeros((len(corpus), 3), np.float32)
    length = np.minimum(corpus.samples, LONGEST)
    order = np.argsort(length, kind="stable")
    runs = np.split(order, np.flatnonzero(np.diff(length[order])) + 1)
    with torch.inference_mode(), short():
        for run in runs:
            for some in np.split(run, range(batch, len(run), batch)):
                x = np.stack([corpus.sound(int(i))[:LONGEST] for i in some]).astype(np.float32)
                out[some] = net(torch.from_numpy(x)).float().numpy()
    return out
