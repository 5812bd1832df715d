"""``inperson report``: a stored result as a page, as Markdown, as text, or a batch's results as an index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inperson._console import require_other, say, show, write
from inperson.cli.guard import guarded
from inperson.cli.options import Embed, HtmlOut, Pictures, ViewingCopy
from inperson.errors import InputError
from inperson.report import Report


@guarded
def report(
    result: Annotated[
        Path, typer.Argument(metavar="RESULT", help="JSON of inperson check, or with --index JSON Lines of a batch.")
    ],
    html: HtmlOut = None,
    markdown: Annotated[
        str | None, typer.Option("--markdown", metavar="OUT", help="Write it as Markdown; - for standard output.")
    ] = None,
    index: Annotated[
        str | None,
        typer.Option("--index", metavar="OUT", help="Write the index of a batch, and its pages beside it."),
    ] = None,
    media: Annotated[
        Path | None, typer.Option("--media", metavar="FILE", help="The recording, to play in the page.")
    ] = None,
    pictures: Pictures = None,
    copy: ViewingCopy = False,
    embed: Embed = False,
    pages: Annotated[bool, typer.Option("--pages/--no-pages", help="With --index: a page for each recording.")] = True,
) -> None:
    """Show a stored result: on the terminal, as a reviewer's page, as Markdown, or a whole batch as an index."""
    if copy and (html in (None, "-") or media is None):
        raise InputError("--copy lies beside the page and is made of the recording: give --html a file, and --media")
    for target, option in ((html, "--html"), (markdown, "--markdown"), (index, "--index")):
        require_other(target, result, option, "the results")
        if media is not None:
            require_other(target, media, option)
    if index is not None:
        if html or markdown or media:
            raise InputError(
                "--index takes a batch's results alone; give --html, --markdown and --media a single report"
            )
        from inperson.page.folder import write_index

        count = write_index(result, index, pages=pages and index != "-", pictures=bool(pictures), write=write)
        say(f"index of {count} recordings written to {index}")
        return
    found = _read(result)
    if html is not None:
        from inperson.page.folder import linked

        drawn = pictures is not False and (media is not None or bool(pictures))
        write_page(found, html, media or linked(found), drawn, copy, embed)
    if markdown is not None:
        from inperson.page import markdown as form

        write(markdown, form(found))
    if html is None and markdown is None:
        from inperson.render import view

        show(view(found))


def write_page(report: Report, html: str, media: str | Path | None, pictures: bool, copy: bool, embed: bool) -> None:
    """Write the reviewer's page, and the copy that it plays where one is asked for."""
    from inperson.page import page
    from inperson.page.folder import viewing_copy

    played = viewing_copy(media, html) if copy and media is not None else None
    out = None if html == "-" else html
    write(html, page(report, media=media, out=out, copy=played, embed=embed, pictures=pictures))


def _read(path: Path) -> Report:
    from pydantic import ValidationError

    try:
        return Report.from_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{path} is no report of inperson check ({where + ': ' if where else ''}{first['msg']}); the results of a "
            "batch take --index"
        ) from None
