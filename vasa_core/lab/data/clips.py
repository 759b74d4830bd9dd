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
from .index import Entry
from .tracks import Clip, load_clips

FPS = Fraction(25)


@dataclass(frozen=True, slots=True, repr=False)
class RealClip:
    """One person talking for some seconds, sound and lips in step.

    sound (N,), rate    with the source's lag taken out
    faces (T, V, 3)     canonical; found (T,) where a face was seen
    motion              of the mesh space, about the clip's median pose and own neutral face
    """

    entry: Entry
    sound: Tensor
    rate: int
    faces: Tensor
    found: Tensor
    motion: Motion

    @property
    def name(self) -> str:
        """Name of its file."""
        return self.entry.name

    @property
    def group(self) -> str:
        """What its figures are reported by."""
        return self.entry.group


def sound_in_step(entry: Entry) -> tuple[Tensor, int]:
    """(N,) samples of a clip and their rate, with its lag taken out."""
    samples, rate = read_audio(entry.file)
    late = round(entry.lag_frames * rate / FPS)
    return (samples[late:] if late > 0 else pad(samples, (-late, 0))), rate


def about_rest(motion: Motion) -> Motion:
    """A clip's tracked motion, about its median pose and its own neutral face."""
    rest = replace(
        motion[:1],
        rotation=motion.rotation.median(0, keepdim=True).values,
        translation=motion.translation.median(0, keepdim=True).values,
        scale=motion.scale.median()[None],
    )
    return relative_motion(motion, rest)


def real_clips(data: Path, keep: Callable[[Clip], bool]) -> list[RealClip]:
    """The clips of a corpus that ``keep`` accepts."""
    basis = FaceBasis.load()
    return [_real(clip, basis) for clip in load_clips(data, trainable=False) if keep(clip)]


def in_step(clip: Clip) -> bool:
    """Whether sound and lips of a clip belong together, and its person taught no lips."""
    return clip.entry.split_for("articulation") in ("held_out", "test") and clip.entry.in_step


def _real(clip: Clip, basis: FaceBasis) -> RealClip:
    landmarks, found = torch.as_tensor(clip.landmarks), torch.as_tensor(clip.found)
    faces = fit_pose(landmarks, basis.canonical).canonical(landmarks)
    seen = torch.arange(len(found))[found]
    nearest = seen[(torch.arange(len(found))[:, None] - seen).abs().argmin(1)]
    motion = about_rest(motion_from_landmarks(landmarks[seen], basis, FPS))
    motion = motion[torch.searchsorted(seen, nearest)]
    return RealClip(clip.entry, *sound_in_step(clip.entry), faces, found, motion)
