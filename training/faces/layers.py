"""Translates TensorFlow Lite layers (NHWC) to ONNX (NCHW, padded channels)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx_graph import Builder, conv_weight, depthwise_weight, padded, same_pads, vector
from tflite_graph import Graph, Operator

RELU = 1


class Layers:
    """Emits operators one by one; `at` holds the ONNX name of each TensorFlow Lite tensor made so far."""

    def __init__(self, graph: Graph, builder: Builder) -> None:
        self.graph, self.builder = graph, builder
        self.at: dict[int, str] = {}
        self._pads: dict[int, tuple[int, int, int, int]] = {}

    def emit(self, operator: Operator) -> None:
        """Translate `operator`; unknown kinds raise KeyError."""
        handlers = {
            "CONV_2D": self._conv,
            "DEPTHWISE_CONV_2D": self._depthwise,
            "ADD": self._add,
            "PRELU": self._prelu,
            "RELU": lambda o: self.builder.add("Relu", self.at[o.inputs[0]]),
            "MAX_POOL_2D": self._pool,
            "PAD": self._pad,
            "RESIZE_BILINEAR": self._resize,
        }
        name = handlers[operator.name](operator)
        if operator.activation == RELU:
            name = self.builder.add("Relu", name)
        self.at[operator.outputs[0]] = name

    def channels(self, tensor: int) -> int:
        return self.graph.shapes[tensor][-1]

    def weights(self, operator: Operator) -> tuple[NDArray[Any], NDArray[Any]]:
        """Kernel and bias in ONNX order and padded channel counts."""
        kernel, bias = (self.graph.constants[n] for n in operator.inputs[1:3])
        width = padded(self.channels(operator.outputs[0]))
        if operator.name == "DEPTHWISE_CONV_2D":
            return depthwise_weight(kernel, width), vector(bias, width)
        inputs = self.channels(operator.inputs[0])
        return conv_weight(kernel, inputs if inputs == 3 else padded(inputs), width), vector(bias, width)

    def pads(self, operator: Operator) -> tuple[int, int, int, int]:
        if operator.inputs[0] in self._pads:
            return self._pads[operator.inputs[0]]
        if not operator.same:
            return (0, 0, 0, 0)
        size = self.graph.shapes[operator.inputs[0]][1:3]
        kernel = self.graph.constants[operator.inputs[1]].shape[1:3]
        (top, bottom), (left, right) = (
            same_pads(s, k, t) for s, k, t in zip(size, kernel, operator.stride, strict=True)
        )
        return (top, left, bottom, right)

    def _conv(self, o: Operator) -> str:
        return self.builder.conv(self.at[o.inputs[0]], *self.weights(o), stride=o.stride, pads=self.pads(o))

    def _depthwise(self, o: Operator) -> str:
        kernel, bias = self.weights(o)
        x = self.at[o.inputs[0]]
        return self.builder.conv(x, kernel, bias, stride=o.stride, pads=self.pads(o), group=len(bias))

    def _add(self, o: Operator) -> str:
        return str(self.builder.add("Add", *(self.at[n] for n in o.inputs)))

    def _prelu(self, o: Operator) -> str:
        slope = self.graph.constants[o.inputs[1]]
        return self.builder.prelu(self.at[o.inputs[0]], vector(slope, padded(slope.size)))

    def _pool(self, o: Operator) -> str:
        if o.window != (2, 2) or o.stride != (2, 2):
            raise ValueError(f"expected 2x2 pooling, found window {o.window} stride {o.stride}")
        return str(self.builder.add("MaxPool", self.at[o.inputs[0]], kernel_shape=[2, 2], strides=[2, 2]))

    def _pad(self, o: Operator) -> str:
        """Spatial padding is remembered for the convolution that follows; channel padding is an identity kernel."""
        amounts = self.graph.constants[o.inputs[1]]
        if amounts[3].any():
            inputs, outputs = padded(self.channels(o.inputs[0])), padded(self.channels(o.outputs[0]))
            if inputs == outputs:
                return self.at[o.inputs[0]]
            kernel = np.eye(outputs, inputs, dtype=np.float32).reshape(outputs, inputs, 1, 1)
            return self.builder.conv(self.at[o.inputs[0]], kernel, np.zeros(outputs, np.float32))
        self._pads[o.outputs[0]] = (amounts[1][0], amounts[2][0], amounts[1][1], amounts[2][1])
        return self.at[o.inputs[0]]

    def _resize(self, o: Operator) -> str:
        """Twice the size, pixel centres at half (half_pixel_centers in all three of the detector's)."""
        scales = self.builder.constant([1.0, 1.0, 2.0, 2.0])
        return str(
            self.builder.add(
                "Resize", self.at[o.inputs[0]], "", scales, mode="linear", coordinate_transformation_mode="half_pixel"
            )
        )
