"""From keypoints to pixels: the warping network and the decoder together."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from .networks.decoder import SpadeDecoder
from .networks.warping import WarpingNetwork, WarpSource

FRAME_VALUES = 130_000_000  # numbers that one frame's widest layers hold at once
MOST_FRAMES = 16  # more at once are no faster, and wait longer to be seen


def quickest_convolutions(device: torch.device) -> AbstractContextManager:
    """Inside, cuDNN tries its algorithms on each new shape and keeps to the quickest."""
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=True)


class Painter(nn.Module):
    """Paints the working crop of a portrait for any number of driven keypoints.

    Keypoints stay float32; the networks may be in half precision.
    """

    def __init__(self, warping: WarpingNetwork, decoder: SpadeDecoder):
        super().__init__()
        self.warping, self.decoder = warping, decoder
        self.recorded = 0  # frames at once that a compiled painter is made for; 0: any number

    @property
    def dtype(self):
        """Of the networks' weights."""
        return self.decoder.fc.weight.dtype

    def frames_at_once(self) -> int:
        """Frames that fit into half of the graphics card's free memory; on a CPU one a thread."""
        if self.recorded:
            return self.recorded
        device = self.decoder.fc.weight.device
        if device.type != "cuda":
            return 1
        free, _ = torch.cuda.mem_get_info(device)
        size = FRAME_VALUES * self.dtype.itemsize
        return int(min(MOST_FRAMES, max(1, free / 2 / size)))

    def prepare(self, volume: Tensor, keypoints: Tensor) -> WarpSource:
        """(1, C, D, H, W) appearance and (1, K, 3) the portrait's keypoints, once per portrait."""
        return self.warping.prepare(volume.to(self.dtype), keypoints)

    def record(self, **options) -> None:
        """Compile for the number of frames that fit now (``options`` of torch.compile).

        The first frames then take minutes; CUDA graphs spare each later one its launches.
        """
        self.recorded = self.frames_at_once()
        self.compile(**({"mode": "reduce-overhead", "dynamic": False} | options))

    def paint(self, source: WarpSource, keypoints: Tensor) -> Tensor:
        """``forward`` for any number of frames, compiled or not."""
        with quickest_convolutions(keypoints.device):
            if not self.recorded:
                return self(source, keypoints)
            frames = len(keypoints)
            missing = keypoints[-1:].expand(self.recorded - frames, -1, -1)
            # a copy: the graph's own memory is written anew by the next frames
            return self(source, torch.cat([keypoints, missing]))[:frames].clone()

    def forward(self, source: WarpSource, keypoints: Tensor) -> Tensor:
        """(B, K, 3) driven keypoints to (B, 3, 512, 512) pictures, 0..1, typed as those."""
        return self.decoder(self.warping(source, keypoints)).to(keypoints.dtype)
