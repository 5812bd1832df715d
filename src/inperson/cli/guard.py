"""Exit codes, and what becomes of an error: one line on standard error, never a traceback."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn, ParamSpec

import typer

from inperson._console import say
from inperson.errors import InpersonError, InputError, MediaError, ModelError, StorageError

P = ParamSpec("P")

OK, FAULT, USAGE, MEDIA, MODEL, AUDIT, INTERRUPTED, UNREAD = 0, 1, 2, 3, 4, 5, 130, 141
EXIT_CODES = (
    "Exit codes: 0 analysed (for batch: every recording has its line, report or error), 1 an unexpected fault, "
    "2 wrong usage, 3 the recording cannot be read, 4 a model or its card is missing or altered, "
    "5 an audit log was altered, 130 interrupted, "
    "141 nobody reads the output any more. "
    "No code says what a recording shows."
)
_CODE_OF: tuple[tuple[type[InpersonError], int], ...] = (
    (MediaError, MEDIA),
    (StorageError, MEDIA),
    (ModelError, MODEL),
    (InputError, USAGE),
)


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn whatever a command raises into one line on standard error and an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except InpersonError as error:
            fail(str(error), next((code for kind, code in _CODE_OF if isinstance(error, kind)), FAULT), error)
        except KeyboardInterrupt:
            fail("interrupted", INTERRUPTED)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads; the exit flush must not fail
            raise typer.Exit(UNREAD) from None  # what a shell shows for SIGPIPE
        except typer.Exit:
            raise
        except Exception as error:
            told = f"unexpected {type(error).__name__}: {error}. This is a bug in inperson; please report it with the "
            fail(told + "output of the same command after inperson --debug", FAULT, error)

    return run


def fail(message: str, code: int, error: Exception | None = None) -> NoReturn:
    if error is not None and _debugging():
        import traceback

        traceback.print_exception(error)
    say(message)
    raise typer.Exit(code) from None


def _debugging() -> bool:
    return logging.getLogger("inperson").isEnabledFor(logging.DEBUG)
