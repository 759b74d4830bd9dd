"""Face spaces: pairs of encoder and renderer behind one interface (``interfaces.FaceSpace``)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from ..interfaces import FaceSpace
from ..types import Motion, MotionSketch
from ..weights.registry import MODELS_FOLDER

NAMES = ("mesh", "implicit")


def load_space(
    name: str = "mesh",
    device: torch.device | str = "cpu",
    folders: Iterable[Path | str] = (MODELS_FOLDER,),
    refine: bool = True,
    **options,
) -> FaceSpace:
    """The face space of that name, its weights on ``device``.

    "mesh" is embedded; ``refine`` is whether its refiner finishes mouths. "implicit" reads the
    LivePortrait files in ``folders``, with the ``options`` of
    ``spaces.implicit.load.implicit_space``. Raises InputError for an unknown name, and for weights
    that are missing or damaged.
    """
    if name == "mesh":
        from .mesh.space import MeshSpace

        return MeshSpace.load(device, refine)
    if name == "implicit":
        from .implicit.load import implicit_space, read_files

        return implicit_space(read_files(folders), device, **options)
    raise InputError(f"There is no face space {name!r}; this version has: {', '.join(NAMES)}.")


def gestures_of(space: str) -> dict[str, Tensor]:
    """Named movements of a face, each fully acted, as (D,) codes of a space; needs no weights.

    Those of ``types.GESTURES``, and the opposites of those that have one: "-smile". Raises
    InputError for a space without any.
    """
    if space == "mesh":
        from ..face.basis import FaceBasis
        from .mesh.gestures import gestures as mesh_gestures

        return mesh_gestures(FaceBasis.load())
    if space == "implicit":
        from .implicit.actions import gestures as implicit_gestures

        return implicit_gestures()
    raise InputError(f"There are no gestures for {space} faces; for {', '.join(NAMES)} there are.")


def sketch_motion(motion: Motion) -> MotionSketch:
    """What a motion of any space does, as curves and line drawings of a face; needs no weights."""
    from ..face.basis import FaceBasis
    from .implicit.sketch import sketch as implicit_sketch
    from .mesh.sketch import sketch as mesh_sketch

    draw = {"mesh": mesh_sketch, "implicit": implicit_sketch}.get(motion.space)
    if draw is None:
        raise InputError(f"This motion moves {motion.space} faces, which nothing here can draw.")
    return draw(motion, FaceBasis.load(motion.dynamics.device, motion.dynamics.dtype))
