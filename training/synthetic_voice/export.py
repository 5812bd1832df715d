"""Write the classifier as ONNX, and its card."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from classifier import CLIP, Linear
from doubt import Doubt
from onnx import TensorProto, helper, numpy_helper

NAME, VERSION = "synthetic_voice", "0.1.0"


def write_onnx(model: Linear, doubt: Doubt, path: Path) -> str:
    """Subtract, scale, clip, one matrix product for the logit and one for the doubt; returns the file's SHA-256."""

    def constant(name: str, values: np.ndarray) -> onnx.TensorProto:
        return numpy_helper.from_array(np.asarray(values, np.float32), name)

    size = len(model.mean)
    graph = helper.make_graph(
        [
            helper.make_node("Sub", ["features", "mean"], ["centred"]),
            helper.make_node("Mul", ["centred", "inverse"], ["scaled"]),
            helper.make_node("Clip", ["scaled", "low", "high"], ["clipped"]),
            helper.make_node("Gemm", ["clipped", "weight", "bias"], ["logit"]),
            helper.make_node("Abs", ["clipped"], ["distance"]),
            helper.make_node("Gemm", ["distance", "doubt_weight", "doubt_bias"], ["expected_cost"]),
        ],
        NAME,
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["utterances", size])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["utterances", 1])
            for name in ("logit", "expected_cost")
        ],
        [
            constant("mean", model.mean),
            constant("inverse", 1 / model.scale),
            constant("low", np.float32(-CLIP)),
            constant("high", np.float32(CLIP)),
            constant("weight", model.weight[:, None]),
            constant("bias", np.array([model.bias])),
            constant("doubt_weight", doubt.weight[:, None]),
            constant("doubt_bias", np.array([doubt.bias])),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="inperson")
    made.ir_version = 8
    onnx.checker.check_model(made)
    content = made.SerializeToString()
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()
