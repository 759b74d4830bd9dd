"""Distils a motion model to few steps: progressive distillation (Salimans & Ho 2022, algorithm 2).

    python -m vasa_core.lab.training.motion.distil --data ../shared/data --out run [--device cuda]

``run`` is the folder of ``training.motion.train``. A student learns to do in one step what its
teacher does in two, then becomes the teacher, from 64 steps down to four. Conditions are dropped as
in training, so the student takes guidance as the model does. The weight file then holds both
networks, calibrated: the student for ``QUICK_STEPS`` steps, the first one for any other number.
"""

from __future__ import annotations

import argparse
import copy
import logging
import time
from pathlib import Path

import torch
from torch import Tensor

from ....audio.features import ArticulationEncoder
from ....face.basis import FaceBasis
from ....motion.model import QUICK_STEPS, STEPS, MotionDiffusion, read_model, save_model
from ....motion.transformer import MotionTransformer
from .calibrate import calibrate
from .data import load_talking, mirror_matrix
from .train import PAST, WINDOW, Batch, Batches, dropped_rows, errors
from .windows import WindowSource

log = logging.getLogger(__name__)
FIRST_STEPS = 64  # of the first teacher


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
    teacher: MotionTransformer, batches: Batches, steps: int, args: argparse.Namespace
) -> MotionTransformer:
    """A student that does in ``steps`` steps what the teacher does in twice as many."""
    student = copy.deepcopy(teacher).train()
    teacher = teacher.eval().requires_grad_(False)
    average = copy.deepcopy(teacher)
    optimizer = torch.optim.AdamW(student.requires_grad_(True).parameters(), args.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, args.steps, pct_start=0.1)
    own, finer = teacher.schedule.times(steps), [*teacher.schedule.times(2 * steps), -1]
    began, running = time.time(), 0.0
    for step in range(1, args.steps + 1):
        batch = batches.draw(args.batch)
        pick = torch.randint(0, steps, (len(batch.clean),))
        times = torch.tensor([[own[i], finer[2 * i + 1], finer[2 * i + 2]] for i in pick.tolist()])
        times = times.to(batch.clean.device)
        noisy = teacher.schedule.noised(batch.clean, torch.randn_like(batch.clean), times[:, 0])
        dropped = dropped_rows(batch.clean)
        with torch.no_grad():
            target = two_steps(teacher, batch, dropped, noisy, times)
        made = student(noisy, times[:, 0], batch.conditions, dropped)
        loss = errors(student, made - target)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        running += loss.item()
        with torch.no_grad():
            for kept, new in zip(average.parameters(), student.parameters(), strict=True):
                kept.lerp_(new, max(0.01, 1 / step))
    seconds = time.time() - began
    log.info("%d steps: mean loss %.4f, %.0f s", steps, running / args.steps, seconds)
    return average


def distil(model: MotionDiffusion, batches: Batches, args: argparse.Namespace) -> None:
    """Give the model its quick network."""
    network, steps = copy.deepcopy(model.network), FIRST_STEPS
    while steps > QUICK_STEPS:
        steps //= 2
        network = halve(network, batches, steps, args)
    model.quick = network.eval().requires_grad_(False)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=400, help="of training, for each halving")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=4e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    model = read_model(args.out / "mesh_motion.safetensors", args.device)
    clips = load_talking(args.data, ArticulationEncoder.load())
    taught = [clip for clip in clips if not clip.held_out]
    mirror = mirror_matrix(FaceBasis.load())
    source = WindowSource(taught, mirror, PAST + WINDOW, PAST, args.seed + 1)
    device = torch.device(args.device)
    batches = Batches(source, model.scaler, model.conditioning, model.network.whitening, device)
    distil(model, batches, args)
    calibrate(model.network, batches, STEPS)
    calibrate(model.quick, batches, QUICK_STEPS)
    save_model(args.out / "mesh_motion.safetensors", model)


if __name__ == "__main__":
    main()
