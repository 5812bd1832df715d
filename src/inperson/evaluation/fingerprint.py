"""What a cached result depends on: the code that analysed, the models it used, the libraries beneath.

A result is worth keeping as long as none of these changed. The code is followed from module to module by its imports,
so that an edit in one detector leaves the results of the others alone, and compared as a syntax tree, so that comments
and layout may change. Of a model's card everything counts but what merely describes it (`DESCRIPTIVE`): writing an
evaluation's figures into the card does not make that evaluation stale.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import json
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from inperson import models

DESCRIPTIVE = frozenset(
    {
        "attribution",
        "cross_validation",
        "data",
        "description",
        "evaluation",
        "input",
        "licence",
        "limits",
        "output",
        "source",
        "task",
        "training",
    }
)
LIBRARIES = ("av", "numpy", "onnxruntime", "opencv-python-headless", "scipy")
_ROOT = Path(__file__).parents[1]
_PACKAGE = _ROOT.name


def digest(value: Any) -> str:
    """SHA-256 of a value's JSON form, keys sorted."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def file_digest(path: Path | None) -> str:
    """SHA-256 of a side file's content; empty for None."""
    return "" if path is None else hashlib.sha256(path.read_bytes()).hexdigest()


def model(name: str) -> dict[str, str]:
    """The id of a detector's model, and the SHA-256 of its weights and of what its card decides.

    Raises
    ------
    ModelError
        Missing or altered.
    """
    card = models.card(name)
    decisive = {key: value for key, value in card.data.items() if key not in DESCRIPTIVE}
    return {"id": card.id, "sha256": models.verify(card), "card": digest(decisive)}


def shared(owned: Iterable[str]) -> dict[str, str]:
    """Id and digest of every model that is no detector's own (faces, voice activity), given the detectors' `owned`."""
    names = {name.rsplit("-", 1)[0] for name in owned}
    return {card.id: digest(model(card.id)) for card in models.cards() if card.name not in names}


def libraries() -> dict[str, str]:
    """Versions of the libraries that decode and compute."""
    return {name: _version(name) for name in LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def code(start: Iterable[str], without: Iterable[str] = ()) -> str:
    """Digest of the modules of this package that those named in `start` reach by their imports, themselves included.

    Imports for type checking only are not followed, nor those of modules named in `without`, which the options leave
    unused. A name that is no module of this package is passed over.
    """
    seen: dict[str, str] = {}
    unused = set(without)
    todo = list(start)
    while todo:
        name = todo.pop()
        path = None if name in unused else _source(name)
        if path is not None and name not in seen:
            seen[name], imported = _module(path)
            todo.extend(imported)
    return digest(seen)


def foreign(factory: Any) -> str:
    """SHA-256 of the source file of a detector from another package; empty for one of ours or without a source."""
    module = getattr(factory, "__module__", "")
    if module.partition(".")[0] == _PACKAGE:
        return ""
    try:
        return file_digest(Path(inspect.getsourcefile(factory) or ""))
    except (TypeError, OSError):
        return ""


def _source(name: str) -> Path | None:
    head, *rest = name.split(".")
    if head != _PACKAGE or not rest:
        return None  # the package's own __init__ names everything and does nothing
    path = _ROOT.joinpath(*rest)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@functools.cache
def _module(path: Path) -> tuple[str, tuple[str, ...]]:
    """Digest of a module's syntax tree, and the names it imports."""
    tree = ast.parse(path.read_bytes())
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(_imports(tree))


def _imports(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            yield child.module
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _imports(child)
