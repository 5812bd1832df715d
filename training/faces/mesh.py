"""MediaPipe's attention mesh: 192x192 in, 478 landmarks out (468 of the face, 5 of each iris).

The network has a trunk that gives 468 rough points, then cuts three regions (lips, left eye, right eye) out of an
early feature map along those points and refines them with five heads of one shape each. TensorFlow Lite runs the cut as
custom operators; here it is an affine grid and GridSample. The heads run side by side as grouped convolutions.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
from layers import Layers
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx_graph import Builder, vector
from tflite_graph import Graph, Operator

HEADS = ("conv_lips", "conv_left_eye", "conv_left_iris", "conv_right_eye", "conv_right_iris")
REGION = (0, 1, 1, 2, 2)  # region of each head
CUT = 16  # pixels of a region's side
FEATURES = 48  # side of the feature map the regions are cut from
PER_HEAD = 80  # points a head can hold; lips fill it
EYE_CONTOUR = 16  # first points of an eye region: the lid line, whose mean depth the iris takes (MediaPipe's graph)


def build(graph: Graph) -> onnx.ModelProto:
    """Input ``image`` (1, 192, 192, 3) uint8 RGB; outputs ``landmarks`` (478, 3) in input pixels, ``score`` (1,)."""
    builder = Builder()
    layers = Layers(graph, builder)
    moved = builder.add("Transpose", "image", perm=[0, 3, 1, 2])
    scaled = builder.add("Mul", builder.add("Cast", moved, to=TensorProto.FLOAT), builder.constant(1.0 / 255.0))
    layers.at[graph.inputs[0]] = scaled
    regions = [_options(o) for o in graph.operators if o.name == "Landmarks2TransformMatrix"]
    cuts = [o for o in graph.operators if o.name == "TransformTensorBilinear"]
    heads = [_chain(graph, name) for name in HEADS]
    in_heads = {id(o) for chain in heads for o in chain}
    by_name = {graph.shapes[o.outputs[0]]: o for o in graph.operators if o.name == "CONV_2D"}
    mesh_conv, flag_conv = by_name[1, 1, 1, 1404], by_name[1, 1, 1, 1]
    for operator in graph.operators:
        if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "PRELU", "MAX_POOL_2D", "PAD") and (
            id(operator) not in in_heads and operator not in (mesh_conv, flag_conv)
        ):
            layers.emit(operator)
    mesh = _dense(builder, layers, mesh_conv, 1404)
    mesh = builder.add("Reshape", mesh, builder.constant([468, 3], "int64"))
    rotation, shift = _transform(builder, mesh, regions)
    cut = _cut(builder, layers.at[cuts[0].inputs[0]], rotation, shift)
    refined = _refine(builder, layers, heads, cut)
    refined = _place(builder, refined, rotation, shift)
    _renamed(builder, _assemble(builder, mesh, refined, regions), "landmarks")
    flag = builder.add("Reshape", _dense(builder, layers, flag_conv, 1), builder.constant([1], "int64"))
    _renamed(builder, builder.add("Sigmoid", flag), "score")
    return builder.model(
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 192, 192, 3])],
        [
            helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, [478, 3]),
            helper.make_tensor_value_info("score", TensorProto.FLOAT, [1]),
        ],
        "face_mesh",
        "MediaPipe face landmarks with attention, (c) The MediaPipe Authors, Apache-2.0; graph rewritten.",
    )


def _options(operator: Operator) -> dict[str, Any]:
    """Landmark numbers of a region, read from the operator's flexbuffer (a vector of 16-bit numbers, then a map)."""
    data = operator.custom
    start = data.index(b"subset_idxs\x00") + len(b"subset_idxs\x00")
    count = int.from_bytes(data[start : start + 2], "little")
    subset = np.frombuffer(data[start + 2 : start + 2 + 2 * count], "<u2").astype(int)
    tail = data[data.index(b"target_rotation_radians\x00") + len(b"target_rotation_radians\x00") :]
    left, right, scale = _rotation(tail)
    return {"subset": subset, "left": left, "right": right, "scale": scale}


def _rotation(tail: bytes) -> tuple[int, int, float]:
    """left_rotation_idx, right_rotation_idx and scale from the map's values (keys are in alphabetical order)."""
    match = re.search(rb"(....)\x10\x00\x00\x00\x10\x00\x00\x00(....)(....)(....)", tail, re.DOTALL)
    if match is None:
        raise ValueError("expected output_height = output_width = 16 in Landmarks2TransformMatrix, found none")
    left, right = (int.from_bytes(match[n], "little") for n in (1, 2))
    scale_x, scale_y = (float(np.frombuffer(match[n], "<f4")[0]) for n in (3, 4))
    if scale_x != scale_y:
        raise ValueError(f"expected one scale for x and y, found {scale_x} and {scale_y}")
    return left, right, scale_x


def _chain(graph: Graph, output: str) -> list[Operator]:
    """The operators between a region's cut and a head's output convolution, in order."""
    count = {"lips": 160, "eye": 142, "iris": 10}[output.split("_")[-1]]
    ends = [o for o in graph.operators if o.name == "CONV_2D" and graph.shapes[o.outputs[0]] == (1, 1, 1, count)]
    end = ends[1] if "right" in output else ends[0]
    made = {o.outputs[0]: o for o in graph.operators}
    found: dict[int, Operator] = {}
    pending = [end]
    while pending:
        operator = pending.pop()
        if operator.name == "TransformTensorBilinear" or id(operator) in found:
            continue
        found[id(operator)] = operator
        pending += [made[n] for n in operator.inputs if n in made]
    return [o for o in graph.operators if id(o) in found]


def _dense(builder: Builder, layers: Layers, operator: Operator, outputs: int) -> str:
    """A convolution over the whole map, as a matrix product."""
    kernel, bias = (layers.graph.constants[n].astype(np.float32) for n in operator.inputs[1:3])
    flat = builder.add("Reshape", layers.at[operator.inputs[0]], builder.constant([1, -1], "int64"))
    matrix = kernel.transpose(0, 3, 1, 2).reshape(outputs, -1)
    return str(builder.add("Gemm", flat, builder.constant(matrix), builder.constant(bias), transB=1))


def _transform(builder: Builder, mesh: str, regions: list[dict[str, Any]]) -> tuple[str, str]:
    """Each region's frame on the feature map: (3, 2, 2) scaled rotation and (3, 2, 1) centre, in feature pixels."""
    size = max(len(r["subset"]) for r in regions)
    index = np.stack([np.pad(r["subset"], (0, size - len(r["subset"])), mode="edge") for r in regions])
    xy = builder.add("Slice", mesh, *(builder.constant([n], "int64") for n in (0, 2, 1)))
    xy = builder.add("Mul", xy, builder.constant(FEATURES / 192.0))
    ends = builder.add("Gather", xy, builder.constant([[r["left"], r["right"]] for r in regions], "int64"), axis=0)
    left, right = builder.add("Split", ends, axis=1, outputs=2)  # (3, 1, 2) each
    line = builder.add("Sub", right, left)
    length = builder.add("ReduceL2", line, axes=[2], keepdims=1)
    unit = builder.add("Div", line, builder.add("Max", length, builder.constant(1e-6)))
    turned = builder.add("MatMul", unit, builder.constant([[0.0, 1.0], [-1.0, 0.0]]))  # (cos, sin) -> (-sin, cos)
    rows = builder.add("Concat", unit, turned, axis=1)  # (3, 2, 2), rows are the region's axes
    columns = builder.add("Transpose", rows, perm=[0, 2, 1])
    points = builder.add("Gather", xy, builder.constant(index, "int64"), axis=0)
    inside = builder.add("MatMul", points, columns)  # (3, size, 2) along the region's axes
    top = builder.add("ReduceMax", inside, axes=[1], keepdims=1)
    bottom = builder.add("ReduceMin", inside, axes=[1], keepdims=1)
    scales = builder.constant(np.array([r["scale"] / CUT for r in regions]).reshape(3, 1, 1))
    extent = builder.add("Mul", builder.add("Sub", top, bottom), scales)  # (3, 1, 2)
    middle = builder.add("Mul", builder.add("Add", top, bottom), builder.constant(0.5))
    centre = builder.add("Transpose", builder.add("MatMul", middle, rows), perm=[0, 2, 1])
    return str(builder.add("Mul", columns, extent)), str(centre)


def _cut(builder: Builder, features: str, rotation: str, centre: str) -> str:
    """The three regions as (1, 96, 16, 16); a sample outside the map is zero, as in TensorFlow Lite's operator."""
    y, x = np.mgrid[:CUT, :CUT] + 0.5 - CUT / 2
    base = builder.constant(np.stack([x.ravel(), y.ravel()]))
    at = builder.add("Add", builder.add("MatMul", rotation, base), centre)  # (3, 2, 256), pixel edges at integers
    half = (FEATURES - 1) / 2
    at = builder.add("Mul", builder.add("Sub", at, builder.constant(0.5 + half)), builder.constant(1 / half))
    grid = builder.add("Transpose", at, perm=[0, 2, 1])
    grid = builder.add("Reshape", grid, builder.constant([1, 3 * CUT, CUT, 2], "int64"))
    cut = builder.add("GridSample", features, grid, mode="bilinear", padding_mode="zeros", align_corners=1)
    furthest = builder.add("ReduceMax", builder.add("Abs", grid), axes=[3], keepdims=0)
    valid = builder.add("Cast", builder.add("LessOrEqual", furthest, builder.constant(1.0)), to=TensorProto.FLOAT)
    cut = builder.add("Mul", cut, builder.add("Reshape", valid, builder.constant([1, 1, 3 * CUT, CUT], "int64")))
    cut = builder.add("Reshape", cut, builder.constant([32, 3, CUT, CUT], "int64"))
    cut = builder.add("Transpose", cut, perm=[1, 0, 2, 3])
    return str(builder.add("Reshape", cut, builder.constant([1, 96, CUT, CUT], "int64")))


def _refine(builder: Builder, layers: Layers, heads: list[list[Operator]], cut: str) -> str:
    """Run the heads as grouped convolutions; (5, 80, 2) in region pixels, rows past a head's points are zero."""
    at: dict[tuple[int, ...], str] = {tuple(_sources(heads)): cut}
    for step in zip(*heads, strict=True):
        if len({o.name for o in step}) > 1:
            raise ValueError(f"expected heads of one shape, found {[o.name for o in step]}")
        split = id(step[1]) != id(step[2])
        used = step if split else (step[0], step[1], step[3])
        inputs = [tuple(o.inputs[n] for o in used) for n in range(2 if used[0].name == "ADD" else 1)]
        for key in inputs:
            if key not in at:
                at[key] = _fork(builder, at[key[0], key[1], key[3]])
        made = _grouped(builder, layers, used, [at[key] for key in inputs])
        at[tuple(o.outputs[0] for o in used)] = made
    return str(builder.add("Reshape", made, builder.constant([5, PER_HEAD, 2], "int64")))


def _sources(heads: list[list[Operator]]) -> list[int]:
    return [heads[n][0].inputs[0] for n in (0, 1, 3)]


def _fork(builder: Builder, x: str) -> str:
    """Three groups of channels to five: both heads of an eye start from the same map."""
    lips, left, right = builder.add("Split", x, axis=1, outputs=3)
    return str(builder.add("Concat", lips, left, left, right, right, axis=1))


def _grouped(builder: Builder, layers: Layers, used: tuple[Operator, ...], inputs: list[str]) -> str:
    first, groups = used[0], len(used)
    if first.name == "ADD":
        return str(builder.add("Add", *inputs))
    if first.name == "MAX_POOL_2D":
        return str(builder.add("MaxPool", inputs[0], kernel_shape=[2, 2], strides=[2, 2]))
    if first.name == "PRELU":
        slopes = [layers.graph.constants[o.inputs[1]] for o in used]
        return builder.prelu(inputs[0], np.concatenate([vector(s, s.size) for s in slopes]))
    if first.name == "PAD":
        count, width = (layers.channels(n) for n in (first.inputs[0], first.outputs[0]))
        kernel = np.tile(np.eye(width, count, dtype=np.float32), (groups, 1)).reshape(-1, count, 1, 1)
        return builder.conv(inputs[0], kernel, np.zeros(groups * width, np.float32), group=groups)
    if layers.graph.constants[first.inputs[1]].shape[1:3] == (2, 2):
        return _last(builder, layers, used, inputs[0])
    kernels, biases = zip(*(layers.weights(o) for o in used), strict=True)
    kernel, bias = np.concatenate(kernels), np.concatenate(biases)
    count = len(bias) if first.name == "DEPTHWISE_CONV_2D" else groups
    return builder.conv(inputs[0], kernel, bias, stride=first.stride, pads=layers.pads(first), group=count)


def _last(builder: Builder, layers: Layers, used: tuple[Operator, ...], x: str) -> str:
    """The heads' output convolutions (over the whole 2x2 map), each padded to 160 numbers, as a batched product."""
    matrix = np.zeros((len(used), 128, 2 * PER_HEAD), np.float32)
    bias = np.zeros((len(used), 1, 2 * PER_HEAD), np.float32)
    for n, operator in enumerate(used):
        kernel, offset = (layers.graph.constants[i].astype(np.float32) for i in operator.inputs[1:3])
        matrix[n, :, : len(kernel)] = kernel.transpose(0, 3, 1, 2).reshape(len(kernel), -1).T
        bias[n, 0, : len(kernel)] = offset
    flat = builder.add("Reshape", x, builder.constant([len(used), 1, 128], "int64"))
    return str(builder.add("Add", builder.add("MatMul", flat, builder.constant(matrix)), builder.constant(bias)))


def _place(builder: Builder, refined: str, rotation: str, centre: str) -> str:
    """From region pixels to the network's input pixels: a head's numbers are in units of 4 feature pixels' quarter."""
    regions = builder.constant(np.array(REGION), "int64")
    turn = builder.add("Transpose", builder.add("Gather", rotation, regions, axis=0), perm=[0, 2, 1])
    scale = 192.0 / FEATURES
    offset = builder.add("Transpose", builder.add("Gather", centre, regions, axis=0), perm=[0, 2, 1])
    corner = builder.add("MatMul", builder.constant(np.full((5, 1, 2), -CUT / 2)), turn)
    offset = builder.add("Mul", builder.add("Add", offset, corner), builder.constant(scale))
    return str(builder.add("Add", builder.add("MatMul", refined, turn), offset))


def _assemble(builder: Builder, mesh: str, refined: str, regions: list[dict[str, Any]]) -> str:
    """(478, 3): refined x, y where a head gives them, depth from the trunk, an iris at its lid line's mean depth."""
    xy, z = builder.add("Split", mesh, builder.constant([2, 1], "int64"), axis=1, outputs=2)
    flat = builder.add("Reshape", refined, builder.constant([5 * PER_HEAD, 2], "int64"))
    index: NDArray[Any] = np.arange(478)
    for head, region in ((0, 0), (1, 1), (3, 2)):
        subset = regions[region]["subset"]
        index[subset] = 468 + head * PER_HEAD + np.arange(len(subset))
    index[468:473] = 468 + 2 * PER_HEAD + np.arange(5)
    index[473:478] = 468 + 4 * PER_HEAD + np.arange(5)
    everything = builder.add("Concat", xy, flat, axis=0)
    points = builder.add("Gather", everything, builder.constant(index, "int64"), axis=0)
    lids = np.stack([regions[n]["subset"][:EYE_CONTOUR] for n in (1, 2)])
    depth = builder.add("Gather", z, builder.constant(lids, "int64"), axis=0)
    depth = builder.add("ReduceMean", depth, axes=[1], keepdims=0)
    depth = builder.add("Gather", depth, builder.constant([0] * 5 + [1] * 5, "int64"), axis=0)
    return str(builder.add("Concat", points, builder.add("Concat", z, depth, axis=0), axis=1))


def _renamed(builder: Builder, x: Any, name: str) -> None:
    builder.nodes.append(helper.make_node("Identity", [x], [name], name=name))
