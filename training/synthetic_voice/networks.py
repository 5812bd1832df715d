"""The families of networks that were compared, and the front ends they look through.

Every network takes sound, (batch, samples) float32 at 16 kHz, and returns (batch, 3): the logit of spoof against bona
fide, of generated against converted (what is spoof), and of neural codec against everything else. The front end is
part of the network (a discrete Fourier transform as a convolution), so the exported model takes sound and there is
nothing to keep in step.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

RATE = 16000
WINDOW, STEP, FFT = 400, 160, 512
"""25 ms Hann window every 10 ms: the common choice for speech."""
FLOOR = 1e-6
"""Of the mean power, added before the logarithm (-60 dB): inaudible residues are not seen, and gain has no effect."""
HEADS = 3


class Spectrum(nn.Module):
    """(batch, n) -> real and imaginary parts, each (batch, 257, frames)."""

    def __init__(self) -> None:
        super().__init__()
        n, k = np.arange(WINDOW), np.arange(FFT // 2 + 1)[:, None]
        angle = 2 * np.pi * k * (n - WINDOW / 2) / FFT  # centred: the phase is that of the window's middle
        window = np.hanning(WINDOW + 1)[:-1]
        basis = np.concatenate([np.cos(angle) * window, -np.sin(angle) * window])[:, None]
        self.register_buffer("basis", torch.tensor(basis, dtype=torch.float32), persistent=False)
        self.register_buffer("window", torch.tensor(window, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x - x.mean(1, keepdim=True)
        x = x / (x.square().mean(1, keepdim=True).sqrt() + 1e-9)
        if self.training:  # the same, several times faster, and not to be had in ONNX
            frames = functional.pad(x.unfold(1, WINDOW, STEP) * self.window, (0, FFT - WINDOW))
            made = torch.fft.rfft(frames.roll(-WINDOW // 2, 2)).transpose(1, 2)
            return made.real, made.imag
        made = functional.conv1d(x[:, None], self.basis, stride=STEP)
        return made[:, : FFT // 2 + 1], made[:, FFT // 2 + 1 :]


def log_power(real: Tensor, imag: Tensor) -> Tensor:
    power = real.square() + imag.square()
    return torch.log(power + FLOOR * power.mean((1, 2), keepdim=True) * 100)


def banks(bands: int, scale: str) -> Tensor:
    """(bands, 257) triangles on a linear or mel scale, 0 to 8 kHz."""

    def mel(f: np.ndarray) -> np.ndarray:
        return 2595 * np.log10(1 + f / 700)

    f = np.linspace(0, RATE / 2, FFT // 2 + 1)
    place = mel(f) if scale == "mel" else f
    edges = np.linspace(place[0], place[-1], bands + 2)
    up = (place - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - place) / (edges[2:] - edges[1:-1])[:, None]
    made = np.clip(np.minimum(up, down), 0, None)
    return torch.tensor(made / (made.sum(1, keepdims=True) + 1e-9), dtype=torch.float32)


class LogSpectrum(nn.Module):
    """Log power spectrum, its mean over time taken out of each frequency (the microphone): (batch, 1, 256, frames)."""

    channels, height = 1, 256

    def __init__(self, phase: bool = False, keep_mean: bool = False) -> None:
        super().__init__()
        self.spectrum, self.phase, self.keep_mean = Spectrum(), phase, keep_mean
        self.channels = 3 if phase else 1

    def forward(self, x: Tensor) -> Tensor:
        real, imag = self.spectrum(x)
        log = log_power(real, imag)
        mean = log.mean((1, 2), keepdim=True) if self.keep_mean else log.mean(2, keepdim=True)
        log = ((log - mean) / 3)[:, :256, None].transpose(1, 2)
        if not self.phase:
            return log
        # Group delay: the phase step from one frequency to the next, as a unit vector.
        along = real[:, 1:] * real[:, :-1] + imag[:, 1:] * imag[:, :-1]
        across = imag[:, 1:] * real[:, :-1] - real[:, 1:] * imag[:, :-1]
        size = (along.square() + across.square()).sqrt() + 1e-6
        return torch.cat([log, (along / size)[:, None], (across / size)[:, None]], 1)


class Coarse(LogSpectrum):
    """The log power spectrum in 128 bands of 62.5 Hz every 20 ms: a quarter of the picture and of the cost."""

    channels, height = 1, 128

    def forward(self, x: Tensor) -> Tensor:
        real, imag = self.spectrum(x)
        power = (real[:, :256].square() + imag[:, :256].square()).unflatten(1, (128, 2)).mean(2)
        power = functional.avg_pool1d(power, 2)
        log = torch.log(power + FLOOR * power.mean((1, 2), keepdim=True) * 100)
        return ((log - log.mean(2, keepdim=True)) / 3)[:, None]


class LogBands(nn.Module):
    """Log energies of filter banks, mean over time taken out: (batch, 1, bands, frames)."""

    channels = 1

    def __init__(self, bands: int = 80, scale: str = "mel") -> None:
        super().__init__()
        self.spectrum, self.height = Spectrum(), bands
        self.register_buffer("bank", banks(bands, scale), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        real, imag = self.spectrum(x)
        power = self.bank @ (real.square() + imag.square())
        log = torch.log(power + FLOOR * power.mean((1, 2), keepdim=True) * 100)
        return ((log - log.mean(2, keepdim=True)) / 3)[:, None]


def split_bank() -> Tensor:
    """(128, 257): single lines of 31 Hz up to 2 kHz, above it triangles 94 Hz apart."""
    bank = torch.zeros(128, FFT // 2 + 1)
    bank[torch.arange(64), torch.arange(64)] = 1
    for band in range(64):
        middle = 65 + 3 * band
        for line, share in ((-2, 1), (-1, 2), (0, 3), (1, 2), (2, 1)):
            if middle + line <= FFT // 2:
                bank[64 + band, middle + line] = share / 9
    return bank


class Split(nn.Module):
    """Log power in the bands of `split_bank`, mean over time taken out: (batch, 1, 128, frames).

    Fine where the harmonics lie, coarse where vocoders leave their noise. `finish` takes powers made before
    (`pictures.py`).
    """

    channels, height = 1, 128

    def __init__(self) -> None:
        super().__init__()
        self.spectrum = Spectrum()
        self.register_buffer("bank", split_bank(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        real, imag = self.spectrum(x)
        return self.finish(self.bank @ (real.square() + imag.square()))

    @staticmethod
    def finish(power: Tensor) -> Tensor:
        """(batch, 128, frames)"""
        log = torch.log(power + 10 * FLOOR * power.mean((1, 2), keepdim=True))
        return ((log - log.mean(2, keepdim=True)) / 3)[:, None]


class Lfcc(nn.Module):
    """20 linear-frequency cepstra with first and second differences: (batch, 1, 60, frames)."""

    channels, height = 1, 60

    def __init__(self) -> None:
        super().__init__()
        self.bands = LogBands(70, "linear")
        k, n = np.arange(20)[:, None], np.arange(70)
        dct = np.cos(np.pi * k * (n + 0.5) / 70) * math.sqrt(2 / 70)
        self.register_buffer("dct", torch.tensor(dct, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        still = self.dct @ self.bands(x)[:, 0]
        moving = functional.pad(still, (2, 2), mode="replicate")
        first = (moving[..., 4:] - moving[..., :-4]) * 0.2 + (moving[..., 3:-1] - moving[..., 1:-3]) * 0.1
        more = functional.pad(first, (2, 2), mode="replicate")
        second = (more[..., 4:] - more[..., :-4]) * 0.2 + (more[..., 3:-1] - more[..., 1:-3]) * 0.1
        return torch.cat([still, first * 3, second * 3], 1)[:, None]


class Pool(nn.Module):
    """Attentive mean and deviation over time (Okabe et al., Interspeech 2018): (batch, d, frames) -> (batch, 2 d)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.ask = nn.Sequential(nn.Conv1d(size, 64, 1), nn.Tanh(), nn.Conv1d(64, size, 1))

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.softmax(self.ask(x).float(), 2)
        mean = (x * weight).sum(2)
        spread = ((x.square() * weight).sum(2) - mean.square()).clamp(min=1e-4).sqrt()
        return torch.cat([mean, spread], 1)


class Head(nn.Module):
    def __init__(self, size: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.pool = Pool(size)
        self.out = nn.Sequential(nn.BatchNorm1d(2 * size), nn.Dropout(dropout), nn.Linear(2 * size, HEADS))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.pool(x.float()))

    def embedded(self, x: Tensor) -> Tensor:
        """(batch, 2 size), each number at mean 0 and deviation 1 in training."""
        return self.out[0](self.pool(x.float()))


class Residual(nn.Module):
    def __init__(self, i: int, o: int, stride: int | tuple[int, int]) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.c, self.d = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.skip = nn.Identity()
        if i != o or stride != 1:
            self.skip = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.skip(x) + self.d(self.c(functional.relu(self.b(self.a(x))))))


class Network(nn.Module):
    """A front end and what looks at its picture."""

    def __init__(self, front: nn.Module) -> None:
        super().__init__()
        self.front = front

    def forward(self, x: Tensor) -> Tensor:
        """`x` is sound, (batch, samples), or powers in the bands of the front end, (batch, bands, frames)."""
        with torch.autocast("cpu", enabled=False):
            picture = self.front(x.float()) if x.dim() == 2 else self.front.finish(x.float())
        return self.rest(masked(picture) if self.training else picture)

    def rest(self, picture: Tensor) -> Tensor:
        raise NotImplementedError


class ResNet(Network):
    """Residual network on a picture of the sound; frequencies are joined last, so bands keep their place."""

    def __init__(self, front: nn.Module, widths: tuple[int, ...] = (16, 32, 64, 128)) -> None:
        super().__init__(front)
        first = nn.Conv2d(front.channels, widths[0], 5, 2, 2, bias=False)
        layers: list[nn.Module] = [first, nn.BatchNorm2d(widths[0]), nn.ReLU()]
        for i, o in pairwise(widths):
            layers += [Residual(i, o, 2), Residual(o, o, 1)]
        self.body = nn.Sequential(*layers)
        height = front.height
        for _ in widths:
            height = (height + 1) // 2
        self.join = nn.Sequential(nn.Conv1d(widths[-1] * height, 128, 1, bias=False), nn.BatchNorm1d(128), nn.ReLU())
        self.head = Head(128)

    def rest(self, picture: Tensor) -> Tensor:
        made = self.body(picture.to(memory_format=torch.channels_last))
        return self.head(self.join(made.flatten(1, 2)))


class MaxOut(nn.Module):
    """Max feature map (Lavrentyeva et al., Interspeech 2019): the larger of two halves of the channels."""

    def __init__(self, i: int, o: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(i, 2 * o, size, stride, size // 2), nn.BatchNorm2d(o)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.conv(x).chunk(2, 1)
        return self.norm(torch.maximum(a, b))


class Lcnn(ResNet):
    """Light CNN on cepstra."""

    def __init__(self, front: nn.Module) -> None:
        Network.__init__(self, front)
        pool = nn.MaxPool2d(2, 2)
        self.body = nn.Sequential(
            *(MaxOut(front.channels, 32, 5), pool, MaxOut(32, 32, 1), MaxOut(32, 48, 3), pool),
            *(MaxOut(48, 48, 1), MaxOut(48, 64, 3), pool, MaxOut(64, 64, 1), MaxOut(64, 32, 3), MaxOut(32, 32, 3)),
        )
        height = front.height // 2 // 2 // 2
        self.join = nn.Sequential(nn.Conv1d(32 * height, 128, 1, bias=False), nn.BatchNorm1d(128), nn.ReLU())
        self.head = Head(128)


class Conformer(Network):
    """Four conformer blocks (Gulati et al., Interspeech 2020) on log-mel bands, a quarter of the frames."""

    def __init__(self, front: nn.Module, size: int = 96, blocks: int = 4) -> None:
        super().__init__(front)
        self.down = nn.Sequential(
            *(nn.Conv2d(front.channels, 24, 3, 2, 1), nn.BatchNorm2d(24), nn.ReLU()),
            *(nn.Conv2d(24, 24, 3, 2, 1), nn.BatchNorm2d(24), nn.ReLU()),
        )
        self.up = nn.Linear(24 * (front.height // 4), size)
        self.blocks = nn.ModuleList(Block(size) for _ in range(blocks))
        self.head = Head(size)

    def rest(self, picture: Tensor) -> Tensor:
        picture = self.down(picture)
        made = self.up(picture.flatten(1, 2).transpose(1, 2))
        for block in self.blocks:
            made = block(made)
        return self.head(made.transpose(1, 2))


class Block(nn.Module):
    def __init__(self, size: int, heads: int = 4, width: int = 15) -> None:
        super().__init__()
        self.first, self.last = _feed(size), _feed(size)
        self.heads, self.norm = heads, nn.LayerNorm(size)
        self.ask, self.answer = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.before = nn.LayerNorm(size)
        self.wide, self.deep = nn.Conv1d(size, 2 * size, 1), nn.Conv1d(size, size, width, 1, width // 2, groups=size)
        self.after, self.narrow, self.end = nn.BatchNorm1d(size), nn.Conv1d(size, size, 1), nn.LayerNorm(size)

    def forward(self, x: Tensor) -> Tensor:
        x = x + 0.5 * self.first(x)
        query, key, value = self.ask(self.norm(x)).chunk(3, 2)
        parts = [part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (query, key, value)]
        # Written out: the fused call is several times slower to train at this size on a CPU.
        share = (parts[0] @ parts[1].transpose(2, 3) / math.sqrt(parts[0].shape[3])).softmax(3)
        x = x + self.answer((share @ parts[2]).transpose(1, 2).flatten(2))
        moved = functional.glu(self.wide(self.before(x).transpose(1, 2)), 1)
        x = x + self.narrow(functional.silu(self.after(self.deep(moved)))).transpose(1, 2)
        return self.end(x + 0.5 * self.last(x))


def _feed(size: int) -> nn.Module:
    return nn.Sequential(nn.LayerNorm(size), nn.Linear(size, 4 * size), nn.SiLU(), nn.Linear(4 * size, size))


def masked(picture: Tensor) -> Tensor:
    """One stretch of time and one of frequency of each picture hidden (SpecAugment: Park et al., Interspeech 2019)."""
    batch, _, height, frames = picture.shape
    rows, columns = torch.arange(height), torch.arange(frames)
    keep = torch.ones(batch, 1, height, frames)
    for i in range(batch):
        tall, wide = int(torch.randint(0, height // 5, ())), int(torch.randint(0, max(frames // 8, 1), ()))
        top, left = int(torch.randint(0, height - tall, ())), int(torch.randint(0, max(frames - wide, 1), ()))
        keep[i, 0, (rows >= top) & (rows < top + tall)] = 0
        keep[i, 0, :, (columns >= left) & (columns < left + wide)] = 0
    return picture * keep
