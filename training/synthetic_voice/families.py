"""The families of networks that were compared, by name."""

from __future__ import annotations

from listening import Listener
from networks import Coarse, Conformer, Lcnn, Lfcc, LogBands, LogSpectrum, ResNet, Split

FAMILIES = {
    "resnet_coarse": lambda: ResNet(Coarse(), (32, 64, 128, 128)),
    "resnet_coarse_thin": lambda: ResNet(Coarse(), (16, 32, 64, 128)),
    "lcnn_lfcc": lambda: Lcnn(Lfcc()),
    "resnet_spectrum": lambda: ResNet(LogSpectrum()),
    "resnet_spectrum_mean": lambda: ResNet(LogSpectrum(keep_mean=True)),
    "resnet_phase": lambda: ResNet(LogSpectrum(phase=True)),
    "resnet_mel": lambda: ResNet(LogBands(80, "mel"), (24, 48, 96, 128)),
    "conformer_split": lambda: Conformer(Split()),
    "conformer_mel": lambda: Conformer(LogBands(80, "mel")),
    "whisper_2": lambda: Listener(2),
    "whisper_3": lambda: Listener(3),
    "whisper_2slim": lambda: Listener(2, 1024),
}
