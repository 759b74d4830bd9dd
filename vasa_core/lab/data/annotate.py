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
from collections.abc import Iterator, Sequence
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
    for path, section in _sections(rows, folder):
        _check(section, path)
        rows = [_changed(row, section) for row in rows]
    return [row | {"split": by_task(row.get("split"))} for row in rows]


def by_task(split: Any) -> Any:
    """A split for all tasks, or by task, as the latter; what is neither is left as it is."""
    if split is None:
        return {}
    return {"*": split} if isinstance(split, str) else split


def read_json(path: Path) -> Any:
    """What a JSON file holds; InputError if it is none."""
    try:
        return json.loads(path.read_text("utf-8-sig"))  # Windows likes to begin with a mark
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON ({error}); mend it or write it anew.") from error


def _sections(rows: Sequence[Row], folder: Path) -> Iterator[tuple[Path, Row]]:
    """The annotations that apply to a folder, and where they are from."""
    for path in sorted(SHIPPED.glob("*.json")):
        section = read_json(path).get(folder.name, {})
        known = section.get("known_by", {}).items()
        if known and any(all(row.get(k) == v for k, v in known) for row in rows):
            yield path, section
    beside = folder / BESIDE
    if beside.is_file():
        yield beside, read_json(beside)


def _changed(row: Row, section: Row) -> Row:
    names = section.get("rename", {})
    row = {names.get(key, key): value for key, value in row.items()}
    row["split"] = by_task(row.get("split"))
    for rule in section.get("rules", ()):
        if all(_matches(row.get(key), wanted) for key, wanted in rule.get("where", {}).items()):
            row = row | rule["set"] | {"split": _merged(row["split"], rule["set"].get("split"))}
    return row


def _merged(old: Any, new: Any) -> Any:
    new = by_task(new)
    both = isinstance(old, dict) and isinstance(new, dict)
    return old | new if both else new  # what is no split is told of where entries are checked


def _matches(value: Any, patterns: str | Sequence[str]) -> bool:
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return value is not None and any(fnmatchcase(str(value), pattern) for pattern in patterns)


def _check(section: Any, path: Path) -> None:
    _check_keys(section, KEYS, path)
    _need(_is_object_of(section.get("rename", {}), str), path, "rename", "an object of names")
    rules = section.get("rules", [])
    _need(isinstance(rules, list), path, "rules", "a list")
    for number, rule in enumerate(rules, 1):
        name = f"rule {number}"
        _check_keys(rule, RULE_KEYS, path, name)
        where, what = rule.get("where", {}), "an object of patterns, each a text or a list of texts"
        _need(_is_object_of(where, (str, list)), path, f"where of {name}", what)
        texts = [text for each in where.values() if isinstance(each, list) for text in each]
        _need(all(isinstance(text, str) for text in texts), path, f"where of {name}", what)
        _need(isinstance(rule.get("set"), dict), path, f"set of {name}", "an object of fields")


def _is_object_of(value: Any, kinds: type | tuple[type, ...]) -> bool:
    return isinstance(value, dict) and all(isinstance(each, kinds) for each in value.values())


def _need(fits: bool, path: Path, part: str, needed: str) -> None:
    if not fits:
        raise InputError(f"{path}: {part} has to be {needed}.")


def _check_keys(given: Any, allowed: set[str], path: Path, part: str = "what it holds") -> None:
    _need(isinstance(given, dict), path, part, f"an object of {', '.join(sorted(allowed))}")
    if given.keys() - allowed:
        raise InputError(
            f"{path} says {', '.join(sorted(given.keys() - allowed))}; "
            f"annotations know {', '.join(sorted(allowed))} only."
        )
