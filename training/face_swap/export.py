"""Write the frame model as ONNX.

    python export.py RUN.pt... --models ../../models

Several runs ship as one model whose score is the mean of theirs, and whose maps are the mean of theirs.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import onnx
import torch
from network import FrameModel
from torch import Tensor, nn

sys.path.append(str(Path(__file__).parents[1]))
from halved import halved

from inperson.detectors._face_crop import SIDE

NAME, VERSION = "face_swap", "0.3.2"


class Shipped(nn.Module):
    """(n, 3, 256, 256) uint8 -> scores (n,), maps (n, 2, 32, 32) in [0, 1]"""

    def __init__(self, nets: list[FrameModel]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        made = [net(x.float()) for net in self.nets]
        return torch.stack([s for s, _ in made]).mean(0), torch.stack([m.sigmoid() for _, m in made]).mean(0)


def opened(path: Path) -> FrameModel:
    net = FrameModel()
    net.load_state_dict(torch.load(path, weights_only=True))
    return net.eval()


def write(nets: list[FrameModel], path: Path) -> str:
    """Export; returns the file's SHA-256."""
    plain = [net.to(memory_format=torch.contiguous_format) for net in nets]
    torch.onnx.export(
        Shipped(plain).eval(),
        (torch.randint(0, 255, (2, 3, SIDE, SIDE), dtype=torch.uint8),),
        str(path),
        input_names=["crop"],
        output_names=["score", "maps"],
        dynamic_axes={"crop": {0: "n"}, "score": {0: "n"}, "maps": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    onnx.save(halved(onnx.load(path)), path)
    onnx.checker.check_model(onnx.load(path))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--models", type=Path, required=True)
    chosen = parser.parse_args()
    path = chosen.models / f"{NAME}-{VERSION}.onnx"
    print(path, write([opened(run) for run in chosen.runs], path), path.stat().st_size)


if __name__ == "__main__":
    main()
