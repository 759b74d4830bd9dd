"""Hidden states of a large audio encoder (wav2vec2, whisper) as AudioFeatures.

The embedded motion model does not take them; models trained on them do (VASA-1, section 3.2, used
wav2vec2).
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import torch
from torch import Tensor

from ..errors import InputError
from ..types import AudioFeatures

RATE = 16000  # Hz of the sound that such encoders take


def features_from_hidden_states(hidden: Tensor, samples: int, fps: Fraction) -> AudioFeatures:
    """(L, F) hidden states of a sound of ``samples`` at 16 kHz to one row per motion frame.

    Rows are linearly interpolated at the frames' own times. The encoder's name tells its width, as
    in "hidden-768".
    """
    if hidden.ndim != 2 or not len(hidden) or samples <= 0:
        raise InputError(f"Got hidden states {tuple(hidden.shape)} of {samples} samples of sound.")
    duration = Fraction(samples, RATE)
    frames = ceil(duration * fps)
    times = torch.arange(frames, device=hidden.device, dtype=torch.float64) / float(fps)
    where = (times / float(duration) * len(hidden) - 0.5).clamp(0, len(hidden) - 1)
    below = where.floor().long()
    part = (where - below).to(hidden)[:, None]
    rows = hidden[below].lerp(hidden[(below + 1).clamp(max=len(hidden) - 1)], part)
    return AudioFeatures(rows.float(), f"hidden-{hidden.shape[1]}", fps, duration)
