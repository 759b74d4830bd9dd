"""Finds weight files in the folders where people keep them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError
from .registry import KnownFile, files_of

# What browsers and download tools put beside a file, or behind its name, until it is whole.
UNFINISHED = (".part", ".crdownload", ".download", ".aria2", ".incomplete", ".tmp")


def find(known: KnownFile, folders: Iterable[str | Path]) -> Path | None:
    """The file in the first of the folders that has it, at any depth; None if none has.

    Safetensors files come before others, then the order of ``known.names``, the depth and the name
    decide. Unfinished downloads are skipped, and so are folders named after animals: LivePortrait's
    animal weights have the same file names.
    """
    return _pick(known, map(inventory, folders))


def missing(model: str, folders: Iterable[str | Path]) -> list[KnownFile]:
    """The files of a model that are in none of the folders; InputError for an unknown model."""
    places = [inventory(folder) for folder in folders]
    return [known for known in files_of(model) if _pick(known, places) is None]


def missing_message(model: str, files: Iterable[KnownFile], folder: str | Path) -> str:
    """Say which files a model lacks, where to get them and where to put them, a line for each.

    Each file is named as it is published; ``KnownFile.names`` has the other names that work.
    """
    files = list(files)
    many = "1 file" if len(files) == 1 else f"{len(files)} files"
    lines = [f"- {known.names[0]}, from {known.source}; {known.licence}" for known in files]
    return "\n".join([f"{model} lacks {many}; put into {folder}, or any folder in it:", *lines])


def require(model: str, folders: Iterable[str | Path]) -> dict[str, Path]:
    """Where each file of a model is, by its known name.

    Raises InputError with ``missing_message`` (for the first folder) if any is missing.
    """
    folders = list(folders)
    places = [inventory(folder) for folder in folders]
    needed = files_of(model)
    found = {known.name: path for known in needed if (path := _pick(known, places)) is not None}
    lacking = [known for known in needed if known.name not in found]
    if lacking:
        raise InputError(missing_message(model, lacking, folders[0] if folders else "a folder"))
    return found


def inventory(folder: str | Path) -> dict[str, list[Path]]:
    """All files in and below a folder, by name, the least deep first; links are followed."""
    files: dict[str, list[Path]] = {}
    seen = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        place = Path(here)
        if (real := place.resolve()) in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if "animal" not in name.lower())
        for name in names:
            files.setdefault(name, []).append(place / name)
    return {name: sorted(paths, key=lambda p: (len(p.parts), p)) for name, paths in files.items()}


def _pick(known: KnownFile, places: Iterable[dict[str, list[Path]]]) -> Path | None:
    order = sorted(known.names, key=lambda name: not name.endswith(".safetensors"))
    for files in places:
        for path in (path for name in order for path in files.get(name, ())):
            if _finished(path, files):
                return path
    return None


def _finished(path: Path, files: dict[str, list[Path]]) -> bool:
    besides = (path.with_name(path.name + end) for end in UNFINISHED)
    unfinished = any(beside in files.get(beside.name, ()) for beside in besides)
    return path.is_file() and path.stat().st_size > 0 and not unfinished
