"""Weights stored in fewer bits: the file shrinks, the figures stay."""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.helper as make
import onnxruntime
import pytest
from onnx import numpy_helper

TRAINING = Path(__file__).parents[1] / "training"
pytestmark = pytest.mark.skipif(not TRAINING.exists(), reason="training scripts are in the repository only")


@pytest.fixture(scope="module")
def halved():  # type: ignore[no-untyped-def]
    sys.path.insert(0, str(TRAINING))
    import halved

    yield halved
    sys.path.remove(str(TRAINING))
    del sys.modules["halved"]


def model(weights: np.ndarray, kernel: np.ndarray) -> onnx.ModelProto:
    """A convolution, then a matrix: (1, 40, n) to (1, n - 2, outputs)."""
    nodes = [
        make.make_node("Conv", ["x", "kernel"], ["heard"]),
        make.make_node("Transpose", ["heard"], ["turned"], perm=[0, 2, 1]),
        make.make_node("MatMul", ["turned", "weights"], ["y"]),
    ]
    sides = [make.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, None, None]) for n in ("x", "y")]
    held = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(kernel, "kernel")]
    graph = make.make_graph(nodes, "two", sides[:1], sides[1:], held)
    return make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9)


def out(made: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    onnx.checker.check_model(made)
    return onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"x": x})[0]


@pytest.mark.parametrize(("name", "share", "error"), [("halved", 0.51, 1e-3), ("quartered", 0.27, 2.5e-2)])
def test_fewer_bits_give_the_same_figures(halved, name: str, share: float, error: float) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 1, (900, 40, 3)).astype(np.float32) * 10.0 ** rng.uniform(-3, 1, (900, 1, 1))
    weights = rng.normal(0, 1, (900, 200)).astype(np.float32) * 10.0 ** rng.uniform(-3, 1, 200)
    plain = model(weights.astype(np.float32), kernel.astype(np.float32))
    size, x = len(plain.SerializeToString()), rng.normal(0, 1, (1, 40, 12)).astype(np.float32)
    expected = out(plain, x)
    made = getattr(halved, name)(plain)
    assert len(made.SerializeToString()) < share * size
    lost = (out(made, x) - expected).std(axis=(0, 1)) / expected.std(axis=(0, 1))
    assert lost.max() < 3 * error  # each output has a factor of its own, so weak ones are as exact as strong ones


def test_large_matrices_are_multiplied_in_whole_numbers_that_fit_16_bits(halved) -> None:  # type: ignore[no-untyped-def]
    weights = np.random.default_rng(2).normal(0, 1, (900, 200)).astype(np.float32)
    made = halved.quartered(model(weights, np.ones((900, 40, 3), np.float32)))
    (product,) = [node for node in made.graph.node if "MatMul" in node.op_type]
    assert product.op_type == "MatMulInteger"
    (held,) = [t for t in made.graph.initializer if t.name == product.input[1]]
    values = numpy_helper.to_array(held).astype(int)
    assert np.abs(values).max(axis=0).tolist() == [63] * 200
    assert 2 * 255 * np.abs(values).max() < 2**15


def test_convolutions_are_computed_in_8_bits_over_the_range_of_examples(halved, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(3)
    plain = model(np.eye(900, 200, dtype=np.float32), rng.normal(0, 1, (900, 40, 3)).astype(np.float32))
    plain.graph.node[0].name = "/layers.0/Conv"
    x = rng.normal(0, 1, (1, 40, 12)).astype(np.float32)
    expected, path = out(plain, x), tmp_path / "two.onnx"
    for part, but, computed in (
        ("/others", "/first", False),
        ("/layers", "/layers.0", False),
        ("/layers", "/first", True),
    ):
        onnx.save(plain, path)
        halved.whole(path, [{"x": x}], part, but)
        made = onnx.load(path)
        assert ("QuantizeLinear" in {node.op_type for node in made.graph.node}) is computed
        lost = (out(made, x) - expected).std() / expected.std()
        assert (0.001 < lost < 0.02) if computed else lost == 0
    kernels = [numpy_helper.to_array(t) for t in made.graph.initializer if t.data_type == onnx.TensorProto.INT8]
    assert max(np.abs(k.astype(int)).max() for k in kernels) <= 64


def test_small_matrices_keep_their_bits(halved) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(1)
    plain = model(rng.normal(0, 1, (30, 20)).astype(np.float32), rng.normal(0, 1, (30, 40, 3)).astype(np.float32))
    before = plain.SerializeToString()
    assert halved.quartered(plain).SerializeToString() == before
