"""Trains the audio-pose scorer (scorers/weights/alignment.safetensors).

    python -m vasa_core.lab.training.scorers.train_alignment --data ../shared/data

GRID speaker s1 (CC BY 4.0) nods with his speech, but little. What the scorer sees of him is
enlarged to what free talkers do; the same motion enlarged or diminished beyond that is what it
learns to refuse. Everybody else serves for validation.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ....audio.features import ArticulationEncoder
from ....motion.vectorize import vectorize
from ...data.clips import RealClip, in_step, real_clips
from ...data.tracks import Clip
from ...scorers.alignment import HEARD, POSE, WEIGHTS, WINDOW, alignment, alignment_net
from ...scorers.dual_encoder import TwoTowers
from ..motion.data import EXCLUDED, STILL_EASE, eased
from ..motion.windows import head_speed
from .contrast import contrastive_loss
from .train_sync import write

log = logging.getLogger(__name__)
TALKERS = (0.12, 0.6)  # degrees a frame: head speed of people who talk freely
UNLIKELY = (0.02, 0.06), (1.2, 2.4)  # what nobody's head does while talking
SHIFTS = range(9)
SCALES = (0.2, 0.5, 1.0, 1.5, 3.0)  # VASA-1's own


def usable_heads(clip: Clip) -> bool:
    """Other people than s1, sound and lips in step."""
    return in_step(clip) and not clip.name.startswith(EXCLUDED)


class Heads:
    """Clips of some people: (T, F) features and (T, 6) pose each, at the speed of free talkers."""

    def __init__(self, clips: list[RealClip], encoder: ArticulationEncoder):
        self.clips = {}
        for clip in clips:
            pose = eased(vectorize(clip.motion), STILL_EASE)[:, :POSE]
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

    def crops(self, count: int, chance: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(B, WINDOW, heard) sounds and (B, WINDOW, 6) poses: another pace, voice and amount."""
        names = list(self.clips)
        rows = []
        for index in chance.choice(len(names), count, replace=count > len(names)):
            sound, pose = (x.numpy() for x in self.clips[names[index]])
            frames = min(len(sound), len(pose))
            pace = min(chance.uniform(0.85, 1.15), (frames - 1) / (WINDOW - 1))
            span = pace * (WINDOW - 1)
            at = chance.uniform(0, frames - 1 - span + 1e-6) + pace * np.arange(WINDOW)
            low = np.minimum(at.astype(int), frames - 2)
            part = (at - low)[:, None]
            sound, pose = ((1 - part) * x[low] + part * x[low + 1] for x in (sound, pose))
            speed = np.exp(chance.uniform(*np.log(TALKERS)))
            pose = pose * (speed / (head_speed(pose) / pace + 1e-6))
            if chance.random() < 0.5:
                pose = pose * np.array([-1.0, 1, -1, -1, 1, 1])  # as in a mirror
            rows.append((other_voice(sound, chance), pose))
        return tuple(torch.as_tensor(np.stack(x)).float() for x in zip(*rows, strict=True))


def other_voice(sound: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """(T, heard) features of another voice, room and loudness, or with something missing."""
    sound = sound.copy()
    curve = np.interp(np.arange(40), np.linspace(0, 39, 6), chance.normal(0, 0.35, 6))
    sound[:, :40] += curve + chance.normal(0, 0.15, (len(sound), 40))
    sound[:, :41] += chance.normal(0, 0.2)
    if chance.random() < 0.4:
        first = chance.integers(0, 34)
        sound[:, first : first + chance.integers(2, 12)] = -2
    sound[:, 41] += chance.normal(0, 0.3) * sound[:, 42]
    return sound


def unlikely(pose: Tensor, chance: np.random.Generator) -> Tensor:
    """(B, T, 6) the same motion, too much or too little of it."""
    sizes = []
    for one in pose:
        low, high = UNLIKELY[chance.integers(2)]
        sizes.append(np.exp(chance.uniform(np.log(low), np.log(high))) / head_speed(one))
    return pose * torch.tensor(sizes).float()[:, None, None]


def loss_of(net: TwoTowers, sounds: Tensor, poses: Tensor, chance) -> Tensor:
    """Contrastive loss, and that the unlikely amounts score lower."""
    sound, head = net.embed(sounds, poses)
    weight = torch.ones(sound.shape[:2])
    wrong = net.embed(sounds, unlikely(poses, chance))[1]
    sharp = net.sharpness.exp()
    against = torch.stack([(sound * x).sum(-1) for x in (head, wrong)], -1) * sharp
    scale = -against.log_softmax(-1)[..., 0].mean()
    return contrastive_loss(net, sound, head, weight) + 0.5 * scale


def sanity(net: TwoTowers, clips: dict) -> str:
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


def train(args: argparse.Namespace) -> TwoTowers:
    """The averaged net after ``args.steps`` steps."""
    torch.manual_seed(args.seed)
    encoder = ArticulationEncoder.load()
    own = real_clips(args.data, lambda clip: clip.person == "grid_s1")
    kept = Heads(own[5::12], encoder)
    seen = Heads([clip for n, clip in enumerate(own) if n % 12 != 5], encoder)
    others = Heads(real_clips(args.data, usable_heads), encoder)
    counts = [len(heads.clips) for heads in (seen, kept, others)]
    log.info("%d clips train, %d of s1 and %d of others validate", *counts)
    net = alignment_net()
    poses = torch.cat([pose for _, pose in seen.at_speed().values()])
    net.scale.copy_(poses.std(0))
    chance = np.random.default_rng(args.seed)
    optimizer = torch.optim.AdamW(net.parameters(), 1.5e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.5e-3, args.steps, pct_start=0.1)
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99)
    )
    began = time.time()
    for step in range(1, args.steps + 1):
        loss = loss_of(net, *seen.crops(args.batch, chance), chance)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(net)
        if step % 100 == 0 or step == args.steps:
            write(average.module, args.out)
            log.info("step %d (%.0f s): %.3f", step, time.time() - began, loss.item())
            average.module.eval()
            for name, heads in (("s1, held out", kept), ("others", others)):
                log.info("  %s: %s", name, sanity(average.module, heads.at_speed()))
            average.module.train()
    return average.module


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    train(args)


if __name__ == "__main__":
    main()
