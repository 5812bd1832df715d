"""The generators by name: what each is built of and what its batches are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from codec import Codec
from convert import Converter
from flow import Flow
from frame_gan import FrameGan
from spectra import Setting
from torch import nn
from upsampler import Upsampler

BASE = Setting(200, 80, 800)
"""12.5 ms and 80 bands: what the converter predicts, so what most vocoders take."""
FINE = Setting(160, 80, 640)
COARSE = Setting(256, 64, 1024)
BANDS = Setting(256, 100, 1024)


@dataclass(frozen=True)
class System:
    """How to build a generator and train it: seconds a segment, segments a batch, learning rate."""

    build: Callable[[], nn.Module]
    seconds: float
    batch: int
    rate: float = 1e-3


SYSTEMS = {
    "framegan-base": System(lambda: FrameGan(BASE), 0.6, 8),
    "framegan-fine": System(lambda: FrameGan(FINE, 160, 5), 0.5, 8),
    "framegan-bands": System(lambda: FrameGan(BANDS, 224, 6), 0.64, 8),
    "flow-base": System(lambda: Flow(BASE, 400), 1.0, 8),
    "flow-coarse": System(lambda: Flow(COARSE, 512, 256, 6), 1.0, 8),
    "upsampler-base": System(lambda: Upsampler(BASE), 0.4, 8),
    "upsampler-fine": System(lambda: Upsampler(FINE, (8, 5, 4), 64), 0.4, 8),
    "codec": System(lambda: Codec(Setting(320, 80, 960)), 0.64, 8),
    "convert-narrow": System(lambda: Converter(BASE, 8, 8), 1.6, 8),
    "convert-wide": System(lambda: Converter(BASE, 16, 4), 1.6, 8),
}
