"""What two findings say together: stated as evidence, never as a score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inperson.detectors import original

if TYPE_CHECKING:
    from inperson.report import Finding

LATE = 90.0
"""Milliseconds: real-time voice changers (RVC, w-okada) are published with delays of 90 to 500; the sound must be this
much late, beside the interviewer's where that is known."""


def together(findings: Sequence[Finding], duration: float) -> list[Finding]:
    """The findings, with late sound and block seams in the voice put side by side where both were measured.

    A voice changer that works in blocks leaves both. So do a headset and a call that sends packets: the note says so,
    and no score changes.
    """
    from inperson.report import Moment

    known = {original(finding.signal): finding for finding in reversed(findings)}  # variants come last, and yield
    lips, voice = known.get("lip_sync"), known.get("synthetic_voice")
    if lips is None or voice is None or lips.status != "scored" or duration <= 0:
        return list(findings)
    offset, period = lips.measurements.get("offset"), voice.measurements.get("block_period")
    beside = lips.measurements.get("interviewer_offset")
    if offset is None or period is None or offset.value - (beside.value if beside else 0.0) < LATE:
        return list(findings)
    note = (
        f"The sound is {offset.value:.0f} ms late, and {voice.signal} finds abrupt changes every {period.value:.0f} "
        "ms: a voice changer that works in blocks leaves both; so can a headset and the packets of a call. Neither "
        "score counts the other."
    )
    moment = Moment(start=0.0, end=round(duration, 3), score=0.0, note=note)
    added = lips.model_copy(update={"evidence": (moment, *lips.evidence)})
    return [added if finding is lips else finding for finding in findings]
