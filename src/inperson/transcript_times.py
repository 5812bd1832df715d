"""Times as transcripts write them: seconds, clock notation, ISO 8601 durations and moments."""

from __future__ import annotations

import math
import re
from datetime import datetime

from inperson.errors import InputError
from inperson.types import Span, Turn

MAX_SECONDS = 7 * 24 * 3600.0
MAX_NAME = 80
UNKNOWN = "unknown"
"""Label of entries without a speaker, in a file whose other entries have one."""


def checked(begin: float, end: float, speaker: str, text: str, where: str) -> Turn | None:
    """One checked turn; None where it has no duration."""
    if not (0 <= begin <= MAX_SECONDS and 0 <= end <= MAX_SECONDS):
        raise InputError(f"{where}: expected times from 0 to {MAX_SECONDS:.0f} s, found {begin:.12g} to {end:.12g}")
    if end < begin:
        raise InputError(f"{where}: expected an end after the start, found {begin:.12g} to {end:.12g}")
    return Turn(Span(begin, end), speaker[:MAX_NAME], text) if end > begin else None


_PLAIN = re.compile(r"[+-]?\d{1,15}(?:[.,]\d{0,12})?s?")
_CLOCK = re.compile(r"(-?)(?:(\d{1,4}):)?(\d{1,3}):(\d{1,2}(?:[.,]\d{1,12})?)")
_ISO_LENGTH = re.compile(r"PT(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,12})?)S)?")


def seconds(value: str, where: str) -> float:
    """``12.5``, ``12.5s``, ``mm:ss.mmm``, ``hh:mm:ss.mmm`` (point or comma) or ISO 8601 ``PT1M2.5S``, in seconds."""
    text = value.strip()[:64]
    if _PLAIN.fullmatch(text):
        return float(text.rstrip("s").replace(",", "."))
    if clock := _CLOCK.fullmatch(text):
        sign, hours, minutes, seconds = clock.groups()
        if float(seconds.replace(",", ".")) < 60 and (not hours or int(minutes) < 60):
            total = int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))
            return -total if sign else total
    if (length := _ISO_LENGTH.fullmatch(text)) and any(length.groups()):
        hours, minutes, seconds = length.groups()
        return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: expected a time such as 12.5 or 00:00:12.500, found {value.strip()[:40]!r}")
    return number


def moment(value: str) -> datetime | None:
    """An ISO 8601 clock time with a date; None for anything else."""
    if len(value) > 40 or "T" not in value or value.count("-") < 2:
        return None
    trimmed = re.sub(r"(\.\d{6})\d+", r"\1", value)
    try:
        return datetime.fromisoformat(trimmed)
    except ValueError:
        return None
