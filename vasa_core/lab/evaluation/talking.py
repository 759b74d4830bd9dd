"""A model's motion for the sounds of real talking clips, beside what their speakers did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from torch import Tensor

from ...audio.features import ArticulationEncoder
from ...face.basis import PARTS, FaceBasis
from ...types import Motion
from ..data.clips import RealClip, in_step, real_clips
from ..data.index import has_index
from ..data.lips import LipMeasures
from ..data.tracks import Clip
from ..scorers.alignment import HEARD, alignment, load_alignment
from ..scorers.sync import load_sync, sync_of
from ..training.motion.data import calm_motion
from .heads import head_measures, pose_rows, pose_variation
from .lips import against_real
from .measures import Row
from .model_under_test import ModelUnderTest

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
    return in_step(clip) and clip.entry.split_for("motion") in ("held_out", "test")


def free_heads(clip: Clip) -> bool:
    """Clips of people who talk as one does and move their heads, whatever their sound."""
    return clip.entry.split_for("motion") != "unused" and clip.entry.head == "free"


def clips_of(data: Path, keep: Callable[[Clip], bool]) -> list[RealClip]:
    """The talking clips of a set that ``keep`` accepts; none where it has no talking clips."""
    return real_clips(data, keep) if has_index(data, "talking") else []


def lip_rows(
    tested: ModelUnderTest, judges: Judges, clips: Sequence[RealClip], seeds: range
) -> Iterator[Row]:
    """Lips against the real ones; sync and alignment of both."""
    sounds = [judges.heard(clip.sound, clip.rate) for clip in clips]
    for number, clip in enumerate(clips):
        heard = tested.features(clip.sound, clip.rate)
        motions = {f"seed {seed}": ("model", tested.speak(heard, seed)) for seed in seeds}
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


def head_rows(tested: ModelUnderTest, clips: Sequence[RealClip], seeds: range) -> Iterator[Row]:
    """Amount and smoothness of head motion, and blinks, over the same sounds as real people's."""
    for clip in clips:
        heard = tested.features(clip.sound, clip.rate)
        motions = [("model", tested.speak(heard, seed)) for seed in seeds]
        for who, motion in [*motions, ("real", calm_motion(clip.motion))]:
            for name, value in head_measures(motion).items():
                yield Row(name, "talking", who, clip.name, value)
