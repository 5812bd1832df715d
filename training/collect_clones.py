"""Files out of local clones of public repositories, in their original bytes, as a table names them.

    python training/collect_clones.py training/lip_sync/open_talking.csv --clones CLONES --out FOLDER --licence open
    python training/collect_clones.py training/lip_sync/measured_talking.csv --clones CLONES --out FOLDER

The table has the columns path, repo, commit, repo_path and, for films whose sound lies in a file beside them, sound.
CLONES holds one git directory or clone for each repository, called `owner+name`. Writes the files and
`FOLDER/manifest.csv`, where ``--licence`` becomes the column licence_class. What a clone lacks is named and left out.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
from pathlib import Path


def fetched(clones: Path, row: dict[str, str], path: str) -> bytes | None:
    """The file at the commit that the table names, or at the clone's newest."""
    folder = clones / row["repo"].replace("/", "+")
    place = folder / "repo" if (folder / "repo").is_dir() else folder
    for commit in (row["commit"], "HEAD"):
        command = ["git", "-C", str(place), "show", f"{commit}:{path}"]
        found = subprocess.run(command, capture_output=True, check=False)
        if found.returncode == 0:
            return found.stdout
    return None


def collected(clones: Path, out: Path, row: dict[str, str]) -> bool:
    """Write a row's file, and its sound's; False, nothing written, where one is not there."""
    wanted = {row["path"]: row["repo_path"]}
    if row.get("sound"):
        wanted[row["sound"]] = str(Path(row["repo_path"]).with_suffix(Path(row["sound"]).suffix))
    contents = {name: fetched(clones, row, path) for name, path in wanted.items()}
    for name, content in contents.items():
        if content is None:
            print(f"no {row['repo']}:{wanted[name]} in {clones}")
            return False
    for name, content in contents.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content or b"")
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--licence", help="licence class of all of the table's files")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    with open(chosen.table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    more = {"licence_class": chosen.licence} if chosen.licence else {}
    kept = [row | more for row in rows if collected(chosen.clones, chosen.out, row)]
    with open(chosen.out / "manifest.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*list(rows[0]), *more])
        writer.writeheader()
        writer.writerows(kept)
    print(f"{len(kept)} of {len(rows)} files")


if __name__ == "__main__":
    main()
