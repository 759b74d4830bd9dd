"""Face spaces: pairs of encoder and renderer behind one interface (``interfaces.FaceSpace``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..face.basis import FaceBasis
from ..interfaces import FaceSpace
from ..types import Motion, MotionSketch
from ..weights.registry import MODELS_FOLDER

Folders = Iterable[Path | str]


@dataclass(frozen=True, slots=True)
class SpaceEntry:
    """How a face space is loaded, and what of it needs no weights.

    Attributes:
        load: Called as ``load(device, folders, **options)``.
        options: Names of the options that ``load`` takes.
        gestures: Returns the space's codes of named movements, see ``gestures_of``.
        sketch: Draws a motion of the space, see ``sketch_motion``.
    """

    load: Callable[..., FaceSpace]
    options: frozenset[str]
    gestures: Callable[[], dict[str, Tensor]]
    sketch: Callable[[Motion, FaceBasis], MotionSketch]


def load_space(
    name: str = "mesh",
    device: torch.device | str = "cpu",
    folders: Folders = (MODELS_FOLDER,),
    **options: Any,
) -> FaceSpace:
    """Load a face space, which finds, measures and renders faces.

    Args:
        name: "mesh", whose weights come with the package, or "implicit", which reads the weight
            files of LivePortrait.
        device: The device to put its networks on.
        folders: Where published weight files are, at any depth.
        **options: Options of the one space: ``refine`` of "mesh" (False leaves mouths as they are
            painted, without the learned refiner); ``dtype``, ``driving``, ``exact`` and ``runs_on``
            of "implicit", see ``spaces.implicit.load.implicit_space``.

    Returns:
        The face space.

    Raises:
        InputError: If there is no such space, or weights are missing or damaged; the message says
            which, where to get them and where to put them.
        TypeError: If the space has no such option.
    """
    entry = _entry(name, f"There is no face space {name!r}; this version has: {', '.join(SPACES)}.")
    if unknown := sorted(set(options) - entry.options):
        raise TypeError(
            f"The face space {name!r} has no option {unknown[0]!r}; it has:"
            f" {', '.join(sorted(entry.options))}."
        )
    return entry.load(device, folders, **options)


def options_for(name: str, **wanted: Any) -> dict[str, Any]:
    """Keep the options that a face space has, so that generic code need not know the spaces.

    Args:
        name: Name of a face space.
        **wanted: Options of any of the spaces.

    Returns:
        Those of them that ``load_space`` takes for this one; none for an unknown space.
    """
    known = SPACES[name].options if name in SPACES else frozenset()
    return {option: value for option, value in wanted.items() if option in known}


def gestures_of(space: str) -> dict[str, Tensor]:
    """Codes of named movements of a face; needs no weights.

    Args:
        space: Name of a face space.

    Returns:
        A code (D,) for each of ``types.GESTURES``, fully acted, and for the opposites of those that
        have one: "-smile".

    Raises:
        InputError: If there is no such space.
    """
    missing = f"There are no gestures for {space} faces; for {', '.join(SPACES)} there are."
    return _entry(space, missing).gestures()


def sketch_motion(motion: Motion) -> MotionSketch:
    """Draw a motion as curves and as a face made of lines; needs no weights.

    Args:
        motion: A motion of any face space.

    Returns:
        The curves and the drawing.

    Raises:
        InputError: If the motion is of an unknown space.
    """
    missing = f"This motion moves {motion.space} faces, which nothing here can draw."
    basis = FaceBasis.load(motion.dynamics.device, motion.dynamics.dtype)
    return _entry(motion.space, missing).sketch(motion, basis)


def _entry(name: str, missing: str) -> SpaceEntry:
    if name not in SPACES:
        raise InputError(missing)
    return SPACES[name]


def _load_mesh(device: torch.device | str, folders: Folders, refine: bool = True) -> FaceSpace:
    from .mesh.space import MeshSpace

    return MeshSpace.load(device, refine)


def _load_implicit(device: torch.device | str, folders: Folders, **options: Any) -> FaceSpace:
    from .implicit.load import implicit_space, read_files

    return implicit_space(read_files(folders), device, **options)


def _mesh_gestures() -> dict[str, Tensor]:
    from .mesh.gestures import gestures

    return gestures(FaceBasis.load())


def _implicit_gestures() -> dict[str, Tensor]:
    from .implicit.actions import gestures

    return gestures()


def _mesh_sketch(motion: Motion, basis: FaceBasis) -> MotionSketch:
    from .mesh.sketch import sketch

    return sketch(motion, basis)


def _implicit_sketch(motion: Motion, basis: FaceBasis) -> MotionSketch:
    from .implicit.sketch import sketch

    return sketch(motion, basis)


SPACES = {
    "mesh": SpaceEntry(_load_mesh, frozenset({"refine"}), _mesh_gestures, _mesh_sketch),
    "implicit": SpaceEntry(
        _load_implicit,
        frozenset({"dtype", "driving", "exact", "runs_on"}),
        _implicit_gestures,
        _implicit_sketch,
    ),
}
"""The face spaces of this version by name; whoever adds one enters it here."""
