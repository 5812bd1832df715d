"""Compare inperson's speech models with the originals, on real clips.

``python parity.py FOLDER [--clips 20]`` in the environment of README.md, with ``PYTHONPATH=../../src``. Prints the
largest differences of: Silero VAD's probabilities (its own streaming file, one hop at a time, against ours in pieces),
the mel bands, and Resemblyzer's embeddings (its torch network and front end against ours). Writes golden values for the
unit tests with ``--goldens FILE``, made by the originals on a signal that the tests can make again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from export import SpeakerEncoder, package_file
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def silero(audio: Floats) -> Floats:
    """Probabilities by the wheel's streaming 16 kHz file, as its own wrapper runs it."""
    import onnxruntime

    path = package_file("silero_vad", "data", "silero_vad.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    state, context, out = np.zeros((2, 1, 128), np.float32), np.zeros((1, 64), np.float32), []
    for at in range(0, len(audio) - 511, 512):
        hop = np.concatenate([context, audio[None, at : at + 512]], axis=1)
        value, state = session.run(None, {"input": hop, "state": state, "sr": np.array(16000, np.int64)})
        context = hop[:, -64:]
        out.append(float(value[0, 0]))
    return np.array(out, np.float32)


def resemblyzer_mel(audio: Floats) -> Floats:
    """Resemblyzer's ``wav_to_mel_spectrogram``: librosa's power mel with its defaults, 25 ms window, 10 ms step."""
    import librosa

    mel = librosa.feature.melspectrogram(y=audio, sr=16000, n_fft=400, hop_length=160, n_mels=40)
    return mel.astype(np.float32).T


def resemblyzer_network() -> torch.nn.Module:
    """The package's own class where it imports (it needs webrtcvad), else the same layers with the same weights."""
    try:
        from resemblyzer import VoiceEncoder
    except ImportError:
        network = SpeakerEncoder()
        weights = torch.load(package_file("resemblyzer", "pretrained.pt"), map_location="cpu", weights_only=True)
        network.load_state_dict({key: weights["model_state"][key] for key in network.state_dict()})
        print("resemblyzer does not import here: its weights in the class of export.py")
        return network.eval()
    return VoiceEncoder("cpu", verbose=False).eval()


def synthetic(seconds: float = 3.2) -> Floats:
    """A signal that any machine makes the same way: a buzz with two moving formants, two pauses, faint noise."""
    time = np.arange(int(seconds * 16000)) / 16000
    phase = 2 * np.pi * np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.9 * time)) / 16000
    first, second = 500 + 250 * np.sin(2 * np.pi * 2.1 * time), 1500 + 500 * np.sin(2 * np.pi * 1.3 * time + 1)
    out = np.zeros(len(time))
    for harmonic in range(1, 50):
        pitch = harmonic * (120 + 25 * np.sin(2 * np.pi * 0.9 * time))
        gain = 1 / (1 + ((pitch - first) / 120) ** 2) + 0.5 / (1 + ((pitch - second) / 160) ** 2)
        out += gain * np.sin(harmonic * phase) * (pitch < 7500)
    syllables = np.clip(np.sin(2 * np.pi * 3.7 * time) + 0.6, 0, 1) * ((time % 1.6) < 1.25)
    noise = np.sin(np.arange(len(time)) ** 2 * 0.37)
    return (0.12 * out * syllables + 0.0005 * noise).astype(np.float32)


def ours(audio: Floats) -> tuple[Floats, Floats]:
    from inperson.speaker_embedding import MelFrames
    from inperson.voice_activity import VoiceActivity

    activity, frames = VoiceActivity(), MelFrames()
    parts = np.split(audio, range(7777, len(audio), 7777))
    values = np.concatenate([activity.update(part) for part in parts])
    mel = np.concatenate([*(frames.update(part)[0] for part in parts), frames.finish()[0]])
    return values, mel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--goldens", type=Path)
    options = parser.parse_args()
    network = resemblyzer_network()
    if options.folder:
        paths = sorted(options.folder.glob("*.flac"))
        compare(paths[:: max(1, len(paths) // options.clips)], network)
    if options.goldens:
        write_goldens(options.goldens, network)


def compare(paths: list[Path], network: torch.nn.Module) -> None:
    from dialogues import read

    from inperson.speaker_embedding import embed

    worst = {"speech probability": 0.0, "mel (relative to its maximum)": 0.0, "embedding": 0.0}
    for path in paths:
        audio = read(path)
        values, mel = ours(audio)
        original = resemblyzer_mel(audio)
        worst["speech probability"] = max(worst["speech probability"], float(np.abs(values - silero(audio)).max()))
        relative = float(np.abs(mel - original).max() / original.max())
        worst["mel (relative to its maximum)"] = max(worst["mel (relative to its maximum)"], relative)
        if len(mel) >= 160:
            with torch.no_grad():
                theirs = network(torch.from_numpy(original[None, :160])).numpy()
            worst["embedding"] = max(worst["embedding"], float(np.abs(embed(mel[None, :160]) - theirs).max()))
    for name, difference in worst.items():
        print(f"largest difference over {len(paths)} clips: {name} {difference:.2e}")


def write_goldens(path: Path, network: torch.nn.Module) -> None:
    audio = synthetic()
    mel = resemblyzer_mel(audio)
    with torch.no_grad():
        embedding = network(torch.from_numpy(mel[None, :160])).numpy()[0]
    document = {
        "made_by": "training/speech/parity.py --goldens, with the originals",
        "speech": [round(float(v), 5) for v in silero(audio)],
        "mel_rows": [0, 50, 137],
        "mel": [[float(f"{v:.6g}") for v in mel[row]] for row in (0, 50, 137)],
        "embedding": [round(float(v), 6) for v in embedding],
    }
    path.write_text(json.dumps(document) + "\n", encoding="utf-8")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
