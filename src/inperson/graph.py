"""The report in the words of Microsoft Graph's ``syntheticMediaDetectionDetail`` (beta), the field's nearest standard.

Source of the property names, types and the rule for recordings: Microsoft Graph beta reference, resource types
``syntheticMediaDetectionDetail`` and ``mediaSegment``. What does not map: an abstention (Graph has no word for it, and
a missing confidence must not become a number), the prior, the interval, the alternatives, and the two signals that are
not about synthetic media (response latency, reading). The mapping is tabled in ``docs/report.md``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from inperson.detectors import original

if TYPE_CHECKING:
    from inperson.report import Report

TASKS = {
    "face_swap": ("video", "faceSwap"),
    "lip_sync": ("multimodal", "lipSync"),
    "synthetic_voice": ("audio", "voiceClone"),
}
"""Signal to Graph's ``modality`` and its own example name of the task."""


def details(report: Report, *, live: bool = False) -> list[dict[str, Any]]:
    """Graph detection details of the scored findings that concern synthetic media.

    Parameters
    ----------
    report : Report
    live : bool
        Graph measures segments in whole seconds of a live stream and asks for 0 to 0 on recordings. False (default)
        follows that: one detail a finding. True: one detail for each moment of evidence (one for the whole recording
        where there is none), its seconds rounded outwards; for a bot that analyses a stream as it is recorded.

    Returns
    -------
    list of dict
        JSON-ready; empty where nothing was scored.
    """
    out: list[dict[str, Any]] = []
    for finding in report.findings:
        signal = original(finding.signal)
        if finding.status != "scored" or signal not in TASKS:
            continue
        modality, task = TASKS[signal]
        spans = [(m.start, m.end) for m in finding.evidence] or [(0.0, report.media.duration)]
        for start, end in spans if live else [(0.0, 0.0)]:
            out.append(
                {
                    "@odata.type": "#microsoft.graph.syntheticMediaDetectionDetail",
                    "confidence": finding.confidence,
                    "modality": modality,
                    "modelName": finding.model,
                    "modelTasks": [task],
                    "segment": {
                        "@odata.type": "#microsoft.graph.mediaSegment",
                        "startTimeSec": math.floor(start),
                        "endTimeSec": math.ceil(end),
                        "frameIndices": [],
                    },
                }
            )
    return out
