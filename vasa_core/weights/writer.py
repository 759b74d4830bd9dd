"""Writing weight files, the same bytes for the same content.

The safetensors library orders the metadata anew in every run, so the header is written here; the
format is its own: eight bytes of length, a JSON header, then the numbers.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError

FORMAT, VERSION = "vasa-weights", "1"
KINDS = {torch.float32: "F32", torch.int64: "I64", torch.bool: "BOOL"}


def write_file(path: str | Path, tensors: dict[str, Tensor], about: dict[str, str]) -> None:
    """Write float32, int64 and bool tensors as safetensors, with ``about`` in the metadata.

    Written beside, then renamed: nothing half-written is left. Makes the folder. Raises InputError
    if that is a file.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{path.parent} is a file; give a folder to write to.") from None
    # the widest numbers first: each tensor then begins where its kind of number may
    order = sorted(tensors, key=lambda key: -tensors[key].element_size())
    header: dict[str, object] = {"__metadata__": {"format": FORMAT, "version": VERSION} | about}
    end = 0
    for key in order:
        tensor, start = tensors[key], end
        end += tensor.numel() * tensor.element_size()
        header[key] = {
            "dtype": KINDS[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for key in order:
                file.write(tensors[key].detach().cpu().contiguous().numpy().data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
