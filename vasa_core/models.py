"""The models by name: which face space and which motion model go together, and loading them.

mesh      the embedded default: nothing to download
joyvasa   LivePortrait's face space, JoyVASA's motion: public weights in a folder
ditto     LivePortrait's face space, Ditto's motion: likewise
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .errors import InputError
from .interfaces import AudioEncoder, FaceSpace, MotionModel
from .motion.controls import FaceActions
from .motion.model import load_mesh_motion
from .spaces import load_space
from .weights.check import load_known
from .weights.registry import MODELS_FOLDER, known_file
from .weights.search import require

Folders = Iterable[Path | str]
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Model:
    """A face space and a motion model for it, under the name that people see."""

    name: str
    title: str
    space: str


MODELS = {
    model.name: model
    for model in (
        Model("mesh", "mesh (embedded)", "mesh"),
        Model("joyvasa", "LivePortrait + JoyVASA", "implicit"),
        Model("ditto", "LivePortrait + Ditto", "implicit"),
    )
}


def load_model(
    name: str = "mesh",
    device: torch.device | str = "cpu",
    folders: Folders = (MODELS_FOLDER,),
    refine: bool = True,
) -> tuple[FaceSpace, MotionModel]:
    """The face space and the motion model of one of ``MODELS``, on ``device``.

    ``refine``: the mesh space's refiner finishes mouths.

    Raises InputError for an unknown name, and for weights that are missing or damaged: it says
    which, where to get them and where to put them.
    """
    if name not in MODELS:
        raise InputError(f"There is no model {name!r}; this version has: {', '.join(MODELS)}.")
    folders = list(folders)
    if name != "mesh":
        require(name, folders)  # of both, before either is read
    space = load_space(MODELS[name].space, device, folders, refine)
    return space, load_motion_model(name, device, folders)


@torch.inference_mode(False)  # weights made in inference mode could not be moved outside it
def load_motion_model(
    name: str = "mesh",
    device: torch.device | str = "cpu",
    folders: Folders = (MODELS_FOLDER,),
    weights: Path | str | None = None,
) -> MotionModel:
    """The motion model of one of ``MODELS``; errors as ``load_model``.

    ``weights`` is a file of the embedded kind, as ``vasa_core.lab.training.motion`` writes it.
    """
    if name == "mesh":
        return load_mesh_motion(device, weights=weights)
    if name not in MODELS:
        raise InputError(f"There is no motion model {name!r}; there is: {', '.join(MODELS)}.")
    paths = require(name, folders)

    def read(file: str) -> Tensors:
        return load_known(known_file(file), paths[file])

    if name == "joyvasa":
        return joyvasa_model(
            read("joyvasa_motion_generator"), read("joyvasa_motion_template"), device
        )
    from .motion.ditto.hubert import HubertStream

    encoder = HubertStream(paths["ditto_hubert"], device)
    return ditto_model(read("ditto_lmdm"), encoder, device)


def joyvasa_model(tensors: Tensors, template: Tensors, device: torch.device | str) -> MotionModel:
    """JoyVASA from verified tensors of its two files."""
    from .motion.joyvasa.model import JoyVasa

    return JoyVasa.load(tensors, template, *_implicit(), device)


def ditto_model(tensors: Tensors, encoder: AudioEncoder, device: torch.device | str) -> MotionModel:
    """Ditto from verified tensors of its network, and its audio encoder."""
    from .motion.ditto.model import Ditto

    return Ditto.load(tensors, *_implicit(), encoder, device)


def _implicit() -> tuple[torch.nn.Module, FaceActions]:
    """What motion models of the implicit space know of it: its code, and what controls do to it."""
    from .spaces.implicit.actions import action_tensors
    from .spaces.implicit.code import PARTS, MotionCode

    return MotionCode(), FaceActions(PARTS, **action_tensors())
