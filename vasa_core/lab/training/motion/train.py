"""Trains the mesh space's motion diffusion (motion/weights/mesh_motion.safetensors).

    python -m vasa_core.lab.training.motion.train --data ../shared/data --out run [--device cuda]
        [--preset embedded|paper] [--steps 5000] [--resume]

The same command runs on CPU and GPU. ``run`` holds a checkpoint to resume from and the averaged
weights as a motion model file; copy that over the embedded one, or give it to
``load_motion_model``.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ....audio.articulation import PHONES
from ....audio.features import FEATURES, ArticulationEncoder
from ....face.basis import CODE_SIZE, PARTS, FaceBasis
from ....motion.model import AudioConditioning, MotionDiffusion, save_model
from ....motion.spectrum import Whitening
from ....motion.transformer import MotionTransformer, MotionTransformerConfig
from ....motion.vectorize import POSE_SIZE, MotionScaler
from .actions import face_actions
from .data import FPS, SOUND_COLUMNS, heard_columns, load_talking, mirror_matrix
from .windows import BLINK, GAZE, LIPS, Window, WindowSource

log = logging.getLogger(__name__)
DROP = {"past": 0.5, "audio": 0.1, "gaze": 0.5, "distance": 0.3, "activity": 0.1}
MOTION_SIZE = POSE_SIZE + CODE_SIZE
SIGNALS = {"gaze": 2, "distance": 1, "activity": 1}
STATISTICS_WINDOWS = 3000
PAST, WINDOW = 10, 50  # frames


@dataclass(frozen=True)
class Batch:
    """Normalised windows and what conditions them."""

    clean: Tensor  # (B, W, D), as diffused: motion less what the sound predicts, white over time
    conditions: dict[str, Tensor]


class Batches:
    """Normalised batches for the network from a source of windows."""

    def __init__(self, source: WindowSource, scaler, hearing, whitening: Whitening, device):
        self.source, self.scaler, self.hearing, self.device = source, scaler, hearing, device
        self.whitening = whitening

    def draw(self, size: int) -> Batch:
        """``size`` fresh windows."""
        windows = [self.source.draw() for _ in range(size)]
        past = self.source.past

        def stacked(rows) -> Tensor:
            return torch.as_tensor(np.stack(rows)).float()

        motion = (stacked([w.motion for w in windows]) - self.scaler.mean) / self.scaler.std
        heard = (stacked([w.heard for w in windows]) - self.hearing.mean) / self.hearing.std
        unknown = torch.tensor([not w.sound_known for w in windows])
        heard[unknown, :, :SOUND_COLUMNS] = 0
        # The sampler's own past is not perfect; neither is this one.
        moved = motion[:, :past] + 0.05 * torch.randn(size, past, motion.shape[2])
        conditions = {"audio": heard[:, past:], "past": torch.cat([moved, heard[:, :past]], 2)}
        for name in windows[0].signals:
            conditions[name] = stacked([w.signals[name] for w in windows])
        on = {name: value.to(self.device) for name, value in conditions.items()}
        prior = self.hearing.audio_prior(heard[:, past:].flatten(0, 1))
        motion = (motion[:, past:] - prior.view(size, -1, motion.shape[2])).to(self.device)
        return Batch(self.whitening.encode(motion), on)


def statistics(windows: list[Window]) -> tuple[MotionScaler, Tensor, Tensor]:
    """Scaler of the motion, mean and spread of the heard columns, from many windows.

    Pose and gaze are centred by construction. The heard lips share the scale of the moved ones.
    """
    motion = torch.as_tensor(np.concatenate([w.motion for w in windows])).float()
    sound = [w.heard[:, :SOUND_COLUMNS] for w in windows if w.sound_known]
    sound = torch.as_tensor(np.concatenate(sound)).float()
    mean, std = motion.mean(0), motion.std(0)
    mean[:POSE_SIZE] = 0
    mean[GAZE] = 0
    mean[LIPS] = 0
    heard_mean = torch.cat([sound.mean(0), mean[LIPS]])
    heard_std = torch.cat([sound.std(0), std[LIPS]])
    return MotionScaler(mean, std), heard_mean, heard_std


def build(preset: str, source: WindowSource, basis: FaceBasis, device) -> MotionDiffusion:
    """An untrained model with the statistics of its data."""
    scaler, mean, std = statistics([source.draw() for _ in range(STATISTICS_WINDOWS)])
    config = getattr(MotionTransformerConfig, preset)(MOTION_SIZE, len(mean), SIGNALS)
    network = MotionTransformer(config)
    prior = torch.full((MOTION_SIZE,), -1)
    prior[LIPS] = torch.arange(SOUND_COLUMNS, len(mean))
    phones = FEATURES["phones"].start
    bilabial = phones + PHONES.index("bilabial")
    hearing = AudioConditioning(
        ArticulationEncoder.name, heard_columns(), mean, std, prior, bilabial
    )
    batches = Batches(source, scaler, hearing, network.whitening, "cpu")
    parts = [slice(POSE_SIZE + p.start, POSE_SIZE + p.stop) for p in PARTS.values()]
    network.whitening.fit(batches.draw(STATISTICS_WINDOWS).clean, [slice(POSE_SIZE), *parts])
    # Unless something else is asked for: eyes ahead, mean distance, an ordinary amount of motion.
    defaults = {name: torch.zeros(size) for name, size in SIGNALS.items()}
    return MotionDiffusion(
        network.to(device), scaler, hearing, face_actions(basis),
        space="mesh", fps=FPS, defaults=defaults,
    )  # fmt: skip


def loss_of(network: MotionTransformer, batch: Batch, drops: bool) -> Tensor:
    """Plain L2 on the clean motion, once white, so that every frequency counts, and once as
    motion."""
    clean, schedule = batch.clean, network.schedule
    time = torch.randint(0, len(schedule), (len(clean),), device=clean.device)
    noisy = schedule.noised(clean, torch.randn_like(clean), time)
    dropped = dropped_rows(clean) if drops else {}
    return errors(network, network(noisy, time, batch.conditions, dropped) - clean)


def dropped_rows(clean: Tensor) -> dict[str, Tensor]:
    """Per condition, the (B,) rows that go without it."""
    chance = torch.rand(len(DROP), len(clean), device=clean.device)
    return {name: row < DROP[name] for name, row in zip(DROP, chance, strict=True)}


def errors(network: MotionTransformer, error: Tensor) -> Tensor:
    """() mean square of a (B, W, D) error, white and as motion; blinks count more."""
    shown = network.whitening.decode(error)
    return error.square().mean() + shown.square().mean() + 2 * shown[..., BLINK].square().mean()


class Trainer:
    """One training run: data, network, its running average, optimizer, checkpoint."""

    def __init__(self, args: argparse.Namespace):
        self.args, self.out, device = args, Path(args.out), torch.device(args.device)
        self.out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(args.seed)
        basis = FaceBasis.load()
        clips = load_talking(Path(args.data), ArticulationEncoder.load())
        taught = [clip for clip in clips if not clip.held_out]
        others = [clip for clip in clips if clip.held_out]
        log.info("%d clips train, %d validate", len(taught), len(others))
        sizes, mirror = (PAST + WINDOW, PAST), mirror_matrix(basis)
        source = WindowSource(taught, mirror, *sizes, args.seed)
        self.model = model = build(args.preset, source, basis, device)
        self.network = model.network
        whitening = self.network.whitening
        self.batches = Batches(source, model.scaler, model.conditioning, whitening, device)
        others = WindowSource(others, mirror, *sizes, 1)
        self.checks = Batches(others, model.scaler, model.conditioning, whitening, device)
        self.average = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), args.lr, betas=(0.9, 0.98), weight_decay=0.01
        )
        self.step = 0
        if args.resume and (self.out / "checkpoint.pt").exists():
            self.resume(device)

    def resume(self, device: torch.device) -> None:
        """Go on from the checkpoint; the data continue with fresh draws."""
        state = torch.load(self.out / "checkpoint.pt", map_location=device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step = state["average"], state["step"]
        self.batches.source.rng = np.random.default_rng(self.args.seed + self.step)

    def run(self) -> None:
        """All steps, with a checkpoint and a validation every so often."""
        args, losses, began = self.args, [], time.time()
        self.network.train()
        while self.step < args.steps:
            losses.append(self.one_step())
            if self.step % args.every == 0 or self.step == args.steps:
                score, seconds = self.save(), time.time() - began
                running = sum(losses) / len(losses)
                losses.clear()
                log.info(
                    "step %d loss %.4f held-out %.4f %.0f s", self.step, running, score, seconds
                )

    def one_step(self) -> float:
        """One batch; warm-up of 100 steps, then a cosine down to a hundredth."""
        args, network = self.args, self.network
        cosine = 0.5 * (1 + math.cos(math.pi * self.step / args.steps))
        rate = min(1, self.step / 100) * cosine
        for group in self.optimizer.param_groups:
            group["lr"] = args.lr * max(rate, 0.01)
        batch = self.batches.draw(args.batch)
        loss = loss_of(network, batch, drops=True)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(0.998, self.step / (self.step + 20))
        for name, value in network.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)
        return loss.item()

    def save(self) -> float:
        """Write the averaged model and the checkpoint; the averaged model's held-out loss."""
        current = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        score = self.validate()
        save_model(self.out / "mesh_motion.safetensors", self.model)
        self.network.load_state_dict(current)
        state = {"network": current, "optimizer": self.optimizer.state_dict()}
        state |= {"average": self.average, "step": self.step}
        torch.save(state, self.out / "checkpoint.pt")
        return score

    @torch.no_grad()
    def validate(self, rounds: int = 8) -> float:
        """Mean loss on held-out people, always on the same windows, noise and times."""
        self.network.eval()
        state, self.checks.source.rng = torch.get_rng_state(), np.random.default_rng(1)
        torch.manual_seed(1)
        losses = [loss_of(self.network, self.checks.draw(32), drops=False) for _ in range(rounds)]
        torch.set_rng_state(state)
        self.network.train()
        return float(torch.stack(losses).mean())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--preset", default="embedded", choices=["embedded", "paper"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--every", type=int, default=250, help="steps between checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--resume", action="store_true")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(args.threads)
    Trainer(args).run()


if __name__ == "__main__":
    main()
