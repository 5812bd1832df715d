"""Fit the regression that `lip_sync` ships, on the openly licensed genuine clips alone, and write it as ONNX.

python training/lip_sync/fit.py CLIPS DATA --out models/lip_sync-0.1.0.onnx
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from regression import fit, load


def to_onnx(weights: np.ndarray) -> bytes:
    """One matrix product: spectra (n, inputs) to lips (n, targets)."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["spectra", "weights"], ["lips"])],
        "lip_sync",
        [helper.make_tensor_value_info("spectra", TensorProto.FLOAT, ["n", weights.shape[0]])],
        [helper.make_tensor_value_info("lips", TensorProto.FLOAT, ["n", weights.shape[1]])],
        [numpy_helper.from_array(weights.astype(np.float32), "weights")],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="inperson"
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, help="folder written by data.py")
    parser.add_argument("data", type=Path, help="folder with video/ and talking/")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    chosen = [clip for clip in load(args.clips, args.data) if clip.may_train]
    content = to_onnx(fit(chosen))
    args.out.write_bytes(content)
    sources = sorted({clip.source for clip in chosen})
    seconds = sum(len(clip.mel) for clip in chosen) / 50
    print(f"trained on {len(chosen)} clips, {seconds:.0f} s, of {', '.join(sources)}")
    print(f'sha256 = "{hashlib.sha256(content).hexdigest()}"')


if __name__ == "__main__":
    main()
