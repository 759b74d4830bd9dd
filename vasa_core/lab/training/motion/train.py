"""Trains the mesh space's motion diffusion (motion/weights/mesh_motion.safetensors).

    python -m vasa_core.lab.training.motion.train --data DATA --out run
        [--preset paper] [--steps 100000] [--precision bf16]

The same command runs on a CPU and on a GPU, and ``accelerate launch -m`` spreads it. ``run`` holds
the training, from which it is resumed, and the averaged weights as a motion model file; copy that
over the embedded one, or give it to ``load_motion_model``.
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

from ....audio.articulation import PHONES
from ....audio.features import FEATURES, ArticulationEncoder
from ....face.basis import CODE_SIZE, PARTS, FaceBasis
from ....motion.model import AudioConditioning, MotionDiffusion, save_model
from ....motion.transformer import MotionTransformer, MotionTransformerConfig
from ....motion.vectorize import POSE_SIZE
from ...engine import Objective, Step, Trainer
from ...recipe import Recipe, command_line, run_main, save_recipes
from .actions import face_actions
from .batches import Batch, Batches, statistics
from .data import FPS, SOUND_COLUMNS, TalkingClip, audio_columns, load_talking, mirror_matrix
from .windows import BLINK, LIPS, WindowSource

log = logging.getLogger(__name__)
DROP = {"past": 0.5, "audio": 0.1, "gaze": 0.5, "distance": 0.3, "activity": 0.1}
MOTION_SIZE = POSE_SIZE + CODE_SIZE
SIGNALS = {"gaze": 2, "distance": 1, "activity": 1}
PAST, WINDOW = 10, 50  # frames
WEIGHTS = "mesh_motion.safetensors"  # in the run's folder
VALIDATION = (8, 32)  # batches and their size


@dataclass(frozen=True)
class MotionRecipe(Recipe):
    """How the motion diffusion is trained.

    Attributes:
        preset: Size of the transformer, "paper" as in VASA-1.
        statistics_windows: Windows from which means, spreads and whitening are measured.
    """

    steps: int = 2800
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    beta2: float = 0.98
    warmup: float = 0.0357
    checkpoint_every: int = 200
    preset: Literal["embedded", "paper"] = "embedded"
    statistics_windows: int = 3000


def build(recipe: MotionRecipe, source: WindowSource, basis: FaceBasis) -> MotionDiffusion:
    """An untrained model with the statistics of its data."""
    rng, count = np.random.default_rng(recipe.seed), recipe.statistics_windows
    scaler, mean, std = statistics([source.draw(rng) for _ in range(count)])
    config = getattr(MotionTransformerConfig, recipe.preset)(MOTION_SIZE, len(mean), SIGNALS)
    network = MotionTransformer(config)
    prior = torch.full((MOTION_SIZE,), -1)
    prior[LIPS] = torch.arange(SOUND_COLUMNS, len(mean))
    phones = FEATURES["phones"].start
    bilabial = phones + PHONES.index("bilabial")
    conditioning = AudioConditioning(
        ArticulationEncoder.name, audio_columns(), mean, std, prior, bilabial
    )
    batches = Batches(source, scaler, conditioning, network.whitening)
    parts = [slice(POSE_SIZE + p.start, POSE_SIZE + p.stop) for p in PARTS.values()]
    network.whitening.fit(batches.draw(count, rng).clean, [slice(POSE_SIZE), *parts])
    # Unless something else is asked for: eyes ahead, mean distance, an ordinary amount of motion.
    defaults = {name: torch.zeros(size) for name, size in SIGNALS.items()}
    return MotionDiffusion(
        network, scaler, conditioning, face_actions(basis),
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


def window_source(clips: list[TalkingClip], basis: FaceBasis) -> WindowSource:
    """Windows as the network takes them."""
    return WindowSource(clips, mirror_matrix(basis), PAST + WINDOW, PAST)


def train(clips: list[TalkingClip], out: Path, recipe: MotionRecipe) -> MotionDiffusion:
    """Train, or go on from the checkpoint in ``out``; each checkpoint writes the weight file."""
    torch.manual_seed(recipe.seed)
    basis = FaceBasis.load()
    source = window_source([clip for clip in clips if not clip.held_out], basis)
    others = window_source([clip for clip in clips if clip.held_out], basis)
    log.info("%d clips train, %d validate", len(source.clips), len(others.clips))
    model = build(recipe, source, basis)
    network, parts = model.network, (model.scaler, model.conditioning, model.network.whitening)
    batches, checks = Batches(source, *parts), Batches(others, *parts)

    def loss(batch: Batch, step: Step) -> tuple[Tensor, dict]:
        return loss_of(network, batch, drops=True), {}

    def checked(networks: Mapping) -> dict[str, float]:
        model.network = networks["motion"]
        save_model(out / WEIGHTS, model)
        save_recipes(out / WEIGHTS, {"motion": recipe})
        return {"held_out": validate(model.network, checks)}

    trainer = Trainer(
        out,
        recipe,
        {"motion": Objective(network, loss)},
        lambda step: batches.draw(recipe.batch, step.rng),
        checked,
    )
    model.network = trainer.run()["motion"]
    return model


def validate(network: MotionTransformer, batches: Batches) -> float:
    """Mean loss on held-out people, always on the same windows, noise and times."""
    rng, (rounds, size) = np.random.default_rng(1), VALIDATION
    torch.manual_seed(1)
    losses = [loss_of(network, batches.draw(size, rng), drops=False) for _ in range(rounds)]
    return float(torch.stack(losses).mean())


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    args, recipe = command_line(MotionRecipe, __doc__, argv)
    train(load_talking(args.data, ArticulationEncoder.load()), args.out, recipe)


if __name__ == "__main__":
    run_main(main)
