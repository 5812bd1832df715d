"""Expected errors. Anything else that escapes is a bug in inperson.

::

    InpersonError
    ├── MediaError      the recording cannot be read as what it claims to be
    ├── ModelError      a model or its card is missing, altered or unusable
    ├── InputError      an argument or a side file (turns, manifest) is not as expected
    ├── StorageError    a recording cannot be fetched from where its URL says
    ├── AnalysisError   the isolated process of one recording crashed, or took too long or too much memory
    └── Cancelled       the caller asked to stop
"""

from __future__ import annotations


class InpersonError(Exception):
    """Base of every error that inperson raises on purpose. Its text says what was expected, found, and to do."""


class MediaError(InpersonError):
    """The recording cannot be read: unknown container, no sound or picture, damage from the first byte, a limit."""


class ModelError(InpersonError):
    """A model file or its card is missing, altered or not usable; the text names the remedy."""


class InputError(InpersonError):
    """An argument, transcript, manifest or other side input is not as expected."""


class StorageError(InpersonError):
    """A recording cannot be fetched: it is not there, too large, or its storage fails again and again."""


class AnalysisError(InpersonError):
    """The isolated process that analysed one recording ended without a result (`inperson.isolation`).

    Attributes
    ----------
    kind : str
        ``Crash``, ``Timeout``, ``Memory``, ``Cancelled``, or the class of an unexpected exception, which is a bug to
        report.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Cancelled(InpersonError):
    """The caller asked an analysis to stop, and it did."""
