"""Write the model cards, and the figures that the documentation quotes. Cards are never edited by hand.

    python scripts/cards.py write            # models/*.toml and the marked tables of docs/*.md
    python scripts/cards.py check            # fails where one of them is not what `write` would write
    python scripts/cards.py adopt DIR/evaluation.json [--part NAME] --command "COMMAND"
    python scripts/cards.py record --last 8 face_mesh -- python training/faces/looks.py DATA/video

A card is made of up to three files in ``cards/``: ``<name>.toml``, its words; ``<name>.fitted.toml``, numbers that a
training command wrote; ``<name>.evaluation.json``, what `adopt` kept of an ``inperson evaluate``, or what the commands
run by `record` printed. ``cards/README.md`` says more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cards_evaluation import adopted, condition_table, figure_table, on_site_table, quality_table  # beside this file

from inperson.evaluation import fingerprint

ROOT = Path(__file__).resolve().parents[1]
CARDS, MODELS, DOCS = ROOT / "cards", ROOT / "models", ROOT / "docs"
MARK = re.compile(r"(<!-- figures of (?P<name>\w+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def names() -> list[str]:
    """Every card's name."""
    return sorted(path.stem for path in CARDS.glob("*.toml") if not path.stem.endswith(".fitted"))


def card(name: str) -> tuple[Path, str]:
    """Where a card lies and what it must say.

    Raises
    ------
    SystemExit
        An evaluation is of other weights or of another calibration than the card has now.
    """
    words = (CARDS / f"{name}.toml").read_text(encoding="utf-8")
    stem = f"{name}-{tomllib.loads(words)['version']}"
    weights = MODELS / f"{stem}.onnx"
    parts = ["# Written by scripts/cards.py from the files in cards/. Do not edit."]
    if weights.exists():
        parts.append(f'file = "{weights.name}"\nsha256 = "{digest(weights)}"')
    parts.append(words)
    fitted = CARDS / f"{name}.fitted.toml"
    if fitted.exists():
        parts.append(fitted.read_text(encoding="utf-8"))
    measured = CARDS / f"{name}.evaluation.json"
    if measured.exists():
        parts.append(evaluation(measured, tomllib.loads("\n".join(parts))))
    return MODELS / f"{stem}.toml", "\n".join(part.rstrip() + "\n" for part in parts)


def evaluation(path: Path, model: dict[str, Any]) -> str:
    """The [evaluation] tables of a card that is otherwise `model`."""
    held = json.loads(path.read_bytes())
    decisive = fingerprint.digest({key: value for key, value in model.items() if key not in fingerprint.DESCRIPTIVE})
    if held["model_sha256"] != model.get("sha256", "") or held.get("model_card", decisive) != decisive:
        sys.exit(f"{path.name} measured other weights or another calibration; evaluate again and adopt the result")
    head = {"source": f"cards/{path.name}", "source_sha256": digest(path), "commands": held["commands"]}
    lines = ["[evaluation]", *(f"{key} = {toml(value)}" for key, value in head.items())]
    lines += [f"{key} = {toml(value)}" for key, value in held.get("printed", {}).items()]
    for condition, figures in sorted(held.get("conditions", {}).items(), key=lambda one: order(one[0])):
        lines += ["", f"[evaluation.{toml(condition)}]"]
        lines += [f"{key} = {toml(value)}" for key, value in condition_table(figures)]
    return "\n".join(lines)


def order(condition: str) -> tuple[bool, str, bool, str]:
    """The headline first, other parts after it; in each the recordings as they are before the presets."""
    part, _, name = condition.rpartition(": ")
    return bool(part), part, name != "clean", name


def toml(value: Any) -> str:
    """A JSON value as TOML: strings, numbers, and lists of them are written alike in both."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pages() -> Iterator[tuple[Path, str]]:
    """Each page of docs/ that quotes figures, and what it must say."""
    for path in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        if MARK.search(text):
            yield path, MARK.sub(lambda found: found[1] + quoted(found["name"]) + found[3], text)


def quoted(name: str) -> str:
    """The figures of a card, of site_guarantee.py (``on_site``), or of all [abstention] (``quality``)."""
    if name == "on_site":
        return on_site_table(json.loads((CARDS / "on_site.json").read_bytes())) + "\n"
    if name == "quality":
        return quality_table(tomllib.loads(card(one)[1]) for one in names()) + "\n"
    path, text = card(name)
    measured = tomllib.loads(text).get("evaluation")
    if measured is None:
        return "Not evaluated yet.\n"
    table = figure_table(measured)
    return f"{table}\n\nFrom the card `models/{path.name}`, which names the commands.\n"


def adopt(path: Path, part: str, commands: list[str]) -> None:
    """Keep what may be kept of an evaluation, for every signal in it; `part` sets its conditions apart from others."""
    for name, kept in adopted(json.loads(path.read_bytes())).items():
        if part:
            kept["conditions"] = {f"{part}: {condition}": one for condition, one in kept["conditions"].items()}
        kept["commands"] = commands
        before = CARDS / f"{name}.evaluation.json"
        held = json.loads(before.read_bytes()) if before.exists() else {}
        if all(held.get(key) == kept[key] for key in ("model_sha256", "model_card")):
            kept["conditions"] = held["conditions"] | kept["conditions"]
            kept["commands"] = list(dict.fromkeys([*held["commands"], *commands]))
        save(name, kept)


def record(name: str, command: list[str], last: int) -> None:
    """Run a command of training/ and keep what it prints, for cards of networks that no manifest evaluates."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    path = CARDS / f"{name}.evaluation.json"
    held = json.loads(path.read_bytes()) if path.exists() else {"commands": [], "printed": {}}
    stated = " ".join([Path(command[0]).name, *(shown(word) for word in command[1:])])
    held["commands"] = sorted({*held["commands"], stated})
    held["printed"][Path(command[1]).stem] = done.stdout.strip().splitlines()[-last:]
    version = tomllib.loads((CARDS / f"{name}.toml").read_text(encoding="utf-8"))["version"]
    held["model_sha256"] = digest(MODELS / f"{name}-{version}.onnx")
    save(name, held)


def shown(word: str) -> str:
    """An argument as the card states it: a folder outside the repository is DATA and its last part."""
    path = Path(word)
    return f"DATA/{path.name}" if path.is_absolute() and ROOT not in path.parents else word


def save(name: str, held: dict[str, Any]) -> None:
    text = json.dumps(held, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (CARDS / f"{name}.evaluation.json").write_text(text, encoding="utf-8")
    print(f"wrote cards/{name}.evaluation.json; now: python scripts/cards.py write")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("write")
    verbs.add_parser("check")
    one = verbs.add_parser("adopt")
    one.add_argument("evaluation", type=Path)
    one.add_argument("--part", default="", help="name of this part, where a card has several evaluations")
    one.add_argument("--command", action="append", required=True, help="how to repeat it; may be given several times")
    one = verbs.add_parser("record")
    one.add_argument("name", choices=names())
    one.add_argument("--last", type=int, default=20, metavar="N", help="keep the last N lines: the summary")
    one.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.verb == "adopt":
        adopt(options.evaluation, options.part, options.command)
    elif options.verb == "record":
        record(options.name, [word for word in options.command if word != "--"], options.last)
    else:
        wanted = dict(card(name) for name in names()) | dict(pages())
        stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
        if options.verb == "check" and stale:
            sys.exit("not as cards/ has it: " + ", ".join(str(path.relative_to(ROOT)) for path in stale))
        for path in stale:
            path.write_text(wanted[path], encoding="utf-8")
            print("wrote", path.relative_to(ROOT))


if __name__ == "__main__":
    main()
