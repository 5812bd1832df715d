import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from inperson import models
from inperson.errors import ModelError

CARD = """
name = "twice"
version = "{version}"
file = "twice-{version}.onnx"
sha256 = "{sha}"
licence = "Apache-2.0"
source = "made by this test"
task = "doubles"
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two versions of a model that doubles its input."""
    import hashlib

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "twice", [x], [y])
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    for version in ("1.9.0", "1.10.0"):
        (tmp_path / f"twice-{version}.onnx").write_bytes(content)
        card = CARD.format(version=version, sha=hashlib.sha256(content).hexdigest())
        (tmp_path / f"twice-{version}.toml").write_text(card)
    monkeypatch.setenv("INPERSON_MODELS", str(tmp_path))
    return tmp_path


def test_the_newest_version_is_found_by_number_not_by_letter(shelf: Path) -> None:
    assert models.card("twice").version == "1.10.0"
    assert models.card("twice-1.9.0").version == "1.9.0"


def test_a_session_runs_on_one_thread(shelf: Path) -> None:
    session = models.session("twice")
    assert session.run(None, {"x": np.array([3.0], np.float32)})[0].tolist() == [6.0]
    assert session.get_session_options().intra_op_num_threads == 1
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert models.session("twice") is session


def test_an_altered_model_is_refused(shelf: Path) -> None:
    path = shelf / "twice-1.10.0.onnx"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ModelError, match=r"altered.*reinstall inperson"):
        models.session("twice")
    with pytest.raises(ModelError, match="altered"):
        models.verify(models.card("twice"))


def test_a_missing_model_or_card_names_the_remedy(shelf: Path) -> None:
    (shelf / "twice-1.10.0.onnx").unlink()
    with pytest.raises(ModelError, match=r"missing.*reinstall"):
        models.session("twice")
    with pytest.raises(ModelError, match=r"no card.*reinstall"):
        models.card("thrice")
    with pytest.raises(ModelError, match="no card"):
        models.card("twice-3.0.0")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "cannot be read"),
        ("name = 'twice'", "lacks version"),
        (CARD.format(version="2.0.0", sha=""), "calls itself"),
        (CARD.format(version="1.11.0", sha="").replace('"twice-1.11.0.onnx"', '"../../etc/passwd"'), "names the file"),
    ],
)
def test_a_bad_card_is_refused(shelf: Path, text: str, message: str) -> None:
    (shelf / "twice-1.11.0.toml").write_text(text)
    with pytest.raises(ModelError, match=message):
        models.card("twice-1.11.0")


def test_every_shipped_model_is_unaltered() -> None:
    shipped = models.cards()
    assert {card.name for card in shipped} >= {"face_detector", "face_mesh", "voice_activity", "speaker_embedding"}
    for card in shipped:
        found = models.verify(card)
        assert found == card.data.get("sha256", "")
        if card.path is not None:
            onnx.checker.check_model(onnx.load(card.path), full_check=True)


def test_onnxruntime_keeps_no_record_of_its_use(tmp_path: Path) -> None:
    """Left to itself it makes a device id and a queue of events for its maker in the home folder."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    for name in ("CI", "ORT_DISABLE_TELEMETRY", "TF_BUILD", "GITHUB_ACTIONS"):  # any of which silences it too
        environment.pop(name, None)
    subprocess.run(
        [sys.executable, "-c", "from inperson import models; models.session('face_mesh')"],
        env=environment,
        check=True,
        timeout=60,
    )
    assert [path.name for path in home.rglob("*onnxruntime*")] == []


def test_every_detector_names_the_version_of_its_model_so_that_a_report_does() -> None:
    from inperson.detectors import factories

    for factory in factories(None):
        name, _, version = factory().model.rpartition("-")
        assert name
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
