"""Where people in one picture look while they talk with each other."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor

from ..audio.mixing import Timetable
from ..motion.controls import per_frame
from ..types import Controls

REACTION = Fraction(1, 5)  # seconds until a listener looks at who begins to speak
TURN = Fraction(1, 5)  # seconds that the eyes take


def listener_controls(
    controls: Controls, face: int, towards: Tensor, table: Timetable, degrees: float
) -> Controls:
    """Controls with which a face looks at whoever speaks, and as before while it speaks itself.

    ``towards`` (n, 2) are the directions from the ``face``-th face to each, unit vectors along x
    (right) and y (down) in the axes of its head, zero for itself. ``degrees`` is how far it looks.
    """
    rows = ceil(table.total * controls.fps) + 1
    watched = watched_faces(face, table, rows, controls.fps)
    gaze = degrees * towards.new_tensor([1.0, -1.0]) * towards[watched]  # phi is up
    still = ceil(TURN * controls.fps)
    held = F.pad(gaze.T[None], (still - 1, 0), mode="replicate")
    gaze = F.avg_pool1d(held, still, 1)[0].T
    if controls.gaze is not None:
        gaze = gaze + per_frame(controls, "gaze", 0, rows, controls.fps).to(gaze)
    return replace(controls, gaze=gaze)


def watched_faces(face: int, table: Timetable, rows: int, fps: Fraction) -> Tensor:
    """(rows,) which face the ``face``-th one attends to: itself while it speaks or nobody has yet.

    Else who began last of those who speak, and in a pause who spoke before.
    """
    times = torch.arange(rows, dtype=torch.float64) / float(fps) - float(REACTION)
    watched = torch.full((rows,), -1)
    order = sorted(range(len(table.starts)), key=lambda i: (i == face, table.starts[i]))
    for other in order:
        since = times - float(table.starts[other])
        watched[(since >= 0) & (since < float(table.durations[other]))] = other
    last = torch.where(watched >= 0, torch.arange(rows), 0).cummax(0).values
    watched = watched[last]
    return torch.where(watched >= 0, watched, face)


def face_directions(eyes: Tensor) -> Tensor:
    """(n, n, 2): unit vectors from each of n faces to each other, in the axes of the first's head.

    ``eyes`` (n, 2, 2) are the places of each face's right and left eye in the picture, pixels.
    """
    right = F.normalize(eyes[:, 1] - eyes[:, 0], dim=1)
    axes = torch.stack([right, torch.stack([-right[:, 1], right[:, 0]], 1)], 1)  # rows x and y
    places = eyes.mean(1)
    away = F.normalize(places[None] - places[:, None], dim=2)
    return torch.einsum("iac,ijc->ija", axes, away)
