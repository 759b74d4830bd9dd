"""Trains the audio-pose scorer (scorers/weights/alignment.safetensors).

    python -m vasa_core.lab.training.scorers.train_alignment --data DATA --out run

GRID speaker s1 (CC BY 4.0) nods with his speech, but little. What the scorer sees of him is
enlarged to what free talkers do; the same motion enlarged or diminished beyond that is what it
learns to refuse. Everybody else serves for validation.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ....audio.features import ArticulationEncoder
from ....motion.vectorize import vectorize
from ...data.clips import RealClip, in_step, real_clips
from ...data.tracks import Clip
from ...engine import Objective, Step, Trainer
from ...recipe import Recipe, command_line, run_main
from ...scorers.alignment import HEARD, POSE, WINDOW, alignment, alignment_net
from ...scorers.dual_encoder import DualEncoder
from ..motion.data import STILL_SMOOTHING, smoothed
from ..motion.windows import head_speed
from .contrast import contrastive_loss
from .train_sync import write

log = logging.getLogger(__name__)
TALKERS = (0.12, 0.6)  # degrees a frame: head speed of people who talk freely
UNLIKELY = (0.02, 0.06), (1.2, 2.4)  # what nobody's head does while talking
SHIFTS = range(9)
SCALES = (0.2, 0.5, 1.0, 1.5, 3.0)  # VASA-1's own


@dataclass(frozen=True)
class AlignmentRecipe(Recipe):
    """How the audio-pose scorer is trained."""

    steps: int = 500
    batch: int = 48
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.1
    schedule: Literal["cosine", "one-cycle", "constant"] = "one-cycle"
    warmup: float = 0.1
    ema: float = 0.99
    checkpoint_every: int = 100


def usable_heads(clip: Clip) -> bool:
    """People who taught no lips, sound and lips in step, and who talk as one does."""
    return in_step(clip) and clip.entry.split_for("motion") != "unused"


class Heads:
    """Clips of some people: (T, F) features and (T, 6) pose each, at the speed of free talkers."""

    def __init__(self, clips: list[RealClip], encoder: ArticulationEncoder):
        self.clips = {}
        for clip in clips:
            pose = smoothed(vectorize(clip.motion), STILL_SMOOTHING)[:, :POSE]
            sound = encoder.encode(clip.sound, clip.rate).features[:, HEARD]
            frames = min(len(pose), len(sound))
            if frames >= WINDOW - 2:
                self.clips[clip.name] = (sound[:frames], pose[:frames])

    def at_speed(self, speed: float = 0.3) -> dict[str, tuple[Tensor, Tensor]]:
        """The clips with pose enlarged to a mean head speed, degrees a frame."""
        return {
            name: (sound, pose * (speed / head_speed(pose)))
            for name, (sound, pose) in self.clips.items()
        }

    def crops(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(B, WINDOW, heard) sounds and (B, WINDOW, 6) poses: another pace, voice and amount."""
        names = list(self.clips)
        rows = []
        for index in rng.choice(len(names), count, replace=count > len(names)):
            sound, pose = (x.numpy() for x in self.clips[names[index]])
            frames = min(len(sound), len(pose))
            pace = min(rng.uniform(0.85, 1.15), (frames - 1) / (WINDOW - 1))
            span = pace * (WINDOW - 1)
            at = rng.uniform(0, frames - 1 - span + 1e-6) + pace * np.arange(WINDOW)
            low = np.minimum(at.astype(int), frames - 2)
            part = (at - low)[:, None]
            sound, pose = ((1 - part) * x[low] + part * x[low + 1] for x in (sound, pose))
            speed = np.exp(rng.uniform(*np.log(TALKERS)))
            pose = pose * (speed / (head_speed(pose) / pace + 1e-6))
            if rng.random() < 0.5:
                pose = pose * np.array([-1.0, 1, -1, -1, 1, 1])  # as in a mirror
            rows.append((other_voice(sound, rng), pose))
        sounds, poses = (torch.as_tensor(np.stack(x)).float() for x in zip(*rows, strict=True))
        return sounds, poses


def other_voice(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(T, heard) features of another voice, room and loudness, or with something missing."""
    sound = sound.copy()
    curve = np.interp(np.arange(40), np.linspace(0, 39, 6), rng.normal(0, 0.35, 6))
    sound[:, :40] += curve + rng.normal(0, 0.15, (len(sound), 40))
    sound[:, :41] += rng.normal(0, 0.2)
    if rng.random() < 0.4:
        first = rng.integers(0, 34)
        sound[:, first : first + rng.integers(2, 12)] = -2
    sound[:, 41] += rng.normal(0, 0.3) * sound[:, 42]
    return sound


def unlikely(pose: Tensor, rng: np.random.Generator) -> Tensor:
    """(B, T, 6) the same motion, too much or too little of it."""
    sizes = []
    for one in pose:
        low, high = UNLIKELY[rng.integers(2)]
        sizes.append(np.exp(rng.uniform(np.log(low), np.log(high))) / head_speed(one))
    return pose * torch.tensor(sizes).float()[:, None, None]


def loss_of(net: DualEncoder, sounds: Tensor, poses: Tensor, unlikely_poses: Tensor) -> Tensor:
    """Contrastive loss, and that the unlikely amounts of motion score lower."""
    sound, head = net.embed(sounds, poses)
    weight = sound.new_ones(sound.shape[:2])
    wrong = net.embed(sounds, unlikely_poses)[1]
    sharp = net.logit_scale.exp()
    against = torch.stack([(sound * x).sum(-1) for x in (head, wrong)], -1) * sharp
    scale = -against.log_softmax(-1)[..., 0].mean()
    return contrastive_loss(net, sound, head, weight) + 0.5 * scale


def sanity(net: DualEncoder, clips: dict) -> str:
    """The paper's two checks on real clips: score by shift (both ways), and by scale of motion."""

    def mean(shift: int = 0, scale: float = 1.0) -> float:
        return float(
            np.mean([alignment(net, sound, scale * pose, shift) for sound, pose in clips.values()])
        )

    shifts = [(mean(s) + mean(-s)) / 2 for s in SHIFTS]
    others = list(clips.values())
    shuffled = [
        alignment(net, sound, pose)
        for (sound, _), (_, pose) in zip(others, others[1:] + others[:1], strict=True)
    ]
    return (
        f"{len(clips)} clips; shift 0..{SHIFTS[-1]}: "
        + " ".join(f"{s:.3f}" for s in shifts)
        + f"; other sounds {np.mean(shuffled):.3f}; scale {SCALES}: "
        + " ".join(f"{mean(scale=s):.3f}" for s in SCALES)
    )


def train(
    seen: Heads, held_out: Heads, others: Heads, out: Path, recipe: AlignmentRecipe
) -> DualEncoder:
    """Train, or go on from the checkpoint in ``out``; each checkpoint writes the weight file."""
    torch.manual_seed(recipe.seed)
    net = alignment_net()
    poses = torch.cat([pose for _, pose in seen.at_speed().values()])
    net.scale.copy_(poses.std(0))

    def batches(step: Step) -> tuple[Tensor, Tensor, Tensor]:
        sounds, poses = seen.crops(recipe.batch, step.rng)
        return sounds, poses, unlikely(poses, step.rng)

    def checked(networks: Mapping) -> dict[str, float]:
        average = networks["alignment"]
        write(average, out / "alignment.safetensors", recipe)
        scores = {}
        for name, heads in (("held_out", held_out), ("others", others)):
            clips = heads.at_speed()
            log.info("  %s: %s", name, sanity(average, clips))
            scores[name] = np.mean([alignment(average, *clip) for clip in clips.values()])
        return scores

    objective = Objective(net, lambda batch, step: (loss_of(net, *batch), {}))
    return Trainer(out, recipe, {"alignment": objective}, batches, checked).run()["alignment"]


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    args, recipe = command_line(AlignmentRecipe, __doc__, argv)
    encoder = ArticulationEncoder.load()
    own = real_clips(args.data, lambda clip: clip.entry.split_for("articulation") == "train")
    held_out = Heads(own[5::12], encoder)
    seen = Heads([clip for n, clip in enumerate(own) if n % 12 != 5], encoder)
    others = Heads(real_clips(args.data, usable_heads), encoder)
    counts = [len(heads.clips) for heads in (seen, held_out, others)]
    log.info("%d clips train, %d of the same people and %d of others validate", *counts)
    train(seen, held_out, others, args.out, recipe)


if __name__ == "__main__":
    run_main(main)
