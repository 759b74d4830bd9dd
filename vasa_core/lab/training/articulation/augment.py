"""What is done to the sound before the net hears it, to carry to other voices and rooms."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from ....audio.spectrum import (
    MEL_SPAN,
    LevelMeter,
    MelBank,
    frame_level,
    mel_filters,
    relative,
)

WARPS = np.exp(np.linspace(np.log(0.72), np.log(1.4), 33))  # of the mel filters' frequencies


@cache
def _bank() -> MelBank:
    return MelBank(mel_filters())


@cache
def warped_filters() -> Tensor:
    """(33, 40, 257) mel filters read at warped frequencies: longer and shorter vocal tracts."""
    plain = _bank().filters.numpy()
    bins = np.arange(plain.shape[1])
    banks = [[np.interp(bins * factor, bins, row, right=0) for row in plain] for factor in WARPS]
    return torch.from_numpy(np.array(banks, np.float32))


def augmented_mel(
    sounds: list[np.ndarray], hops: list[int], frames: int, random: np.random.Generator
) -> Tensor:
    """Sounds to (B, frames, 40) relative log-mel, each with its own speed, voice and loudness."""
    bank, banks, rows = _bank(), warped_filters(), []
    for sound, hop in zip(sounds, hops, strict=True):
        samples = torch.from_numpy(sound).float()
        windows = samples.unfold(0, MEL_SPAN, hop)[:frames] * bank.window
        spectrum = torch.fft.rfft(windows)
        warp = np.exp(random.normal(0, 0.13)) if random.random() < 0.8 else 1.0
        filters = banks[int(np.abs(np.log(WARPS / warp)).argmin())]
        power = (spectrum.real.square() + spectrum.imag.square()) @ filters.T
        levels = frame_level(power)
        meter = LevelMeter()
        meter.add(levels)
        level = meter.level + random.normal(0, 0.7)
        curve = torch.from_numpy(_curve(random)).float() if random.random() < 0.8 else 0.0
        rows.append(relative((power + 1e-12).log() + curve, level))
    mel = torch.stack(rows)
    for row in mel:
        if random.random() < 0.4:
            first = random.integers(0, 36)
            row[:, first : first + random.integers(1, 7)] = -2
    return mel


def _curve(random: np.random.Generator) -> np.ndarray:
    """(40,) smooth equaliser in nats."""
    knots = random.normal(0, 1.2, 6)
    return np.interp(np.arange(40), np.linspace(0, 39, 6), knots - knots.mean())
