"""The second backend: MediaPipe's own runtime (mediapipe 0.10.21, an extra) measures the region instead of our ONNX.

It runs MediaPipe's `FaceLandmarkCpu` graph on the regions that `inperson.faces` follows, so the two backends differ in
nothing but the runtime. Newer mediapipe releases ship no models and send usage metrics out; they are refused.
"""

from __future__ import annotations

import importlib.metadata
import os
from typing import Any

import numpy as np

from inperson.errors import InputError
from inperson.faces.mesh import Region, upright
from inperson.types import Floats, Image

VERSION = "0.10.21"

_GRAPH = """
input_stream: "image"
input_stream: "roi"
input_side_packet: "with_attention"
output_stream: "landmarks"
node {
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:roi"
  input_side_packet: "WITH_ATTENTION:with_attention"
  output_stream: "LANDMARKS:landmarks"
}
"""


class MediaPipeMesh:
    """Landmarks of the face in a region, by MediaPipe 0.10.21.

    Raises
    ------
    InputError
        mediapipe is not installed, or is another version.
    """

    def __init__(self) -> None:
        _check_installed()
        import mediapipe
        from mediapipe.python import packet_creator, packet_getter
        from mediapipe.python._framework_bindings import calculator_graph, image_frame, resource_util

        resource_util.set_resource_dir(os.path.dirname(os.path.dirname(mediapipe.__file__)))
        self._create, self._format = packet_creator, image_frame.ImageFormat.SRGB
        self._found: list[Any] = []
        self._graph = calculator_graph.CalculatorGraph(graph_config=_GRAPH)
        self._graph.observe_output_stream("landmarks", lambda _, p: self._found.append(packet_getter.get_proto(p)))
        self._graph.start_run({"with_attention": packet_creator.create_bool(True)})
        self._tick = 0

    def __call__(self, image: Image, region: Region) -> tuple[Floats, float, Image]:
        """Like `inperson.faces.mesh.FaceMesh`; the confidence is 1 or 0, as MediaPipe keeps its own to itself."""
        from mediapipe.framework.formats import rect_pb2

        height, width = image.shape[:2]
        roi = rect_pb2.NormalizedRect(
            x_center=region.x / width,
            y_center=region.y / height,
            width=region.side / width,
            height=region.side / height,
            rotation=region.angle,
        )
        self._tick += 1
        self._found.clear()
        packet = self._create.create_image_frame(image_format=self._format, data=np.ascontiguousarray(image))
        self._graph.add_packet_to_input_stream("image", packet.at(self._tick))
        self._graph.add_packet_to_input_stream("roi", self._create.create_proto(roi).at(self._tick))
        self._graph.wait_until_idle()
        patch = upright(image, region)
        if not self._found:
            return np.zeros((478, 3), np.float32), 0.0, patch
        points = np.array([(p.x * width, p.y * height, p.z * width) for p in self._found[-1].landmark], np.float32)
        return points, 1.0, patch


def _check_installed() -> None:
    remedy = f'the mediapipe backend needs mediapipe {VERSION}: pip install "inperson[mediapipe]" (Python 3.11 or 3.12)'
    try:
        found = importlib.metadata.version("mediapipe")
    except importlib.metadata.PackageNotFoundError:
        raise InputError(f"{remedy}; found none") from None
    if found != VERSION:
        raise InputError(f"{remedy}; found {found}")
