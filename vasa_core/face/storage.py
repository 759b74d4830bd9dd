"""The encoder's networks as their weight files hold them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from .detector import Detector, DetectorConfig
from .landmark_net import LandmarkNet, LandmarkNetConfig
from .layers import Net
from .part_net import PartConfig, PartNet

WEIGHTS = Path(__file__).parent / "weights"


def read_detector(file: Path) -> Detector:
    """The detector from its file."""
    return _read(file, "detector", lambda sizes: Detector(DetectorConfig(**sizes)))


def read_landmark_net(file: Path) -> LandmarkNet:
    """The network for whole faces from the file of the landmark networks."""
    return _read(file, "face", lambda sizes: LandmarkNet(LandmarkNetConfig(**sizes)))


def read_part_net(file: Path, name: str) -> PartNet:
    """The network for "lips" or for an "eye" from the file of the landmark networks."""
    return _read(file, name, lambda sizes: PartNet(PartConfig(**sizes)))


def _read(file: Path, name: str, build: Callable[[dict], Net]) -> Net:
    """A network by name from a safetensors file whose header holds the sizes (key ``config``)."""
    with safe_open(file, "pt") as stored:
        sizes = json.loads(stored.metadata()["config"])[name]
        mine = [key for key in stored.keys() if key.startswith(f"{name}.")]  # noqa: SIM118
        tensors = {key: stored.get_tensor(key) for key in mine}
    net = build({k: tuple(v) if isinstance(v, list) else v for k, v in sizes.items()})
    net.load_state_dict(
        {
            key.removeprefix(f"{name}."): unpack(tensor, tensors.get(f"{key}.scale"))
            for key, tensor in tensors.items()
            if not key.endswith(".scale")
        }
    )
    return net


def pack(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as they are stored: float16; large matrices as 8-bit rows, each with its scale."""
    packed = {}
    for key, tensor in tensors.items():
        if tensor.ndim == 2 and tensor.numel() > 100_000:
            scale = tensor.abs().amax(1, keepdim=True) / 127
            packed[key], packed[f"{key}.scale"] = (tensor / scale).round().to(torch.int8), scale
        else:
            packed[key] = tensor.half() if tensor.is_floating_point() else tensor
    return {key: tensor.contiguous() for key, tensor in packed.items()}


def unpack(tensor: Tensor, scale: Tensor | None) -> Tensor:
    """The float32 of a stored tensor."""
    return tensor.float() if scale is None else tensor.float() * scale
