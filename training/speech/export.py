"""Make the two speech models from registry packages: Silero VAD (regrouped) and Resemblyzer's encoder (exported).

Run in the environment that README.md describes: ``python export.py OUT``. Writes ``voice_activity-1.1.0.onnx`` and
``speaker_embedding-1.0.0.onnx`` into OUT and prints their SHA-256, which belong into the cards.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
from pathlib import Path

import onnx
import torch
from grouped import grouped

VERSION = "1.0.0"
ACTIVITY_VERSION = "1.1.0"
MELS = 40
WIDTH = 256


def package_file(package: str, *parts: str) -> Path:
    """A data file of an installed package, found without importing the package (its imports are not all needed)."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed; see README.md")
    return Path(spec.origin).parent.joinpath(*parts)


class SpeakerEncoder(torch.nn.Module):
    """Resemblyzer 0.1.4's network: three LSTM layers, the last hidden state through linear, ReLU and unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(MELS, WIDTH, 3, batch_first=True)
        self.linear = torch.nn.Linear(WIDTH, WIDTH)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        _, (hidden, _) = self.lstm(mel)
        raw = torch.relu(self.linear(hidden[-1]))
        return raw / raw.norm(dim=1, keepdim=True).clamp_min(1e-12)


def speaker_embedding(out: Path) -> Path:
    encoder = SpeakerEncoder()
    weights = torch.load(package_file("resemblyzer", "pretrained.pt"), map_location="cpu", weights_only=True)
    state = weights["model_state"]
    encoder.load_state_dict({key: state[key] for key in encoder.state_dict()})
    path = out / f"speaker_embedding-{VERSION}.onnx"
    torch.onnx.export(
        encoder.eval(),
        (torch.zeros(2, 160, MELS),),
        str(path),
        input_names=["mel"],
        output_names=["embedding"],
        dynamic_axes={"mel": {0: "batch", 1: "frames"}, "embedding": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    return path


def voice_activity(out: Path) -> Path:
    """The 16 kHz "sequence" file of the wheel: the same network, many hops a call, state in and out."""
    path = out / f"voice_activity-{ACTIVITY_VERSION}.onnx"
    onnx.save(grouped(onnx.load(package_file("silero_vad", "data", "silero_vad_16k_sequence.onnx"))), path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for path in (voice_activity(out), speaker_embedding(out)):
        print(path.name, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
