"""Openly licensed portraits and videos out of local clones of the repositories that `open_faces.csv` names.

    python collect.py open_faces.csv --clones CLONES --out FOLDER

CLONES holds one git directory or clone for each repository, called `owner+name`. Writes the files in their original
bytes and `FOLDER/manifest.csv`, which `people.py` reads. What a clone lacks is named and left out.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
from pathlib import Path


def fetched(clones: Path, row: dict[str, str]) -> bytes | None:
    """The file at the commit that the list names, or at the clone's newest."""
    place = clones / row["repo"].replace("/", "+")
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
        data = fetched(chosen.clones, row)
        if data is None:
            print(f"no {row['repo']}:{row['repo_path']} in {chosen.clones}")
            continue
        path = chosen.out / row["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        kept.append(row | {"licence_class": "open"})
    with open(chosen.out / "manifest.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*list(rows[0]), "licence_class"])
        writer.writeheader()
        writer.writerows(kept)
    print(f"{len(kept)} of {len(rows)} files")


if __name__ == "__main__":
    main()
