"""What an INDEX.json says of the files of a folder: one schema for every folder of a corpus.

A corpus is a folder with ``talking`` (videos of one face, in step with their sound), ``speech``,
``voices`` (speech with phone times), ``portraits`` and ``faces`` (labelled crops), each with an
INDEX.json: a list of entries, or an object with that list under "clips". Every field but ``file``
may be left out; ``Entry`` says what is meant then, and docs/corpus.md explains the folders. Fields
that are not known here (measurements, say) are left alone.

Where an index cannot be edited, annotations add to it: see ``annotate``.

The index of ``faces`` lists sources of crops instead, under "sources": see ``Source``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ...errors import InputError
from .annotate import BESIDE, annotated, read_json

SPLITS = ("train", "held_out", "test", "unused")
TASKS = ("articulation", "motion", "refiner", "face", "few_shot", "evaluate", "jitter")
EVERY_TASK = "*"
GRADES = ("A", "B", "C")
HEADS = ("free", "still")
PHONE_SETS = ("", "sampa", "arpabet")
# Words of a licence that keep what it covers, and numbers derived from it, out of shipped weights.
FORBIDDEN = re.compile(
    r"(?<![a-z])N[CD](?![a-z])|\bno[nt]?\W*(for )?commercial|\bno\W*deriv"
    r"|research (use |purposes )?only|research purposes",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a corpus.

    Paths in an index are relative to its folder, or else to the corpus; here they are absolute.

    Of every folder:
        file: video, sound or picture.
        person: key that files of one person share. Default: each file its own person.
        group: what figures are reported by: a corpus, a language, a kind of picture. Default: the
            language of speech, else the folder's name.
        split: "train", "held_out" (for choosing), "test" or "unused", for all tasks or as an
            object by task (``TASKS``; "*" is every other one). Default: "test".
        licence: as stated.
        trainable: whether numbers derived from the file may train weights that are shipped.
            Default: unless the licence forbids commercial or derived use.
        note: anything.
    Of ``talking``, and of ``portraits`` their landmarks:
        landmarks: the face's track. Default: landmarks/FOLDER/NAME.npz in the corpus.
        basis: components that coded landmarks are made of.
        lag_frames: frames of 1/25 s by which the sound is late.
        sync_grade: sound and lips are in step: "A" certainly (the default), "B" probably, "C" not
            known.
        head: "free", or "still": reads aloud into a camera.
        words: JSON of timed words by name of the clip.
    Of ``speech``:
        lang: language.
        seconds: duration. Default: not stated, and measured where it matters.
        pauses: whether silence surrounds the speech.
    Of ``voices``:
        source: corpus or speaker that it comes from.
        speaker: key of the voice.
        transcript: what is said.
        alignment: JSON of phones with their times.
        phones: the set of its phones, "sampa" or "arpabet". Default: not timed.
    Of ``portraits``:
        faces: how many faces of people the picture shows.
        face_width: width of the face over that of the picture. Default: large enough.
        bad_input: whether it is there to be refused.
    """

    file: Path
    person: str = ""
    group: str = ""
    split: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    trainable: bool = True
    note: str = ""
    landmarks: Path = Path()
    basis: Path | None = None
    lag_frames: int = 0
    sync_grade: str = "A"
    head: str = "free"
    words: Path | None = None
    lang: str = ""
    seconds: float = float("inf")
    pauses: bool = False
    source: str = ""
    speaker: str = ""
    transcript: str = ""
    alignment: Path | None = None
    phones: str = ""
    faces: int = 1
    face_width: float = 1.0
    bad_input: bool = False

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.file.stem

    def split_for(self, task: str) -> str:
        """Which part of a task (one of ``TASKS``) the file belongs to, one of ``SPLITS``."""
        return self.split.get(task, self.split.get(EVERY_TASK, "test"))

    @property
    def in_step(self) -> bool:
        """Whether sound and lips belong together."""
        return self.sync_grade in ("A", "B")


PATHS = ("file", "landmarks", "basis", "words", "alignment")
NAMES = tuple(f.name for f in fields(Entry))
CHOICES = {"sync_grade": GRADES, "head": HEADS, "phones": PHONE_SETS}
NEVER_NEGATIVE = ("seconds", "faces", "face_width")
NEEDED = {
    str: "a text in quotes",
    Path: "a path in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Mapping: 'one of "train", "held_out", "test", "unused", or an object of these by task',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where labelled crops of faces come from; ``split``, ``trainable`` as those of ``Entry``.

    repo  owner/name, which ``landmarks.npz`` of the folder calls owner+name
    kind  "real", "generated", "generated art", or whatever else it shows
    """

    repo: str
    kind: str = "real"
    split: Mapping[str, str] = field(default_factory=dict)
    trainable: bool = True

    split_for = Entry.split_for


def has_index(data: Path, folder: str) -> bool:
    """Whether a corpus has that folder."""
    return (data / folder / "INDEX.json").is_file()


def read_index(data: Path, folder: str) -> list[Entry]:
    """The entries of a folder of a corpus, with what annotations add.

    Raises InputError for an index that is missing or says what the schema does not know.
    """
    return [_entry(row, where, data, folder) for where, row in _rows(data, folder, "clips", "file")]


def read_sources(data: Path) -> dict[str, Source]:
    """The sources of the labelled faces, by the names that ``landmarks.npz`` gives them.

    Raises InputError for an index that is missing or says what the schema does not know.
    """
    found = {}
    for where, row in _rows(data, "faces", "sources", "repo"):
        _check_types(row, Source, where)
        kind = row.get("kind", "real")
        source = Source(repo=row["repo"], kind=kind, **_rights(row, where))
        found[source.repo.replace("/", "+")] = source
    return found


def _rows(data: Path, folder: str, key: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The annotated entries of an index, each with the words that say where it is.

    Fields that say nothing are left out; ``name`` is the field that every entry has to have.
    """
    path = data / folder / "INDEX.json"
    if not has_index(data, folder):
        raise InputError(f"{data} has no {folder}/INDEX.json, which a corpus needs.")
    content = read_json(path)
    rows = content.get(key) if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise InputError(
            f'{path} holds no list of entries; it takes [{{"{name}": ...}}, ...], '
            f'or {{"{key}": [...]}} with that list.'
        )
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise InputError(f'Entry {number} of {path} is {row!r}; it takes {{"{name}": ...}}.')
    origin = f"{path} with its {BESIDE}" if (path.parent / BESIDE).is_file() else path
    for number, row in enumerate(annotated(rows, data / folder), 1):
        known = {k: v for k, v in row.items() if v is not None}
        if known.get(name, "") == "":
            raise InputError(f"Entry {number} of {origin} has no {name}: {row!r}.")
        yield f"Entry {number} of {origin} ({known[name]})", known


def _entry(row: dict[str, Any], where: str, data: Path, folder: str) -> Entry:
    _check_types(row, Entry, where)
    known: dict[str, Any] = {name: row[name] for name in NAMES if name in row}
    name = Path(row["file"]).stem
    known.setdefault("person", name)
    known.setdefault("group", known.get("lang", folder))
    known.setdefault("landmarks", f"landmarks/{folder}/{name}.npz")
    for path in PATHS:
        if path in known:
            inside = data / folder / known[path]
            known[path] = inside if inside.exists() else data / known[path]
            if known[path].is_dir():
                raise InputError(f"{where}: {path} is the folder {known[path]}; name a file.")
    for key, allowed in CHOICES.items():
        _check(known.get(key, allowed[0]), allowed, key, where)
    for key in NEVER_NEGATIVE:
        if known.get(key, 0) < 0:
            raise InputError(f"{where}: {key} is {known[key]}; it cannot be below 0.")
    return Entry(**known | _rights(row, where))


def _rights(row: dict[str, Any], where: str) -> dict[str, Any]:
    """What a file may be used for: its splits, and whether it may train shipped weights."""
    for task, split in row["split"].items():
        _check(task, (*TASKS, EVERY_TASK), "a task of split", where)
        _check(split, SPLITS, "split", where)
    free = not FORBIDDEN.search(row.get("licence", ""))
    return {"split": row["split"], "trainable": row.get("trainable", free)}


def _check_types(row: dict[str, Any], schema: type, where: str) -> None:
    """InputError where JSON gives a field another type than the schema does."""
    for name, hint in ({"licence": str} | get_type_hints(schema)).items():
        kind = get_args(hint)[0] if isinstance(hint, UnionType) else hint  # it, or None
        kind = get_origin(kind) or kind  # without what it holds
        if name in row and not _is(row[name], kind):
            raise InputError(f"{where}: {name} is {row[name]!r}; it takes {NEEDED[kind]}.")


def _is(value: Any, kind: type) -> bool:
    """Whether a value of JSON is of a type; true is no number, and NaN and infinity are none."""
    if kind is float:
        return type(value) in (int, float) and abs(value) < float("inf")
    if kind is int:
        return type(value) is int
    return isinstance(value, str if kind is Path else kind)


def _check(value: Any, allowed: tuple[str, ...], what: str, where: str) -> None:
    if value not in allowed:
        names = ", ".join(repr(name) for name in allowed)
        raise InputError(f"{where}: {what} is {value!r}; it takes {names}.")
