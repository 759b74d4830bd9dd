"""Expressions to put on stills: how people of talking clips move while they talk and blink."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ....face import topology as mesh
from ....face.geometry import fit_similarity
from ...data.index import read_index
from ...data.tracks import read_track


def load_expressions(data: Path, mean: Tensor, work: Path, count: int = 2000) -> Tensor:
    """Displacements (E, V, 3) from each clip's neutral face, in the frame and size of ``mean``.

    Half of them are the frames with the widest mouths and the most closed eyes.
    """
    file = work / "expressions.pt"
    if not file.exists():
        torch.save(_collect(data, mean, count), file)
    return torch.load(file)


def _collect(data: Path, mean: Tensor, count: int) -> Tensor:
    rigid = list(mesh.RIGID)
    moves = []
    for entry in read_index(data, "talking"):
        if entry.split_for("face") != "train":
            continue
        track, ok = read_track(entry)
        points = torch.from_numpy(track[ok])
        shapes = fit_similarity(mean[rigid], points[:, rigid]).canonical(points)
        mouth, eyes = _openings(shapes)
        rest = (mouth <= mouth.quantile(0.5)) & (eyes >= eyes.quantile(0.3))
        moves.append(shapes - shapes[rest].mean(0))
    moves = torch.cat(moves)
    mouth, eyes = _openings(moves)
    generator = torch.Generator().manual_seed(0)
    some = torch.randperm(len(moves), generator=generator)[: count // 2]
    chosen = torch.cat([mouth.topk(count // 4).indices, (-eyes).topk(count // 4).indices, some])
    return moves[chosen]


def _openings(points: Tensor) -> tuple[Tensor, Tensor]:
    """How far the lips of (B, V, 3) points are apart, and the lids of both eyes together, (B,)."""
    y = points[..., 1]
    right_upper, right_lower = mesh.RIGHT_LID_MIDDLES
    left_upper, left_lower = mesh.LEFT_LID_MIDDLES
    mouth = y[:, mesh.LIP_LOWER_MIDDLE] - y[:, mesh.LIP_UPPER_MIDDLE]
    return mouth, y[:, right_lower] - y[:, right_upper] + y[:, left_lower] - y[:, left_upper]
