"""A platform's own calibration: what is guaranteed holds, what it supports bounds the ratios, and files are checked."""

from __future__ import annotations

import json
import logging
import math
import pickle
import subprocess
import sys
import wave
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from inperson import Abstention, Chunk, InputError, Reading, Session, analyze, site
from inperson._conformal import limit, most_llr, needed, p_value
from inperson.cli import main
from inperson.render import text
from inperson.report import Finding, Media, Report, Subject
from inperson.site import MIN_SCORED, STRATUM_SCORED, Genuine, Site

ROOT = Path(__file__).parents[1]
VOICE = ROOT / "samples/genuine_voice.flac"


# What a p-value is


def test_p_values_worked_by_hand() -> None:
    """For no score as high, the limit solves (1 - p)^n = 1 - g; for all but one as high, p^n = g."""
    scores = [float(i) for i in range(1, 11)]
    assert p_value(99.0, scores, 0.8) == pytest.approx(1 - 0.2 ** (1 / 10))
    assert p_value(1.5, scores, 0.8) == pytest.approx(0.8 ** (1 / 10))
    assert p_value(0.0, scores, 0.8) == 1.0
    # 1 of 10 as high: P(X <= 1) = (1 - p)^10 + 10 p (1 - p)^9 = 0.2
    p = p_value(9.5, scores, 0.8)
    assert (1 - p) ** 10 + 10 * p * (1 - p) ** 9 == pytest.approx(0.2)
    assert p_value(1.0, [], 0.8) == 1.0


def test_equal_scores_count_as_higher() -> None:
    scores = [0.0] * 20 + [1.0] * 5
    assert p_value(1.0, scores) == pytest.approx(limit(5, 25, 0.8))
    assert p_value(0.0, scores) == 1.0


def test_an_even_assurance_gives_the_marginal_p_value_where_that_is_larger() -> None:
    assert p_value(99.0, [float(i) for i in range(19)], 0.5) == pytest.approx(1 / 20)


@pytest.mark.parametrize("assurance", [0.5, 0.8, 0.95])
def test_the_marginal_guarantee_holds_at_every_rank(assurance) -> None:
    """Of exchangeable scores each rank is equally likely, so p <= a happens to at most a share a of them: exactly."""
    for count in (1, 7, 40, 200):
        ranks = [float(i) for i in range(count + 1)]
        ps = np.sort([p_value(new, ranks[:new] + ranks[new + 1 :], assurance) for new in range(count + 1)])
        assert (ps >= np.arange(1, count + 2) / (count + 1) - 1e-12).all()


@pytest.mark.parametrize(
    ("count", "held", "at_8"), [(20, 1.0, 1.0), (40, 0.871, 0.964), (100, 0.882, 0.989), (500, 0.821, 1.0)]
)
def test_the_rate_holds_for_the_calibration_at_hand(count, held, at_8) -> None:
    """2000 platforms calibrate once each; the rate of false alarms of "p <= 5 %" on further genuine recordings."""
    rng = np.random.default_rng(count)
    below = [k for k in range(count) if p_value(count - k - 0.5, [float(i) for i in range(count)]) <= 0.05]
    scores = np.sort(rng.random((2000, count)))  # uniform: the rate above a threshold t is 1 - t
    rates = 1 - scores[:, count - 1 - max(below)] if below else np.zeros(2000)
    assert np.mean(rates <= 0.05) == pytest.approx(held, abs=0.025)
    assert np.mean(rates <= 0.05) >= 0.8 - 0.02
    assert np.mean(rates <= 0.08) == pytest.approx(at_8, abs=0.02)


def test_how_many_recordings_are_needed() -> None:
    assert [needed(rate, g) for g in (0.8, 0.9) for rate in (0.05, 0.01)] == [32, 161, 45, 230]
    for rate, g in ((0.05, 0.8), (0.01, 0.9), (0.1, 0.5)):
        count = needed(rate, g)
        assert p_value(9.0, [0.0] * count, g) <= rate < p_value(9.0, [0.0] * (count - 1), g)


def test_what_a_p_value_can_stand_for() -> None:
    """The bounds that Sellke, Bayarri & Berger (2001) print: 0.407 at p = 0.05, 0.125 at 0.01, 0.0188 at 0.001."""
    assert [10 ** -most_llr(p) for p in (0.05, 0.01, 0.001)] == pytest.approx([0.407, 0.125, 0.0188], rel=0.005)
    assert most_llr(1 / math.e) == most_llr(0.5) == most_llr(1.0) == 0.0
    grid = [most_llr(p) for p in np.linspace(0.001, 1, 200)]
    assert grid == sorted(grid, reverse=True)


# Qualities


def genuine(scores, qualities=None, abstained=0) -> Genuine:
    order = np.argsort(scores)
    qualities = np.full(len(scores), 0.5) if qualities is None else np.asarray(qualities)
    return Genuine(
        "loudness-0.1.0",
        tuple(map(float, np.asarray(scores)[order])),
        tuple(map(float, qualities[order])),
        abstained,
    )


def test_too_few_scored_recordings_give_no_p_value_and_no_bound() -> None:
    few = genuine(np.arange(MIN_SCORED - 1)).compare(99.0, 0.5)
    assert (few.p_value, few.most) == (None, math.inf)
    assert few.reason == "9 genuine recordings were scored in the calibration, at least 10 are needed"
    assert genuine(np.arange(MIN_SCORED)).compare(99.0, 0.5).p_value == pytest.approx(1 - 0.2**0.1)
    assert genuine([]).compare(0.0, 0.5).p_value is None


def test_a_recording_poorer_than_all_is_not_compared_but_bounded() -> None:
    made = genuine(np.arange(50), np.linspace(0.3, 0.9, 50))
    poor = made.compare(99.0, 0.29)
    assert poor.p_value is None
    assert "no genuine recording of a quality as low" in poor.reason
    assert poor.most == pytest.approx(most_llr(p_value(99.0, range(50))))
    assert made.compare(99.0, 0.3).reason == ""


def test_the_larger_of_the_overall_and_the_own_p_value_counts() -> None:
    """Poor recordings score higher: 45 of quality 0.2 from 100 on, 100 of quality 0.8 from 0 on."""
    made = genuine([*range(100, 145), *range(100)], [0.2] * 45 + [0.8] * 100)
    poor, good = made.compare(140.5, 0.1999999), made.compare(98.5, 0.8)
    assert poor.p_value is None
    assert made.compare(140.5, 0.2).p_value == pytest.approx(limit(4, 45, 0.8))
    assert good.p_value == pytest.approx(limit(46, 145, 0.8))


def test_a_quality_with_too_few_recordings_is_compared_with_all() -> None:
    few = genuine([*range(100, 139), *range(100)], [0.2] * (STRATUM_SCORED - 1) + [0.8] * 100)
    assert few.compare(138.5, 0.2).p_value == pytest.approx(limit(0, 139, 0.8))


def test_a_quality_of_its_own_keeps_the_rate() -> None:
    """A fifth of the recordings is poor and scores higher: overall they alarm far too often, within their own not."""
    rng = np.random.default_rng(7)

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        poor = rng.random(count) < 0.2
        return rng.normal(2.0 * poor, 1), np.where(poor, 0.2, 0.8)

    alone, own = [], []
    for _ in range(30):
        made = genuine(*draw(400))
        scores, qualities = draw(200)
        poor = scores[qualities < 0.5]
        own.append(np.mean([made.compare(float(s), 0.2).p_value <= 0.05 for s in poor]))
        alone.append(np.mean([p_value(float(s), made.scores) <= 0.05 for s in poor]))
    assert np.mean(alone) > 0.15
    assert np.mean(own) <= 0.05


# The file


def acme() -> Site:
    return Site("Acme Ä", 45, {"loudness": genuine(np.linspace(-1, 1, 40), np.linspace(0, 1, 40), 5)}, 0.9)


def test_the_file_gives_the_same_calibration(tmp_path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(acme().to_toml(), encoding="utf-8")
    again = site.read(path)
    assert replace(again, sha256="") == acme()
    assert len(again.sha256) == 64
    assert site.of(str(path)) == site.of(path) == site.of(again) == again
    assert pickle.loads(pickle.dumps(again)) == again  # noqa: S301


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("inperson/site/1", "inperson/site/2", "expected the schema 'inperson/site/1'"),
        ("assurance = 0.9", "assurance = 1.5", "assurance"),
        ("assurance = 0.9", 'assurance = "high"', "finite number"),
        ("assurance = 0.9", "", "finite number"),
        ("recordings = 45", "recordings = true", "whole recordings"),
        ("recordings = 45", "recordings = -1", "number of recordings"),
        ("Acme Ä", "Acme\\u001b[31m", "printable"),
        ("Acme Ä", "", "printable"),
        ("Acme Ä", "x" * 81, "printable"),
        ('label = "Acme Ä"', "label = 3", "text as label"),
        ("scores = [-1.0", "scores = [5.0", "not sorted"),
        ("scores = [-1.0", "scores = [nan", "finite number"),
        ("scores = [-1.0", "scores = [-inf", "finite number"),
        ("scores = [-1.0", "scores = [true", "finite number"),
        ("scores = [-1.0", "scores = [[-1.0]", "finite number"),
        ("scores = [-1.0,", "scores = [", "as many qualities"),
        ("qualities = [0.0", "qualities = [-0.1", "between 0 and 1"),
        ("qualities = [0.0", "qualities = 3 #", "expected scores and qualities"),
        ("abstained = 5", "abstained = -5", "abstentions"),
        ("abstained = 5", "abstained = 5\nabstained = 5", "TOMLDecodeError"),
        ('[signals."loudness"]', "[signal]", "table signals"),
        ('[signals."loudness"]', '[signals]\nloudness = 3\n[signals."x"]', "a table"),
        ("recordings = 45", "recordings = 45\nx = " + "[" * 5000, "RecursionError"),
    ],
)
def test_hostile_files_are_one_clear_error(tmp_path, old, new, message) -> None:
    text = acme().to_toml()
    assert old in text
    path = tmp_path / "site.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=r"is no site calibration: .*; make one with inperson calibrate") as caught:
        site.read(path)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 600


def test_files_that_are_no_text_or_not_there(tmp_path) -> None:
    (tmp_path / "noise").write_bytes(bytes(range(256)))
    for name, message in (("noise", "UnicodeDecodeError"), ("gone", "No such file"), (".", "Is a directory")):
        with pytest.raises(InputError, match=message):
            site.read(tmp_path / name)


# From results


def report(name: str, *, status: str = "scored", score: float | None = 0.5, model: str = "loudness-0.1.0") -> Report:
    told = {"confidence": 0.5, "llr": 0.0, "interval": (0.4, 0.6)} if status == "scored" else {"reason": "why"}
    found = Finding(signal="loudness", status=status, score=score, quality=0.7, model=model, **told)
    return Report(
        version="0.1.0",
        media=Media(path=f"/{name}", sha256=name * 64, size_bytes=9, container="wav", duration=1.0, codecs=()),
        candidate=Subject(track=None, speaker=None, how="a test"),
        prior=0.5,
        findings=(found,),
    )


def test_reports_become_sorted_scores_without_names() -> None:
    reports = [
        report("a", score=0.9),
        report("b", score=-0.1),
        report("c", status="inconclusive", score=2.0),
        report("d", status="abstained", score=None),
        report("a", score=0.9),
    ]
    made = site.measured(reports, "Acme")
    assert made == Site(
        "Acme", 4, {"loudness": Genuine("loudness-0.1.0", (-0.1, 0.9, 2.0), (0.7, 0.7, 0.7), abstained=1)}
    )
    assert made.to_toml() == site.measured(reversed(reports), "Acme").to_toml()
    assert site.measured(reports, "Acme", signals=["other"]).signals == {}
    assert site.measured([]).recordings == 0


def test_results_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(InputError, match=r"loudness-0\.1\.0 and loudness-0\.2\.0"):
        site.measured([report("a"), report("b", model="loudness-0.2.0")])
    with pytest.raises(InputError, match="no raw scores"):
        site.measured([report("a"), report("b", score=None)])
    with pytest.raises(InputError, match="1 of 2 recordings have a result for loudness"):
        site.measured([report("a"), report("b").model_copy(update={"findings": ()})])
    with pytest.raises(InputError, match="no signal was scored on more than 1; at least 10 scored ones are needed"):
        site.require_use(site.measured([report("a")]))


def test_lines_of_a_batch(tmp_path) -> None:
    path = tmp_path / "results.jsonl"
    failed = {"path": "/b", "error": {"type": "MediaError", "message": "no"}}
    lines = [report("a").to_json(indent=None), json.dumps(failed), report("c").to_json(indent=None)]
    path.write_text("\n".join(lines) + "\n")
    assert [one.media.path for one in site.results(path)] == ["/a", "/c"]
    assert [one.media.path for one in site.results(path, wanted={"/c", "/d"})] == ["/c"]
    for bad in ('{"path": "/x"', "[1]", "3", '{"media": 3}'):
        path.write_text(lines[0] + "\n" + bad)
        with pytest.raises(InputError, match=r"line 2 of .* is no result of inperson batch"):
            list(site.results(path))
    with pytest.raises(InputError, match="No such file"):
        list(site.results(tmp_path / "gone"))


# In an analysis

CARD = """
name = "loudness"
version = "0.1.0"
licence = "Apache-2.0"
source = "made by this test"
task = "none"

[calibration]
scores = [-2.0, 2.0]
llrs = [-2.0, 2.0]
llr_range = [-1.0, 1.0]
"""


class Loudness:
    """A plug-in that measures what its subclass says."""

    signal: ClassVar[str] = "loudness"
    needs: ClassVar[frozenset[str]] = frozenset({"audio"})
    model: ClassVar[str] = "loudness-0.1.0"
    score: ClassVar[float] = 0.9

    def update(self, chunk: Chunk) -> None:
        pass

    def finish(self, session: Session) -> Reading | Abstention:
        return Reading(self.score, 0.5, spread=0.2)


class Quiet(Loudness):
    score: ClassVar[float] = -0.9


class Newer(Loudness):
    model: ClassVar[str] = "loudness-0.2.0"


@pytest.fixture
def shelf(tmp_path, monkeypatch) -> None:
    for version in ("0.1.0", "0.2.0"):
        (tmp_path / f"loudness-{version}.toml").write_text(CARD.replace("0.1.0", version))
    monkeypatch.setenv("INPERSON_MODELS", str(tmp_path))


def of(made: Genuine) -> Site:
    return Site("Acme", 40, {"loudness": made})


def test_no_ratio_exceeds_what_the_p_value_supports(shelf) -> None:
    usual, rare = of(genuine(np.linspace(0, 2, 40))), of(genuine(np.linspace(-2, 0, 40)))
    (free,) = analyze(VOICE, detectors=[Loudness]).findings
    (bound,) = analyze(VOICE, detectors=[Loudness], calibration=rare).findings
    (mute,) = analyze(VOICE, detectors=[Loudness], calibration=usual).findings
    assert (free.llr, free.p_value, free.p_value_reason) == (pytest.approx(0.9), None, None)
    assert bound.p_value == pytest.approx(limit(0, 40, 0.8))
    assert bound.llr == pytest.approx(most_llr(bound.p_value))
    assert bound.interval[1] == pytest.approx(bound.confidence) == pytest.approx(10**bound.llr / (1 + 10**bound.llr))
    assert bound.interval[0] <= bound.confidence
    assert (mute.llr, mute.confidence) == (0.0, 0.5)
    assert mute.p_value > 0.5


def test_evidence_for_bona_fide_stays_as_it_was(shelf) -> None:
    own = of(genuine(np.linspace(0, 2, 40)))
    (free,) = analyze(VOICE, detectors=[Quiet]).findings
    (same,) = analyze(VOICE, detectors=[Quiet], calibration=own).findings
    assert same.p_value == 1.0
    assert (same.llr, same.confidence, same.interval) == (free.llr, free.confidence, free.interval)


def test_the_report_says_what_was_compared_and_people_can_read_it(shelf) -> None:
    made = analyze(VOICE, detectors=[Loudness], calibration=of(genuine(np.linspace(-2, 0, 40))))
    assert made.site is not None
    assert (made.site.label, made.site.recordings, made.site.scored) == ("Acme", 40, {"loudness": 40})
    assert Report.from_json(made.to_json()) == made
    shown = " ".join(text(made).split())
    assert "with 40 genuine recordings of Acme, 80% sure of the rates" in shown
    assert "at most 1 in 25 genuine recordings here scores as high as this or higher" in shown
    assert max(map(len, text(made).splitlines())) <= 80


def test_why_there_is_no_p_value_is_said(shelf) -> None:
    few = analyze(VOICE, detectors=[Loudness], calibration=of(genuine(np.zeros(3))))
    other = analyze(VOICE, detectors=[Loudness], calibration=Site("Acme", 0, {}))
    for made, reason in ((few, "3 genuine recordings were scored"), (other, "does not cover this signal")):
        assert made.findings[0].p_value is None
        assert reason in str(made.findings[0].p_value_reason)
        assert made.findings[0].llr == pytest.approx(0.9)
        assert f"not compared: {made.findings[0].p_value_reason}" in " ".join(text(made).split())


def test_scores_of_another_model_are_refused(shelf) -> None:
    with pytest.raises(InputError, match=r"scores of loudness-0\.1\.0, .* by loudness-0\.2\.0; run inperson calibrate"):
        analyze("gone.wav", detectors=[Newer], calibration=of(genuine(np.zeros(40))))


# On the command line


@pytest.fixture(scope="module")
def calls(tmp_path_factory) -> Path:
    """Eleven genuine recordings: the same ten seconds of speech above more and more noise."""
    import av

    folder = tmp_path_factory.mktemp("calls")
    with av.open(str(VOICE)) as container:
        speech = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])[:160_000]
    rng = np.random.default_rng(0)
    for i in range(MIN_SCORED + 1):
        with wave.open(str(folder / f"{i:02d}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            noisy = speech + rng.normal(0, 3 + i, len(speech))
            file.writeframes(noisy.clip(-32768, 32767).astype("<i2").tobytes())
    return folder


@pytest.fixture(scope="module")
def calibrated(calls, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("site") / "acme.toml"
    with pytest.raises(SystemExit) as left:
        main(["calibrate", str(calls), "--out", str(out), "--signals", "synthetic_voice", "--workers", "1", "--quiet"])
    assert left.value.code == 0
    return out


@pytest.fixture
def cli(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    logging.getLogger("inperson").setLevel(logging.NOTSET)  # whatever --debug in another file left behind

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return run


def test_calibrate_writes_scores_and_nothing_about_the_recordings(calls, calibrated) -> None:
    made = site.read(calibrated)
    assert (made.label, made.recordings, made.assurance) == ("acme", 11, 0.8)
    assert len(made.signals["synthetic_voice"].scores) == 11
    assert str(calls) not in calibrated.read_text()
    assert ".wav" not in calibrated.read_text()


def test_calibrate_goes_on_where_it_stopped_and_takes_results(cli, calls, calibrated, tmp_path) -> None:
    before = calibrated.read_text()
    code, _, err = cli("calibrate", calls, "--out", calibrated, "--signals", "synthetic_voice")
    assert (code, calibrated.read_text()) == (0, before)
    assert "11 recordings: 0 analysed, 11 done before" in err
    assert "synthetic_voice: 11 scored, 0 not; p-values down to 0.136" in err
    assert "p-values down to 5%: 32, 1%: 161, at 80% assurance" in err
    again = tmp_path / "acme.toml"
    code, _, err = cli("calibrate", "--from", f"{calibrated}.jsonl", "--out", again, "--label", "other", "-q")
    assert (code, err) == (0, "")
    assert again.read_text() == before.replace('"acme"', '"other"')


def test_check_and_batch_use_it_and_say_so(cli, calls, calibrated, tmp_path) -> None:
    options = ("--signals", "synthetic_voice", "--calibration", calibrated)
    code, out, _ = cli("check", calls / "03.wav", *options)  # scores lowest
    assert code == 0
    assert "with 11 genuine recordings of acme" in out
    assert "usual: most genuine recordings here may score as high" in " ".join(out.split())
    results = tmp_path / "x.jsonl"
    assert cli("batch", calls / "00.wav", "--out", results, "--workers", "1", "-q", *options)[0] == 0
    (line,) = map(json.loads, results.read_text().splitlines())
    own = site.read(calibrated)
    assert line["report"]["site"]["sha256"] == own.sha256
    (found,) = line["report"]["findings"]
    assert found["p_value"] == own.compare("synthetic_voice", found["score"], found["quality"]).p_value


def test_another_model_is_refused_before_a_batch_begins(cli, calls, calibrated, tmp_path) -> None:
    older = tmp_path / "older.toml"
    older.write_text(calibrated.read_text().replace("synthetic_voice-", "synthetic_voice-9"))
    for command in (("check", calls / "00.wav"), ("batch", calls, "--out", tmp_path / "x.jsonl")):
        code, out, err = cli(*command, "--calibration", older)
        assert (code, out) == (2, "")
        assert "run inperson calibrate again" in err
        assert err.count("\n") == 1
    assert cli("check", calls / "00.wav", "--calibration", older, "--signals", "response_latency")[0] == 0
    assert not (tmp_path / "x.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["calibrate", "--out", "x.toml"], "name genuine recordings"),
        (["calibrate", "{calls}", "--from", "r.jsonl", "--out", "x.toml"], "name genuine recordings"),
        (["calibrate", "{calls}"], "--out"),
        (["calibrate", "--from", "gone.jsonl", "--out", "x.toml"], "gone.jsonl"),
        (["calibrate", "--from", "r.jsonl", "--out", "r.jsonl"], "would overwrite r.jsonl"),
        (["calibrate", "{calls}/00.wav", "--out", "{calls}/00.wav"], "would overwrite"),
        (["calibrate", "{calls}", "--out", "x.toml", "--assurance", "1"], "assurance must be"),
        (["calibrate", "{calls}", "--out", "x.toml", "--label", "a\x1bb"], "printable name"),
        (["calibrate", "--from", "r.jsonl", "--out", "x.toml"], "no signal was scored on more than 1"),
        (["check", "{calls}/00.wav", "--calibration", "gone.toml"], "cannot read the site calibration gone.toml"),
        (["check", "{calls}/00.wav", "--calibration", "r.jsonl"], "is no site calibration"),
        (["batch", "{calls}/00.wav", "--calibration", "gone.toml", "--out", "x.toml"], "gone.toml"),
    ],
)
def test_what_goes_wrong_is_one_line(cli, calls, tmp_path, monkeypatch, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    line = report("a").to_json(indent=None) + "\n"
    (tmp_path / "r.jsonl").write_text(line)
    before = (calls / "00.wav").read_bytes()
    code, out, err = cli(*(argument.format(calls=calls) for argument in arguments))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not (tmp_path / "x.toml").exists()
    assert (tmp_path / "r.jsonl").read_text() == line
    assert (calls / "00.wav").read_bytes() == before


# The protocol that shows it on real recordings


@pytest.mark.skipif(not (ROOT / "training").exists(), reason="the protocols come with the repository only")
def test_the_protocol_finds_the_guarantee_kept_where_the_shipped_calibration_fails(tmp_path) -> None:
    """A channel on which genuine recordings score 2 higher than where the shipped calibration was made."""
    rng = np.random.default_rng(1)
    rows = ["signal,channel,path,person,score,quality,llr"]
    for i in range(160):
        score = rng.normal(2.0)
        rows.append(f"lip_sync,phone,{i}.wav,p{i // 2},{score},{rng.uniform(0.3, 0.9)},{min(score - 1, 0.7)}")
    rows += [f"reading,phone,{i}.wav,,0.0,0.5,0.0" for i in range(45)]
    (tmp_path / "genuine.csv").write_text("\n".join(rows) + "\n")
    script = ROOT / "training/protocols/site_guarantee.py"
    command = [sys.executable, script, tmp_path / "genuine.csv", "--splits", "60", "--json", tmp_path / "out.json"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, timeout=60)
    lip_sync, reading = json.loads((tmp_path / "out.json").read_text())
    assert (lip_sync["recordings"], lip_sync["persons"], lip_sync["splits"]) == (160, 80, 60)
    assert 0.005 < lip_sync["mean"] <= 0.05
    assert lip_sync["at_or_under_nominal"] >= 0.75
    assert lip_sync["within_8_percent"] >= 0.85
    assert float(lip_sync["shipped_speaks"].split()[0]) > 0.6
    assert lip_sync["speaks_after"] <= 0.05
    assert (reading["splits"], reading["mean"]) == (0, None)
    assert "| reading | phone | 45 (45) | 0 | too few recordings |" in done.stdout
