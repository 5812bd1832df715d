"""Weights of an ONNX model stored in 16 bits, and computed with in 32: half the file, the same figures."""

from __future__ import annotations

import math

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper

SMALL = 1024
"""Numbers of a tensor below which nothing is saved."""


def halved(model: onnx.ModelProto, exact: str = "basis") -> onnx.ModelProto:
    """The model with its large tensors in 16 bits; those whose name holds `exact` keep their 32."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or exact in tensor.name or math.prod(tensor.dims) < SMALL:
            continue
        name, values = tensor.name, onnx.numpy_helper.to_array(tensor)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model
