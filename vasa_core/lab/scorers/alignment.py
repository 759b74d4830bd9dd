"""How well head motion goes with a sound: a score after VASA-1's CAPP (section 4.1).

CAPP (contrastive audio and pose pretraining) was trained on 2,000 hours and never released. This
one is its idea at our size: towers for sound and head pose, trained to tell a head's own sound from
shifted sounds, from other people's, and from motion scaled out of what people do. Scores compare
within one table; they are not CAPP's. Weights and their card: ``weights/alignment.safetensors``.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ...audio.features import FEATURES
from .dual_encoder import DualEncoder, Tower, at_lags

WEIGHTS = Path(__file__).parent / "weights" / "alignment.safetensors"
WINDOW = 75  # frames, 3 s, as the paper's
HEARD = slice(FEATURES["mel"].start, FEATURES["voiced"].stop)  # mel, energy, pitch, voice
POSE = 6  # yaw, pitch, roll, translation, log scale


def alignment_net() -> DualEncoder:
    """The network, untrained."""
    sound = Tower(HEARD.stop - HEARD.start, 64, strides=(1,), dilations=(1, 2, 4, 4))
    return DualEncoder(sound, Tower(2 * POSE, 64, strides=(1,), dilations=(1, 2, 4, 4)), POSE)


def load_alignment(path: Path = WEIGHTS) -> DualEncoder:
    """The scorer with its weights."""
    net = alignment_net()
    net.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return net.eval().requires_grad_(False)


def windows_of(rows: Tensor) -> Tensor:
    """(T, n) rows to (W, WINDOW, n) half a window apart; fewer rows than WINDOW are one window."""
    return rows.unfold(0, min(WINDOW, len(rows)), WINDOW // 2).mT


@torch.no_grad()
def alignment(net: DualEncoder, features: Tensor, pose: Tensor, shift: int = 0) -> float:
    """Mean cosine of sound and head over all windows of 3 s, -1..1.

    Args:
        features: (T, heard) the columns ``HEARD`` of ``audio.features``, 25 rows a second.
        pose: (T, 6) yaw, pitch, roll in degrees, translation, logarithm of the scale.
        shift: frames by which the pose is delayed; that should lower the score.
    """
    frames = min(len(features), len(pose)) - abs(shift)
    late = slice(max(shift, 0), max(shift, 0) + frames)
    early = slice(max(-shift, 0), max(-shift, 0) + frames)
    sound, head = net.embed(windows_of(features[late]), windows_of(pose[early]))
    return float(at_lags(sound, head, 0).mean())
