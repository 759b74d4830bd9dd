"""Trains the audio-mouth scorer (scorers/weights/sync.safetensors).

    python -m vasa_core.lab.training.scorers.train_sync --data DATA --work work --out run

Real pairs are GRID speaker s1 (CC BY 4.0), sound and lips as seen. Speech that people and
synthesisers read, with the lips of the phoneme-to-lip model, adds voices. ``--work`` is the work
folder of ``training.articulation.train``, which keeps those recordings there.
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

from ....audio.articulation import EDGE, ROWS_BEHIND
from ....face.basis import PARTS
from ....provenance.whole import save_tensors
from ...data.clips import RealClip, in_step, real_clips
from ...data.lips import LipMeasures
from ...engine import Objective, Step, Trainer
from ...recipe import Recipe, command_line, recipe_from, run_main, save_recipes
from ...scorers.dual_encoder import DualEncoder
from ...scorers.sync import LEAD, MEL_FRAMES, Sync, sync_net, sync_of
from ..articulation.crops import ROWS, CropSampler, Groups
from ..articulation.lip_model import LipModelRecipe
from ..articulation.train import training_recordings
from .contrast import contrastive_loss

log = logging.getLogger(__name__)
SHARES = {"seen": 0.55, "natural": 0.2, "joined": 0.15, "synthetic": 0.1}
FIRST = MEL_FRAMES * ROWS_BEHIND + EDGE - LEAD  # mel frame of a crop that its first row starts with
ACTIVE = 0.01  # of spread of the opening around a frame, eye distances, from which it counts


@dataclass(frozen=True)
class SyncRecipe(Recipe):
    """How the audio-mouth scorer is trained."""

    steps: int = 2500
    batch: int = 24
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    schedule: Literal["cosine", "one-cycle", "constant"] = "one-cycle"
    warmup: float = 0.1
    ema: float = 0.99


def augmented_lips(codes: Tensor, rng: np.random.Generator) -> Tensor:
    """(B, T, 12) lips of people who open them more or less, as a tracker would see them."""
    size = torch.as_tensor(rng.uniform(0.5, 1.6, (len(codes), 1, 1))).float()
    noise = torch.as_tensor(rng.standard_normal(codes.shape)).float()
    return codes * size + rng.uniform(0, 0.15) * codes.std((0, 1)) * noise


def activity(codes: Tensor, opening: Tensor) -> Tensor:
    """(B, T, 12) lips to (B, T): whether they move around a frame."""
    around = torch.nn.functional.pad(codes @ opening, (7, 7), mode="replicate").unfold(1, 15, 1)
    return (around.std(-1) > ACTIVE).float()


def validate(net: DualEncoder, clips: list[RealClip]) -> dict[str, list[Sync]]:
    """Sync of real clips by group."""
    found: dict[str, list[Sync]] = {}
    for clip in clips:
        sync = sync_of(net, clip.sound, clip.rate, clip.motion.dynamics[:, PARTS["lips"]])
        found.setdefault(clip.group, []).append(sync)
    return found


def summary(found: dict[str, list[Sync]]) -> str:
    """Mean confidence, share of offsets within a frame, and the mean curve by size of shift."""
    lines = []
    for group, syncs in {**found, "all": sum(found.values(), [])}.items():
        curve = torch.stack([s.curve for s in syncs]).mean(0)
        middle = len(curve) // 2
        folded = [float(curve[[middle - d, middle + d]].mean()) for d in range(middle + 1)]
        near = np.mean([abs(s.offset) <= 1 for s in syncs])
        confidence = np.mean([s.confidence for s in syncs])
        shifts = " ".join(f"{value:.3f}" for value in folded)
        lines.append(f"{group} ({len(syncs)}): {confidence:.3f}, offset ok {near:.2f}; {shifts}")
    return "\n".join(lines)


def train(
    groups: Groups, others: list[RealClip], measures: LipMeasures, out: Path, recipe: SyncRecipe
) -> DualEncoder:
    """Train, or go on from the checkpoint in ``out``; each checkpoint writes the weight file."""
    torch.manual_seed(recipe.seed)
    net = sync_net()
    codes = torch.cat([torch.from_numpy(r.codes).float() for r in groups["seen"][1]])
    net.scale.copy_(codes.std(0))
    crops = CropSampler(groups, recipe.seed)

    def batches(step: Step) -> tuple[Tensor, Tensor, Tensor]:
        mel, codes, _ = crops.batch(recipe.batch, step.rng)
        mel = mel[:, FIRST : FIRST + MEL_FRAMES * ROWS]
        return mel, augmented_lips(codes, step.rng), activity(codes, measures.opening)

    def loss(batch: tuple[Tensor, Tensor, Tensor], step: Step) -> tuple[Tensor, dict]:
        mel, lips, active = batch
        return contrastive_loss(net, *net.embed(mel, lips), active), {}

    def checked(networks: Mapping) -> dict[str, float]:
        write(networks["sync"], out / "sync.safetensors", recipe)
        found = validate(networks["sync"], others)
        log.info("%s", summary(found))
        every = [sync for syncs in found.values() for sync in syncs]
        return {
            "confidence": float(np.mean([sync.confidence for sync in every])),
            "offset_within_1": float(np.mean([abs(sync.offset) <= 1 for sync in every])),
        }

    return Trainer(out, recipe, {"sync": Objective(net, loss)}, batches, checked).run()["sync"]


def write(net: DualEncoder, path: Path, recipe: Recipe) -> None:
    """The weight file, in half precision."""
    save_tensors(
        path, {name: value.half().contiguous() for name, value in net.state_dict().items()}
    )
    save_recipes(path, {path.stem: recipe})


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    others = {"teacher": LipModelRecipe}
    args, recipe = command_line(SyncRecipe, __doc__, argv, work=True, others=others)
    teacher_recipe = recipe_from(args, LipModelRecipe, "teacher")
    groups, _, measures = training_recordings(args.data, args.work, recipe.seed, teacher_recipe)
    groups = {name: (share, groups[name][1]) for name, share in SHARES.items()}
    train(groups, real_clips(args.data, in_step), measures, args.out, recipe)


if __name__ == "__main__":
    run_main(main)
