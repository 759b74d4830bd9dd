"""The encoder's networks as their weight files hold them."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from .detector import Detector, DetectorConfig
from .landmark_net import LandmarkNet, LandmarkNetConfig
from .part_net import PartConfig, PartNet

WEIGHTS = Path(__file__).parent / "weights"


def read_networks(file: Path, *names: str) -> list[nn.Module]:
    """Networks by name from a safetensors file whose header holds their sizes (key ``config``)."""
    kinds = {
        "detector": (Detector, DetectorConfig),
        "face": (LandmarkNet, LandmarkNetConfig),
        "lips": (PartNet, PartConfig),
        "eye": (PartNet, PartConfig),
    }
    networks = []
    with safe_open(file, "pt") as stored:
        configs = json.loads(stored.metadata()["config"])
        tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
    for name in names:
        network, config = kinds[name]
        fields = {k: tuple(v) if isinstance(v, list) else v for k, v in configs[name].items()}
        net = network(config(**fields))
        net.load_state_dict(
            {
                key.removeprefix(f"{name}."): unpack(tensor, tensors.get(f"{key}.scale"))
                for key, tensor in tensors.items()
                if key.startswith(f"{name}.") and not key.endswith(".scale")
            }
        )
        networks.append(net)
    return networks


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
