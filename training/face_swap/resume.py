"""A shipped frame model as a checkpoint that `train.py --start` takes.

    python resume.py ../../models/face_swap-0.3.2.onnx START.pt PAIRS

The exported file has its batch normalisations folded into the convolutions. They are taken apart again with the means
and deviations that crops of PAIRS have there, so that the network says what it said and can go on learning.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from network import FrameModel
from onnx import numpy_helper
from torch import Tensor, nn
from train import read

CROPS = 192


def weights(path: Path) -> tuple[dict[str, Tensor], list[Tensor], list[Tensor]]:
    """Tensors by name, those of folded convolutions in their order, those of transposed linear layers."""
    held = {}
    for tensor in onnx.load(path).graph.initializer:
        name = tensor.name.removesuffix("_half")
        held[name] = torch.from_numpy(numpy_helper.to_array(tensor).astype(np.float32))
    numbered = sorted((n for n in held if n.startswith("onnx::Conv")), key=lambda n: int(n.rsplit("_", 1)[1]))
    linear = sorted((n for n in held if n.startswith("onnx::MatMul")), key=lambda n: int(n.rsplit("_", 1)[1]))
    return held, [held[n] for n in numbered], [held[n] for n in linear]


def normalised(net: FrameModel) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions and the normalisations behind them, in the order of the export."""
    order = [*net.stem, *net.fine, *net.middle, *net.map, *net.coarse]
    inside = [m for part in order for m in part.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    flat = [net.front, *inside]
    return [(a, b) for a, b in itertools.pairwise(flat) if isinstance(b, nn.BatchNorm2d)]


def opened(path: Path, crops: Tensor) -> FrameModel:
    """The network; `crops` (n, 3, 256, 256) say what its normalisations see."""
    net = FrameModel().eval()
    held, folded, linear = weights(path)
    state = {name.removeprefix("nets.0."): value for name, value in held.items() if name.startswith("nets.0.")}
    state |= {"middle.2.ask.weight": linear[0].T, "middle.2.out.weight": linear[1].T}
    missing = net.load_state_dict(state, strict=False).missing_keys
    pairs = normalised(net)
    assert 2 * len(pairs) == len(folded), (len(pairs), len(folded), missing)
    for (conv, norm), weight, bias in zip(pairs, folded[::2], folded[1::2], strict=True):
        _restore(net, conv, norm, weight, bias, crops)
    return net


def _restore(net: FrameModel, conv: nn.Conv2d, norm: nn.BatchNorm2d, weight: Tensor, bias: Tensor, x: Tensor) -> None:
    """Convolution and normalisation that together do what the folded convolution did; those before are restored."""
    seen: list[Tensor] = []
    with torch.no_grad():
        if conv is net.front:  # it is fixed: what was folded into it is its normalisation's
            scale = torch.stack([(w * o).sum() / (o * o).sum() for w, o in zip(weight, conv.weight, strict=True)])
        else:
            conv.weight.copy_(weight)
            scale = torch.ones(len(weight))
    hook = conv.register_forward_hook(lambda _m, _i, out: seen.append(out.detach()))
    with torch.inference_mode():
        net(x)
    hook.remove()
    mean, var = seen[0].mean((0, 2, 3)), seen[0].var((0, 2, 3))
    with torch.no_grad():
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
        norm.weight.copy_(scale * (var + norm.eps).sqrt())
        norm.bias.copy_(bias + scale * mean)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("pairs", type=Path)
    chosen = parser.parse_args()
    crops = read(chosen.pairs).crops[: CROPS // 2].reshape(-1, 256, 256, 3)
    x = torch.from_numpy(crops.copy()).permute(0, 3, 1, 2)
    net = opened(chosen.model, x.float())
    with torch.inference_mode():
        mine = net(x[:32].float())[0].numpy()
    session = onnxruntime.InferenceSession(chosen.model, providers=["CPUExecutionProvider"])
    theirs = session.run(["score"], {"crop": x[:32].numpy()})[0]
    print(f"largest difference of a logit: {np.abs(mine - theirs).max():.4f}")
    torch.save(net.state_dict(), chosen.out)


if __name__ == "__main__":
    main()
