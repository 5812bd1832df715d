"""Talking clips out of local clones of the repositories that a table names.

    python collect.py open_talking.csv --clones CLONES --out FOLDER        # openly licensed: may train
    python collect.py measured_talking.csv --clones CLONES --out FOLDER    # other people's: measure and choose only

CLONES holds one git directory or clone for each repository, called `owner+name`. Writes the files in their
original bytes and `FOLDER/manifest.csv`. What is not there is named and left out.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
from pathlib import Path


def from_clone(clones: Path, row: dict[str, str]) -> bytes | None:
    """The file at the commit that the list names, or at the clone's newest."""
    folder = clones / row["repo"].replace("/", "+")
    place = folder / "repo" if (folder / "repo").is_dir() else folder
    for commit in (row["commit"], "HEAD"):
        command = ["git", "-C", str(place), "show", f"{commit}:{row['repo_path']}"]
        found = subprocess.run(command, capture_output=True, check=False)
        if found.returncode == 0:
            return found.stdout
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    with open(chosen.table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kept = []
    for row in rows:
        data = from_clone(chosen.clones, row)
        if data is None:
            print(f"no {row['repo']}:{row['repo_path']} in {chosen.clones}")
            continue
        (chosen.out / row["path"]).write_bytes(data)
        if row.get("sound"):
            beside = str(Path(row["repo_path"]).with_suffix(Path(row["sound"]).suffix))
            (chosen.out / row["sound"]).write_bytes(from_clone(chosen.clones, row | {"repo_path": beside}) or b"")
        kept.append(row)
    with open(chosen.out / "manifest.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    print(f"{len(kept)} of {len(rows)} files")


if __name__ == "__main__":
    main()
