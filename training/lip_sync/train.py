"""Train one pair of networks on genuine talking clips: contrastive, shifted and other people's sound as negatives.

    python training/lip_sync/train.py CLIPS=FOLDER... --voices VOICES --out run.pt [--seed 1] [--free]

Each CLIPS is what data.py wrote of the recordings in FOLDER. VOICES holds spectra of more people's speech without
pictures (voices.py). A mouth must find its own voice at its own lag among all voices of the batch at all lags within
0.8 s, and a voice its mouth. ``--free`` trains embeddings that are not held to length 1.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from data import Clip, load, on_grid
from network import COMPONENTS, Pair, likeness
from segments import REACH, mirrored, segment, voice

from inperson.lips.mouth import RATE
from inperson.lips.sound import levelled

STEPS, BATCH, RATE_OF_LEARNING, DECAY = 600, 32, 2e-3, 0.02
"""More than 700 steps did worse on people whom training had not seen."""
VOICES = 16
"""Voices without a picture in each batch."""
LENGTHS = (50, 75, 100, 140)
"""Grid points of a segment, 1 to 2.8 s."""
WIDTH = 1.2
"""Grid points: deviation of the target around the clip's own lag."""
MOST_OWN = 15
"""Grid points (0.3 s) a clip's own lag is looked for in."""


def basis(clips: Sequence[Clip], rng: np.random.Generator) -> np.ndarray:
    """Principal components (SHAPE, COMPONENTS) of mouth shapes over their deviations, every person counting alike."""
    shapes = []
    for person in sorted({clip.person for clip in clips}):
        own = np.concatenate([c.shapes - c.shapes.mean(0) for c in clips if c.person == person][:40])
        chosen = own[rng.choice(len(own), min(len(own), 600), replace=False)]
        shapes += [chosen, mirrored(chosen)]
    every = np.concatenate(shapes)
    _, spread, rows = np.linalg.svd(every - every.mean(0), full_matrices=False)
    least = spread[COMPONENTS - 1]
    return rows[:COMPONENTS].T / (np.maximum(spread[:COMPONENTS], least) / np.sqrt(len(every)))


def own_lags(clips: Sequence[Clip], model: Pair) -> list[float]:
    """Seconds by which each clip's sound is late by the model so far: of a person's short clips together."""
    model.eval()
    curves = []
    with torch.no_grad():
        for clip in clips:
            shapes, _ = on_grid(clip)
            mel = levelled(clip.mel, np.ones(len(clip.mel), bool))
            padded = np.pad(mel, ((MOST_OWN, MOST_OWN), (0, 0)), constant_values=mel.min())
            mouth = torch.tensor(shapes - shapes.mean(0), dtype=torch.float32)[None]
            heard = model.voice(torch.tensor(padded, dtype=torch.float32)[None])
            curves.append(likeness(heard, model.lips(mouth), MOST_OWN)[0, 0].numpy())
    model.train()
    together = defaultdict(list)
    for clip, curve in zip(clips, curves, strict=True):
        together[clip.person].append(curve)
    found = []
    for clip, curve in zip(clips, curves, strict=True):
        best = curve if len(clip.mel) > 10 * RATE else np.mean(together[clip.person], axis=0)
        found.append((int(np.argmax(best)) - MOST_OWN) / RATE)
    return [float(np.clip(lag - np.median(found), -0.2, 0.2)) for lag in found]


def loss(model: Pair, mouths: np.ndarray, sounds: np.ndarray, same: np.ndarray) -> torch.Tensor:
    """Cross entropy of finding one's own lag of one's own voice, and of one's own mouth; `same` is left out."""
    count, length = mouths.shape[:2]
    scores = likeness(model.voice(torch.tensor(sounds)), model.lips(torch.tensor(mouths)), REACH)
    scores = scores * torch.exp(model.scale) * length**model.growth
    scores = scores.masked_fill(torch.tensor(same)[..., None], -1e4)
    around = torch.exp(-0.5 * (torch.arange(-REACH, REACH + 1) / WIDTH) ** 2)
    target = torch.zeros_like(scores)
    target[torch.arange(count), torch.arange(count)] = around / around.sum()
    total = torch.zeros(())
    for wanted, given in ((target, scores), (target[:, :count].transpose(0, 1), scores[:, :count].transpose(0, 1))):
        total = total - (wanted.flatten(1) * functional.log_softmax(given.flatten(1), 1)).sum(1).mean() / 2
    return total


def train(clips: Sequence[Clip], voices: Sequence[np.ndarray], model: Pair, steps: int, seed: int) -> dict:
    """Weights averaged over the last steps."""
    rng = np.random.default_rng(seed)
    points = Counter()
    for clip in clips:
        points[clip.person] += len(clip.mel)
    often = np.array([len(c.mel) / points[c.person] * min(points[c.person], 60 * RATE) ** 0.5 for c in clips])
    often /= often.sum()
    others = [clip.mel for clip in clips] + list(voices[::4])
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE_OF_LEARNING, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE_OF_LEARNING, steps, pct_start=0.1)
    own, mean = [0.0] * len(clips), {k: v.clone() for k, v in model.state_dict().items()}
    began = time.time()
    for step in range(steps):
        if step in (steps // 4, steps // 2, 3 * steps // 4):
            own = own_lags(clips, model)
        length = int(rng.choice(LENGTHS))
        chosen = rng.choice(len(clips), BATCH, p=often)
        made = [segment(clips[i], own[i], length, others, rng) for i in chosen]
        more = [voice(voices[rng.integers(len(voices))], length, others, rng) for _ in range(VOICES if voices else 0)]
        same = (chosen[:, None] == chosen[None]) & ~np.eye(BATCH, dtype=bool)
        same = np.pad(same, ((0, 0), (0, len(more))))
        now = loss(model, np.stack([m for m, _ in made]), np.stack([s for _, s in made] + more), same)
        optimiser.zero_grad()
        now.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            for name, value in model.state_dict().items():
                mean[name].lerp_(value, 1 - min(0.995, step / (step + 10)))
        if step % 100 == 99:
            print(f"step {step + 1}, loss {now.item():.2f}, {time.time() - began:.0f} s", flush=True)
    return mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", help="CLIPS=FOLDER")
    parser.add_argument("--voices", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--free", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    clips = [c for pair in args.clips for c in load(*map(Path, pair.split("=", 1))) if may_train(c)]
    voices = [np.load(path).astype(np.float32) for path in sorted(args.voices.glob("*.npy"))] if args.voices else []
    minutes, people = sum(len(clip.mel) for clip in clips) / RATE / 60, len({clip.person for clip in clips})
    print(f"{len(clips)} clips of {people} persons, {minutes:.1f} min; {len(voices)} voices more")
    model = Pair(basis(clips, np.random.default_rng(args.seed)), unit=not args.free)
    weights = train(clips, voices, model, args.steps, args.seed)
    torch.save({"weights": weights, "unit": not args.free, "basis": model.basis.numpy()}, args.out)


def may_train(clip: Clip) -> bool:
    """Genuine, openly licensed, sound its own or probably so, and long enough."""
    row = clip.row
    return (
        row.get("label", "real") == "real"
        and row.get("licence_class", "open") == "open"
        and row.get("av_ok", "yes") in ("yes", "unknown")
        and len(clip.times) >= 30
        and len(clip.mel) >= 80
    )


if __name__ == "__main__":
    main()
