"""Windows of talking clips, normalised and stacked for the denoiser."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ....motion.model import AudioConditioning
from ....motion.spectrum import Whitening
from ....motion.vectorize import POSE_SIZE, MotionScaler
from .data import SOUND_COLUMNS
from .windows import GAZE, LIPS, Window, WindowSource

PAST_NOISE = 0.05  # of a spread: the sampler's own past is not perfect either


@dataclass(frozen=True)
class Batch:
    """Normalised windows and what conditions them."""

    clean: Tensor  # (B, W, D), as diffused: motion less what the sound leads, white over time
    conditions: dict[str, Tensor]

    def to(self, device: torch.device, non_blocking: bool = False) -> Batch:
        """On another device."""
        moved = {k: v.to(device, non_blocking=non_blocking) for k, v in self.conditions.items()}
        return Batch(self.clean.to(device, non_blocking=non_blocking), moved)


class Batches:
    """Normalised batches for the network from a source of windows, on the CPU."""

    def __init__(
        self,
        source: WindowSource,
        scaler: MotionScaler,
        conditioning: AudioConditioning,
        whitening: Whitening,
    ):
        self.source = source
        self.scaler, self.conditioning, self.whitening = copy.deepcopy(
            (scaler, conditioning, whitening)
        )

    def draw(self, size: int, rng: np.random.Generator) -> Batch:
        """``size`` fresh windows."""
        windows = [self.source.draw(rng) for _ in range(size)]
        past = self.source.past
        motion = (_stacked([w.motion for w in windows]) - self.scaler.mean) / self.scaler.std
        audio = (
            _stacked([w.audio for w in windows]) - self.conditioning.mean
        ) / self.conditioning.std
        unknown = torch.tensor([not w.sound_known for w in windows])
        audio[unknown, :, :SOUND_COLUMNS] = 0
        noise = _stacked(rng.standard_normal((size, past, motion.shape[2])))
        before = torch.cat([motion[:, :past] + PAST_NOISE * noise, audio[:, :past]], 2)
        conditions = {"audio": audio[:, past:], "past": before}
        for name in windows[0].signals:
            conditions[name] = _stacked([w.signals[name] for w in windows])
        prior = self.conditioning.audio_prior(audio[:, past:].flatten(0, 1)).view(
            size, -1, motion.shape[2]
        )
        return Batch(self.whitening.encode(motion[:, past:] - prior), conditions)


def _stacked(rows) -> Tensor:
    return torch.as_tensor(np.stack(rows)).float()


def statistics(windows: list[Window]) -> tuple[MotionScaler, Tensor, Tensor]:
    """Scaler of the motion, mean and std of the audio columns, from many windows.

    Pose and gaze are centred by construction. The lips of the audio share the scale of the moved
    ones.
    """
    motion = torch.as_tensor(np.concatenate([w.motion for w in windows])).float()
    sound = [w.audio[:, :SOUND_COLUMNS] for w in windows if w.sound_known]
    sound = torch.as_tensor(np.concatenate(sound)).float()
    mean, std = motion.mean(0), motion.std(0)
    mean[:POSE_SIZE] = 0
    mean[GAZE] = 0
    mean[LIPS] = 0
    audio_mean = torch.cat([sound.mean(0), mean[LIPS]])
    audio_std = torch.cat([sound.std(0), std[LIPS]])
    return MotionScaler(mean, std), audio_mean, audio_std
