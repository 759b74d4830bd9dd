"""Imports a published weight file: verifies it and writes it as safetensors."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import InputError
from .check import recognise
from .registry import KnownFile
from .writer import read_about, write_file


def import_file(path: str | Path, folder: str | Path) -> Path:
    """Verify a published weight file and write it as ``<name>.safetensors``; returns the new path.

    The keys and their order are the published ones, numbers are float32. The metadata holds name,
    source, licence, the sha256 of the file that was read, and whether that is the published one.
    The same file gives the same bytes. Raises InputError for a file that is damaged, unknown, or
    cannot be converted.
    """
    path, folder = Path(path), Path(folder)
    if path.suffix.lower() == ".onnx":
        raise InputError(f"{path} is an ONNX network, not tensors; copy it as it is into {folder}.")
    if read_about(path):
        raise InputError(f"{path} was written by vasa already; copy it as it is into {folder}.")
    known, tensors = recognise(path)
    found = sha256(path)
    about = {
        "name": known.name,
        "source": known.source,
        "licence": known.licence,
        "sha256": found,
        "sha256_as_published": as_published(known, found),
    }
    target = folder / f"{known.name}.safetensors"
    write_file(target, tensors, about)
    return target


def as_published(known: KnownFile, found: str) -> str:
    """Whether a sha256 is that of the published file: yes, no or not known."""
    if known.sha256 is None:
        return "not known"
    return "yes" if found == known.sha256 else "no"


def sha256(path: str | Path) -> str:
    """The sha256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
