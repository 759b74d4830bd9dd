"""Talking clips as the motion diffusion is trained on them: motion, sound, labels.

Only numeric tracks are used. Every clip is made relative to its own median pose and neutral face,
smoothed of tracker jitter, and paired with the audio features that a motion model is given. The
lips among those are, in training, the clip's own lips degraded (smoothed, damped, disturbed): so
any articulation net can stand in at run time, and clips whose sound is not their own can still
teach head, brows, lids and eyes, with the columns of the sound left unknown (at their mean).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import median_filter
from scipy.signal import savgol_filter
from torch import Tensor

from ....audio.features import FEATURES, ArticulationEncoder
from ....audio.reader import read_audio
from ....face.basis import PARTS, FaceBasis
from ....motion.vectorize import POSE_SIZE, from_smooth_vectors, vectorize
from ....spaces.mesh.tracking import motion_from_landmarks
from ....types import Motion
from ...data.clips import about_rest
from ...data.stretches import stretches
from ...data.tracks import Clip, load_clips

log = logging.getLogger(__name__)
FPS = Fraction(25)
SMOOTHING, STILL_SMOOTHING = 11, 19  # frames of pose smoothing: about 3.5 Hz and 1.7 Hz are left
AUDIO = ("energy", "pitch", "voiced", "lips")  # the features that the model is given
LONGEST_BLINK = 14  # frames
WIDEST_GAZE = 4.0  # degrees of spread; what goes beyond is mostly irises too small to measure
SOUND_COLUMNS = 3  # energy, pitch, voiced come first, then the lips


def audio_columns() -> Tensor:
    """Columns of the audio features that the model is given."""
    return torch.cat([torch.arange(FEATURES[n].start, FEATURES[n].stop) for n in AUDIO])


@dataclass(frozen=True)
class TalkingClip:
    """motion (T, 30) raw vectors relative to the clip's rest, sound (T, 3) energy, pitch, voiced,
    or None where the sound is not trusted.

    held_out  the clip's person is kept for validation
    still     the clip trains, and its person hardly moves the head
    """

    name: str
    person: str
    grade: str
    motion: Tensor
    sound: Tensor | None
    held_out: bool = False
    still: bool = False


def tracked_motion(clip: Clip, basis: FaceBasis) -> Tensor:
    """A clip's (T, 30) motion about its median pose, as tracked; lost frames are bridged."""
    motion = motion_from_landmarks(torch.as_tensor(clip.landmarks[clip.found]), basis, FPS)
    vector = vectorize(about_rest(motion)).numpy()
    there, every = np.flatnonzero(clip.found), np.arange(len(clip.found))
    return torch.as_tensor(np.stack([np.interp(every, there, v) for v in vector.T], 1)).float()


def smoothed(vector: Tensor, pose_window: int = SMOOTHING) -> Tensor:
    """(T, 30) with the tracker's jitter taken out: pose and brows most, lips least, blinks not at
    all; irises are bridged over blinks, when the tracker guesses them."""
    v = vector.numpy().copy()
    lips, brows, blink, gaze = (
        slice(POSE_SIZE + PARTS[n].start, POSE_SIZE + PARTS[n].stop)
        for n in ("lips", "expression", "blink", "gaze")
    )
    shut = np.convolve(v[:, blink].max(1) > 0.35, np.ones(5), "same") > 0
    every = np.arange(len(v))
    for column in range(gaze.start, gaze.stop) if not shut.all() else ():
        v[:, column] = np.interp(every, every[~shut], v[~shut, column])
    v[:, gaze] = median_filter(v[:, gaze], (5, 1), mode="nearest")
    v[:, :POSE_SIZE] = savgol_filter(v[:, :POSE_SIZE], pose_window, 2, axis=0)
    v[:, brows] = savgol_filter(v[:, brows], 7, 2, axis=0)
    v[:, lips] = savgol_filter(v[:, lips], 5, 3, axis=0)
    v[:, blink] = sharpened_blinks(v[:, blink])
    v[:, gaze] -= np.median(v[:, gaze], 0)
    v[:, gaze] *= min(1.0, WIDEST_GAZE / v[:, gaze].std(0).max())
    return torch.as_tensor(v).float()


def calm_motion(motion: Motion) -> Motion:
    """A tracked "portrait" motion without its tracker's jitter."""
    return from_smooth_vectors(smoothed(vectorize(motion)), motion)


def sharpened_blinks(closure: np.ndarray) -> np.ndarray:
    """(T, 2) closure of the lids to blinks that close, on a calm ground.

    The teacher's lids hardly ever meet, and 25 frames a second miss the moment when they do: what
    goes beyond half way counts as a whole blink. Eyes kept shut longer than a blink are left open.
    """
    both = closure.mean(1)
    ground = median_filter(both, 25, mode="nearest")
    ground = savgol_filter(np.minimum(ground, 0.3), 9, 1)
    above = np.maximum(both - ground, 0)
    result = np.array(ground)
    for inside in stretches(above > 0.12):
        peak = above[inside].max()
        if peak > 0.4 and len(inside) <= LONGEST_BLINK:
            low, high = max(0, inside[0] - 1), inside[-1] + 2
            reach = above[low:high] / peak
            result[low:high] = np.maximum(result[low:high], ground[low:high] * (1 - reach) + reach)
    return np.repeat(result.clip(-0.25, 1.0)[:, None], 2, 1)


def load_talking(
    data: Path, encoder: ArticulationEncoder, *, trainable: bool = True
) -> list[TalkingClip]:
    """Every clip of the corpus that shows how people talk; sound only where it is trusted."""
    basis, clips = FaceBasis.load(), []
    for clip in load_clips(data, trainable=trainable):
        split, grade = clip.entry.split_for("motion"), clip.entry.sync_grade
        if split == "unused":
            continue
        motion, sound = tracked_motion(clip, basis), None
        motion = smoothed(motion, STILL_SMOOTHING if grade == "A" else SMOOTHING)
        if grade in "AB":
            features = encoder.encode(*read_audio(clip.entry.file)).features
            features = features[:, audio_columns()[:SOUND_COLUMNS]]
            motion, sound = aligned(motion, features, clip.entry.lag_frames)
        held_out, still = split != "train", split == "train" and clip.entry.head == "still"
        clips.append(TalkingClip(clip.name, clip.person, grade, motion, sound, held_out, still))
    return clips


def aligned(motion: Tensor, features: Tensor, lag: int) -> tuple[Tensor, Tensor]:
    """Frame t of the motion beside row t + lag of the features, both cut to what they share."""
    motion, features = motion[max(0, -lag) :], features[max(0, lag) :]
    frames = min(len(motion), len(features))
    return motion[:frames], features[:frames]


def mirror_matrix(basis: FaceBasis) -> Tensor:
    """(30, 30) that turns a motion vector into that of the face in a mirror: v @ matrix."""
    flip = torch.tensor([-1.0, 1.0, 1.0])
    matrix = torch.diag(torch.cat([torch.tensor([-1.0, 1, -1, -1, 1, 1]), torch.ones(24)]))
    for name, shapes in (("lips", basis.lips), ("expression", basis.expression)):
        mirrored = (shapes[:, basis.mirror] * flip).flatten(1)
        part = slice(POSE_SIZE + PARTS[name].start, POSE_SIZE + PARTS[name].stop)
        matrix[part, part] = torch.linalg.lstsq(shapes.flatten(1).T, mirrored.T).solution.T
    blink, gaze = POSE_SIZE + PARTS["blink"].start, POSE_SIZE + PARTS["gaze"].start
    matrix[blink : blink + 2, blink : blink + 2] = torch.tensor([[0.0, 1], [1, 0]])
    matrix[gaze, gaze] = -1
    return matrix
