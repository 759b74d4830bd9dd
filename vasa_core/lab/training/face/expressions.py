"""Expressions to put on stills: how people of talking clips move while they talk and blink."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ....face.geometry import fit_similarity
from ....face.topology import RIGID
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
    rigid = list(RIGID)
    moves = []
    for entry in read_index(data, "talking"):
        if entry.split_for("face") != "train":
            continue
        track, ok = read_track(entry)
        points = torch.from_numpy(track[ok])
        shapes = fit_similarity(mean[rigid], points[:, rigid]).canonical(points)
        mouth = shapes[:, 14, 1] - shapes[:, 13, 1]
        eyes = shapes[:, 145, 1] - shapes[:, 159, 1] + shapes[:, 374, 1] - shapes[:, 386, 1]
        rest = (mouth <= mouth.quantile(0.5)) & (eyes >= eyes.quantile(0.3))
        moves.append(shapes - shapes[rest].mean(0))
    moves = torch.cat(moves)
    mouth = moves[:, 14, 1] - moves[:, 13, 1]
    eyes = moves[:, 145, 1] - moves[:, 159, 1] + moves[:, 374, 1] - moves[:, 386, 1]
    generator = torch.Generator().manual_seed(0)
    some = torch.randperm(len(moves), generator=generator)[: count // 2]
    chosen = torch.cat([mouth.topk(count // 4).indices, (-eyes).topk(count // 4).indices, some])
    return moves[chosen]
