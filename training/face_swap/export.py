"""Write the linear model of `train.py` as ONNX.

Usage: python export.py TRAINED.npz MODELS_DIR
"""

from __future__ import annotations

import hashlib
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from inperson.detectors._face_texture import NAMES
from inperson.detectors.face_swap import FaceSwap


def main() -> None:
    trained, models = np.load(sys.argv[1]), pathlib.Path(sys.argv[2])
    weights = trained["weights"].astype(np.float32)[:, None]
    bias = np.array([trained["bias"]], np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["texture", "weights", "bias"], ["score"])],
        "face_swap",
        [helper.make_tensor_value_info("texture", TensorProto.FLOAT, ["n", len(NAMES)])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    path = models / f"{FaceSwap.model}.onnx"
    path.write_bytes(content)
    print(dict(zip(NAMES, weights[:, 0].round(3).tolist(), strict=True)), hashlib.sha256(content).hexdigest()[:12])


if __name__ == "__main__":
    main()
