"""Real talking clips, and what people do in them: the truth that a model is measured against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from ...audio.reader import read_audio
from ...face.basis import FaceBasis
from ...face.geometry import fit_pose
from ...spaces.mesh.tracking import motion_from_landmarks, relative_motion
from ...types import Motion
from .tracks import Clip, load_clips

FPS = Fraction(25)
# Frames by which a source's sound is late; four separately trained nets agreed on them.
LAGS = {"elo_T1": 1, "elo_T4": 1, "hdtf_aoc": 3, "anchor_FAzSK8": 1, "vrt_2": 1, "mcg_pl": -1}
GROUPS = ("grid", "elo", "mcg")


@dataclass(frozen=True, slots=True, repr=False)
class RealClip:
    """One person talking for some seconds, sound and lips in step.

    sound (N,), rate    with the source's lag taken out
    faces (T, V, 3)     canonical; found (T,) where a face was seen
    motion              of the mesh space, about the clip's median pose and own neutral face
    """

    name: str
    person: str
    group: str
    video: Path
    sound: Tensor
    rate: int
    faces: Tensor
    found: Tensor
    motion: Motion


def lag_of(name: str) -> int:
    """Frames by which a clip's sound is late."""
    return next((lag for start, lag in LAGS.items() if name.startswith(start)), 0)


def group_of(name: str) -> str:
    """Corpus of a clip."""
    return next((group for group in GROUPS if name.startswith(group)), "web")


def sound_in_step(clip: Clip, data: Path) -> tuple[Tensor, int]:
    """(N,) samples of a clip and their rate, with the lag of its source taken out."""
    samples, rate = read_audio(data / clip.info["file"])
    late = round(lag_of(clip.name) * rate / 25)
    return (samples[late:] if late > 0 else pad(samples, (-late, 0))), rate


def real_clips(data: Path, keep: Callable[[Clip], bool]) -> list[RealClip]:
    """The clips of a corpus that ``keep`` accepts."""
    basis = FaceBasis.load()
    return [_real(clip, data, basis) for clip in load_clips(data, trainable=False) if keep(clip)]


def in_step(clip: Clip) -> bool:
    """Whether sound and lips of a clip belong together, and its person was not trained on."""
    return clip.person != "grid_s1" and clip.info.get("sync_grade") in ("A", "B")


def _real(clip: Clip, data: Path, basis: FaceBasis) -> RealClip:
    landmarks, found = torch.as_tensor(clip.landmarks), torch.as_tensor(clip.found)
    faces = fit_pose(landmarks, basis.canonical).canonical(landmarks)
    seen = torch.arange(len(found))[found]
    nearest = seen[(torch.arange(len(found))[:, None] - seen).abs().argmin(1)]
    motion = motion_from_landmarks(landmarks[seen], basis, FPS)
    rest = replace(
        motion[:1],
        rotation=motion.rotation.median(0, keepdim=True).values,
        translation=motion.translation.median(0, keepdim=True).values,
        scale=motion.scale.median()[None],
    )
    motion = relative_motion(motion, rest)[torch.searchsorted(seen, nearest)]
    return RealClip(
        clip.name,
        clip.person,
        group_of(clip.name),
        data / clip.info["file"],
        *sound_in_step(clip, data),
        faces,
        found,
        motion,
    )
