"""Writes ONNX graphs in the shape ONNX Runtime's CPU kernels are fastest with.

What it does, and why (ONNX Runtime keeps a channel-blocked layout as long as every node supports it):

- channel counts are padded with zeros to multiples of 16, the widest block;
- PReLU, which has no blocked kernel, is written as ``x + s * relu(w * x)`` with 1x1 depthwise convolutions;
- padding nodes are folded into the convolution that follows, channel padding into an identity convolution;
- weights are stored as float16 where that loses nothing (MediaPipe ships them so) behind a Cast, which ONNX Runtime
  folds at load.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

BLOCK = 16
OPSET = 17


def padded(channels: int) -> int:
    """The channel count rounded up to whole blocks."""
    return -(-channels // BLOCK) * BLOCK


class Builder:
    """Collects nodes and constants; every method returns the name of the tensor it made."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._number = 0

    def name(self, hint: str = "t") -> str:
        self._number += 1
        return f"{hint}_{self._number}"

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [self.name(kind.lower()) for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, values: NDArray[Any] | list[Any] | float, dtype: Any = np.float32) -> str:
        array = np.ascontiguousarray(np.asarray(values, dtype))
        name = self.name("c")
        half = array.astype(np.float16) if array.dtype == np.float32 and array.size > 64 else None
        if half is not None and np.array_equal(half.astype(np.float32), array):
            self.constants.append(numpy_helper.from_array(half, name))
            return str(self.add("Cast", name, to=TensorProto.FLOAT))
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def conv(
        self,
        x: str,
        weight: NDArray[Any],
        bias: NDArray[Any],
        *,
        stride: tuple[int, int] = (1, 1),
        pads: tuple[int, int, int, int] = (0, 0, 0, 0),
        group: int = 1,
    ) -> str:
        """Convolution; `weight` is (out, in / group, h, w), `pads` top, left, bottom, right."""
        return str(
            self.add(
                "Conv",
                x,
                self.constant(weight),
                self.constant(bias),
                kernel_shape=list(weight.shape[2:]),
                strides=list(stride),
                pads=list(pads),
                group=group,
            )
        )

    def prelu(self, x: str, slope: NDArray[Any]) -> str:
        """``max(x, 0) + slope * min(x, 0)`` per channel, without a PRelu node."""
        factor = (1.0 - slope).astype(np.float32)
        zero = np.zeros_like(factor)
        kernel = (-np.abs(factor)).reshape(-1, 1, 1, 1)
        negative = self.add("Relu", self.conv(x, kernel, zero, group=len(factor)))
        if (factor < 0).any():
            sign = np.where(factor < 0, -1.0, 1.0).reshape(-1, 1, 1, 1)
            negative = self.conv(negative, sign, zero, group=len(factor))
        return str(self.add("Add", negative, x))

    def model(self, inputs: list[Any], outputs: list[Any], name: str, doc: str) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        model.producer_name = "inperson training/faces/convert.py"
        model.doc_string = doc
        onnx.checker.check_model(model, full_check=True)
        return model


def conv_weight(weight: NDArray[Any], inputs: int, outputs: int) -> NDArray[np.float32]:
    """TensorFlow Lite (out, h, w, in) to ONNX (out, in, h, w), zero-padded to `outputs` and `inputs` channels."""
    moved = weight.astype(np.float32).transpose(0, 3, 1, 2)
    out = np.zeros((outputs, inputs, *moved.shape[2:]), np.float32)
    out[: moved.shape[0], : moved.shape[1]] = moved
    return out


def depthwise_weight(weight: NDArray[Any], channels: int) -> NDArray[np.float32]:
    """TensorFlow Lite (1, h, w, c) to ONNX (c, 1, h, w), zero-padded to `channels`."""
    moved = weight.astype(np.float32).transpose(3, 0, 1, 2)
    out = np.zeros((channels, *moved.shape[1:]), np.float32)
    out[: moved.shape[0]] = moved
    return out


def vector(values: NDArray[Any], length: int) -> NDArray[np.float32]:
    """Flatten and zero-pad to `length`."""
    out = np.zeros(length, np.float32)
    out[: values.size] = values.astype(np.float32).ravel()
    return out


def same_pads(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME padding (before, after) of one axis."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
