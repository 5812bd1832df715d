"""Train the network that tells a covered mouth from one in view, and write it as ONNX.

    python train.py MOUTHS.npz --out mouth_view-0.1.0.onnx [--epochs 12 --seed 0]

A fifth of the persons (by name) train nothing: `evaluate.py` measures on them.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

HELD = 0.2
"""Share of the persons that trains nothing."""


class Net(nn.Module):
    """Three convolutions on a 40-pixel patch whose brightness is taken out: 24,000 weights."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 16, 32, 48)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(48 * 25, 1))

    def forward(self, patches: Tensor) -> Tensor:
        x = patches.permute(0, 3, 1, 2).float()
        x = x / (x.mean((1, 2, 3), keepdim=True) + 8.0) - 1.0
        return self.head(self.body(x))[:, 0]


class Shipped(nn.Module):
    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, patches: Tensor) -> Tensor:
        return torch.sigmoid(self.net(patches))


def train(patches: Tensor, labels: Tensor, epochs: int) -> Net:
    net, size = Net(), 128
    steps = epochs * (len(labels) // size)
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    for step in range(steps):
        rows = torch.randint(len(labels), (size,))
        batch = patches[rows].flip(2) if step % 2 else patches[rows]
        batch = torch.roll(batch, tuple(torch.randint(-2, 3, (2,)).tolist()), (1, 2))
        loss = functional.binary_cross_entropy_with_logits(net(batch), labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 400 == 0:
            print(f"step {step} of {steps}: {loss.item():.3f}", flush=True)
    return net.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mouths", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.manual_seed(chosen.seed)
    torch.set_num_threads(1)
    data = np.load(chosen.mouths)
    patches, labels = torch.from_numpy(data["patches"]), torch.from_numpy(data["labels"]).float()
    held = data["held"] < HELD
    net = train(patches[~held], labels[~held], chosen.epochs)
    torch.onnx.export(
        Shipped(net),
        (patches[:2],),
        str(chosen.out),
        input_names=["patches"],
        output_names=["covered"],
        dynamic_axes={"patches": {0: "n"}, "covered": {0: "n"}},
        dynamo=False,
    )
    print(f"{sum(p.numel() for p in net.parameters())} weights, {chosen.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
