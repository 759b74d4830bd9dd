"""Face spaces: pairs of encoder and renderer behind one interface (``interfaces.FaceSpace``).

A new one is a folder with a ``spec.py``, and a line in ``SPECS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from ..face.basis import FaceBasis
from ..interfaces import FaceSpace
from ..types import Motion, MotionSketch
from ..weights.registry import MODELS_FOLDER
from .spec import SpaceSpec


def _mesh() -> SpaceSpec:
    from .mesh.spec import SPEC

    return SPEC


def _implicit() -> SpaceSpec:
    from .implicit.spec import SPEC

    return SPEC


SPECS: dict[str, Callable[[], SpaceSpec]] = {"mesh": _mesh, "implicit": _implicit}
"""The entries by name, each imported when it is asked for."""

NAMES = tuple(SPECS)


def load_space(
    name: str = "mesh",
    device: torch.device | str = "cpu",
    folders: Iterable[Path | str] = (MODELS_FOLDER,),
    refine: bool = True,
    **options,
) -> FaceSpace:
    """The face space of that name, its weights on ``device``.

    Args:
        name: "mesh" is embedded, "implicit" reads the LivePortrait files.
        device: where its networks are to compute.
        folders: where weight files are looked for.
        refine: whether the mesh space's refiner finishes mouths.
        options: of the space; those of "implicit" are ``spaces.implicit.load.implicit_space``'s.
    Raises:
        InputError: there is no such space, or its weights are missing or damaged.
    """
    spec = _spec(name, f"There is no face space {name!r}; this version has: {', '.join(NAMES)}.")
    return spec.load(device, folders, refine, **options)


def gestures_of(space: str) -> dict[str, Tensor]:
    """Named movements of a face, each fully acted, as (D,) codes of a space; needs no weights.

    Those of ``types.GESTURES``, and the opposites of those that have one: "-smile".

    Raises:
        InputError: there is no such space.
    """
    names = ", ".join(NAMES)
    spec = _spec(space, f"There are no gestures for {space} faces; for {names} there are.")
    return spec.gestures()


def sketch_motion(motion: Motion) -> MotionSketch:
    """What a motion of any space does, as curves and line drawings of a face; needs no weights.

    Raises:
        InputError: the motion is one of a space that there is not.
    """

    space = motion.space
    spec = _spec(space, f"This motion moves {space} faces, which nothing here can draw.")
    return spec.sketch(motion, FaceBasis.load(motion.dynamics.device, motion.dynamics.dtype))


def _spec(name: str, missing: str) -> SpaceSpec:
    """The entry of a space; InputError with the text ``missing`` where there is none."""
    if name not in SPECS:
        raise InputError(missing)
    return SPECS[name]()
