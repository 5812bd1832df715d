"""Write trained pairs of networks as one ONNX file, whose embeddings are theirs side by side.

    python training/lip_sync/export.py RUN.pt... --models models

Likeness is then the mean of the runs' likenesses, embeddings that are not of length 1 weighted by `FREE`.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import onnx
import torch
from network import Pair
from torch import Tensor, nn

sys.path.append(str(Path(__file__).parents[1]))
from halved import halved

from inperson.lips.mouth import SHAPE
from inperson.lips.sound import BANDS

NAME, VERSION = "lip_sync", "0.2.0"
FREE = 0.38
"""What makes the gap between own and other people's voices as large as with embeddings of length 1."""


class Shipped(nn.Module):
    """(1, n, BANDS), (1, n, SHAPE) -> voice (1, n, d), lips (1, n, d)"""

    def __init__(self, pairs: list[Pair]) -> None:
        super().__init__()
        self.pairs = nn.ModuleList(pairs)
        self.factors = [((1.0 if pair.unit else FREE) / len(pairs)) ** 0.5 for pair in pairs]

    def forward(self, spectra: Tensor, mouth: Tensor) -> tuple[Tensor, Tensor]:
        voices = [factor * pair.voice(spectra) for pair, factor in zip(self.pairs, self.factors, strict=True)]
        lips = [factor * pair.lips(mouth) for pair, factor in zip(self.pairs, self.factors, strict=True)]
        return torch.cat(voices, dim=2), torch.cat(lips, dim=2)


def opened(path: Path) -> Pair:
    kept = torch.load(path, weights_only=False)
    pair = Pair(kept["basis"], kept["unit"])
    pair.load_state_dict(kept["weights"])
    return pair.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    args = parser.parse_args()
    path = args.models / f"{NAME}-{VERSION}.onnx"
    axes = {0: "one", 1: "n"}
    torch.onnx.export(
        Shipped([opened(run) for run in args.runs]).eval(),
        (torch.zeros(1, 100, BANDS), torch.zeros(1, 100, SHAPE)),
        str(path),
        input_names=["spectra", "mouth"],
        output_names=["voice", "lips"],
        dynamic_axes=dict.fromkeys(("spectra", "mouth", "voice", "lips"), axes),
        opset_version=17,
        dynamo=False,
    )
    onnx.save(halved(onnx.load(path)), path)
    onnx.checker.check_model(onnx.load(path))
    print(f"{path}: {path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
