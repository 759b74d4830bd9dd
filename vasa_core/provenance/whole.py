"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from safetensors.torch import save_file
from torch import Tensor

from ..errors import InputError


@contextmanager
def written_whole(path: Path | str) -> Iterator[Path]:
    """A name beside ``path`` to write to; it becomes ``path`` when all went well, else it goes.

    The name is a new one each time: of two runs that write the same file, the last one's stays.

    Raises:
        InputError: If no file can be made there.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}.{uuid4().hex[:8]}.partial{path.suffix}")
    try:
        partial.touch()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    mode = partial.stat().st_mode
    try:
        yield partial
        partial.chmod(mode)  # safetensors writes files that only their owner may read
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def save_tensors(
    path: Path | str, tensors: Mapping[str, Tensor], about: Mapping[str, str] | None = None
) -> None:
    """Write tensors, contiguous ones on the CPU, as a safetensors file with ``about`` in its
    header."""
    with written_whole(path) as partial:
        save_file(dict(tensors), partial, metadata=dict(about) if about else None)
