"""The models by name: which face space and which motion model go together, and loading them.

mesh      embedded in the package: nothing to download
joyvasa   LivePortrait's face space, JoyVASA's motion: public weights in a folder
ditto     LivePortrait's face space, Ditto's motion: likewise
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .errors import InputError
from .interfaces import AudioEncoder, FaceSpace, MotionModel
from .motion.controls import FaceActions
from .motion.ditto.model import Ditto
from .motion.joyvasa.model import JoyVasa
from .motion.model import QUICK_STEPS, MotionDiffusion, load_mesh_motion
from .spaces import load_space
from .weights.check import load_known
from .weights.registry import MODELS_FOLDER, known_file
from .weights.search import require

Folders = Iterable[Path | str]
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Model:
    """A face space and a motion model for it, and what is known of them before they are loaded.

    Attributes:
        name: What commands and ``load_model`` call it.
        title: What people see.
        space: Name of the face space.
        steps: ``default_steps`` of the motion model.
        cfg: ``default_cfg`` of the motion model.
    """

    name: str
    title: str
    space: str
    steps: int
    cfg: float


MODELS = {
    model.name: model
    for model in (
        Model("mesh", "mesh (embedded)", "mesh", QUICK_STEPS, MotionDiffusion.default_cfg),
        Model(
            "joyvasa", "LivePortrait + JoyVASA", JoyVasa.space, JoyVasa.default_steps,
            JoyVasa.default_cfg,
        ),
        Model(
            "ditto", "LivePortrait + Ditto", Ditto.space, Ditto.default_steps, Ditto.default_cfg
        ),
    )
}  # fmt: skip
"""The models of this version by name."""


def load_model(
    name: str = "mesh",
    device: torch.device | str = "cpu",
    folders: Folders = (MODELS_FOLDER,),
    **options: Any,
) -> tuple[FaceSpace, MotionModel]:
    """Load a face space and a motion model that go together.

    Args:
        name: "mesh", "joyvasa" or "ditto".
        device: The device to put their networks on.
        folders: Where published weight files are, at any depth; "mesh" needs none.
        **options: Options of the face space, as for ``load_space``.

    Returns:
        The face space and the motion model.

    Raises:
        InputError: If there is no such model, or weights are missing or damaged; the message says
            which, where to get them and where to put them.

    Example:
        ```python
        space, model = vasa_core.load_model("joyvasa", "cuda", ["models/vasa"])
        ```
    """
    if name not in MODELS:
        raise InputError(f"There is no model {name!r}; this version has: {', '.join(MODELS)}.")
    folders = list(folders)
    if name != "mesh":
        require(name, folders)  # of both, before either is read
    model = load_motion_model(name, device, folders)  # first: it says which package it lacks
    return load_space(MODELS[name].space, device, folders, **options), model


@torch.inference_mode(False)  # weights made in inference mode could not be moved outside it
def load_motion_model(
    name: str = "mesh",
    device: torch.device | str = "cpu",
    folders: Folders = (MODELS_FOLDER,),
    weights: Path | str | None = None,
) -> MotionModel:
    """Load a motion model without its face space.

    Args:
        name: "mesh", "joyvasa" or "ditto".
        device: The device to put its networks on.
        folders: Where published weight files are, at any depth; "mesh" needs none.
        weights: For "mesh": a weight file that this project's training wrote, to be used instead of
            the embedded one.

    Returns:
        The motion model.

    Raises:
        InputError: If there is no such model, weights are missing or damaged, or a package that the
            model needs is not installed.
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
    """Build JoyVASA from the verified tensors of its two files.

    Args:
        tensors: Those of the motion generator, under their published names.
        template: Those of the motion template.
        device: The device to put its networks on.

    Returns:
        The motion model.

    Raises:
        InputError: If the package transformers is not installed.
    """
    return JoyVasa.load(tensors, template, *_implicit(), device)


def ditto_model(tensors: Tensors, encoder: AudioEncoder, device: torch.device | str) -> MotionModel:
    """Build Ditto from the verified tensors of its network.

    Args:
        tensors: The tensors, under their published names.
        encoder: The audio encoder that makes its features.
        device: The device to put its network on.

    Returns:
        The motion model.
    """
    return Ditto.load(tensors, *_implicit(), encoder, device)


def _implicit() -> tuple[torch.nn.Module, FaceActions]:
    """What motion models of the implicit space know of it: its code, and what controls do to it."""
    from .spaces.implicit.actions import action_tensors
    from .spaces.implicit.code import PARTS, MotionCode

    return MotionCode(), FaceActions(PARTS, **action_tensors())
