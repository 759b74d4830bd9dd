"""The implicit space from published weight files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from ...face.encoder import FaceEncoder
from ...weights.check import load_known
from ...weights.registry import known_file
from ...weights.search import require
from .driving import Driving
from .fast import accelerate
from .networks.appearance import AppearanceExtractor
from .networks.decoder import SpadeDecoder
from .networks.motion import MotionExtractor
from .networks.stitching import StitchingRetargeting
from .networks.warping import WarpingNetwork
from .painter import Painter
from .space import ImplicitSpace

Tensors = Mapping[str, Tensor]
Network = TypeVar("Network", bound=nn.Module)


@torch.inference_mode(False)  # weights made in inference mode could not be moved outside it
def implicit_space(
    files: Mapping[str, Tensors],
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    driving: Driving | None = None,
    exact: bool = False,
    runs_on: torch.device | str | None = None,
) -> ImplicitSpace:
    """The space from the five LivePortrait files, verified tensors by the registry's names.

    ``dtype`` is that of the networks that paint; everything else stays in float32. With ``exact``
    they compute as published, otherwise as ``fast.accelerate`` says, for the kind of device that
    it ``runs_on`` (None: ``device``; a host may keep it elsewhere meanwhile).
    """
    kind = torch.device(device if runs_on is None else runs_on).type
    stitching = stitching_tensors(files["liveportrait_stitching_retargeting_module"])
    decoder = without_spectral_norm(files["liveportrait_spade_generator"])
    painter = Painter(
        filled(WarpingNetwork, files["liveportrait_warping_module"]),
        filled(SpadeDecoder, decoder),
    )
    painter = painter.train(False).to(device)
    if not exact:
        accelerate(painter, cpu=kind == "cpu")
    space = ImplicitSpace(
        FaceEncoder.load(),
        filled(AppearanceExtractor, files["liveportrait_appearance_feature_extractor"]),
        filled(MotionExtractor, files["liveportrait_motion_extractor"]),
        painter.to(dtype),
        filled(StitchingRetargeting, stitching),
        driving,
    )
    return space.train(False).requires_grad_(False).to(device)


def filled(network: Callable[[], Network], tensors: Tensors) -> Network:
    """A network of published size with the given tensors, which it takes over without a copy."""
    with torch.device("meta"):
        made = network()
    made.load_state_dict(tensors, assign=True)
    return made


def stitching_tensors(tensors: Tensors) -> dict[str, Tensor]:
    """The published names without what distributed training left in them."""
    return {name.replace("module.", ""): tensor for name, tensor in tensors.items()}


def without_spectral_norm(tensors: Tensors) -> dict[str, Tensor]:
    """Weights divided by their spectral norm u' W v, as stored (Miyato 2018, equation 8)."""
    plain = {}
    for name, tensor in tensors.items():
        if name.endswith("weight_orig"):
            stem = name.removesuffix("_orig")
            norm = tensors[f"{stem}_u"] @ tensor.flatten(1) @ tensors[f"{stem}_v"]
            plain[stem] = tensor / norm
        elif not name.endswith(("weight_u", "weight_v")):
            plain[name] = tensor
    return plain


def read_files(folders: Iterable[Path | str]) -> dict[str, dict[str, Tensor]]:
    """The five verified files from the folders; InputError says which are missing or broken."""
    paths = require("liveportrait", folders)
    return {name: load_known(known_file(name), path) for name, path in paths.items()}
