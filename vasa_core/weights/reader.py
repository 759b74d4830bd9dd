"""Reads tensors from weight files of any kind, without running code from them."""

from __future__ import annotations

import re
import zipfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import InputError
from .protocol import to_protocol_2

# Reading with weights_only could be broken out of before torch 2.6 (CVE-2025-32434).
TORCH_NEEDED = (2, 6)
ZIP, OBJECT = b"PK\x03\x04", b"\x80"
LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"  # torch's own, before 1.6
AGAIN = "get the file again"


@torch.inference_mode(False)  # weights made in inference mode could not be moved outside it
def read_file(path: str | Path) -> dict[str, Tensor]:
    """Every tensor in a .safetensors, .pth, .pt or .pkl file, on the CPU, by dotted key.

    The content decides what kind of file it is, not the name. Arrays and floats become tensors; the
    keys of nested dicts and lists are joined by dots. Large torch files stay on disk until they are
    used. Raises InputError for a file that is missing, empty, cut short, of another kind, or that
    requires code to be run.
    """
    path = Path(path)
    head = read_head(path)
    if is_safetensors(head):
        tensors = _read_safetensors(path)
    elif head.startswith(OBJECT) and not head.startswith(LEGACY):
        tensors = _read_torch(path, lambda: _in_torchs_layout(path.read_bytes()))
    elif head.startswith((ZIP, LEGACY)):
        tensors = _read_torch(path, lambda: str(path), mmap=head.startswith(ZIP))
    else:
        raise InputError(
            f"{path} begins with {head[:16]!r} and is no safetensors, torch or numpy file; {AGAIN}."
        )
    if not tensors:
        raise InputError(f"{path} holds no tensors; {AGAIN}.")
    return tensors


def read_head(path: Path) -> bytes:
    """The first 256 bytes; InputError for a missing file, a saved web page or a Git LFS pointer."""
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a weight file.")
    with path.open("rb") as file:
        head = file.read(256)
    if not head:
        raise InputError(f"{path} is empty; {AGAIN}.")
    if is_safetensors(head):
        return head
    if head.lstrip().startswith(b"<"):
        raise InputError(
            f"{path} is a web page, not weights; use the download link of the file itself."
        )
    if head.startswith(b"version ") and b"git-lfs" in head:
        raise InputError(
            f"{path} is a Git LFS pointer, not the weights; run git lfs pull, or download the file."
        )
    return head


def is_safetensors(head: bytes) -> bool:
    """Whether a file starts like one: the length of a JSON text in eight bytes, then the text."""
    return head[4:9] == b"\0\0\0\0{"


def read_header(path: str | Path) -> dict[str, str]:
    """The metadata of a safetensors file; empty if it has none or is of another kind."""
    if not is_safetensors(read_head(Path(path))):
        return {}
    with _opened(Path(path)) as file:
        return file.metadata() or {}


def _opened(path: Path):
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged or cut short ({error}); {AGAIN}.") from error


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _read_torch(path: Path, source: Callable[[], Any], mmap: bool = False) -> dict[str, Tensor]:
    """What torch.load finds in ``source()``; only what ``allowed`` names is ever called."""
    if tuple(map(int, re.findall(r"\d+", torch.__version__)[:2])) < TORCH_NEEDED:
        raise InputError(
            f"{path}: torch {torch.__version__} cannot read this kind of file safely; install torch"
            " 2.6 or newer, or get the file as safetensors."
        )
    try:
        with torch.serialization.safe_globals(allowed()):
            content = torch.load(source(), map_location="cpu", weights_only=True, mmap=mmap)
        return dict(flatten(content))
    except MemoryError:
        raise
    except Exception as error:  # a damaged file can end in any
        raise InputError(f"{path} {_reason(error)}") from error


def _reason(error: Exception) -> str:
    refused = re.search(r"GLOBAL (\S+)", str(error))
    if refused:
        return (
            f"holds code ({refused[1]}) that is not needed for weights; it was not run. Get the"
            " file from the repository that vasa weights list names."
        )
    said = str(error).strip() or type(error).__name__
    inner = re.search(r"Weights\w+ error:\s*(.+)", said)  # torch puts advice around it
    said = inner[1] if inner else said.splitlines()[0]
    return f"is damaged or cut short ({said.partition('. ')[0].rstrip('.')}); {AGAIN}."


def allowed() -> list[Callable | tuple[Callable, str]]:
    """What published weight files may construct besides tensors, under the names that they use.

    These are training settings (a Namespace that holds paths) and numpy arrays. Paths are read as
    pure paths, because a PosixPath cannot be made on Windows.
    """
    named: list[Callable | tuple[Callable, str]] = [(Namespace, "argparse.Namespace")]
    named += [(PurePosixPath, f"{module}.PosixPath") for module in ("pathlib", "pathlib._local")]
    named += [(np.ndarray, "numpy.ndarray"), (np.dtype, "numpy.dtype")]
    kinds = [type(np.dtype(kind)) for kind in ("?", *"efd", *"bhilq", *"BHILQ")]
    named += [(kind, f"{kind.__module__}.{kind.__name__}") for kind in set(kinds)]
    # numpy moved these from numpy.core to numpy._core; asking it for them works with both
    array = np.zeros(1)
    rebuilt = {
        "multiarray._reconstruct": array.__reduce__()[0],
        "multiarray.scalar": array[0].__reduce__()[0],
        "numeric._frombuffer": array.__reduce_ex__(5)[0],
    }
    for name, function in rebuilt.items():
        named += [(function, f"numpy.{core}.{name}") for core in ("core", "_core")]
    return named


def flatten(value: Any, key: str = "") -> Iterator[tuple[str, Tensor]]:
    """Tensors, arrays and floats in nested dicts and lists, with their dotted keys.

    Raises ValueError for a tensor that is not plain numbers in memory (sparse, quantised, meta).
    """
    if isinstance(value, Tensor):
        if value.layout != torch.strided or value.is_quantized or value.is_meta:
            raise ValueError(f"{key} is no plain tensor")
        yield key, value.detach()
    elif isinstance(value, (np.ndarray, np.generic)):
        yield key, torch.from_numpy(np.array(value, dtype=value.dtype.newbyteorder("=")))
    elif isinstance(value, float):
        yield key, torch.tensor(value, dtype=torch.float64)
    elif isinstance(value, (dict, list, tuple)):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for name, part in parts:
            yield from flatten(part, f"{key}.{name}" if key else str(name))


def _in_torchs_layout(data: bytes) -> BytesIO:
    """An object file in memory as a torch file, so that torch's safe reader reads it too."""
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("archive/data.pkl", to_protocol_2(data))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    whole.seek(0)
    return whole
