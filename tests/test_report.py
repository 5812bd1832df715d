import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from inperson.graph import details
from inperson.report import Finding, Media, Moment, Quantity, Report, Subject, json_schema

ROOT = Path(__file__).parents[1]


def report() -> Report:
    media = Media(
        path="call.mp4", sha256="0" * 64, size_bytes=10, container="mp4", duration=60.0, codecs=("h264", "aac")
    )
    return Report(
        version="0.1.0",
        media=media,
        candidate=Subject(track=0, speaker="S2", how="Speaks longest."),
        prior=0.5,
        findings=(
            Finding(
                signal="lip_sync",
                status="scored",
                confidence=0.4,
                llr=-0.18,
                interval=(0.3, 0.6),
                quality=0.8,
                evidence=(Moment(start=3.2, end=7.9, score=0.1, note="The lag curve has no peak here."),),
                measurements={"offset": Quantity(value=42.0, unit="ms")},
                model="lip_sync-0.1.0",
                alternatives=("a Bluetooth headset",),
            ),
            Finding(
                signal="reading", status="abstained", reason="4 s of answers, 20 s are needed", model="reading-0.2.0"
            ),
            Finding(
                signal="response_latency", status="scored", confidence=0.5, llr=0.0, interval=(0.4, 0.6), quality=0.5
            ),
        ),
        warnings=("2 frames could not be decoded",),
    )


def test_survives_json_and_keeps_the_documented_keys() -> None:
    made = report()
    assert Report.from_json(made.to_json()) == made
    keys = json.loads(made.to_json(indent=None))
    assert list(keys) == [
        "schema",
        "version",
        "media",
        "candidate",
        "prior",
        "site",
        "findings",
        "warnings",
        "timeline",
        "excluded",
    ]
    assert keys["schema"] == "inperson/report/1"
    assert set(keys["findings"][0]) == {
        "signal", "status", "score", "confidence", "llr", "interval", "quality", "p_value", "p_value_reason", "reason",
        "evidence", "measurements", "model", "alternatives", "curve",
    }  # fmt: skip
    assert set(keys["findings"][0]["evidence"][0]) == {"start", "end", "score", "note", "track", "speaker", "kind"}
    assert "\n" not in made.to_json(indent=None)


def test_the_published_schema_is_this_one_and_accepts_a_report() -> None:
    published = json.loads((ROOT / "docs/report.schema.json").read_text())
    assert published == json_schema(), "run: inperson schema > docs/report.schema.json"
    jsonschema.Draft202012Validator.check_schema(published)
    jsonschema.validate(json.loads(report().to_json()), published)


def test_exactly_one_of_confidence_and_reason() -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        Finding(signal="x", status="scored", reason="why")
    with pytest.raises(ValidationError, match="exactly one"):
        Finding(signal="x", status="abstained", confidence=0.5, reason="why")
    with pytest.raises(ValidationError, match="exactly one"):
        Finding(signal="x", status="abstained")
    with pytest.raises(ValidationError, match="needs llr"):
        Finding(signal="x", status="scored", confidence=0.5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, 1.1])
def test_a_confidence_is_a_probability(bad: float) -> None:
    with pytest.raises(ValidationError):
        Finding(signal="x", status="scored", confidence=bad, llr=0.0, interval=(0, 1), quality=1)


def test_finding_by_signal() -> None:
    assert report().finding("reading").reason == "4 s of answers, 20 s are needed"
    with pytest.raises(KeyError):
        report().finding("mood")


def test_graph_details_of_a_recording() -> None:
    """Graph: segment seconds are 0 on recordings; only scored findings about synthetic media map."""
    (detail,) = report().to_graph()
    assert detail == {
        "@odata.type": "#microsoft.graph.syntheticMediaDetectionDetail",
        "confidence": 0.4,
        "modality": "multimodal",
        "modelName": "lip_sync-0.1.0",
        "modelTasks": ["lipSync"],
        "segment": {
            "@odata.type": "#microsoft.graph.mediaSegment",
            "startTimeSec": 0,
            "endTimeSec": 0,
            "frameIndices": [],
        },
    }


def test_graph_details_of_a_live_stream_carry_whole_seconds() -> None:
    (detail,) = details(report(), live=True)
    assert (detail["segment"]["startTimeSec"], detail["segment"]["endTimeSec"]) == (3, 8)
