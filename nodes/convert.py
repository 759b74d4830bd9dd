"""ComfyUI's images and sounds to the library's, and back: one function each way."""

from __future__ import annotations

import torch
from torch import Tensor

from ..vasa_core.errors import InputError
from ..vasa_core.render.image import check_size


def to_library(images: Tensor) -> Tensor:
    """IMAGE (B, H, W, C) with 1, 3 or 4 channels to (B, 3, H, W), 0..1; transparency over white.

    Raises InputError for a size that cannot be worked with.
    """
    _, height, width, channels = images.shape
    check_size(width, height)
    images = images.float().nan_to_num(0.0).clamp(0, 1)
    if channels == 4:
        alpha = images[..., 3:]
        images = images[..., :3] * alpha + (1 - alpha)
    return images[..., :3].expand(-1, -1, -1, 3).movedim(-1, 1).contiguous()


def to_comfy(images: Tensor) -> Tensor:
    """(B, C, H, W) to IMAGE (B, H, W, C)."""
    return images.movedim(1, -1).contiguous()


def to_mask(mask: Tensor | None) -> Tensor | None:
    """MASK (1, H, W) to (H, W); None for no mask and for an empty one.

    Load Image gives an empty mask of 64 x 64 for a picture without transparency.
    """
    if mask is None or not mask.any():
        return None
    if len(mask) != 1:
        raise InputError(f"Got a batch of {len(mask)} masks; give one.")
    return mask[0]


def to_sound(audio: dict) -> tuple[Tensor, int]:
    """AUDIO to (C, N) samples and their rate; InputError when it is empty or a batch."""
    waveform, rate = audio["waveform"], int(audio["sample_rate"])
    if len(waveform) != 1:
        raise InputError(f"Got a batch of {len(waveform)} sounds; give one.")
    if waveform.shape[-1] == 0:
        raise InputError("The sound is empty; give a clip with at least one sample.")
    return waveform[0], rate


def from_sound(samples: Tensor, rate: int) -> dict:
    """(N,) samples to AUDIO."""
    return {"waveform": torch.atleast_2d(samples)[None], "sample_rate": rate}
