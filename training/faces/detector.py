"""MediaPipe's full-range BlazeFace: 192x192 in, one anchor in each of 48x48 cells, box and six keypoints each."""

from __future__ import annotations

from typing import Any

import onnx
from layers import Layers
from onnx import TensorProto, helper
from onnx_graph import Builder
from tflite_graph import Graph

GRID = 48


def build(graph: Graph) -> onnx.ModelProto:
    """Input ``image`` (1, 192, 192, 3) uint8 RGB; outputs ``scores`` (2304,) in [0, 1] and ``boxes`` (2304, 16).

    Rows run over cells left to right, then down. A box row is centre x, y, width, height, then six (x, y) keypoints, in
    input pixels, positions relative to the cell's centre.
    """
    builder = Builder()
    layers = Layers(graph, builder)
    moved = builder.add("Transpose", "image", perm=[0, 3, 1, 2])
    scaled = builder.add("Mul", builder.add("Cast", moved, to=TensorProto.FLOAT), builder.constant(2.0 / 255.0))
    layers.at[graph.inputs[0]] = builder.add("Sub", scaled, builder.constant(1.0))
    heads: dict[int, str] = {}
    for operator in graph.operators:
        if operator.name == "DEPTH_TO_SPACE":
            heads[graph.shapes[operator.outputs[0]][-1]] = _head(
                builder, layers.at[operator.inputs[0]], graph.shapes[operator.inputs[0]][-1]
            )
        elif operator.name != "RESHAPE":
            layers.emit(operator)
    scores = builder.add("Sigmoid", builder.add("Reshape", heads[1], builder.constant([-1], "int64")))
    outputs = [_renamed(builder, scores, "scores"), _renamed(builder, heads[16], "boxes")]
    return builder.model(
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 192, 192, 3])],
        [
            helper.make_tensor_value_info(outputs[0], TensorProto.FLOAT, [GRID * GRID]),
            helper.make_tensor_value_info(outputs[1], TensorProto.FLOAT, [GRID * GRID, 16]),
        ],
        "face_detector",
        "MediaPipe BlazeFace full range, (c) The MediaPipe Authors, Apache-2.0; graph rewritten.",
    )


def _head(builder: Builder, x: str, channels: int) -> str:
    ends = [builder.constant([n], "int64") for n in (0, channels, 1)]
    x = builder.add("Slice", x, *ends)
    x = builder.add("DepthToSpace", x, blocksize=2, mode="DCR")
    x = builder.add("Transpose", x, perm=[0, 2, 3, 1])
    return str(builder.add("Reshape", x, builder.constant([GRID * GRID, channels // 4], "int64")))


def _renamed(builder: Builder, x: Any, name: str) -> str:
    builder.nodes.append(helper.make_node("Identity", [x], [name], name=name))
    return name
