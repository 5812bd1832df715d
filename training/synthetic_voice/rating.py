"""What the convolutions of Distill-MOS hear in an utterance (Stahl and Gamper, 2025, arXiv 2502.05356).

    python rating.py WEIGHTS.pt PREPARED --out rater.onnx

They were distilled from XLS-R to rate how good speech sounds, and look at magnitude and phase. Here they stay as they
are, computed in 8 bits: the mean and deviation over time of each of their outputs are numbers beside the statistics
(`rated.py` measures them, `branch.py` learns on both). The weights come from a package of the registry (README.md).
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from corpus import OPEN, read
from networks import RATE
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

sys.path.append(str(Path(__file__).parents[1]))
from halved import whole

WINDOW, STEP = RATE // 50, RATE // 100
WIDTHS = (2, 64, 64, 128, 256, 256, 256)
"""Window, step and channels as in the package (`distillmos.sqa`), or its weights would mean nothing."""
LOUDNESS = 0.12
"""Root mean square of the sound before the transform: about that of speech whose peak is 1, as it was trained with."""
NUMBERS = 2048
KERNELS = "/layers."
"""In the names of the convolutions, most of what the whole model computes."""
FIRST = "/layers.0/"
"""Of the first, which with its two channels is faster in 32 bits."""


class Compressed(nn.Module):
    """The spectrum with magnitudes to the power of 0.3: (batch, samples) -> (batch, 2, 161, frames)."""

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(WINDOW)
        angle = 2 * torch.pi * torch.arange(WINDOW // 2 + 1)[:, None] * torch.arange(WINDOW) / WINDOW
        basis = torch.cat([torch.cos(angle) * window, -torch.sin(angle) * window])[:, None]
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.spectrum(x * (LOUDNESS / (x.square().mean(1, keepdim=True).sqrt() + 1e-9)))

    def spectrum(self, x: Tensor) -> Tensor:
        """Of sound at that level."""
        both = functional.conv1d(x[:, None], self.basis, stride=STEP).unflatten(1, (2, -1))
        power = both.square().sum(1, keepdim=True).clamp(min=1e-12)
        return both * power**-0.35


class Rater(nn.Module):
    """(batch, samples) -> (batch, 2048): mean and deviation over time of 256 kernels at four heights."""

    def __init__(self) -> None:
        super().__init__()
        self.front, held = Compressed(), []
        for number, (i, o) in enumerate(pairwise(WIDTHS)):
            steps = (2 if number else 1, 2 if number == len(WIDTHS) - 2 else 1)
            held += [nn.Conv2d(i, o, 3, steps, (0, 1)), nn.LeakyReLU(0.1)]
        self.layers = nn.Sequential(*held)

    @classmethod
    def of(cls, weights: Path) -> Rater:
        """With the package's weights."""
        held, made = torch.load(weights, map_location="cpu", weights_only=True)["model"], cls()
        made.layers.load_state_dict({name: held[f"cnn.cnn.{name}"] for name in made.layers.state_dict()})
        return made.eval()

    def forward(self, x: Tensor) -> Tensor:
        return described(self.layers(self.front(x)))


def described(picture: Tensor) -> Tensor:
    """(batch, kernels, heights, positions) -> (batch, 2 * kernels * heights): mean and deviation over time."""
    found = picture.flatten(1, 2)
    mean = found.mean(2)
    return torch.cat([mean, ((found - mean[:, :, None]).square().mean(2) + 1e-10).sqrt()], 1)


def examples(prepared: Path, count: int = 100) -> list[NDArray[np.float32]]:
    """Utterances of every kind and version that trained, to set the range of what is computed in 8 bits."""
    corpus = read(prepared)
    trained = np.flatnonzero(np.isin(corpus["licence_class"], OPEN))
    rows = np.random.default_rng(0).choice(trained, count, replace=False)
    sounds = (corpus.sound(int(i)).astype(np.float32) / 32768 for i in rows)
    return [sound - sound.mean() for sound in sounds]


def write(rater: nn.Module, sounds: list[NDArray[np.float32]], path: Path) -> None:
    """Export, in 8 bits over the ranges that `sounds` have."""
    torch.onnx.export(
        rater,
        (torch.randn(1, 3 * RATE),),
        str(path),
        input_names=["sound"],
        output_names=["numbers"],
        dynamic_axes={"sound": {1: "samples"}},
        opset_version=17,
        dynamo=False,
    )
    whole(path, [{"sound": sound[None]} for sound in sounds], KERNELS, FIRST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    write(Rater.of(chosen.weights), examples(chosen.prepared), chosen.out)


if __name__ == "__main__":
    main()
