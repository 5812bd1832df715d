"""What the command line writes: text on the terminal, files at once or not at all, progress bars on a terminal only."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from inperson.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from inperson.analysis import Progress
    from inperson.batch import Tally

_LOG_SECONDS = 60.0


def say(message: str) -> None:
    """One harmless line on standard error."""
    from inperson.render import plain

    with suppress(BrokenPipeError):
        print(f"inperson: {plain(' '.join(message.split()))}", file=sys.stderr, flush=True)


def show(content: RenderableType) -> None:
    """Print on standard output; colour only on a terminal and without NO_COLOR."""
    console = _console()
    if console.is_terminal:
        console.print(content)
        return
    with console.capture() as capture:
        console.print(content)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))


def write(target: str, text: str) -> None:
    """Write `text` as UTF-8 to standard output for ``-``, else to a file, which is replaced at once or not at all.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    if target == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
        return
    path = Path(os.path.realpath(target))
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(text.encode())  # a pipe or device: there is nothing to replace
        else:
            _replace(path, text.encode())
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from None


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        with open(part, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def require_other(target: str | None, recording: Path, option: str = "--json", what: str = "the recording") -> None:
    """Refuse to write over what is read.

    Raises
    ------
    InputError
        `target` is `recording`, under whatever name.
    """
    with suppress(OSError):
        if target not in (None, "-") and os.path.samefile(str(target), recording):
            raise InputError(f"{option} {target} would overwrite {what}; give it another name")


@contextmanager
def reading_bar() -> Iterator[Progress | None]:
    """A bar over the seconds of one recording; None where standard error is no terminal."""
    console = _console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from inperson.render import clock

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def progress(done: float, total: float | None) -> None:
            of = f" of {clock(total)}" if total else ""
            bar.update(task, completed=min(done, total or done), total=total, description=f"read {clock(done)}{of}")

        yield progress


@contextmanager
def files_bar(quiet: bool) -> Iterator[Callable[[Tally], None] | None]:
    """What a batch shows while it runs: a bar on a terminal, a line a minute in a log, None if `quiet`."""
    console = _console(stderr=True)
    if quiet:
        yield None
    elif not console.is_terminal:
        yield _Log()
    else:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=None)

            def progress(tally: Tally) -> None:
                bar.update(task, completed=tally.finished, total=tally.total, description=pace(tally))

            yield progress


class _Log:
    """A line on standard error now and then, for logs."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, tally: Tally) -> None:
        if time.monotonic() - self._last >= _LOG_SECONDS:
            self._last = time.monotonic()
            say(f"{tally.finished} of {tally.total} done, {pace(tally)}")


def pace(tally: Tally) -> str:
    """How fast a batch goes, what failed and why, and how long the rest will take."""
    from inperson.render import clock

    parts = [f"{tally.speed:.1f} hours an hour"] if tally.seconds else []
    parts += [f"{count} {kind}" for kind, count in _most(tally.errors)]
    if tally.remaining is not None and tally.finished < tally.total:
        parts.append(f"{clock(tally.remaining)} left")
    return ", ".join(parts)


def summary(tally: Tally) -> str:
    """A sentence on how a batch went."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in _most(tally.errors))
    failed = f", {tally.failed} failed ({kinds})" if kinds else ""
    skipped = f", {tally.skipped} done before" if tally.skipped else ""
    same = f", {tally.same} of the same content as another" if tally.same else ""
    noun = "recording" if tally.total == 1 else "recordings"
    hours = f"; {tally.seconds / 3600:.2f} hours at {tally.speed:.1f} hours an hour" if tally.seconds else ""
    return f"{tally.total} {noun}: {tally.analysed} analysed{failed}{same}{skipped}{hours}"


def _most(errors: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(errors.items(), key=lambda item: (-item[1], item[0]))


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)
