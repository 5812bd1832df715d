"""Train the linear model of `face_swap` on portraits, genuine and swapped.

Usage: python train.py FACES_DIR OUT.npz [--portraits 400] [--seed 0]

FACES_DIR holds portraits and a manifest.csv (path, person_id, licence_class); only ``open`` ones are used. Prints the
cross-validated AUC by person and writes the medians and the fitted model.
"""

from __future__ import annotations

import argparse
import csv
import pathlib

import cv2
import numpy as np
from simulate import RATE, clip, recipe
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from inperson.detectors._face_texture import NAMES, patch, texture
from inperson.faces import FaceTracker
from inperson.types import Frame


def medians(frames: list[np.ndarray]) -> np.ndarray | None:
    """What `FaceSwap` would make of the clip; None where it would abstain."""
    tracker, before, rows = FaceTracker(), None, []
    for i, image in enumerate(frames):
        seen = [f for f in tracker.update(Frame(i / RATE, image, (640, 480))).faces if f.landmarks is not None]
        here = patch(seen[0]) if seen else None
        if here is not None and before is not None and (found := texture(i / RATE, here, before)):
            rows.append(found.values)
        before = here
    return np.nanmedian(rows, axis=0) if len(rows) >= 4 else None


def dataset(folder: pathlib.Path, portraits: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with open(folder / "manifest.csv", newline="") as source:
        rows = [row for row in csv.DictReader(source) if row["licence_class"] == "open"]
    rng = np.random.default_rng(seed)
    x, y, who = [], [], []
    for n, i in enumerate(rng.permutation(len(rows))[:portraits]):
        image = cv2.imread(str(folder / rows[i]["path"]))
        how = recipe(rng)
        for label in (0, 1):
            frames = clip(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), how, bool(label), seed=int(i))
            values = medians(frames) if frames else None
            if values is not None and np.isfinite(values).all():
                x.append(values)
                y.append(label)
                who.append(rows[i]["person_id"])
        if n % 50 == 49:
            print(f"{n + 1} portraits, {len(x)} clips", flush=True)
    return np.array(x), np.array(y), np.array(who)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--portraits", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    x, y, who = dataset(options.faces, options.portraits, options.seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced"))
    held = cross_val_predict(model, x, y, groups=who, cv=GroupKFold(5), method="decision_function")
    print(
        f"simulated swaps, 5-fold by person: {len(y)} clips of {len(set(who))} people, AUC {roc_auc_score(y, held):.3f}"
    )
    for name, column in zip(NAMES, x.T, strict=True):
        print(f"  {name:8} alone: AUC {roc_auc_score(y, column):.3f}")
    model.fit(x, y)
    scaler, linear = model[0], model[1]
    weights = linear.coef_[0] / scaler.scale_
    np.savez(options.out, weights=weights, bias=linear.intercept_[0] - weights @ scaler.mean_, x=x, y=y, who=who)


if __name__ == "__main__":
    main()
