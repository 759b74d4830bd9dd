"""How well lips go with a sound: confidence and offset from a small audio-mouth scorer of our own.

The idea is SyncNet's (Chung & Zisserman 2016, "Out of time", section 4): both towers see some 0.6 s
around a frame, and were trained to tell a frame's own mouth from the mouths of other moments. Here
a mouth is not pixels but a lips code of the mesh space, so any tracker can deliver it, and neither
light, beard nor style of a picture count. Weights and their card: ``weights/sync.safetensors``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ...audio.resample import resample
from ...audio.spectrum import (
    HOP,
    MEL_SPAN,
    RATE,
    LevelMeter,
    MelBank,
    frame_level,
    mel_filters,
    relative,
)
from .dual_encoder import DualEncoder, Tower, at_lags

WEIGHTS = Path(__file__).parent / "weights" / "sync.safetensors"
MAX_LAG = 15  # frames of shift that are looked at, either way, as SyncNet does
LIPS = 12
MEL_FRAMES = 4  # per video frame
LEAD = 2  # mel frames before a video frame's centre that are counted to it


@dataclass(frozen=True, slots=True)
class Sync:
    """How a sound and a mouth fit.

    confidence  highest mean cosine over all shifts, less their median (SyncNet's "confidence")
    offset      frames by which the mouth comes after the sound, where the cosine is highest
    curve       (2 MAX_LAG + 1,) mean cosine of each shift, -MAX_LAG..MAX_LAG
    """

    confidence: float
    offset: int
    curve: Tensor


def sync_net() -> DualEncoder:
    """The network, untrained."""
    sound = Tower(40, 96, strides=(2, 2), dilations=(1, 2, 3, 1))
    return DualEncoder(sound, Tower(2 * LIPS, 96, strides=(1,), dilations=(1, 2, 3, 1)), LIPS)


def load_sync(path: Path = WEIGHTS) -> DualEncoder:
    """The scorer with its weights."""
    net = sync_net()
    net.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return net.eval().requires_grad_(False)


@cache
def _bank() -> MelBank:
    return MelBank(mel_filters())


def sound_rows(waveform: Tensor, rate: int) -> Tensor:
    """(N,) samples to (4 T, 40) relative log-mel, whose rows 4 t .. 4 t + 3 belong to frame t."""
    samples = resample(waveform.float(), rate, RATE)
    frames = -(-len(samples) * 25 // RATE)
    before = MEL_SPAN // 2 + LEAD * HOP
    after = max(0, (MEL_FRAMES * frames - 1) * HOP + MEL_SPAN - before - len(samples))
    padded = torch.nn.functional.pad(samples, (before, after))
    power = _bank().power(padded)[: MEL_FRAMES * frames]
    meter = LevelMeter()
    meter.add(frame_level(power))
    return relative((power + 1e-12).log(), meter.level)


@torch.no_grad()
def sync_of(net: DualEncoder, waveform: Tensor, rate: int, lips: Tensor) -> Sync:
    """(N,) samples and (T, 12) lips codes at 25 fps, over 2 MAX_LAG frames, to their sync."""
    heard = sound_rows(waveform, rate)
    frames = min(len(heard) // MEL_FRAMES, len(lips))
    sound, mouth = net.embed(heard[None, : MEL_FRAMES * frames], lips[None, :frames])
    curve = at_lags(sound, mouth, MAX_LAG).mean((0, 1))
    best = int(curve.argmax())
    return Sync(float(curve[best] - curve.median()), best - MAX_LAG, curve)
