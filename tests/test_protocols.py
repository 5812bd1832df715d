"""The protocols' own parts on fabricated data: who may be where, and files that tell nothing by themselves."""

from __future__ import annotations

import csv
import importlib
import subprocess
import sys
import wave
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import clips
import numpy as np
import pytest

from inperson.detectors._voice_repeats import repeats
from inperson.evaluation import manifest as manifests
from inperson.media import probe
from inperson.types import Span, Turn

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "training" / "protocols"
SIGNALS = ("synthetic_voice", "face_swap", "lip_sync", "response_latency")
MODULES = ("manifest", "split", "known", "sound", "pictures", "face_public", "synthetic_voice_clips", *SIGNALS)
VIDEO = (
    "path",
    "label",
    "kind",
    "generator",
    "licence_class",
    "has_audio",
    "av_ok",
    "duration_s",
    "crops",
    "person_id",
)
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="training scripts are in the repository only")


@pytest.fixture(scope="module")
def protocols() -> Iterator[Any]:
    """The scripts' modules; their plain names are taken back afterwards."""
    names = (*MODULES, "reading", "genuine_channel", "same_recordings")
    sys.path.insert(0, str(FOLDER))
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    sys.path.remove(str(FOLDER))
    for name in [n for n in sys.modules if n in names or n.startswith("training_")]:
        del sys.modules[name]


def video_row(path: str, **given: str) -> dict[str, str]:
    base = dict.fromkeys((*VIDEO, "source"), "") | {"path": path, "label": "real", "person_id": path, "source": path}
    return base | {"licence_class": "open"} | given


def paired(path: str, person: str, model: str) -> dict[str, str]:
    crops = f"real|real||4:4:0:0; fake|face_swap|DeepFaceLive DFM:{model}|4:4:4:0"
    return video_row(path, label="mixed", person_id=person, source="deepfacelive", crops=crops, generator="see crops")


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


class TestSplit:
    def test_what_shares_a_person_or_a_source_shares_the_half_also_by_way_of_others(self, protocols: Any) -> None:
        chained = [video_row(f"f{i}", person_id=f"p{i // 2}", source=f"s{(i + 1) // 2}") for i in range(40)]
        assert len(set(protocols.split.halves(chained).values())) == 1

    def test_unrelated_recordings_fill_both_halves(self, protocols: Any) -> None:
        found = Counter(protocols.split.halves([video_row(f"f{i}") for i in range(60)]).values())
        assert min(found["calibrate"], found["devtest"]) >= 15

    def test_pairs_of_one_generator_or_person_are_kept_together_and_their_source_is_divided(
        self, protocols: Any
    ) -> None:
        rows = [paired(f"f{i}", f"p{i // 2}", f"m{(i + 1) // 2}") for i in range(6)]
        rows += [paired(f"g{i}", f"q{i}", f"n{i}") for i in range(40)]
        found = protocols.split.halves(rows)
        assert len({found[f"f{i}"] for i in range(6)}) == 1
        assert len({found[f"g{i}"] for i in range(40)}) == 2

    def test_another_salt_draws_other_halves_and_keeps_units_whole(self, protocols: Any) -> None:
        rows = [video_row(f"f{i}", person_id=f"p{i // 2}") for i in range(80)]
        one, other = (protocols.split.halves(rows, salt) for salt in (protocols.split.SALT, protocols.split.NEWER))
        assert 20 < sum(one[path] != other[path] for path in one) < 60
        assert all(other[f"f{i}"] == other[f"f{i + 1}"] for i in range(0, 80, 2))

    def test_a_further_recording_moves_nobody(self, protocols: Any) -> None:
        rows = [video_row(f"f{i}") for i in range(20)]
        before = protocols.split.halves(rows)
        assert protocols.split.halves([video_row("a"), *rows]).items() >= before.items()


class TestManifest:
    def test_is_read_by_evaluate_with_paths_that_move_with_the_folder(self, protocols: Any, tmp_path: Path) -> None:
        elsewhere, inside = tmp_path / "data" / "a.wav", tmp_path / "out" / "audio" / "b.wav"
        rows = [
            {"path": str(elsewhere), "signal": "lip_sync", "label": "spoof", "person": "p", "kind": "x, y"},
            {"path": str(inside), "signal": "lip_sync", "label": "bonafide", "turns": str(inside)},
        ]
        protocols.manifest.write(tmp_path / "out" / "manifest.csv", rows)
        text = (tmp_path / "out" / "manifest.csv").read_text()
        assert "audio/b.wav" in text
        assert str(inside) not in text
        read = manifests.read(tmp_path / "out" / "manifest.csv")
        assert [(e.file, e.label, e.person, e.turns) for e in read.entries] == [
            (elsewhere, 1, "p", None),
            (inside, 0, "", inside),
        ]
        assert read.columns == ("kind",)


class TestSyntheticVoice:
    @pytest.mark.parametrize(
        ("speaker", "file", "expected"),
        [
            ("", "wav/M_p259_464.wav", "vctk/p259"),
            ("p316", "a/b.wav", "vctk/p316"),
            ("", "p302_011.wav", "vctk/p302"),
            ("Alice", "p302_011.wav", "page/Alice"),
            ("", "clip_exp259.wav", "page"),
        ],
    )
    def test_a_known_speaker_is_one_person_and_else_the_page_is(
        self, protocols: Any, speaker: str, file: str, expected: str
    ) -> None:
        row = {"speaker": speaker, "repo_path": file, "source": "page"}
        assert protocols.synthetic_voice.person(row) == expected

    def test_lengths_are_cut_to_one_distribution(self, protocols: Any) -> None:
        short, long = [1.0, 2.0, 3.0, 4.0], [3.5, 8.0, 2.5, 6.0]
        assert protocols.synthetic_voice.common_lengths([short, long]) == [[1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 1.0, 3.0]]

    def test_a_cut_is_never_longer_than_the_clip(self, protocols: Any) -> None:
        rng = np.random.default_rng(0)
        classes = [list(rng.gamma(3, 1, n) + 1) for n in (37, 90, 5)]
        for values, cut in zip(classes, protocols.synthetic_voice.common_lengths(classes), strict=True):
            assert all(c <= v for c, v in zip(cut, values, strict=True))

    def test_recordings_of_both_classes_have_equal_trivia(self, protocols: Any, tmp_path: Path) -> None:
        """Spoofs that are longer, louder and have exact zeros at their edges come out like the bona fide ones."""
        rng, rows, sounds = np.random.default_rng(0), [], {}
        for i in range(12):
            for label, seconds, level in (("bonafide", 2.0 + i / 10, 0.02), ("spoof", 5.0 + i / 10, 0.3)):
                row = dict.fromkeys(
                    ("source", "language", "original_rate", "licence_class", "speaker", "repo_path"), ""
                )
                row |= {"path": f"{label}{i}", "label": label, "kind": "real" if label == "bonafide" else "tts"}
                made = (level * rng.standard_normal(round(seconds * 16000))).astype(np.float32)
                if label == "spoof":
                    made[:3000] = made[-3000:] = 0
                rows.append(row | {"system": "x", "split": "devtest"})
                sounds[row["path"]] = made
        out = protocols.synthetic_voice.build(rows, sounds, tmp_path)
        facts = {label: [] for label in ("bonafide", "spoof")}
        for row in out:
            heard = protocols.sound.load(Path(row["path"]))
            runs = np.abs(heard).reshape(-1)[: len(heard) // 160 * 160].reshape(-1, 160).max(axis=1)
            facts[row["label"]].append((len(heard), 10 * np.log10(np.mean(heard**2)), int((runs == 0).sum())))
        bona, spoof = (np.array(facts[label]) for label in ("bonafide", "spoof"))
        assert np.array_equal(np.sort(bona[:, 0]), np.sort(spoof[:, 0]))
        assert abs(bona[:, 1].mean() - spoof[:, 1].mean()) < 0.5
        assert bona[:, 2].sum() == spoof[:, 2].sum() == 0

    def test_takes_only_the_split_asked_for_and_sets_resynthesis_apart(self, tmp_path: Path) -> None:
        names = ("genuine_voice.flac", "synthetic_voice.flac")
        blank = dict.fromkeys(("source", "language", "original_rate", "licence_class", "speaker", "repo_path"), "")
        rows = []
        for split in ("train", "devtest"):
            for label, kind, name in (("bonafide", "real", 0), ("spoof", "tts", 1), ("spoof", "codec", 1)):
                target = tmp_path / "data" / "audio" / f"{split}_{kind}.flac"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes((ROOT / "samples" / names[name]).read_bytes())
                row = {"path": target.name, "label": label, "kind": kind, "split": split, "system": f"{split} {kind}"}
                rows.append(blank | row)
        write_csv(tmp_path / "data" / "audio" / "manifest.csv", rows)
        command = [sys.executable, str(FOLDER / "synthetic_voice.py"), str(tmp_path / "data"), str(tmp_path / "out")]
        subprocess.run(command, check=True, capture_output=True)
        attacks = manifests.read(tmp_path / "out" / "manifest.csv")
        apart = manifests.read(tmp_path / "out" / "resynthesis.csv")
        manifests.require_files(attacks)
        assert [(e.label, e.columns["generator"]) for e in attacks.entries] == [
            (0, "devtest real"),
            (1, "devtest tts"),
        ]
        assert [e.columns["attack"] for e in attacks.entries] == ["no", "yes"]
        assert [(e.label, e.columns["kind"]) for e in apart.entries] == [(0, "real"), (1, "codec")]


class TestFaceSwap:
    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        rows = [paired(f"m{i}.mp4", f"p{i}", f"g{i}") for i in range(30)]
        rows += [video_row(f"r{i}.mp4", source=f"s{i}", licence_class="third_party_footage") for i in range(20)]
        rows += [video_row(f"open{i}.mp4") for i in range(5)]
        rows += [video_row("head.mp4", label="fake", kind="talking_head", person_id="h")]
        write_csv(tmp_path / "video" / "manifest.csv", rows)
        faces = [{"path": f"{i}.jpg", "person_id": f"{i}", "licence_class": "open"} for i in range(400)]
        write_csv(tmp_path / "faces" / "manifest.csv", faces)
        return tmp_path

    def test_both_halves_of_a_pair_are_rows_of_one_file(self, protocols: Any, data: Path) -> None:
        pairs = protocols.face_swap.manifests(data, "devtest")["manifest"]
        by_file: dict[str, list[dict[str, str]]] = {}
        for row in pairs:
            by_file.setdefault(row["path"], []).append(row)
        assert len(by_file) == 30
        for left, right in by_file.values():
            assert (left["candidate"], left["label"], right["candidate"], right["label"]) == (
                *("left", "bonafide"),
                *("right", "spoof"),
            )
            assert left["split"] == right["split"]

    def test_no_person_and_no_generator_is_in_both_halves(self, protocols: Any, data: Path) -> None:
        rows = protocols.face_swap.manifests(data, "devtest")["pooled"]
        for column in ("person", "generator"):
            sides = {
                half: {r[column] for r in rows if r["split"] == half and r[column] not in ("", "real")}
                for half in ("calibrate", "devtest")
            }
            assert not sides["calibrate"] & sides["devtest"]
            assert column == "generator" or all(sides.values())

    def test_generated_heads_are_apart_from_swaps(self, protocols: Any, data: Path) -> None:
        found = protocols.face_swap.manifests(data, "devtest")
        assert {r["kind"] for r in found["pooled"]} == {"genuine", "face_swap"}
        assert {r["kind"] for r in found["talking_heads"]} == {"genuine", "talking_head"}

    def test_portraits_that_trained_the_model_are_not_measured(self, protocols: Any, data: Path) -> None:
        seen = {row["person_id"] for row in protocols.face_swap.unseen(data, "train")}
        unseen = {row["person_id"] for row in protocols.face_swap.unseen(data, "devtest")}
        assert (len(seen | unseen), len(seen & unseen)) == (400, 0)
        assert 20 <= len(unseen) <= 80  # 12 % of 400

    def test_genuine_clips_that_trained_the_model_are_not_measured(self, protocols: Any, data: Path) -> None:
        rows = protocols.face_swap.manifests(data, "devtest")["pooled"]
        assert {Path(row["path"]).stem[0] for row in rows if row["kind"] == "genuine" and "pair" not in row} == {"r"}


class TestLipSync:
    def test_every_picture_and_every_sound_is_as_often_in_either_class(self, protocols: Any) -> None:
        made = protocols.lip_sync.circle(5, shifts=3)
        own, swapped = [(i, j) for i, j in made if i == j], [(i, j) for i, j in made if i != j]
        assert Counter(own) == {(i, i): 1 for i in range(5)}
        assert len(set(swapped)) == 15
        assert set(Counter(i for i, _ in swapped).values()) == set(Counter(j for _, j in swapped).values()) == {3}
        assert protocols.lip_sync.circle(3, shifts=3) == []

    def test_both_classes_are_files_alike(self, protocols: Any, tmp_path: Path) -> None:
        source = clips.write(tmp_path / "a.mp4", clips.numbered(clips.times(3.0)), clips.tone(3.0))
        rng = np.random.default_rng(0)
        sounds = [(0.1 * rng.standard_normal(32000)).astype(np.float32) for _ in range(2)]
        for name, heard in zip(("own", "other"), sounds, strict=True):
            protocols.pictures.with_sound(source, 0.0, heard, tmp_path / f"{name}.mkv")
        own, other = (probe(tmp_path / f"{name}.mkv") for name in ("own", "other"))
        assert own.size_bytes == other.size_bytes
        assert own.duration == other.duration == pytest.approx(2.0, abs=0.1)
        assert (own.video, own.audio) == (other.video, other.audio)
        for name, heard in zip(("own", "other"), sounds, strict=True):
            found = protocols.sound.load(tmp_path / f"{name}.mkv")
            assert np.abs(found[:30000] - heard[:30000]).max() < 1e-3

    def test_joined_clips_keep_their_pictures_and_their_sound_together(self, protocols: Any, tmp_path: Path) -> None:
        pieces = [clips.write(tmp_path / f"{i}.mp4", *clips.flash_and_beep(seconds=2.0)) for i in range(2)]
        seconds = protocols.pictures.joined(pieces, tmp_path / "both.mkv")
        heard = protocols.sound.load(tmp_path / "both.mkv")
        once = np.array(clips.onsets(protocols.sound.load(pieces[0])))
        assert seconds == pytest.approx(4.0)
        assert clips.onsets(heard) == pytest.approx([*once, *(once + 2.0)], abs=0.02)

    def test_no_clip_stands_in_two_recordings(self, protocols: Any) -> None:
        made = protocols.genuine_channel.groups([Path(str(i)) for i in range(50)], each=8, most=5)
        assert [len(group) for group in made] == [8] * 5
        assert len({clip for group in made for clip in group}) == 40


class TestResponseLatency:
    @pytest.fixture
    def conversation(self, protocols: Any) -> Any:
        turns = []
        for i in range(30):  # a question of 4 s, an answer 0.4 s later
            turns += [Turn(Span(10.0 * i, 10.0 * i + 4.0), "a"), Turn(Span(10.0 * i + 4.4, 10.0 * i + 9.0), "b")]
        module = protocols.response_latency.simulate
        return module.Conversation("primock57_x.rttm", "primock57", "g", tuple(turns), "b")

    def test_all_versions_end_together_and_differ_in_the_answers_onsets(
        self, protocols: Any, conversation: Any
    ) -> None:
        made = protocols.response_latency.versions(conversation)
        ends = [max(t.span.end for t in version.turns) for version in made.values()]
        assert max(ends) - min(ends) < 5.0
        offsets = {name: np.median([e.offset for e in version.exchanges]) for name, version in made.items()}
        assert offsets["as recorded"] == pytest.approx(0.4)
        assert offsets["slow"] > 3.0

    def test_sound_follows_the_turns_at_one_level(self, protocols: Any, conversation: Any) -> None:
        module, rng = protocols.response_latency, np.random.default_rng(0)
        voices = {who: [(0.05 * rng.standard_normal(40000)).astype(np.float32)] for who in "ab"}
        made = module.versions(module.cut(conversation, 60.0))
        levels = []
        for version in (made["as recorded"], made["slow"]):
            tracks = module.rendered(version, voices, 60.0, 1)
            levels.append(10 * np.log10(np.mean(tracks.sum(axis=1) ** 2)))
            turn = next(t for t in version.turns if t.speaker == "b")
            start, stop = (round(t * 16000) for t in (turn.span.start, turn.span.end))
            loud, quiet = np.mean(tracks[start:stop, 1] ** 2), np.mean(tracks[start - 3000 : start, 1] ** 2)
            assert 10 * np.log10(loud / quiet) > 20
        assert levels == pytest.approx([-30.0, -30.0], abs=0.1)

    def test_parts_share_no_group(self, protocols: Any) -> None:
        module = protocols.response_latency.simulate
        rest = [module.Conversation(f"ami_{i}", "ami", f"ami_{i // 3}", (), "") for i in range(90)]
        where: dict[str, set[str]] = {}
        for one in rest:
            where.setdefault(one.group, set()).add(module.split(one))
        assert {len(parts) for parts in where.values()} == {1}
        assert len(set.union(*where.values())) == 3


class TestReading:
    @pytest.fixture
    def gaze(self) -> np.ndarray:
        times = np.arange(250) / 25
        noise = 0.1 * np.random.default_rng(0).standard_normal(250)
        return np.stack([times, noise, noise, np.ones(250), np.full(250, 80.0)], axis=1)

    def scored(self, protocols: Any, gaze: np.ndarray) -> list[Any]:
        from inperson import models
        from inperson.calibration import Calibration

        calibration = Calibration.from_card(models.card("reading-0.2.0").calibration, "reading-0.2.0")
        return list(protocols.reading.scored(video_row("a.mp4"), "devtest", gaze, "clean", calibration))

    def test_still_eyes_score_below_nothing_and_simulated_readers_above(self, protocols: Any, gaze: np.ndarray) -> None:
        genuine, *readers = self.scored(protocols, gaze)
        assert genuine.label == "bonafide"
        assert genuine.score < 0
        assert {one.label for one in readers} == {"spoof"}
        half = next(one for one in readers if one.kind.startswith("half screen"))
        assert half.score > 1.0
        assert half.llr > genuine.llr

    def test_without_gaze_every_row_abstains(self, protocols: Any, gaze: np.ndarray) -> None:
        assert {(one.score, one.llr) for one in self.scored(protocols, gaze[:0])} == {(None, None)}


@pytest.mark.parametrize("seconds", [0.8, 1.2, 1.7])
def test_a_short_clip_said_again_is_long_enough_and_no_stuck_stream(protocols: Any, seconds: float) -> None:
    rng = np.random.default_rng(0)
    clip = rng.standard_normal(2 * protocols.sound.RATE).astype(np.float32)
    whole = protocols.synthetic_voice.recording(clip, seconds, rng)
    said = whole[int(0.6 * protocols.sound.RATE) : -int(0.6 * protocols.sound.RATE)]
    assert not repeats(said)
    assert repeats(np.tile(said[: round((seconds + 0.25) * protocols.sound.RATE)], 3))
    assert len(said) / protocols.sound.RATE >= protocols.synthetic_voice.SPEECH


def test_panels_side_by_side_become_files_of_one_half_each_with_its_own_label(protocols: Any, tmp_path: Path) -> None:
    left, right = np.full((64, 48, 3), (200, 0, 0), np.uint8), np.full((64, 48, 3), (0, 0, 200), np.uint8)
    with av.open(str(tmp_path / "two.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.hstack([left, right]))))
        container.mux(stream.encode(None))
    crops = "fake|reenactment|g|48:64:0:0; real|genuine||47:64:48:0"
    table = ["path,repo,label,kind,generator,person,pair,crops", f"two.mp4,a/b,mixed,reenactment,g,p1,,{crops}"]
    (tmp_path / "manifest.csv").write_text("\n".join(table))
    made = protocols.face_public.rows(tmp_path, tmp_path / "out")
    assert [(row["label"], row["kind"], row["pair"]) for row in made] == [
        ("spoof", "reenactment", "two.mp4"),
        ("bonafide", "genuine", "two.mp4"),
    ]
    assert len({row["split"] for row in made}) == 1
    for row, (colour, width) in zip(made, ((0, 48), (2, 46)), strict=True):
        with av.open(row["path"]) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(frames) == 10
        assert frames[0].shape == (64, width, 3)
        assert frames[5].mean((0, 1)).argmax() == colour


def test_panels_of_two_rates_in_one_film_keep_their_times(protocols: Any, tmp_path: Path) -> None:
    ticks = [0, 40000, 41708, 80000, 83417, 166833, 166834, 200000]
    with av.open(str(tmp_path / "two.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000000)
        for tick in ticks:
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 96, 3), np.uint8))
            frame.pts, frame.time_base = tick, stream.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    protocols.face_public.cut(tmp_path / "two.mp4", tmp_path / "left.mp4", (0, 0, 48, 64))
    with av.open(str(tmp_path / "left.mp4")) as container:
        assert [frame.time for frame in container.decode(video=0)] == pytest.approx([t / 1e6 for t in ticks], abs=2e-6)


@pytest.mark.parametrize(
    ("label", "system", "seen"),
    [
        ("spoof", "VALL-E (somebody's own)", "the system, on other pages"),
        ("spoof", "CosyVoice 9", "the system, on other pages"),
        ("spoof", "Nobodys-Newest-TTS", "nothing of it"),
        ("bonafide", "real", ""),
    ],
)
def test_systems_that_training_knows_by_name_are_told_from_unseen_ones(
    protocols: Any, label: str, system: str, seen: str
) -> None:
    assert protocols.known.seen({"label": label, "system": system}) == seen


def test_the_list_of_known_systems_is_what_training_folders_hold(
    protocols: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, system, label in (
        ("a", "Kokoro-82M", "spoof"),
        ("b", "Made 3 (new)", "spoof"),
        ("c", "real", "bonafide"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "manifest.csv").write_text(f"path,label,system\nx.flac,{label},{system}\n")
    folders = [str(tmp_path / name) for name in "abc"]
    monkeypatch.setattr(sys, "argv", ["known.py", *folders, "--out", str(tmp_path / "list.txt")])
    protocols.known.main()
    assert (tmp_path / "list.txt").read_text() == "kokoro\nmade\n"


def test_clips_of_a_page_share_a_half_and_copies_are_left_out(protocols: Any, tmp_path: Path) -> None:
    columns = ("path", "label", "kind", "system", "source", "licence_class", "language", "accent", "sex")
    columns += ("speaker", "repo_path")
    made = []
    for page in range(12):
        for kind, seconds in (("real", 5), ("vc", 6), ("codec", 6), ("tts", 3)):
            name = f"{page}_{kind}.wav"
            with wave.open(str(tmp_path / name), "wb") as file:
                file.setparams((1, 2, 16000, 0, "NONE", ""))
                file.writeframes(bytes(2 * 16000 * seconds))
            label = "bonafide" if kind == "real" else "spoof"
            made.append(dict.fromkeys(columns, "") | {"path": name, "label": label, "kind": kind, "source": f"p{page}"})
    write_csv(tmp_path / "manifest.csv", made)
    rows = protocols.synthetic_voice_clips.rows(tmp_path, 4.0, halves=True)
    assert Counter(row["kind"] for row in rows) == {"real": 12, "vc": 12}
    halves = {page: {row["split"] for row in rows if row["source"] == page} for page in (f"p{i}" for i in range(12))}
    assert all(len(found) == 1 for found in halves.values())
    assert set.union(*halves.values()) == {"calibrate", "devtest"}
    assert {row["split"] for row in protocols.synthetic_voice_clips.rows(tmp_path, 4.0, halves=False)} == {"devtest"}


def score_row(path: str, label: str, ratio: str, **given: str) -> dict[str, str]:
    """A line of `scores.csv`; `ratio` is its log10 likelihood ratio and its score, empty where it abstained."""
    row = {"path": path, "signal": "synthetic_voice", "label": label, "person": path, "condition": "clean"}
    return row | {"score": ratio, "llr": ratio, "seen": "nothing"} | given


def test_two_versions_are_compared_on_what_both_scored(tmp_path: Path, protocols: Any) -> None:
    label = {**{f"g{i}": "bonafide" for i in range(4)}, **{f"m{i}": "spoof" for i in range(4)}}
    before = {"g0": "-1", "g1": "-1", "g2": "-1", "g3": "1.2", "m0": "1", "m1": "1", "m2": "-2", "m3": "1"}
    after = before | {"m2": "1.1", "g3": "", "g0": "0.5"}
    for name, scores in (("before", before), ("after", after)):
        protocols.manifest.write(tmp_path / f"{name}.csv", [score_row(p, label[p], s) for p, s in scores.items()])
    tables = [protocols.same_recordings.scored(tmp_path / f"{n}.csv", "synthetic_voice") for n in ("before", "after")]
    lines = [[cell.strip() for cell in one.split("|")[1:-1]] for one in protocols.same_recordings.rows(*tables)]
    assert [one[:5] for one in lines] == [
        ["clean", "3, 4", "AUC", "0.75", "1"],
        ["clean", "3, 4", "EER, %", "25", "0"],
        ["clean", "3, 4", "genuine above a ratio of 2, %", "0", "33.3"],
        ["clean", "3, 4", "made above a ratio of 2, %", "75", "100"],
    ]
    assert lines[0][5].startswith("+0.25 [")
