"""Writes this project's weight files: safetensors that say in their metadata what they are."""

from __future__ import annotations

import json
from pathlib import Path

from torch import Tensor

from ..errors import InputError
from ..provenance.whole import save_tensors
from .reader import read_header

ABOUT, VERSION = "vasa-weights", "1"  # one entry: the library writes several in random order


def write_file(path: str | Path, tensors: dict[str, Tensor], about: dict[str, str]) -> None:
    """Write tensors as safetensors, with ``about`` in the metadata; equal content, equal bytes.

    No unfinished file is left. The folder is created; InputError if it is a file.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{path.parent} is a file; give a folder to write to.") from None
    ready = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    save_tensors(path, ready, {ABOUT: json.dumps({"version": VERSION} | about)})


def read_about(path: str | Path) -> dict[str, str]:
    """The ``about`` of a file that ``write_file`` wrote; empty for any other file."""
    return json.loads(read_header(path).get(ABOUT, "{}"))
