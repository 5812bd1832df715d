"""Weights of an ONNX model in 16 or 8 bits: half the file or less, the same figures.

What is in 16 bits is computed with in 32. Large matrices are multiplied in whole numbers, several times faster.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

SMALL = 1024
"""Numbers of a tensor below which nothing is saved."""
LARGE = 100_000
"""Numbers of a matrix from which 8 bits do: each output sums hundreds of them, and their errors cancel."""
MULTIPLIED = 63
"""Greatest number of a matrix that is multiplied in whole numbers. Processors without VNNI add two products in 16 bits:
2 * 255 * 64 fits, twice that would be cut off without a word, and other figures come out on other machines."""


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


class _Examples(CalibrationDataReader):
    def __init__(self, examples: Sequence[dict[str, NDArray[np.float32]]]) -> None:
        self._left = iter(examples)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._left, None)


def whole(path: Path, examples: Sequence[dict[str, NDArray[np.float32]]], part: str, but: str) -> None:
    """Let the convolutions of the model at `path` whose names hold `part`, and not `but`, compute in 8 bits, what flows
    between them rounded over the range that it has in `examples`."""
    nodes = (node for node in onnx.load(path).graph.node if node.op_type == "Conv")
    names = [node.name for node in nodes if part in node.name and but not in node.name]
    if not names:
        return
    quantize_static(
        path,
        path,
        _Examples(examples),
        quant_format=QuantFormat.QDQ,
        nodes_to_quantize=names,
        per_channel=True,
        reduce_range=True,  # 7 bits of weights: why, see MULTIPLIED
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def quartered(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the large matrices and kernels in 8 bits, and a factor in 32 for each output."""
    graph = model.graph
    outputs = {node.input[1]: {"MatMul": 1, "Conv": 0}.get(node.op_type) for node in graph.node if len(node.input) > 1}
    made, whole = [], set()
    for tensor in list(graph.initializer):
        axis, name = outputs.get(tensor.name), tensor.name
        if axis is None or tensor.data_type != onnx.TensorProto.FLOAT or math.prod(tensor.dims) < LARGE:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        multiplied = axis == 1 and values.ndim == 2
        others = tuple(i for i in range(values.ndim) if i != axis)
        size = np.maximum(np.abs(values).max(axis=others, keepdims=not multiplied), 1e-12)
        factor = size / (MULTIPLIED if multiplied else 127)
        tensor.CopyFrom(onnx.numpy_helper.from_array(np.round(values / factor).astype(np.int8), f"{name}_eighth"))
        graph.initializer.append(onnx.numpy_helper.from_array(factor.astype(np.float32), f"{name}_factor"))
        if multiplied:
            whole.add(name)
            continue
        made.append(onnx.helper.make_node("Cast", [f"{name}_eighth"], [f"{name}_whole"], to=onnx.TensorProto.FLOAT))
        made.append(onnx.helper.make_node("Mul", [f"{name}_whole", f"{name}_factor"], [name]))
    nodes = [*made, *(part for node in graph.node for part in _multiplied(node, whole))]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def _multiplied(node: onnx.NodeProto, whole: set[str]) -> list[onnx.NodeProto]:
    """The nodes that do a product in whole numbers, where its matrix is among `whole`: what comes in is rounded to 8
    bits between its least and greatest value."""
    if node.op_type != "MatMul" or node.input[1] not in whole:
        return [node]
    (out,), (came, name) = node.output, node.input
    rounded, step, zero, total, plain, factor = (
        f"{out}_{part}" for part in ("rounded", "step", "zero", "total", "plain", "factor")
    )
    return [
        onnx.helper.make_node("DynamicQuantizeLinear", [came], [rounded, step, zero]),
        onnx.helper.make_node("MatMulInteger", [rounded, f"{name}_eighth", zero], [total]),
        onnx.helper.make_node("Cast", [total], [plain], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Mul", [step, f"{name}_factor"], [factor]),
        onnx.helper.make_node("Mul", [plain, factor], [out]),
    ]
