"""Distils a motion model to few steps: progressive distillation (Salimans & Ho 2022, algorithm 2).

    python -m vasa_core.lab.training.motion.distil --data DATA --out run

``run`` is the folder of ``training.motion.train``. A student learns to do in one step what its
teacher does in two, then becomes the teacher, from 64 steps down to four. Conditions are dropped as
in training, so the student takes guidance as the model does. The weight file then holds both
networks, calibrated: the student for ``QUICK_STEPS`` steps, the first one for any other number.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ....audio.features import ArticulationEncoder
from ....errors import InputError
from ....face.basis import FaceBasis
from ....motion.model import QUICK_STEPS, STEPS, MotionDiffusion, read_model, save_model
from ....motion.transformer import MotionTransformer
from ...engine import Objective, Step, Trainer, is_main_process
from ...recipe import Recipe, command_line, recipes_of, run_main, save_recipes
from .batches import Batch, Batches
from .calibrate import calibrate
from .data import load_talking
from .train import WEIGHTS, dropped_rows, errors, window_source

FIRST_STEPS = 64  # of the first teacher


@dataclass(frozen=True)
class DistillationRecipe(Recipe):
    """How each halving is trained.

    Attributes:
        calibration_windows: Windows that are sampled to calibrate the networks.
    """

    steps: int = 400
    batch: int = 32
    learning_rate: float = 4e-4
    schedule: Literal["cosine", "one-cycle", "constant"] = "one-cycle"
    warmup: float = 0.1
    ema: float = 0.99
    checkpoint_every: int = 100
    calibration_windows: int = 1000


def two_steps(
    teacher: MotionTransformer, batch: Batch, dropped: dict, noisy: Tensor, times: Tensor
) -> Tensor:
    """What one step must predict to arrive where the teacher's two arrive.

    Args:
        noisy: (B, W, D) at the first of the times.
        times: (B, 3) where the student starts, the teacher's step between, and where both arrive;
            -1 is clean.
    Returns:
        (B, W, D) the clean motion whose DDIM step is both of the teacher's.
    """
    signal = teacher.schedule.alphas_cumprod.to(noisy)
    left = torch.where(times >= 0, signal[times.clamp(min=0)], 1.0)[..., None, None]
    alpha, sigma = left.sqrt().unbind(1), (1 - left).sqrt().unbind(1)
    x = noisy
    for here, there in ((0, 1), (1, 2)):
        clean = teacher(x, times[:, here], batch.conditions, dropped)
        noise = (x - alpha[here] * clean) / sigma[here]
        x = alpha[there] * clean + sigma[there] * noise
    ratio = sigma[2] / sigma[0]
    return (x - ratio * noisy) / (alpha[2] - ratio * alpha[0])


def halve(
    teacher: MotionTransformer, batches: Batches, steps: int, out: Path, recipe: DistillationRecipe
) -> MotionTransformer:
    """A student that does in ``steps`` steps what the teacher does in twice as many."""
    student = copy.deepcopy(teacher).requires_grad_(True)
    times = teacher.schedule.times(steps)
    finer = [*teacher.schedule.times(2 * steps), -1]
    triples = torch.tensor([[times[i], finer[2 * i + 1], finer[2 * i + 2]] for i in range(steps)])

    def loss(batch: Batch, step: Step) -> tuple[Tensor, dict]:
        own = triples[torch.randint(steps, (len(batch.clean),))].to(batch.clean.device)
        noisy = teacher.schedule.noised(batch.clean, torch.randn_like(batch.clean), own[:, 0])
        dropped = dropped_rows(batch.clean)
        with torch.no_grad():
            target = two_steps(teacher, batch, dropped, noisy, own)
        made = student(noisy, own[:, 0], batch.conditions, dropped)
        return errors(student, made - target), {}

    return Trainer(
        out,
        recipe,
        {"student": Objective(student, loss, frozen=(teacher,))},
        lambda step: batches.draw(recipe.batch, step.rng),
    ).run()["student"]


def distil(
    model: MotionDiffusion, batches: Batches, out: Path, recipe: DistillationRecipe
) -> MotionTransformer:
    """The quick network of a model, by halvings in folders of their own below ``out``."""
    network, steps = copy.deepcopy(model.network), FIRST_STEPS
    while steps > QUICK_STEPS:
        steps //= 2
        network = halve(network, batches, steps, out / f"distil_{steps}", recipe)
    return network.eval().requires_grad_(False)


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    args, recipe = command_line(DistillationRecipe, __doc__, argv)
    path = args.out / WEIGHTS
    if not path.is_file():
        raise InputError(f"There is no {path}; --out is the folder of a run of motion.train.")
    torch.manual_seed(recipe.seed)
    model, recipes = read_model(path), recipes_of(path)
    clips = load_talking(args.data, ArticulationEncoder.load())
    source = window_source([clip for clip in clips if not clip.held_out], FaceBasis.load())
    batches = Batches(source, model.scaler, model.conditioning, model.network.whitening)
    model.quick = distil(model, batches, args.out, recipe)
    if is_main_process():
        count, seed = recipe.calibration_windows, recipe.seed
        calibrate(model.network, batches, STEPS, count, seed)
        calibrate(model.quick, batches, QUICK_STEPS, count, seed)
        save_model(path, model)
        save_recipes(path, recipes | {"distillation": recipe})


if __name__ == "__main__":
    run_main(main)
