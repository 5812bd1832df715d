"""Signals that measure what another one does by another model: known by name, looked at only where they are named."""

from __future__ import annotations

from pathlib import Path

import inperson
from inperson import detectors, graph, models
from inperson.page import words

ROOT = Path(__file__).parents[1]


def test_a_variant_is_looked_at_only_where_it_is_named() -> None:
    assert set(detectors.names()) - set(detectors.usual()) == {"synthetic_voice_open"}
    assert [factory().signal for factory in detectors.factories(None)] == list(detectors.usual())


def test_a_variant_hears_by_its_own_model_and_is_told_as_its_original() -> None:
    both = ["synthetic_voice", "synthetic_voice_open"]
    heard = inperson.analyze(ROOT / "samples/genuine_voice.flac", signals=both, recheck=False)
    usual, variant = heard.findings
    assert (usual.signal, variant.signal) == ("synthetic_voice", "synthetic_voice_open")
    assert variant.model == detectors.factories(["synthetic_voice_open"])[0]().model
    assert variant.measurements.keys() == usual.measurements.keys()
    assert variant.measurements["speech"] == usual.measurements["speech"]
    assert variant.score != usual.score
    assert words.of("synthetic_voice_open") == words.of("synthetic_voice")
    told = [(one["modality"], one["modelTasks"], one["modelName"]) for one in graph.details(heard)]
    assert told == [("audio", ["voiceClone"], one.model) for one in (usual, variant)]


def test_a_variants_training_lists_openly_licensed_recordings_alone() -> None:
    sources = models.card("synthetic_voice_open").data["training"]["data"]["sources"]
    assert len(sources) > 100
    assert [one for one in sources if "licence class open" not in one] == []
