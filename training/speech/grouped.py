"""Silero VAD's sequence file with its convolutions as products of whole matrices; the weights stay as they are.

A convolution over the four positions of a hop, hop by hop, is many small products; of all hops together it is one.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

STEP, FRAMES = 128, 4
MIRRORED = 64
"""Samples by which the file mirrors a hop at its end."""
BINS = STEP + 1
STRIDES = (1, 2, 2, 1)
"""Of the encoder's convolutions; each looks at three positions, with nothing beyond the ends."""


def grouped(model: onnx.ModelProto) -> onnx.ModelProto:
    """Rewrite what lies before the LSTM, in place."""
    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made = Nodes()
    x, positions = made.spectrum(weights["stft.forward_basis_buffer"][:, 0].T), FRAMES
    for number, stride in enumerate(STRIDES):
        weight, bias = (weights[f"encoder.{number}.{name}"] for name in ("weight", "bias"))
        x, positions = made.layer(x, weight, bias, positions, stride)
    last = next(i for i, node in enumerate(graph.node) if node.op_type == "LSTM")
    graph.node[last].input[0] = x
    nodes = [*made.nodes, *list(graph.node)[last:]]
    used = {name for node in nodes for name in node.input}
    tensors = [*(tensor for tensor in graph.initializer if tensor.name in used), *made.tensors]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensors)
    onnx.checker.check_model(model)
    return model


class Nodes:
    """Nodes and tensors under way, named by their numbers."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str | NDArray[np.generic], **attributes: int | str) -> str:
        """A node; returns the name of what comes out."""
        names = [one if isinstance(one, str) else self._held(one) for one in inputs]
        name = f"grouped_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [name], **attributes))
        return name

    def _held(self, values: NDArray[np.generic]) -> str:
        name = f"grouped_held_{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def spectrum(self, basis: NDArray[np.float32]) -> str:
        """(hops, 4, 129): magnitudes of frames of 256 samples, each half of which the next one shares."""
        sound = self.add("Pad", "input", np.array([0, 0, 0, MIRRORED]), mode="reflect")
        steps = self.add("Reshape", sound, np.array([-1, FRAMES + 1, STEP]))
        halves = [self.add("Slice", steps, np.array([at]), np.array([at + FRAMES]), np.array([1])) for at in (0, 1)]
        frames = self.add("Concat", *halves, axis=2)
        parts = [self.add("MatMul", frames, basis[:, some]) for some in (slice(BINS), slice(BINS, None))]
        return self.add("Sqrt", self.add("Add", *(self.add("Mul", part, part) for part in parts)))

    def layer(
        self, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32], positions: int, stride: int
    ) -> tuple[str, int]:
        """A convolution, and nothing below 0: its (hops, positions, channels) and how many positions these are.

        One product for each of the three places that the kernel looks at, and only where there is something.
        """
        count = (positions - 1) // stride + 1
        places = np.arange(count)[:, None] * stride + np.arange(-1, 2)
        inside = (places >= 0) & (places < positions)
        used = np.flatnonzero(inside.any(axis=0))
        if not inside[:, used].all():
            x = self.add("Pad", x, np.array([0, 1, 0, 0, 1, 0]))
            places = places + 1
        taken = self.add("Gather", x, places[:, used], axis=1)
        joined = self.add("Reshape", taken, np.array([-1, count, len(used) * weight.shape[1]]))
        product = self.add("MatMul", joined, weight[:, :, used].transpose(2, 1, 0).reshape(-1, len(weight)))
        return self.add("Relu", self.add("Add", product, bias)), count
