"""A model's motion for the sounds of real talking clips, beside what their speakers did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import Tensor

from ...audio.features import ArticulationEncoder
from ...face.basis import PARTS, FaceBasis
from ...types import Motion
from ..data.clips import RealClip, in_step, real_clips
from ..data.lips import LipMeasures
from ..data.tracks import Clip
from ..scorers.alignment import HEARD, alignment, load_alignment
from ..scorers.sync import load_sync, sync_of
from ..training.motion.data import calm_motion
from .heads import head_measures, pose_rows, pose_variation
from .lips import against_real
from .measures import Row
from .model_under_test import Subject

SYLLABLES = ("mcg",)  # clips of single syllables tell nothing of speech
TAUGHT = ("aoc",)  # people other than GRID s1 whose sound trained the embedded model
LABORATORY = ("grid", "elo", "mcg")  # heads of people who read aloud into a camera hardly move
UNUSABLE = ("hamilton", "lp_d10", "lp_d11", "lp_d12", "lp_d20", "cv_001_L")  # cuts, moving cameras
OTHERS = 5  # sounds that a head is compared with besides its own
TALKER = 0.3  # degrees a frame: head speed at which all heads are compared with the sound


class Judges:
    """What judges motion, loaded once."""

    def __init__(self):
        self.sync, self.alignment = load_sync(), load_alignment()
        self.hearing = ArticulationEncoder.load()  # of the alignment scorer, not of the model
        self.lips = LipMeasures.of(FaceBasis.load())

    def heard(self, sound: Tensor, rate: int) -> Tensor:
        """(N,) samples to the (T, heard) rows of the alignment scorer."""
        return self.hearing.encode(sound, rate).features[:, HEARD]

    def in_step(self, motion: Motion, heard: Tensor) -> float:
        """Alignment of a head with a sound, at the speed of people who talk freely."""
        rows = pose_rows(motion)
        return alignment(self.alignment, heard, rows * (TALKER / max(pose_variation(motion), 1e-6)))

    def out_of_step(self, motion: Motion, sounds: Sequence[Tensor], own: int) -> float:
        """The same with other sounds than the ``own``-th, the mean of a few."""
        count = min(OTHERS, len(sounds) - 1)
        apart = [(own + 1 + n * len(sounds) // (count + 1)) % len(sounds) for n in range(count)]
        scores = [self.in_step(motion, sounds[n]) for n in apart if n != own]
        return sum(scores) / len(scores) if scores else float("nan")


def usable(clip: Clip) -> bool:
    """Clips of people on whom nothing was trained, sound and lips in step."""
    return in_step(clip) and not clip.name.startswith(SYLLABLES) and clip.person not in TAUGHT


def free_heads(clip: Clip) -> bool:
    """Clips of people who talk as one does, whatever their sound."""
    return clip.person != "grid_s1" and not clip.name.startswith(LABORATORY + UNUSABLE)


def lip_rows(
    subject: Subject, judges: Judges, clips: Sequence[RealClip], seeds: range
) -> Iterator[Row]:
    """Lips against the real ones; sync and alignment of both."""
    sounds = [judges.heard(clip.sound, clip.rate) for clip in clips]
    for number, clip in enumerate(clips):
        heard = subject.features(clip.sound, clip.rate)
        motions = {f"seed {seed}": ("model", subject.speak(heard, seed)) for seed in seeds}
        motions["real"] = ("real", calm_motion(clip.motion))
        for who, motion in motions.values():
            lips = motion.dynamics[:, PARTS["lips"]]
            sync = sync_of(judges.sync, clip.sound, clip.rate, lips)
            values = {
                "sync": sync.confidence,
                "sync_offset": abs(sync.offset),
                "alignment": judges.in_step(motion, sounds[number]),
            }
            if who == "model":
                values |= against_real(lips, clip, judges.lips)
            for name, value in values.items():
                yield Row(name, clip.group, who, clip.name, value)
            other = judges.out_of_step(motion, sounds, number)
            shuffled = "shuffled" if who == "model" else "real, shuffled"
            yield Row("alignment", clip.group, shuffled, clip.name, other)


def head_rows(subject: Subject, clips: Sequence[RealClip], seeds: range) -> Iterator[Row]:
    """Amount and smoothness of head motion, and blinks, over the same sounds as real people's."""
    for clip in clips:
        heard = subject.features(clip.sound, clip.rate)
        motions = [("model", subject.speak(heard, seed)) for seed in seeds]
        for who, motion in [*motions, ("real", calm_motion(clip.motion))]:
            for name, value in head_measures(motion).items():
                yield Row(name, "talking", who, clip.name, value)


def talking_rows(subject: Subject, judges: Judges, data: Path, seeds: range) -> Iterator[Row]:
    """Every measure that real talking clips allow."""
    yield from lip_rows(subject, judges, real_clips(data, usable), seeds)
    yield from head_rows(subject, real_clips(data, free_heads), seeds)
