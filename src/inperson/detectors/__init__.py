"""The detectors, one file a signal, and where further ones come from.

A detector is any class that fulfils `inperson.types.Detector`. Those below are built in; a package makes more known by
an entry point in the group ``inperson.detectors`` (name: the signal; value: ``module:Class``). A variant of a built-in
one looks only where it is asked for by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points

from inperson.errors import InputError
from inperson.types import Detector

Factory = Callable[[], Detector]

BUILT_IN = {
    "face_swap": "inperson.detectors.face_swap:FaceSwap",
    "lip_sync": "inperson.detectors.lip_sync:LipSync",
    "synthetic_voice": "inperson.detectors.synthetic_voice:SyntheticVoice",
    "response_latency": "inperson.detectors.response_latency:ResponseLatency",
    "reading": "inperson.detectors.reading:ReadingFromScreen",
    "synthetic_voice_open": "inperson.detectors.synthetic_voice:SyntheticVoiceOpen",
}
VARIANTS = {"synthetic_voice_open": "synthetic_voice"}
"""Signals that measure what another one does, by another model."""
GROUP = "inperson.detectors"


def names() -> tuple[str, ...]:
    """Every signal that can be asked for: the built-in ones, then those of installed plug-ins."""
    plugged = sorted(point.name for point in entry_points(group=GROUP) if point.name not in BUILT_IN)
    return (*BUILT_IN, *plugged)


def original(signal: str) -> str:
    """The signal that `signal` is a variant of; itself where it is none."""
    return VARIANTS.get(signal, signal)


def usual() -> tuple[str, ...]:
    """Those of `names` that are looked at where none is named: all but the variants."""
    return tuple(name for name in names() if name not in VARIANTS)


def factories(signals: Iterable[str] | None = None) -> list[Factory]:
    """Factories of the detectors for `signals`, in the order of `names`; of the `usual` ones for None.

    Raises
    ------
    InputError
        A signal that no detector is known for, none at all, or a plug-in that cannot be loaded.
    """
    known = names()
    wanted = usual() if signals is None else tuple(signals)
    unknown = [signal for signal in wanted if signal not in known]
    if unknown or not wanted:
        raise InputError(f"expected signals of {', '.join(known)}; found {', '.join(map(repr, unknown)) or 'none'}")
    return [_load(signal) for signal in known if signal in wanted]


def _load(signal: str) -> Factory:
    if signal in BUILT_IN:
        module, _, name = BUILT_IN[signal].partition(":")
        factory: Factory = getattr(importlib.import_module(module), name)
        return factory
    (point, *_) = entry_points(group=GROUP, name=signal)
    try:
        loaded: Factory = point.load()
    except Exception as error:  # somebody else's package: whatever it raises is one clear message here
        raise InputError(f"the plug-in for {signal!r} ({point.value}) cannot be loaded: {error!r}") from error
    return loaded
