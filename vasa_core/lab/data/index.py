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

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ...errors import InputError
from .annotate import annotated

SPLITS = ("train", "held_out", "test", "unused")
TASKS = ("articulation", "motion", "refiner", "face", "few_shot", "evaluate", "jitter")
EVERY_TASK = "*"
GRADES = ("A", "B", "C")
HEADS = ("free", "still")
PHONE_SETS = ("", "sampa", "arpabet")
# Words of a licence that keep what it covers, and numbers derived from it, out of shipped weights.
FORBIDDEN = re.compile(r"\bNC\b|\bND\b|non-commercial|research only", re.IGNORECASE)


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
        seconds: duration. Default: long enough for every measure.
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
    return [_entry(row, data, folder) for row in _rows(data, folder, "clips")]


def read_sources(data: Path) -> dict[str, Source]:
    """The sources of the labelled faces, by the names that ``landmarks.npz`` gives them.

    Raises InputError for an index that is missing or says what the schema does not know.
    """
    return {
        row["repo"].replace("/", "+"): Source(
            repo=row["repo"], kind=row.get("kind", "real"), **_rights(row)
        )
        for row in _rows(data, "faces", "sources")
    }


def _rows(data: Path, folder: str, key: str) -> list[dict[str, Any]]:
    """The annotated entries of an index, without the fields that say nothing."""
    path = data / folder / "INDEX.json"
    if not has_index(data, folder):
        raise InputError(f"{data} has no {folder}/INDEX.json, which a corpus needs.")
    content = json.loads(path.read_text("utf8"))
    rows = content[key] if isinstance(content, dict) else content
    rows = annotated(rows, path.parent)
    return [{k: v for k, v in row.items() if v is not None} for row in rows]


def _entry(row: dict[str, Any], data: Path, folder: str) -> Entry:
    if "file" not in row:
        raise InputError(f"An entry of {data / folder}/INDEX.json has no file: {row}.")
    known: dict[str, Any] = {name: row[name] for name in NAMES if name in row}
    name = Path(row["file"]).stem
    known.setdefault("person", name)
    known.setdefault("group", known.get("lang", folder))
    known.setdefault("landmarks", f"landmarks/{folder}/{name}.npz")
    for path in PATHS:
        if path in known:
            inside = data / folder / known[path]
            known[path] = inside if inside.exists() else data / known[path]
    for key, allowed in CHOICES.items():
        _check(known.get(key, allowed[0]), allowed, f"{key} of {row['file']}")
    return Entry(**known | _rights(row))


def _rights(row: dict[str, Any]) -> dict[str, Any]:
    """What a file may be used for: its splits, and whether it may train shipped weights."""
    who = row.get("file", row.get("repo"))
    for task, split in row["split"].items():
        _check(task, (*TASKS, EVERY_TASK), f"task of {who}")
        _check(split, SPLITS, f"split of {who}")
    free = not FORBIDDEN.search(row.get("licence", ""))
    return {"split": row["split"], "trainable": row.get("trainable", free)}


def _check(value: Any, allowed: tuple[str, ...], what: str) -> None:
    if value not in allowed:
        names = ", ".join(repr(name) for name in allowed)
        raise InputError(f"{value!r} is no {what}: it takes {names}.")
