"""A shipped model taken apart into what finish.py puts together, for when the runs that made it are gone.

    python resume.py ../../models/synthetic_voice-0.8.0.onnx RUNS [--suffix _open]

Writes the network on sound (`RUNS/whisper_2+w1-all.pt`, since 0.10.0 `RUNS/whisper_2slim+w1-all.pt`),
`RUNS/expertsSUFFIX-all.pt` and `RUNS/bothSUFFIX-all.pt`. What the export rounded to
16 or 8 bits stays so: exported again they say the same. The rater is not among them (compact.py makes it).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from families import FAMILIES
from onnx import numpy_helper
from torch import Tensor

SOUND, SLIM, PANELS = "whisper_2+w1", "whisper_2slim+w1", ("experts", "both")
MATRICES = ("ask", "answer", "up", "down")
"""Of a block, in the order in which it multiplies by them: the export names them by numbers. Since 0.10.0 `far`'s is
before them (`listening.Halving`)."""


def weights(path: Path) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Tensors by name, and the matrices that lost theirs, in their order."""
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    factors = {name.removesuffix("_half").removesuffix("_factor"): held[name] for name in held if "_factor" in name}
    found = {}
    for name, values in held.items():
        plain = name.removesuffix("_half").removesuffix("_eighth")
        scale = factors[plain].astype(np.float32) if name.endswith("_eighth") else np.float32(1)
        found[plain] = torch.from_numpy(np.asarray(values.astype(np.float32) * scale))
    numbered = [name for name in found if name.startswith("onnx::MatMul") and not name.endswith("_factor")]
    return found, [found[name] for name in sorted(numbered, key=lambda name: int(name.rsplit("_", 1)[1]))]


def sound(name: str, held: dict[str, Tensor], matrices: list[Tensor]) -> dict[str, Tensor]:
    """State of the network on sound."""
    prefix = "sound.0.0."
    state = {name.removeprefix(prefix): value for name, value in held.items() if name.startswith(prefix)}
    if len(matrices) % len(MATRICES):
        far, matrices = matrices[0], matrices[1:]
        state["far.weight"], state["far.bias"] = far.unflatten(0, (3, -1)).permute(2, 1, 0), state["far.product.bias"]
    for number, matrix in enumerate(matrices):
        state[f"blocks.{number // len(MATRICES)}.{MATRICES[number % len(MATRICES)]}.weight"] = matrix.T.contiguous()
    net = FAMILIES[name.partition("+")[0]]()
    return {name: state.get(name, value).reshape(value.shape) for name, value in net.state_dict().items()}


def panel(held: dict[str, Tensor], number: int) -> dict[str, Tensor]:
    """State of one pair of panels. All members share their means, of which the export keeps one."""
    prefix = f"panels.{number}."
    state = {name.removeprefix(prefix): value for name, value in held.items() if name.startswith(prefix)}
    members = {".".join(name.split(".")[:2]) for name in state if ".body." in name}
    for member in members:
        for name in ("mean", "inverse"):
            shared = f"{member.partition('.')[0]}.0.{name}"
            state.setdefault(f"{member}.{name}", state.get(shared, state[f"every.0.{name}"]))
    return state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--suffix", default="")
    chosen = parser.parse_args()
    chosen.runs.mkdir(parents=True, exist_ok=True)
    held, matrices = weights(chosen.model)
    name = SLIM if len(matrices) % len(MATRICES) else SOUND
    torch.save(sound(name, held, matrices), chosen.runs / f"{name}-all.pt")
    for number, name in enumerate(PANELS):
        torch.save(panel(held, number), chosen.runs / f"{name}{chosen.suffix}-all.pt")


if __name__ == "__main__":
    main()
