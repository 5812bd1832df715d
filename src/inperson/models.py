"""Models and their cards: what is shipped, whether it is unaltered, and a session to run it.

A model is a pair of files in one folder: ``<name>-<version>.onnx`` and ``<name>-<version>.toml``, its card. The card
holds the ONNX file's SHA-256, origin, licence, evaluation and, for detectors, the calibration. A measurement that needs
no weights has a card alone. Nothing is ever fetched: a missing or altered file is a `ModelError`.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inperson.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime

os.environ["ORT_DISABLE_TELEMETRY"] = (
    "1"  # onnxruntime from 1.29 on reports to its maker from the moment it is imported
)
REMEDY = "reinstall inperson, or restore the file from the same release"
_CARD_NAME = re.compile(r"(?P<name>[a-z0-9_]+)-(?P<version>\d+\.\d+\.\d+)")
_REQUIRED = ("name", "version", "licence", "source", "task")


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of one model.

    Attributes
    ----------
    name, version : str
        As in the file name.
    path : Path or None
        The ONNX file; None for a card without weights.
    data : dict
        The whole TOML document.
    """

    name: str
    version: str
    path: Path | None
    data: dict[str, Any]

    @property
    def id(self) -> str:
        """``name-version``."""
        return f"{self.name}-{self.version}"

    @property
    def calibration(self) -> dict[str, Any]:
        """The card's ``[calibration]`` table.

        Raises
        ------
        ModelError
            The card has none.
        """
        table = self.data.get("calibration")
        if not isinstance(table, dict):
            raise ModelError(f"the card of {self.id} has no [calibration] table, so its score means nothing; {REMEDY}")
        return table

    @property
    def least_quality(self) -> float:
        """Quality below which the detector's score is not used (``abstention.least_quality``); 0 where none was found.

        Raises
        ------
        ModelError
            It is no number in [0, 1].
        """
        table = self.data.get("abstention", {})
        least = table.get("least_quality", 0.0) if isinstance(table, dict) else None
        if isinstance(least, int | float) and 0 <= least <= 1:
            return float(least)
        raise ModelError(f"the card of {self.id} has an [abstention] that is not usable; {REMEDY}")


def folder() -> Path:
    """Where the models lie.

    ``INPERSON_MODELS`` names another folder (a platform's own recalibrated cards); else the one in the installed
    package; else, in a source checkout, ``models/`` of the repository.
    """
    chosen = os.environ.get("INPERSON_MODELS")
    if chosen:
        return Path(chosen)
    package = Path(__file__).parent
    packaged = package / "_models"
    return packaged if packaged.is_dir() else package.parents[1] / "models"


def card(name: str) -> Card:
    """Read the card called `name`: ``"face_mesh-1.0.0"``, or ``"face_mesh"`` for the newest version present.

    Raises
    ------
    ModelError
        No such card, or it is not what a card must be.
    """
    return _card(name, folder())


@functools.lru_cache(maxsize=64)
def _card(name: str, where: Path) -> Card:
    match = _CARD_NAME.fullmatch(name)
    path = where / f"{name}.toml" if match else _newest(name, where)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"model {name!r} has no card in {where}; {REMEDY}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"the card {path.name} cannot be read ({error}); {REMEDY}") from None
    missing = [key for key in _REQUIRED if not isinstance(data.get(key), str)]
    if missing:
        raise ModelError(f"the card {path.name} lacks {', '.join(missing)}; {REMEDY}")
    if f"{data['name']}-{data['version']}" != path.stem:
        raise ModelError(f"the card {path.name} calls itself {data['name']}-{data['version']}; {REMEDY}")
    return Card(data["name"], data["version"], _weights(path, data), data)


def _newest(name: str, where: Path) -> Path:
    found = [path for path in where.glob("*.toml") if (m := _CARD_NAME.fullmatch(path.stem)) and m["name"] == name]
    if not found:
        raise ModelError(f"model {name!r} has no card in {where}; {REMEDY}")
    return max(found, key=lambda path: [int(part) for part in path.stem.rsplit("-", 1)[1].split(".")])


def _weights(path: Path, data: dict[str, Any]) -> Path | None:
    file = data.get("file")
    if file is None:
        return None
    if file != f"{path.stem}.onnx":
        raise ModelError(f"the card {path.name} names the file {file!r}, expected {path.stem}.onnx; {REMEDY}")
    return path.with_suffix(".onnx")


def cards() -> list[Card]:
    """Every card in `folder()`, sorted by name. Empty where there is no such folder.

    Raises
    ------
    ModelError
        One of them is not what a card must be.
    """
    return [card(path.stem) for path in sorted(folder().glob("*.toml"))]


def verify(card: Card) -> str:
    """Check that the card's ONNX file is there and unaltered.

    Returns
    -------
    str
        Its SHA-256 in hexadecimal; empty for a card without weights.

    Raises
    ------
    ModelError
        Missing, unreadable or altered.
    """
    if card.path is None:
        return ""
    return hashlib.sha256(_verified_bytes(card)).hexdigest()


def _verified_bytes(card: Card) -> bytes:
    assert card.path is not None
    try:
        content = card.path.read_bytes()
    except OSError as error:
        reason = f"is missing or unreadable ({error.strerror})"
        raise ModelError(f"the model file {card.path.name} {reason}; {REMEDY}") from None
    found, expected = hashlib.sha256(content).hexdigest(), card.data.get("sha256")
    if found != expected:
        raise ModelError(
            f"the model file {card.path.name} is altered: expected SHA-256 {str(expected)[:16]}..., "
            f"found {found[:16]}...; {REMEDY}"
        )
    return content


def session(name: str) -> onnxruntime.InferenceSession:
    """A one-thread CPU session of a verified model, built once per process.

    One thread, because recordings run side by side in processes: more threads a session are slower per recording.

    Raises
    ------
    ModelError
        Missing, altered, a card without weights, or refused by onnxruntime.
    """
    return _session(card(name).id, folder())  # by its full name, so that a short one finds the same session


@functools.lru_cache(maxsize=32)
def _session(name: str, where: Path) -> onnxruntime.InferenceSession:
    import onnxruntime

    found = _card(name, where)
    if found.path is None:
        raise ModelError(f"{found.id} is a card without weights: it has nothing to run")
    onnxruntime.disable_telemetry_events()  # for a host that had imported it before us
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            _verified_bytes(found), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except ModelError:
        raise
    except Exception as error:  # onnxruntime raises many unrelated classes
        raise ModelError(f"onnxruntime refuses {found.path.name} ({str(error).splitlines()[0]}); {REMEDY}") from None
