"""Reads a TensorFlow Lite file into plain operators and NumPy constants.

Only what MediaPipe's face networks use is understood: float tensors, float16 constants behind DEQUANTIZE, and constants
stored sparse behind DENSIFY. Anything else raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

_BUILTIN = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
_DTYPES: dict[int, type] = {0: np.float32, 1: np.float16, 2: np.int32}


@dataclass(frozen=True)
class Operator:
    """One operator: name, tensor numbers in and out; stride, padding rule and fused activation where it has them."""

    name: str
    inputs: list[int]
    outputs: list[int]
    stride: tuple[int, int] = (1, 1)
    window: tuple[int, int] = (1, 1)
    same: bool = True
    activation: int = 0
    axis: int = 0
    custom: bytes = b""


@dataclass(frozen=True)
class Graph:
    """Operators in order, constants and shapes by tensor number, outputs by name."""

    operators: list[Operator]
    constants: dict[int, NDArray[Any]]
    shapes: dict[int, tuple[int, ...]]
    inputs: list[int]
    outputs: dict[str, int]


def read(data: bytes) -> Graph:
    """Parse the first subgraph of a TensorFlow Lite model; constants come back dense and dequantised."""
    model = tflite.Model.GetRootAsModel(data, 0)
    graph = model.Subgraphs(0)
    constants: dict[int, NDArray[Any]] = {}
    shapes: dict[int, tuple[int, ...]] = {}
    for number in range(graph.TensorsLength()):
        tensor = graph.Tensors(number)
        shapes[number] = tuple(int(n) for n in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
        buffer = model.Buffers(tensor.Buffer())
        if buffer.DataLength():
            values = np.frombuffer(buffer.DataAsNumpy().tobytes(), _DTYPES[tensor.Type()])
            sparsity = tensor.Sparsity()
            constants[number] = (
                _dense(values, sparsity, shapes[number]) if sparsity is not None else values.reshape(shapes[number])
            )
    operators = []
    for position in range(graph.OperatorsLength()):
        operator = _operator(model, graph.Operators(position))
        if operator.name in ("DEQUANTIZE", "DENSIFY") and operator.inputs[0] in constants:
            constants[operator.outputs[0]] = constants[operator.inputs[0]]
        else:
            operators.append(operator)
    outputs = {graph.Tensors(number).Name().decode(): int(number) for number in graph.OutputsAsNumpy()}
    return Graph(operators, constants, shapes, [int(n) for n in graph.InputsAsNumpy()], outputs)


def _operator(model: Any, raw: Any) -> Operator:
    code = model.OperatorCodes(raw.OpcodeIndex())
    name = _BUILTIN[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    inputs, outputs = ([int(n) for n in tensors] for tensors in (raw.InputsAsNumpy(), raw.OutputsAsNumpy()))
    if name == "CUSTOM":
        options = bytes(raw.CustomOptionsAsNumpy()) if raw.CustomOptionsLength() else b""
        return Operator(code.CustomCode().decode(), inputs, outputs, custom=options)
    table = raw.BuiltinOptions()
    kinds = {
        "CONV_2D": tflite.Conv2DOptions,
        "DEPTHWISE_CONV_2D": tflite.DepthwiseConv2DOptions,
        "MAX_POOL_2D": tflite.Pool2DOptions,
    }
    if name in kinds:
        options = kinds[name]()
        options.Init(table.Bytes, table.Pos)
        window = (options.FilterHeight(), options.FilterWidth()) if name == "MAX_POOL_2D" else (1, 1)
        return Operator(
            name,
            inputs,
            outputs,
            stride=(options.StrideH(), options.StrideW()),
            window=window,
            same=options.Padding() == tflite.Padding.SAME,
            activation=options.FusedActivationFunction(),
        )
    if name in ("ADD", "CONCATENATION"):
        options = (tflite.AddOptions if name == "ADD" else tflite.ConcatenationOptions)()
        options.Init(table.Bytes, table.Pos)
        axis = options.Axis() if name == "CONCATENATION" else 0
        return Operator(name, inputs, outputs, activation=options.FusedActivationFunction(), axis=axis)
    return Operator(name, inputs, outputs)


def _dense(values: NDArray[Any], sparsity: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Expand TensorFlow Lite's sparse storage: a tree of dense and compressed (CSR) levels in traversal order."""
    order = [int(n) for n in sparsity.TraversalOrderAsNumpy()]
    blocks = [int(n) for n in sparsity.BlockMapAsNumpy()] if sparsity.BlockMapLength() else []
    levels = [sparsity.DimMetadata(i) for i in range(sparsity.DimMetadataLength())]
    rank = len(shape)
    block_sizes = [1] * rank
    for position, dimension in enumerate(blocks):
        block_sizes[dimension] = levels[order.index(rank + position)].DenseSize()
    out = np.zeros(shape, values.dtype)
    cursor = [0]

    def place(level: int, index: dict[int, int], parent: int) -> None:
        if level == len(levels):
            at = [index[d] * block_sizes[d] for d in range(rank)]
            for position, dimension in enumerate(blocks):
                at[dimension] += index[rank + position]
            out[tuple(at)] = values[cursor[0]]
            cursor[0] += 1
            return
        meta = levels[level]
        if meta.Format() == tflite.DimensionType.DENSE:
            for i in range(meta.DenseSize()):
                place(level + 1, {**index, order[level]: i}, parent * meta.DenseSize() + i)
            return
        segments, indices = _vector(meta, "ArraySegments"), _vector(meta, "ArrayIndices")
        for i in range(segments[parent], segments[parent + 1]):
            place(level + 1, {**index, order[level]: int(indices[i])}, i)

    place(0, {}, 0)
    if cursor[0] != values.size:
        raise ValueError(f"sparse constant: expected {values.size} values to be placed, found {cursor[0]}")
    return out


def _vector(meta: Any, field: str) -> NDArray[Any]:
    kinds = {1: tflite.Int32Vector, 2: tflite.Uint16Vector, 3: tflite.Uint8Vector}
    vector = kinds[getattr(meta, field + "Type")()]()
    table = getattr(meta, field)()
    vector.Init(table.Bytes, table.Pos)
    return vector.ValuesAsNumpy()
