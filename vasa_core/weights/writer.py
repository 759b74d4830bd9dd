"""Writes this project's weight files: safetensors that say in their metadata what they are."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from ..errors import InputError
from .reader import read_header

ABOUT, VERSION = "vasa-weights", "1"  # one entry: the library writes several in random order


def write_file(path: str | Path, tensors: dict[str, Tensor], about: dict[str, str]) -> None:
    """Write tensors as safetensors, with ``about`` in the metadata; equal content, equal bytes.

    The file is written under another name and then renamed, so no unfinished file is left. The
    folder is created; InputError if it is a file.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{path.parent} is a file; give a folder to write to.") from None
    ready = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    beside = path.with_name(path.name + ".part")
    try:
        save_file(ready, beside, metadata={ABOUT: json.dumps({"version": VERSION} | about)})
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_about(path: str | Path) -> dict[str, str]:
    """The ``about`` of a file that ``write_file`` wrote; empty for any other file."""
    return json.loads(read_header(path).get(ABOUT, "{}"))
