"""``inperson models``: the cards, and whether the models are unaltered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from inperson._console import say, show
from inperson.cli.guard import EXIT_CODES, MODEL, guarded
from inperson.errors import ModelError

if TYPE_CHECKING:
    from inperson.models import Card

app = typer.Typer(help="The models shipped with inperson.", epilog=EXIT_CODES, invoke_without_command=True)


@app.callback()
@guarded
def models(context: typer.Context) -> None:
    """The models shipped with inperson: their cards, and whether they are unaltered."""
    if context.invoked_subcommand is None:
        _list_models()


@app.command("list", epilog=EXIT_CODES)
@guarded
def list_models() -> None:
    """Show name, version, licence, size and state of every model."""
    _list_models()


@app.command("verify", epilog=EXIT_CODES)
@guarded
def verify_models() -> None:
    """Check every model against its card; exit code 4 if one is missing or altered."""
    states = _states()
    problems = [problem for *_, problem in states if problem]
    for problem in problems:
        say(problem)
    if problems:
        raise typer.Exit(MODEL)
    print(f"{len(states)} cards and their models are present and unaltered")


def _list_models() -> None:
    from inperson.render import models_table

    show(models_table(_states()))


def _states() -> list[tuple[str, Card | None, str]]:
    """Name, card and problem ("" if none) of every card in the models folder."""
    from inperson import models

    names = sorted(path.stem for path in models.folder().glob("*.toml"))
    if not names:
        raise ModelError(f"no model card in {models.folder()}; {models.REMEDY}")
    return [_state(name) for name in names]


def _state(name: str) -> tuple[str, Card | None, str]:
    from inperson import models

    card = None
    try:
        card = models.card(name)
        models.verify(card)
    except ModelError as error:
        return name, card, str(error)
    return name, card, ""
