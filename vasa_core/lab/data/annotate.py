"""What is added to an INDEX.json that does not say everything, or cannot be edited.

Annotations rename fields and set fields of the entries that match:

    {
      "about": "...",
      "rename": {"faces_detected": "faces"},
      "rules": [
        {"why": "...", "where": {"file": ["talking/a_*", "talking/b.mp4"]}, "set": {"person": "a"}}
      ]
    }

``where`` holds patterns (``*``, ``?``) by field, all of which must match; a list matches where one
of it does. Later rules win over earlier ones, and all over the index, but splits by task are
merged. They lie beside the index as ANNOTATIONS.json, or here in ``annotations``, a file per corpus
with a section per folder; a section is used where ``known_by``, the fields of one entry, is found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ...errors import InputError

SHIPPED = Path(__file__).parent / "annotations"
BESIDE = "ANNOTATIONS.json"
KEYS = {"about", "known_by", "rename", "rules"}
RULE_KEYS = {"why", "where", "set"}

Row = dict[str, Any]


def annotated(rows: Sequence[Row], folder: Path) -> list[Row]:
    """Entries of the index of a folder with everything that annotations add.

    Splits come out as objects by task. Raises InputError for annotations of another shape.
    """
    rows = [row | {"split": by_task(row.get("split"))} for row in rows]
    for path, section in _sections(rows, folder):
        _check_keys(section, KEYS, path)
        for rule in section.get("rules", ()):
            _check_keys(rule, RULE_KEYS, path)
        rows = [_changed(row, section) for row in rows]
    return rows


def by_task(split: str | Mapping[str, str] | None) -> dict[str, str]:
    """A split for all tasks, or by task, as the latter."""
    if split is None:
        return {}
    return {"*": split} if isinstance(split, str) else dict(split)


def _sections(rows: Sequence[Row], folder: Path) -> Iterator[tuple[Path, Row]]:
    """The annotations that apply to a folder, and where they are from."""
    for path in sorted(SHIPPED.glob("*.json")):
        section = json.loads(path.read_text("utf8")).get(folder.name, {})
        known = section.get("known_by", {}).items()
        if known and any(all(row.get(k) == v for k, v in known) for row in rows):
            yield path, section
    beside = folder / BESIDE
    if beside.is_file():
        yield beside, json.loads(beside.read_text("utf8"))


def _changed(row: Row, section: Row) -> Row:
    names = section.get("rename", {})
    row = {names.get(key, key): value for key, value in row.items()}
    for rule in section.get("rules", ()):
        if all(_matches(row.get(key), wanted) for key, wanted in rule.get("where", {}).items()):
            split = row["split"] | by_task(rule["set"].get("split"))
            row = row | rule["set"] | {"split": split}
    return row


def _matches(value: Any, patterns: str | Sequence[str]) -> bool:
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return value is not None and any(fnmatchcase(str(value), pattern) for pattern in patterns)


def _check_keys(given: Mapping[str, Any], allowed: set[str], path: Path) -> None:
    if given.keys() - allowed:
        raise InputError(
            f"{path} says {', '.join(sorted(given.keys() - allowed))}; "
            f"annotations know {', '.join(sorted(allowed))} only."
        )
