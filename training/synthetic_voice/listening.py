"""The first blocks of Whisper's encoder (Radford et al., 2023), trained further on what a machine leaves in speech.

The weights come from packages of the registry (README.md), in CTranslate2's form; `weights` reads the encoder out of
them. Its first blocks still hear how something was said; later ones only what.
"""

from __future__ import annotations

import copy
import math
import struct
from pathlib import Path

import numpy as np
import torch
from networks import RATE, STEP, WINDOW, Head, Network
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Floats = NDArray[np.float32]
MELS, SIZE, HEADS = 80, 512, 8
INNER = 4 * SIZE
"""Width between the two layers of each frame; slimmed.py makes it less."""
POSITIONS = 300
"""Of Whisper's 1500, 20 ms apart: 6 s, more than the longest utterance."""
LOUDNESS = 0.05
"""Root mean square of the sound before the transform: about that of speech at a usual level."""
RANGE = 8.0
"""Of the logarithm (base 10) below the loudest band and frame, as Whisper's own front end cuts it."""
_KINDS = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def weights(path: Path) -> dict[str, Floats]:
    """Arrays of the encoder by their names in CTranslate2's binary form (its `model_spec.py`)."""
    out = {}
    with open(path, "rb") as file:
        if b"WhisperSpec" not in file.read(32):
            raise SystemExit(f"{path}: expected Whisper's weights in CTranslate2's form; README.md says where they are")
        file.seek(0)

        def number(form: str) -> int:
            return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])

        def text() -> str:
            return file.read(number("<H")).rstrip(b"\0").decode()

        number("<I"), text(), number("<I")  # version of the form, the model's kind, its revision
        for _ in range(number("<I")):
            name, rank = text(), number("<B")
            shape = [number("<I") for _ in range(rank)]
            kind, size = number("<B"), number("<I")
            content = file.read(size)
            if name.startswith("encoder/") and kind in _KINDS:
                out[name.removeprefix("encoder/")] = np.frombuffer(content, _KINDS[kind]).reshape(shape).astype("f4")
    return out


def mels() -> NDArray[np.float64]:
    """(80, 201) triangles on Slaney's mel scale, each of unit area, as Whisper was trained with."""

    def hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(mel >= 15, 1000 * np.exp(math.log(6.4) / 27 * (mel - 15)), mel * 200 / 3)

    lines = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    edges = hertz(np.linspace(0, 15 + math.log(RATE / 2 / 1000) * 27 / math.log(6.4), MELS + 2))
    up = (lines - edges[:-2, None]) / np.diff(edges)[:-1, None]
    down = (edges[2:, None] - lines) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(up, down)) * (2 / (edges[2:] - edges[:-2]))[:, None]


class Mel(nn.Module):
    """Whisper's front end, without the padding at the ends: (batch, samples) -> (batch, 80, frames)."""

    channels, height = 1, MELS

    def __init__(self) -> None:
        super().__init__()
        n, k = np.arange(WINDOW), np.arange(WINDOW // 2 + 1)[:, None]
        window = np.hanning(WINDOW + 1)[:-1]
        angle = 2 * np.pi * k * n / WINDOW
        basis = np.concatenate([np.cos(angle) * window, np.sin(angle) * window])[:, None]
        self.register_buffer("basis", torch.tensor(basis, dtype=torch.float32), persistent=False)
        self.register_buffer("window", torch.tensor(window, dtype=torch.float32), persistent=False)
        self.register_buffer("bank", torch.tensor(mels(), dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x * (LOUDNESS / (x.square().mean(1, keepdim=True).sqrt() + 1e-9))
        if self.training:  # the same, several times faster, and not to be had in ONNX
            power = torch.fft.rfft(x.unfold(1, WINDOW, STEP) * self.window).abs().square().transpose(1, 2)
        else:
            made = functional.conv1d(x[:, None], self.basis, stride=STEP)
            power = made[:, : WINDOW // 2 + 1].square() + made[:, WINDOW // 2 + 1 :].square()
        log = torch.log(torch.clamp(self.bank @ power, min=1e-10)) / math.log(10)
        log = torch.maximum(log, log.amax((1, 2), keepdim=True) - RANGE)
        return ((log + 4) / 4)[:, None]


class Block(nn.Module):
    """One of the encoder's: attention, then two layers of each frame, both beside what came in."""

    def __init__(self, inner: int = INNER) -> None:
        super().__init__()
        self.first, self.ask, self.answer = nn.LayerNorm(SIZE), nn.Linear(SIZE, 3 * SIZE), nn.Linear(SIZE, SIZE)
        self.last, self.up, self.down = nn.LayerNorm(SIZE), nn.Linear(SIZE, inner), nn.Linear(inner, SIZE)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attended(x)
        return x + self.down(self.inner(x))

    def attended(self, x: Tensor) -> Tensor:
        """(batch, frames, 512): what came in, and what each frame took of the others."""
        parts = [p.unflatten(2, (HEADS, -1)).transpose(1, 2) for p in self.ask(self.first(x)).chunk(3, 2)]
        # Written out, as in `networks.Block`.
        share = (parts[0] @ parts[1].transpose(2, 3) / math.sqrt(SIZE / HEADS)).softmax(3)
        return x + self.answer((share @ parts[2]).transpose(1, 2).flatten(2))

    def inner(self, x: Tensor) -> Tensor:
        """(batch, frames, inner) between the two layers of each frame."""
        return functional.gelu(self.up(self.last(x)))

    def take(self, held: dict[str, Floats], name: str) -> None:
        for module, place in ((self.first, "self_attention/layer_norm"), (self.last, "ffn/layer_norm")):
            _put(module, held[f"{name}/{place}/gamma"], held[f"{name}/{place}/beta"])
        linear = {self.ask: "self_attention/linear_0", self.answer: "self_attention/linear_1"}
        for module, place in (linear | {self.up: "ffn/linear_0", self.down: "ffn/linear_1"}).items():
            _put(module, held[f"{name}/{place}/weight"], held[f"{name}/{place}/bias"])


class Listener(Network):
    """The encoder's first blocks, and a head on the mean and deviation over time of what they hear."""

    def __init__(self, blocks: int = 2, inner: int = INNER) -> None:
        super().__init__(Mel())
        self.near = nn.Conv1d(MELS, SIZE, 3, 1, 1)
        self.far = nn.Conv1d(SIZE, SIZE, 3, 2, 1)
        self.blocks = nn.ModuleList(Block(inner) for _ in range(blocks))
        self.register_buffer("position", torch.zeros(POSITIONS, SIZE))
        self.head = Head(SIZE)

    def rest(self, picture: Tensor) -> Tensor:
        return self.head(self.heard(picture).transpose(1, 2))

    def heard(self, picture: Tensor) -> Tensor:
        """(batch, frames / 2, 512): what the last block gives."""
        made = functional.gelu(self.far(functional.gelu(self.near(picture[:, 0])))).transpose(1, 2)
        made = made + self.position[: made.shape[1]]
        for block in self.blocks:
            made = block(made)
        return made

    def exported(self) -> Listener:
        """A copy with its second convolution as a product."""
        made = copy.deepcopy(self)
        made.far = Halving(self.far)
        return made

    def begin(self, path: Path) -> None:
        """From the weights of Whisper's base model."""
        held = weights(path)
        _put(self.near, held["conv1/weight"], held["conv1/bias"])
        _put(self.far, held["conv2/weight"], held["conv2/bias"])
        self.position.copy_(torch.from_numpy(held["position_encodings/encodings"][:POSITIONS]))
        for number, block in enumerate(self.blocks):
            block.take(held, f"layer_{number}")

    def learned(self) -> list[nn.Parameter]:
        """Parameters that `begin` sets."""
        return [*self.near.parameters(), *self.far.parameters(), *self.blocks.parameters()]


class Halving(nn.Module):
    """What a convolution of every other of three positions does, as one product: (batch, channels, frames) ->
    (batch, channels, frames / 2). Exported so, it is in 8 bits (`../halved.py`) and takes half the time."""

    def __init__(self, layer: nn.Conv1d) -> None:
        super().__init__()
        self.product = nn.Linear(3 * layer.in_channels, layer.out_channels)
        _put(self.product, layer.weight.detach().permute(0, 2, 1).flatten(1).numpy(), layer.bias.detach().numpy())

    def forward(self, x: Tensor) -> Tensor:
        around = functional.pad(x, (1, 1))
        joined = torch.cat([around[:, :, :-2:2], around[:, :, 1:-1:2], around[:, :, 2::2]], 1)
        return self.product(joined.transpose(1, 2)).transpose(1, 2)


def _put(module: nn.Module, weight: Floats, bias: Floats) -> None:
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(weight))  # type: ignore[operator]
        module.bias.copy_(torch.from_numpy(bias))  # type: ignore[operator]
