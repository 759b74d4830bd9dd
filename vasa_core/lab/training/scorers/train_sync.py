"""Trains the audio-mouth scorer (scorers/weights/sync.safetensors).

    python -m vasa_core.lab.training.scorers.train_sync --data ../shared/data --work ../articulation

Real pairs are GRID speaker s1 (CC BY 4.0), sound and lips as seen. Speech that people and
synthesisers read, with the lips of the phoneme-to-lip model, adds voices. ``--work`` is the work
folder of ``training.articulation.train``, which makes that material.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from ....audio.articulation import EDGE, ROWS_BEHIND
from ....face.basis import PARTS
from ...data.clips import RealClip, in_step, real_clips
from ...scorers.dual_encoder import TwoTowers
from ...scorers.sync import LEAD, MEL_FRAMES, WEIGHTS, Sync, sync_net, sync_of
from ..articulation.material import ROWS, CropMaker
from ..articulation.train import material
from .contrast import contrastive_loss

log = logging.getLogger(__name__)
SHARES = {"seen": 0.55, "natural": 0.2, "joined": 0.15, "synthetic": 0.1}
FIRST = MEL_FRAMES * ROWS_BEHIND + EDGE - LEAD  # mel frame of a crop that its first row starts with
ACTIVE = 0.01  # of spread of the opening around a frame, eye distances, from which it counts


def worn_lips(codes: Tensor, chance: np.random.Generator) -> Tensor:
    """(B, T, 12) lips of people who open them more or less, as a tracker would see them."""
    size = torch.as_tensor(chance.uniform(0.5, 1.6, (len(codes), 1, 1))).float()
    noise = torch.as_tensor(chance.standard_normal(codes.shape)).float()
    return codes * size + chance.uniform(0, 0.15) * codes.std((0, 1)) * noise


def activity(codes: Tensor, opening: Tensor) -> Tensor:
    """(B, T, 12) lips to (B, T): whether they move around a frame."""
    around = torch.nn.functional.pad(codes @ opening, (7, 7), mode="replicate").unfold(1, 15, 1)
    return (around.std(-1) > ACTIVE).float()


def validate(net: TwoTowers, clips: list[RealClip]) -> dict[str, list[Sync]]:
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


def train(args: argparse.Namespace) -> TwoTowers:
    """The averaged net after ``args.steps`` steps."""
    torch.manual_seed(args.seed)
    groups, _, teacher = material(args.data, args.work, args.seed)
    groups = {name: (share, groups[name][1]) for name, share in SHARES.items()}
    others = real_clips(args.data, in_step)
    net = sync_net()
    codes = torch.cat([torch.from_numpy(t.codes).float() for t in groups["seen"][1]])
    net.scale.copy_(codes.std(0))
    crops, chance = CropMaker(groups, args.seed), np.random.default_rng(args.seed)
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, args.steps, pct_start=0.1)
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99)
    )
    began, opening = time.time(), teacher.measures.opening
    for step in range(1, args.steps + 1):
        mel, codes, _ = crops.batch(args.batch)
        heard = mel[:, FIRST : FIRST + MEL_FRAMES * ROWS]
        sound, mouth = net.embed(heard, worn_lips(codes, chance))
        loss = contrastive_loss(net, sound, mouth, activity(codes, opening))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(net)
        if step % 50 == 0:
            log.info("step %d (%.0f s): %.3f", step, time.time() - began, loss.item())
        if step % 500 == 0 or step == args.steps:
            write(average.module, args.out)
            log.info("%s", summary(validate(average.module.eval(), others)))
            average.module.train()
    return average.module


def write(net: TwoTowers, path: Path) -> None:
    """The weight file, in half precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half().contiguous() for name, value in net.state_dict().items()}, path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    train(args)


if __name__ == "__main__":
    main()
