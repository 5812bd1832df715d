"""Train the frame model on pairs that `make.py` wrote.

    python train.py PAIRS... --out RUN.pt [--start RUN.pt] [--samples 100000] [--batch 32] [--seed 0] [--held 0.12]

Pairs of persons whose name hashes below `--held` train nothing, they measure; but their faces are among the donors of
other pairs, and simulated swaps say little of real ones. The weights kept are a running mean of the last steps'. A
checkpoint is written every `--every` samples.
"""

from __future__ import annotations

import argparse
import copy
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from camera import SIDE
from make import MAP
from network import FrameModel
from numpy.typing import NDArray
from people import part
from torch import Tensor
from torch.nn import functional

from inperson.evaluation import metrics

AVERAGE = 0.995


@dataclass(frozen=True)
class Pairs:
    """Memory maps: `crops` (n, 2, 256, 256, 3), `alpha` (n, 2, 32, 32), `names` (n,)."""

    crops: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    names: NDArray[np.str_]

    def rows(self, held: float, inside: bool) -> NDArray[np.int64]:
        return np.flatnonzero([(part(str(name)) < held) == inside for name in self.names])


def read(folder: Path) -> Pairs:
    names = np.load(folder / "rows.npz")["name"]
    crops = np.memmap(folder / "crops.u8", np.uint8, "r").reshape(-1, 2, SIDE, SIDE, 3)
    alpha = np.memmap(folder / "alpha.u8", np.uint8, "r").reshape(-1, 2, MAP, MAP)
    return Pairs(crops[: len(names)], alpha[: len(names)], names)


def varied(crops: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Both of a pair alike: colour, light, a second scaling, noise, a hidden patch. (2, s, s, 3) to the same."""
    x = crops.astype(np.float32)
    gain = np.exp(rng.normal(0, 0.1) + rng.normal(0, 0.05, 3)).astype(np.float32)
    x = (x - 110) * np.float32(np.exp(rng.normal(0, 0.15))) + 110
    x = x * gain + np.float32(rng.normal(0, 8))
    if rng.random() < 0.12:
        grey = x.mean(-1, keepdims=True)
        x = grey + np.float32(rng.uniform(0, 0.6)) * (x - grey)
    if rng.random() < 0.25:
        small = int(SIDE * rng.uniform(0.5, 0.95))
        x = np.stack(
            [cv2.resize(cv2.resize(one, (small, small), interpolation=cv2.INTER_AREA), (SIDE, SIDE)) for one in x]
        )
    if rng.random() < 0.2:
        x = x + rng.standard_normal(x.shape, np.float32) * np.float32(rng.uniform(1, 6))
    if rng.random() < 0.25:
        h, w = rng.integers(20, 90, 2)
        top, left = rng.integers(0, SIDE - 90, 2)
        x[:, top : top + h, left : left + w] = rng.uniform(0, 255, 3).astype(np.float32)
    return np.clip(x, 0, 255)


def batch(
    pairs: list[Pairs], rows: list[NDArray[np.int64]], half: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """(2 half, 3, s, s) and alpha (2 half, 32, 32): genuine ones first."""
    odds = np.array([len(some) for some in rows], float)
    images, maps = [], []
    for which in rng.choice(len(pairs), half, p=odds / odds.sum()):
        i = int(rng.choice(rows[which]))
        image, alpha = varied(pairs[which].crops[i], rng), pairs[which].alpha[i]
        if rng.random() < 0.5:
            image, alpha = image[:, :, ::-1], alpha[:, :, ::-1]
        images.append(image)
        maps.append(alpha)
    x = np.stack(images).swapaxes(0, 1).reshape(-1, SIDE, SIDE, 3)
    a = np.stack(maps).swapaxes(0, 1).reshape(-1, MAP, MAP)
    held = torch.from_numpy(np.ascontiguousarray(x)).permute(0, 3, 1, 2)
    return held, torch.from_numpy(a.astype(np.float32) / 255)


def cost(score: Tensor, maps: Tensor, alpha: Tensor) -> Tensor:
    """Of the score, of the places and of the edges; and within a pair, the swapped one must lie higher."""
    half = len(score) // 2
    label = torch.cat([torch.zeros(half), torch.ones(half)])
    edge = 4 * alpha * (1 - alpha)
    places = functional.binary_cross_entropy_with_logits(maps.float(), torch.stack([alpha, edge], 1))
    whole = functional.binary_cross_entropy_with_logits(score, label * 0.96 + 0.02)
    order = functional.softplus(score[:half] - score[half:]).mean()
    return whole + 0.5 * order + 1.5 * places


def scored(net: FrameModel, pairs: Pairs, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n, 2) logits."""
    out = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for i in rows:
            x = torch.from_numpy(pairs.crops[i].astype(np.float32)).permute(0, 3, 1, 2)
            out.append(net(x.to(memory_format=torch.channels_last))[0].float().numpy())
    return np.stack(out)


def report(net: FrameModel, pairs: list[Pairs], held: float) -> str:
    scores = np.concatenate([scored(net, p, p.rows(held, True)[:150]) for p in pairs])
    label = np.repeat([[0, 1]], len(scores), 0)
    auc = metrics.auc(scores.ravel(), label.ravel())
    higher = 100 * np.mean(scores[:, 1] > scores[:, 0])
    return f"held-out persons: AUC {auc:.3f}, swapped higher in {higher:.0f} % of pairs"


def begun(start: Path | None) -> FrameModel:
    """A new network, or one that goes on where another stopped."""
    net = FrameModel()
    if start is not None:
        net.load_state_dict(torch.load(start, weights_only=True))
    return net.to(memory_format=torch.channels_last)


def train(net: FrameModel, pairs: list[Pairs], chosen: argparse.Namespace) -> FrameModel:
    samples, size, held, every, out = chosen.samples, chosen.batch, chosen.held, chosen.every, chosen.out
    rng = np.random.default_rng(chosen.seed)
    mean = copy.deepcopy(net).eval()
    optimizer = torch.optim.AdamW(net.parameters(), chosen.rate, weight_decay=0.02)
    steps = samples // size
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, chosen.rate, total_steps=steps, pct_start=0.08)
    rows, began, running = [p.rows(held, False) for p in pairs], time.monotonic(), 0.0
    for step in range(min(steps, chosen.stop // size)):
        x, alpha = batch(pairs, rows, size // 2, rng)
        with torch.autocast("cpu", torch.bfloat16):
            score, maps = net(x.contiguous(memory_format=torch.channels_last))
        loss = cost(score.float(), maps, alpha)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        keep = min(AVERAGE, (step + 1) / (step + 10))
        with torch.no_grad():
            for a, b in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
                a.copy_(keep * a + (1 - keep) * b if a.is_floating_point() else b)
        running = 0.98 * running + 0.02 * float(loss.detach())
        if (step + 1) % (every // size) == 0 or step + 1 == min(steps, chosen.stop // size):
            torch.save(mean.state_dict(), out)
            spent = time.monotonic() - began
            told = f"{(step + 1) * size} samples, {spent:.0f} s, loss {running:.3f}"
            print(f"{told}; {report(mean, pairs, held)}", flush=True)
    return mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--samples", type=int, default=100000)
    parser.add_argument("--stop", type=int, default=1 << 40, help="samples after which to stop, as if in mid-run")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held", type=float, default=0.12)
    parser.add_argument("--every", type=int, default=8000)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(chosen.seed)
    cv2.setNumThreads(1)
    train(begun(chosen.start), [read(folder) for folder in chosen.pairs], chosen)


if __name__ == "__main__":
    main()
