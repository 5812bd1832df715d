"""What recorded calls go through, done on purpose: rooms, noise, codecs, lost packets, small pictures, layouts.

    from inperson.degradation import degrade

    degrade("interview.mp4", "interview-phone.mkv", "phone", seed=1)

The rungs can also be used one by one on arrays: `inperson.degradation.sound.whole`, `stages.through`.
"""

from __future__ import annotations

from inperson.degradation.pipeline import degrade
from inperson.degradation.presets import PRESETS, Preset, named, suffix

__all__ = ["PRESETS", "Preset", "degrade", "named", "suffix"]
