"""Cards say what the weights, the fits and the evaluations say; nobody edits them by hand."""

import importlib.util
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from inperson import models
from inperson.calibration import Calibration
from inperson.detectors import factories
from inperson.detectors.synthetic_voice import SyntheticVoice

ROOT = Path(__file__).parents[1]
DETECTORS = {factory().signal: factory().model for factory in factories(None)}
FIELDS = ("name", "version", "licence", "attribution", "source", "task", "output", "training", "limits", "evaluation")


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``scripts/cards.py`` at work on a copy of the repository's cards, models and pages."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    spec = importlib.util.spec_from_file_location("cards", ROOT / "scripts/cards.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    for name, folder in (("CARDS", "cards"), ("MODELS", "models"), ("DOCS", "docs")):
        shutil.copytree(ROOT / folder, tmp_path / folder)
        monkeypatch.setattr(made, name, tmp_path / folder)
    shutil.copy(ROOT / "README.md", tmp_path)
    monkeypatch.setattr(made, "ROOT", tmp_path)
    return made


def run(cards: ModuleType, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["cards.py", verb])
    cards.main()


def test_every_card_and_page_is_what_the_command_writes() -> None:
    done = subprocess.run([sys.executable, "scripts/cards.py", "check"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("card", models.cards(), ids=lambda card: card.id)
def test_no_field_is_missing(card: models.Card) -> None:
    assert [field for field in FIELDS if field not in card.data] == []
    assert models.verify(card) == card.data.get("sha256", "")


@pytest.mark.parametrize("signal", DETECTORS)
def test_a_detectors_card_has_figures_clean_and_under_four_presets(signal: str) -> None:
    data = models.card(DETECTORS[signal]).data
    figures = data["evaluation"]
    assert {"clean", "zoom-720p", "teams-360p", "phone", "bluetooth"} <= set(figures)
    for name, one in figures.items():
        if isinstance(one, dict):
            assert len(one["recordings"]) == 2, name
    assert {0.01, 0.05} == set(Calibration.from_card(data["calibration"], signal).nominal)
    assert {"correlation_of_quality_and_error", "rule"} & set(data["abstention"])


@pytest.mark.parametrize("file", [f"models/{SyntheticVoice.model}.toml", "docs/synthetic_voice.md"])
def test_a_figure_changed_by_hand_is_found(
    file: str, cards: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / file
    text = path.read_text()
    start = text.index("[evaluation" if file.endswith("toml") else "<!-- figures of")
    digit = next(i for i in range(text.index("clean", start), len(text)) if text[i] in "12345678")
    path.write_text(text[:digit] + str(int(text[digit]) + 1) + text[digit + 1 :])
    with pytest.raises(SystemExit, match=Path(file).name):
        run(cards, "check", monkeypatch)
    run(cards, "write", monkeypatch)
    assert path.read_text() == text


def test_other_weights_than_those_evaluated_are_refused(
    cards: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(tmp_path / f"models/{SyntheticVoice.model}.onnx", "ab") as file:
        file.write(b"\0")
    with pytest.raises(SystemExit, match="evaluate again"):
        run(cards, "write", monkeypatch)


def test_another_calibration_than_that_evaluated_is_refused(
    cards: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cards/lip_sync.fitted.toml"
    path.write_text(path.read_text().replace("llr_range = [-1.0", "llr_range = [-0.6"))
    with pytest.raises(SystemExit, match="evaluate again"):
        run(cards, "check", monkeypatch)


@pytest.mark.parametrize("path", sorted((ROOT / "cards").glob("*.evaluation.json")), ids=lambda path: path.name)
def test_what_is_kept_names_no_recording_and_no_person(path: Path) -> None:
    held = json.loads(path.read_bytes())
    assert {"worst", "unscored", "path", "person", "evidence"} & keys(held) == set()


def keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(keys(one) for one in value.values()))
    return set().union(*(keys(one) for one in value)) if isinstance(value, list) else set()


def test_words_hold_no_calibration_and_no_evaluation() -> None:
    for path in (ROOT / "cards").glob("*.toml"):
        if not path.stem.endswith(".fitted"):
            assert {"calibration", "evaluation", "sha256", "file"} & set(tomllib.loads(path.read_text())) == set()
