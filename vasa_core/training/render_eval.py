"""Measures the mesh renderer by self-reenactment: a clip's first frame driven by the clip's motion.

    python -m vasa_core.training.render_eval --data ../shared/data --out renders [--judge PYTHON]

Every 8th of up to 200 frames is rendered and compared with the real one inside the face's box:
PSNR, SSIM, L1, beside the first frame held still. ``--judge`` names a Python that has mediapipe; it
finds the landmarks of both pictures anew, and their distance is given in eye distances.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..render.video import VideoReader
from ..spaces.mesh.dynamics import FaceBasis
from ..spaces.mesh.geometry import eye_distance, fit_pose
from ..spaces.mesh.renderer.drivers import own_expression
from ..spaces.mesh.renderer.prepare import prepare
from ..spaces.mesh.renderer.render import render
from ..spaces.mesh.renderer.surface import gaussian_blur
from ..spaces.mesh.topology import FACE_VERTICES, LIPS
from ..spaces.mesh.tracking import motion_from_landmarks, relative_motion
from .tracks import Clip, load_clips

log = logging.getLogger(__name__)
CLIPS = ("hdtf_aoc", "lp_d10", "lp_d6", "may_5s", "ls_demo1", "elo_T1_1")
STEP, LAST = 8, 200
MARGIN = 0.1  # of the face's box, relative to its size


@dataclass(frozen=True)
class Score:
    """Mean PSNR (dB), SSIM and L1 inside the face's box, of pictures against the real frames."""

    psnr: float
    ssim: float
    l1: float


def reenact(clip: Clip, frames: Tensor, basis: FaceBasis, chosen: list[int]) -> Tensor:
    """Frames ``chosen`` of a clip (T, 3, H, W), drawn from its first frame."""
    landmarks = torch.as_tensor(clip.landmarks[[0, *chosen]])
    own = fit_pose(landmarks[:1], basis.canonical).canonical(landmarks[:1])[0]
    motion = relative_motion(motion_from_landmarks(landmarks, basis, Fraction(25), own))
    dynamics = motion.dynamics + own_expression(landmarks[0], basis)
    appearance = prepare(frames[:1], landmarks[0], basis)
    parts = (motion.rotation, motion.translation, motion.scale, dynamics)
    return torch.cat(
        [render(appearance, *(p[i : i + 1] for p in parts)) for i in range(1, len(landmarks))]
    )


def structural_similarity(one: Tensor, other: Tensor) -> Tensor:
    """Mean SSIM (Wang et al. 2004) of (B, 3, H, W) pictures, Gaussian window of 1.5 pixels."""
    means = [gaussian_blur(x, 1.5) for x in (one, other)]
    variances = [
        gaussian_blur(x * x, 1.5) - m * m for x, m in zip((one, other), means, strict=True)
    ]
    covariance = gaussian_blur(one * other, 1.5) - means[0] * means[1]
    light = (2 * means[0] * means[1] + 1e-4) / (means[0] ** 2 + means[1] ** 2 + 1e-4)
    return (light * (2 * covariance + 9e-4) / (variances[0] + variances[1] + 9e-4)).mean()


def compare(pictures: Tensor, real: Tensor, landmarks: np.ndarray) -> Score:
    """Score of (T, 3, H, W) pictures against the real frames with (T, V, 3) landmarks."""
    rows = []
    for picture, frame, points in zip(pictures, real, landmarks, strict=True):
        low, high = points[:, :2].min(0), points[:, :2].max(0)
        low, high = low - MARGIN * (high - low), high + MARGIN * (high - low)
        (x0, y0), (x1, y1) = low.clip(0).astype(int), high.astype(int)
        one, other = picture[None, :, y0:y1, x0:x1], frame[None, :, y0:y1, x0:x1]
        psnr = -10 * torch.log10((one - other).square().mean().clamp(min=1e-8))
        rows.append([psnr, structural_similarity(one, other), (one - other).abs().mean()])
    return Score(*torch.tensor(rows).mean(0).tolist())


def save_pictures(pictures: Tensor, folder: Path, kind: str, chosen: list[int]) -> None:
    """Write (T, 3, H, W) pictures as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture, index in zip(pictures, chosen, strict=True):
        pixels = (picture * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(folder / f"{index:04d}_{kind}.png")


def landmark_errors(folder: Path, python: Path, model: Path) -> dict[str, tuple[float, ...]]:
    """Per clip: mean distance in eye distances of all points, of the lips; the same if still."""
    out = folder / "landmarks.npz"
    script = Path(__file__).with_name("landmark_judge.py")
    subprocess.run([python, script, folder, model, out], check=True)
    with np.load(out) as found:
        places = dict(zip(found["names"].tolist(), torch.as_tensor(found["xyz"]), strict=True))
    errors: dict[str, list] = {}
    for name, real in places.items():
        if not name.endswith("real.png"):
            continue
        row = []
        for kind in ("render", "still"):
            other = places[name.replace("real", kind)]
            distance = (real - other)[:FACE_VERTICES, :2].norm(dim=1) / eye_distance(real)
            row += [distance.mean(), distance[list(LIPS)].mean()]
        errors.setdefault(name.split("/")[0], []).append(row)
    return {k: tuple(torch.tensor(v).nanmean(0).tolist()) for k, v in errors.items()}


def main() -> None:
    """Command line: render, compare, log a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", nargs="*", default=CLIPS)
    parser.add_argument("--judge", type=Path, help="a Python that has mediapipe")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    basis = FaceBasis.load()
    clips = {clip.name: clip for clip in load_clips(args.data, trainable=False)}
    for name in args.clips:
        clip = clips[name]
        video = VideoReader(args.data / clip.info["file"])
        frames = torch.stack(list(islice(video, LAST + 1)))
        last = min(len(frames), len(clip.landmarks))
        chosen = [i for i in range(STEP, last, STEP) if clip.found[i]]
        real, still = frames[chosen], frames[:1].expand(len(chosen), -1, -1, -1)
        drawn = reenact(clip, frames, basis, chosen)
        for kind, pictures in (
            ("render", drawn),
            ("real", real),
            ("still", still[:1].expand_as(real)),
        ):
            save_pictures(pictures, args.out / name, kind, chosen)
        for kind, pictures in (("still", still), ("render", drawn)):
            score = compare(pictures, real, clip.landmarks[chosen])
            log.info(
                "%-10s %-6s PSNR %.2f SSIM %.3f L1 %.4f",
                name,
                kind,
                score.psnr,
                score.ssim,
                score.l1,
            )
    if args.judge:
        model = args.data / "models/face_landmarker_v2_with_blendshapes.task"
        for name, row in landmark_errors(args.out, args.judge, model).items():
            log.info("%-10s landmarks: all %.4f lips %.4f; still %.4f %.4f", name, *row)


if __name__ == "__main__":
    main()
