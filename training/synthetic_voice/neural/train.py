"""Train one generator for a while on openly licensed real speech; a second call goes on where the first stopped.

    python train.py framegan-base --pool POOL --ckpt CKPT --minutes 6

`--minutes` are of CPU time in this call. Copies of the weights are kept at a quarter, a half and the end of each call,
named by the number of steps: less and more trained ones leave different artefacts. Adversarial training (all wave
generators but the flow) begins after `ALONE` steps.
"""

from __future__ import annotations

import argparse
import signal
import time
from pathlib import Path

import numpy as np
import speakers
import torch
from codec import Codec
from convert import Converter
from critics import Critics, critic_loss, generator_loss
from flow import Flow
from losses import spectral
from recordings import RATE, Pool
from systems import SYSTEMS, System
from torch import Tensor

ALONE = 700
"""Steps on spectral distances alone, before there are critics."""
LEVELS = (-30.0, -17.0)
"""dBFS of a training segment, drawn."""


class Segments:
    """Random segments of open pieces, with their speakers where wanted."""

    def __init__(self, folder: Path, system: System, voices: bool, seed: int) -> None:
        self.pool, self.system = Pool(folder), system
        self.length = int(system.seconds * RATE)
        self.voices = speakers.read(folder) if voices else {}
        self.pieces = [
            p
            for p in self.pool.pieces
            if p.licence_class == "open" and p.length >= self.length and (not voices or speakers.key(p) in self.voices)
        ]
        self.rng = np.random.default_rng(seed)

    def draw(self) -> tuple[Tensor, Tensor]:
        """(batch, samples) waves and (batch, 256) speakers, or zeros."""
        waves, voices = [], []
        for index in self.rng.integers(len(self.pieces), size=self.system.batch):
            piece = self.pieces[index]
            x = self.pool.sound(piece, int(self.rng.integers(piece.length - self.length + 1)), self.length)
            gain = 10 ** (self.rng.uniform(*LEVELS) / 20) / (np.sqrt(np.mean(x**2)) + 1e-3)
            waves.append(np.clip(x * gain, -1, 1))
            voices.append(self.voices.get(speakers.key(piece), np.zeros(256, np.float32)))
        return torch.from_numpy(np.stack(waves)).float(), torch.from_numpy(np.stack(voices))


class Trainer:
    """One generator, its critics and their optimisers."""

    def __init__(self, name: str, folder: Path) -> None:
        system = SYSTEMS[name]
        torch.manual_seed(sum(name.encode()))
        self.name, self.net, self.critics = name, system.build(), Critics()
        self.optimiser = torch.optim.AdamW(self.net.parameters(), system.rate, betas=(0.8, 0.99))
        self.judge = torch.optim.AdamW(self.critics.parameters(), 5e-4, betas=(0.8, 0.99))
        self.parts = {"net": self.net, "critics": self.critics, "optimiser": self.optimiser, "judge": self.judge}
        self.step, self.last = 0, folder / f"{name}.last.pt"
        if self.last.exists():
            held = torch.load(self.last)
            self.step = held["step"]
            for key, part in self.parts.items():
                part.load_state_dict(held[key])

    def save(self, mark: bool) -> None:
        state = {key: part.state_dict() for key, part in self.parts.items()}
        torch.save(state | {"step": self.step}, self.last)
        if mark:
            torch.save(self.net.state_dict(), self.last.with_name(f"{self.name}.{self.step}.pt"))

    def once(self, wave: Tensor, voices: Tensor) -> float:
        """One step; returns the generator's loss."""
        net = self.net
        if isinstance(net, Flow):
            loss = net.loss(wave)
        elif isinstance(net, Converter):
            loss = net.loss(wave, voices)
        else:
            loss = self._wave_loss(wave)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        return float(loss.detach())

    def _wave_loss(self, wave: Tensor) -> Tensor:
        if isinstance(self.net, Codec):
            made, extra = self.net.copy_and_loss(wave, int(2 ** torch.randint(1, 4, ())))
        else:
            made, extra = self.net.copy(wave), wave.new_zeros(())
        real = wave[:, : made.shape[1]]
        loss = spectral(made, real) + extra
        if self.step < ALONE:
            return loss
        shown = self.critics(real)  # also the target of feature matching, one step old
        judged = critic_loss(shown, self.critics(made.detach()))
        self.judge.zero_grad()
        judged.backward()
        self.judge.step()
        return loss + 0.3 * generator_loss(shown, self.critics(made))


def train(name: str, pool: Path, folder: Path, minutes: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(name, folder)
    segments = Segments(pool, SYSTEMS[name], isinstance(trainer.net, Converter), trainer.step + sum(name.encode()))
    trainer.net.train()
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))  # stop early, but save
    start, marks, losses = time.process_time(), [0.25, 0.5], []
    while (spent := (time.process_time() - start) / 60 / minutes) < 1 and not asked:
        losses.append(trainer.once(*segments.draw()))
        if len(losses) % 100 == 0:
            print(f"{name} step {trainer.step} loss {np.mean(losses[-100:]):.3f} done {spent:.2f}", flush=True)
        if marks and spent >= marks[0]:
            trainer.save(mark=True)
            marks.pop(0)
    trainer.save(mark=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=SYSTEMS)
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--ckpt", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    train(arguments.name, arguments.pool, arguments.ckpt, arguments.minutes)
