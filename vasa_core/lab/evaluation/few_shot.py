"""What more photos bring: a clip's frames drawn from 1, 4 and 8 other frames of it.

    python -m vasa_core.lab.evaluation.few_shot DATA [--plot curve.png]

Self-reenactment: photos are chosen among a clip's frames as a person would choose them, a calm one
first, then whatever differs most in pose, mouth and lids. The portrait made of them is driven by
the clip's own motion and compared, in the face, with frames that keep away from every photo.
The clips show people on whom nothing of this was tuned.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from statistics import fmean

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...errors import NoFaceError
from ...face.canonical import eye_opening, mouth_opening
from ...face.geometry import fit_pose, rotation_angles
from ...render.video import VideoReader
from ...spaces.mesh.space import MeshSpace
from ...spaces.mesh.tracking import motion_from_landmarks, relative_motion
from ...types import Motion, Portrait
from ..data.index import read_index
from .pictures import box_around, picture_errors
from .plots import Curve, curves

PHOTOS = (1, 4, 8)
FRAMES, DRAWN, APART = 150, 40, 4  # of a clip: read, drawn at most, away from a photo
FPS = Fraction(25)
# What makes photos different: degrees of yaw and pitch, eye distances, shares of lid opening.
UNITS = (12.0, 12.0, 0.10, 0.2)
MEASURES = ("face L1", "face SSIM", "mouth L1", "eyes L1", "flicker")


def chosen_photos(frames: Tensor, landmarks: Tensor, space: MeshSpace, count: int) -> list[int]:
    """The frames that serve as photos: the calmest, then always the one least like the others.

    A frame in which no face is found by itself (in the middle of a blink, say) is no photo.
    """
    pose = fit_pose(landmarks, space.basis.canonical)
    faces = pose.canonical(landmarks)
    angles, lids = rotation_angles(pose.rotation), eye_opening(faces).mean(1)
    looks = torch.stack([angles[:, 0], angles[:, 1], mouth_opening(faces), lids / lids.median()], 1)
    looks = looks / looks.new_tensor(UNITS)
    calm = looks[:, :3].abs().sum(1) + (looks[:, 3] - looks[:, 3].median()).abs()
    chosen: list[int] = []
    usable = torch.ones(len(frames), dtype=torch.bool)
    while len(chosen) < count:
        apart = torch.cdist(looks, looks[chosen]).amin(1) if chosen else -calm
        best = int(apart.masked_fill(~usable, -torch.inf).argmax())
        usable[best] = False
        if shows_face(space, frames[best]):
            chosen.append(best)
    return chosen


def shows_face(space: MeshSpace, frame: Tensor) -> bool:
    """Whether a face is found in a picture (3, H, W) by itself."""
    try:
        space.landmarks(frame[None])
    except NoFaceError:
        return False
    return True


def longest_run(frames: int, photos: Sequence[int]) -> list[int]:
    """The longest row of frames that keeps away from all photos, ``DRAWN`` at most."""
    free = [all(abs(i - p) >= APART for p in photos) for i in range(frames)]
    best: list[int] = []
    run: list[int] = []
    for index, is_free in enumerate([*free, False]):
        run = [*run, index] if is_free else []
        best = run if len(run) > len(best) else best
    return best[:DRAWN]


def own_motion(portrait: Portrait, landmarks: Tensor, space: MeshSpace) -> Motion:
    """(T, V, 3) landmarks of the portrait's own clip as motion of the portrait."""
    motion = motion_from_landmarks(landmarks, space.basis, FPS, portrait.identity)
    motion = relative_motion(motion, portrait.pose)
    return replace(motion, dynamics=motion.dynamics + portrait.pose.dynamics)


def compared(drawn: Tensor, real: Tensor, landmarks: Tensor) -> Tensor:
    """``MEASURES`` of (T, 3, H, W) frames against the real ones."""
    rows = [picture_errors(*row) for row in zip(drawn, real, landmarks, strict=True)]
    errors = [fmean(row[name] for row in rows) for name in ("l1", "ssim", "mouth_l1", "eyes_l1")]
    face = box_around(landmarks[..., :2].flatten(0, 1), 0.0, real[0])
    restless = [x[face].diff(2, dim=0).abs().mean() for x in (drawn, real)]
    return torch.tensor([*errors, restless[0] / restless[1]])


def measure(space: MeshSpace, video: Path) -> Tensor:
    """(K, M) ``MEASURES`` of one clip for each number of photos."""
    frames = torch.stack(list(islice(VideoReader(video), FRAMES)))
    seen = space.track(frames, FPS)
    photos = chosen_photos(frames, seen.landmarks, space, max(PHOTOS))
    rest = longest_run(len(frames), photos)
    real, points = frames[rest], seen.landmarks[rest]
    results = []
    for count in PHOTOS:
        first, *others = (frames[i : i + 1] for i in photos[:count])
        portrait = space.encode(first, views=others)
        drawn = torch.cat(list(space.render(portrait, own_motion(portrait, points, space))))
        results.append(compared(drawn, real, points))
    return torch.stack(results)


def table(results: Tensor) -> str:
    """(N, K, M) measures of clips as lines: the mean for each number of photos."""
    lines = [f"{'photos':8}" + "".join(f"{name:>12}" for name in MEASURES)]
    for count, row in zip(PHOTOS, results.mean(0).tolist(), strict=True):
        lines.append(f"{count:<8}" + "".join(f"{value:12.4f}" for value in row))
    return "\n".join(lines)


def plot(results: Tensor) -> Figure:
    """(N, K, M) measures as curves: errors relative to those of one photo."""
    means = results.mean(0)
    lines = {
        name: (means[:, MEASURES.index(name)] / means[0, MEASURES.index(name)]).tolist()
        for name in ("face L1", "mouth L1", "eyes L1")
    }
    figure = curves(Curve("error against the real frame, 1 photo = 1", "photos", PHOTOS, lines))
    figure.axes[0].set_xticks(PHOTOS)
    return figure


def videos(data: Path, names: Sequence[str] | None = None) -> list[Path]:
    """The videos of a corpus with these names, or those that are there for this test."""
    return [
        entry.file
        for entry in read_index(data, "talking")
        if (entry.name in names if names else entry.split_for("few_shot") == "test")
    ]


def main() -> None:
    """Command line: print the table, and draw the curve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder with talking/INDEX.json")
    parser.add_argument("--clips", nargs="*", help="names (default: the test split of few_shot)")
    parser.add_argument("--plot", type=Path, metavar="CURVE.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    space = MeshSpace.load()
    results = torch.stack([measure(space, video) for video in videos(args.data, args.clips)])
    print(table(results))
    if args.plot:
        plot(results).savefig(args.plot, dpi=150)


if __name__ == "__main__":
    main()
