"""A small network that renders faces in the aligned square, so that simulated swaps carry what such networks leave.

    python autoencoder.py PEOPLE.npz OUT.pt [--minutes 10] [--seed 0] [--width 1.0] [--narrow 24]

The shape follows DeepFaceLab's published models: strided convolutions down to a narrow code, up again by pixel
shuffling. It learns to give back the face it is shown, from genuine faces alone; snapshots are kept on
the way, because an unfinished one leaves more.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from donors import square
from numpy.typing import NDArray
from people import Person, load
from torch import Tensor, nn
from torch.nn import functional

SIDE = 128


def down(i: int, o: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(i, o, 5, 2, 2), nn.LeakyReLU(0.1))


def up(i: int, o: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(i, 4 * o, 3, 1, 1), nn.LeakyReLU(0.1), nn.PixelShuffle(2))


class Autoencoder(nn.Module):
    """(n, 3, s, s) in [0, 1] to the same, for any s that 8 divides."""

    def __init__(self, width: float = 1.0, narrow: int = 24) -> None:
        super().__init__()
        a, b, c = (int(width * n) for n in (32, 64, 128))
        self.shape = torch.tensor([width, float(narrow)])
        self.down = nn.Sequential(down(3, a), down(a, b), down(b, c), nn.Conv2d(c, narrow, 1))
        self.up = nn.Sequential(nn.Conv2d(narrow, c, 3, 1, 1), nn.LeakyReLU(0.1), up(c, b), up(b, a), up(a, a))
        self.out = nn.Conv2d(a, 3, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.out(self.up(self.down(x - 0.5))))


def squares(people: list[Person], rng: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """(count, 128, 128, 3) aligned faces of people drawn evenly, moved, turned and mirrored a little."""
    out = np.empty((count, SIDE, SIDE, 3), np.uint8)
    names = sorted({person.name for person in people})
    of = {name: [person for person in people if person.name == name] for name in names}
    for i in range(count):
        held = of[names[int(rng.integers(len(names)))]]
        person = held[int(rng.integers(len(held)))]
        grow = rng.uniform(1.0, 1.5)
        points = person.points + rng.normal(0, 0.01 * np.ptp(person.points[:, 0]), (1, 2)).astype(np.float32)
        face = cv2.warpAffine(
            person.image, square(points, SIDE, grow), (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
        )
        out[i] = face[:, ::-1] if rng.random() < 0.5 else face
    return out


def difference(x: Tensor, y: Tensor) -> Tensor:
    """Absolute difference, and that of gradients: the mean alone leaves no detail."""
    loss = (x - y).abs().mean()
    for axis in (2, 3):
        loss = loss + 2 * (x.diff(dim=axis) - y.diff(dim=axis)).abs().mean()
    small = functional.avg_pool2d(x, 4) - functional.avg_pool2d(y, 4)
    return loss + small.abs().mean()


def train(people: list[Person], net: Autoencoder, minutes: float, out: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    held = torch.from_numpy(squares(people, rng, 4000)).permute(0, 3, 1, 2).contiguous()
    net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
    began, marks, step = time.monotonic(), [0.4, 0.7, 1.0], 0
    while marks:
        part = (time.monotonic() - began) / (60 * minutes)
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * max(0.05, 1 - part)
        x = held[torch.from_numpy(rng.integers(0, len(held), 32))].float().div(255)
        with torch.autocast("cpu", torch.bfloat16):
            y = net(x.to(memory_format=torch.channels_last))
        loss = difference(y.float(), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % 200 == 0:
            print(f"{step} {part:.2f} {float(loss.detach()):.4f}", flush=True)
        if part >= marks[0]:
            marks.pop(0)
            torch.save({"shape": net.shape, **net.state_dict()}, out.with_suffix(f".{3 - len(marks)}.pt"))


def opened(path: Path) -> Autoencoder:
    state = torch.load(path, weights_only=True)
    width, narrow = state.pop("shape").tolist()
    net = Autoencoder(width, int(narrow))
    net.load_state_dict(state)
    return net.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--narrow", type=int, default=24)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(chosen.seed)
    train(load(chosen.people), Autoencoder(chosen.width, chosen.narrow), chosen.minutes, chosen.out, chosen.seed)


if __name__ == "__main__":
    main()
