"""What the refiner brings: with and without it against real frames, of people held out.

    python -m vasa_core.lab.evaluation.refiner --data DATA --out DIR

Clips: the first frame driven by the clip's motion, every 8th of up to 200 frames. Stills with open
lips: closed by the renderer and opened again. Means over people, and the paired difference with its
standard error. Contact sheets of clips and of the portraits are written to ``--out``.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch
from torch import Tensor

from ...face.basis import FaceBasis
from ...spaces.mesh.renderer.appearance import MeshAppearance
from ...spaces.mesh.renderer.prepare import prepare
from ...spaces.mesh.renderer.refiner import Refiner
from ...spaces.mesh.renderer.render import render
from ...types import Motion
from ..training.refiner.pairs import closed, reenacted
from ..training.refiner.splits import clips, stills
from .pictures import boxes, structural_similarity
from .refiner_sheets import clip_sheet, portrait_sheet

log = logging.getLogger(__name__)
STEP, LAST = 8, 200  # every so manieth frame of a clip is drawn, and the last one
MEASURES = ("face L1", "face SSIM", "mouth L1", "mouth SSIM", "eyes L1")


def frames_of(appearance: MeshAppearance, motion: Motion, refiner: Refiner | None = None) -> Tensor:
    """(T, 3, H, W) frames of a prepared portrait."""
    pieces = [
        render(appearance, p.rotation, p.translation, p.scale, p.dynamics, refiner=refiner)
        for p in motion.split(1)
    ]
    return torch.cat(pieces)


def measured(made: Tensor, real: Tensor, landmarks: Tensor) -> Tensor:
    """``MEASURES`` of (T, 3, H, W) frames against the real ones, mean over frames."""
    rows = []
    for one, other, points in zip(made, real, landmarks, strict=True):
        row = []
        for name, box in boxes(points, other).items():
            row.append((one[box] - other[box]).abs().mean())
            if name != "eyes":
                row.append(torch.tensor(structural_similarity(one[box], other[box])))
        rows.append(torch.stack(row))
    return torch.stack(rows).mean(0)


def of_clips(data: Path, split: str, refiner: Refiner, out: Path) -> dict[str, Tensor]:
    """Measures (2, M) without and with the refiner, of each clip of a split."""
    basis, results = FaceBasis.load(), {}
    for clip, frames in clips(data, split):
        last = min(len(frames), LAST)
        chosen = [i for i in range(STEP, last, STEP) if clip.found[i]]
        landmarks = torch.as_tensor(clip.landmarks)
        appearance = prepare(frames[:1], basis.measure(landmarks[0]), basis)
        motion = reenacted(landmarks[0], landmarks[chosen], basis)
        without, with_it = (frames_of(appearance, motion, r) for r in (None, refiner))
        real, points = frames[chosen], landmarks[chosen]
        results[clip.name] = torch.stack([measured(m, real, points) for m in (without, with_it)])
        sheet = clip_sheet(frames[0], real, without, with_it, points)
        sheet.save(out / f"clip_{clip.name}.png")
        log.info("%-16s %s", clip.name, results[clip.name].tolist())
    return results


def of_stills(data: Path, split: str, refiner: Refiner, out: Path) -> dict[str, dict[str, Tensor]]:
    """As ``of_clips``, of stills that are closed and opened again, by kind."""
    basis, results, rows = FaceBasis.load(), {}, {}
    for still in stills(data, split):
        picture, landmarks = closed(still, basis)
        appearance = prepare(picture, basis.measure(landmarks), basis)
        motion = reenacted(landmarks, still.landmarks[None], basis)
        made = [frames_of(appearance, motion, r) for r in (None, refiner)]
        points = still.landmarks[None]
        scores = torch.stack([measured(m, still.picture, points) for m in made])
        results.setdefault(still.group, {})[still.name] = scores
        rows.setdefault(still.group, []).append((picture, still.picture, *made, points))
    for group, found in rows.items():
        columns = [torch.cat(c) for c in zip(*found[:14], strict=True)]
        clip_sheet(columns[0], *columns[1:]).save(out / f"stills_{split}_{group}.png")
    return results


def table(results: dict[str, Tensor]) -> str:
    """Measures (2, M) of several people as lines: without, with, and the difference."""
    values = torch.stack(list(results.values()))  # (N, 2, M)
    difference = values[:, 1] - values[:, 0]
    spread = difference.std(0) / len(values) ** 0.5
    lines = ["".join(f"{name:>18}" for name in ("", *MEASURES))]
    for name, row in (("without", values[:, 0].mean(0)), ("with", values[:, 1].mean(0))):
        lines.append(f"{name:>18}" + "".join(f"{v:18.4f}" for v in row.tolist()))
    pairs = zip(difference.mean(0).tolist(), spread.tolist(), strict=True)
    lines.append(f"{'difference':>18}" + "".join(f"{d:+10.4f} ± {s:.4f}" for d, s in pairs))
    better = (difference * torch.tensor([-1, 1, -1, 1, -1]) > 0).sum(0).tolist()
    lines.append(f"{'better':>18}" + "".join(f"{f'{b} of {len(values)}':>18}" for b in better))
    return "\n".join(lines)


@torch.no_grad()
def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--splits", nargs="*", default=["development", "test"])
    parser.add_argument("--sheets", action="store_true", help="draw the portraits too")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    refiner = Refiner.load()
    for split in args.splits:
        groups = {"clips": of_clips(args.data, split, refiner, args.out)}
        groups |= of_stills(args.data, split, refiner, args.out)
        for group, results in groups.items():
            log.info("%s, %s (%d)\n%s", split, group, len(results), table(results))
    if args.sheets:
        portrait_sheet(args.data / "portraits", refiner, args.out)


if __name__ == "__main__":
    main()
