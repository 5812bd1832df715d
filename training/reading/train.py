"""Train the networks that tell reading from every other way of looking, on simulated gaze, and write them as ONNX.

    python training/reading/train.py NOISE --out models/reading-0.2.0.onnx [--windows 40000 --steps 4000 --seed 0]

NOISE holds tracks of openly licensed recordings (`tracks.py`): what a camera and a head add to gaze. They are short, so
half of the windows have made-up noise instead. One network asks which way the eyes sweep, and answers nothing for gaze
that is as like its mirror image; the other whether the whole looks like reading.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from walks import Rng, measured, other, reader

from inperson.detectors._gaze_grid import steady
from inperson.detectors._gaze_windows import LENGTH
from inperson.detectors.reading import MAX_NOISE, MIN_EYES


class Net(nn.Module):
    """Five convolutions over 10 s of gaze and of its steps across; mean and maximum over time; 36,000 weights."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for after, size, stride in ((24, 7, 1), (32, 7, 2), (32, 7, 2), (48, 7, 2), (48, 5, 2)):
            layers += [nn.Conv1d(before, after, size, stride, size // 2, bias=False), nn.BatchNorm1d(after), nn.ReLU()]
            before = after
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(96, 1))

    def forward(self, gaze: Tensor) -> Tensor:
        steps = functional.pad(gaze[:, :1, 1:] - gaze[:, :1, :-1], (1, 0))
        found = self.body(torch.cat([(gaze / 5).clamp(-4, 4), steps.clamp(-8, 8)], 1))
        return self.head(torch.cat([found.mean(2), found.amax(2)], 1))[:, 0]


def noises(folder: Path) -> list[np.ndarray]:
    """(m, 2) tracks without their median, of eyes seen well enough to be scored."""
    out = []
    for path in sorted(folder.glob("*.npz")):
        rows = np.load(path)["rows"]
        if len(rows) < 50 or np.median(rows[:, 4]) < MIN_EYES:
            continue
        times, across, down, noise = steady(rows)
        good = np.isfinite(across)
        if noise <= MAX_NOISE and good.sum() > 40:
            track = np.stack([np.interp(times, times[good], one[good]) for one in (across, down)], 1)
            out.append(track - np.median(track, 0))
    return out


def looped(track: np.ndarray, rng: Rng) -> np.ndarray:
    """(LENGTH, 2) of a track played forward and backward in turn, from anywhere."""
    both = np.concatenate([track, track[::-1]])
    start = int(rng.integers(len(both)))
    return np.asarray(both[(start + np.arange(LENGTH)) % len(both)] * rng.uniform(0.5, 1.2))


def window(reads: bool, tracks: list[np.ndarray], rng: Rng, width: float | None = None) -> np.ndarray:
    """(2, LENGTH) one example."""
    real = bool(tracks) and rng.random() < 0.5
    noise = looped(tracks[rng.integers(len(tracks))], rng) if real else None
    gaze = reader(LENGTH, rng, width) if reads else other(LENGTH, rng)
    seen = measured(gaze, rng, noise)
    return np.asarray((seen - np.median(seen, 0)).T, np.float32)


def mirrored(gaze: Tensor) -> Tensor:
    """The same gaze in a mirror: reading from left to right becomes reading from right to left."""
    return gaze * torch.tensor([-1.0, 1.0])[None, :, None]


def sweep_loss(here: Tensor, there: Tensor, reads: Tensor) -> Tensor:
    """Readers score more in their own direction than mirrored; whoever does not read scores alike in both."""
    more = here - there
    readers, others = more[reads > 0], more[reads == 0]
    return functional.softplus(-readers).mean() + 0.05 * others.square().mean()


def look_loss(here: Tensor, there: Tensor, reads: Tensor) -> Tensor:
    """Reading one way, reading the other way, not reading."""
    odds = torch.stack([here, there, torch.zeros_like(here)], 1)
    return functional.cross_entropy(odds, torch.where(reads > 0, 0, 2))


def train(windows: Tensor, reads: Tensor, steps: int, loss_of: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Net:
    net = Net()
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    for step in range(steps):
        rows = torch.randint(len(windows), (96,))
        loss = loss_of(net(windows[rows]), net(mirrored(windows[rows])), reads[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 500 == 0:
            print(f"{loss_of.__name__}, step {step} of {steps}: {loss.item():.3f}", flush=True)
    return net.eval()


class Shipped(nn.Module):
    """Both networks, on the gaze and on its mirror image."""

    def __init__(self, sweep: Net, look: Net) -> None:
        super().__init__()
        self.sweep, self.look = sweep, look
        self.register_buffer("mirror", torch.tensor([-1.0, 1.0])[None, :, None])

    def forward(self, gaze: Tensor) -> tuple[Tensor, Tensor]:
        other = gaze * self.mirror
        return self.sweep(gaze) - self.sweep(other), torch.maximum(self.look(gaze), self.look(other))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("noise", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--windows", type=int, default=40_000)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.manual_seed(chosen.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(chosen.seed)
    tracks = noises(chosen.noise)
    reads = np.arange(chosen.windows) % 2
    windows = np.stack([window(bool(one), tracks, rng) for one in reads])
    print(f"{len(tracks)} tracks, {len(windows)} windows", flush=True)
    given = torch.from_numpy(windows), torch.from_numpy(reads).float(), chosen.steps
    net = Shipped(train(*given, sweep_loss), train(*given, look_loss))
    torch.onnx.export(
        net,
        (torch.from_numpy(windows[:2]),),
        str(chosen.out),
        input_names=["gaze"],
        output_names=["sweep", "look"],
        dynamic_axes={"gaze": {0: "n"}, "sweep": {0: "n"}, "look": {0: "n"}},
        dynamo=False,
    )
    print(f"{sum(p.numel() for p in net.parameters())} weights, {chosen.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
