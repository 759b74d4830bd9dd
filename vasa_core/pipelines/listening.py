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
TURN = Fraction(1, 5)  # seconds that the eyes take to turn


def listener_controls(
    controls: Controls, face: int, towards: Tensor, table: Timetable, degrees: float
) -> Controls:
    """Make a face look at whoever speaks; while it speaks itself, it looks as before.

    Args:
        controls: Its controls otherwise; a gaze in them is added.
        face: Number of the face.
        towards: (n, 2) directions from it to each of the n faces, see ``face_directions``.
        table: Who speaks when.
        degrees: How far the eyes turn.

    Returns:
        Controls with a gaze track.
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
    """Decide at each moment which face a face attends to.

    It attends to itself while it speaks, or while nobody has spoken yet; else to the one of the
    speakers who began last, and in a pause to the one who spoke last.

    Args:
        face: Number of the face.
        table: Who speaks when.
        rows: The number of moments.
        fps: Moments per second.

    Returns:
        (rows,) numbers of faces.
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
    """Measure in which direction each face has each other face.

    Args:
        eyes: (n, 2, 2) places of the right and the left eye of n faces in the picture, pixels.

    Returns:
        (n, n, 2) unit vectors from each face to each other one, x (right) and y (down) along the
        axes of the first one's head; zero from a face to itself.
    """
    right = F.normalize(eyes[:, 1] - eyes[:, 0], dim=1)
    axes = torch.stack([right, torch.stack([-right[:, 1], right[:, 0]], 1)], 1)  # rows x and y
    places = eyes.mean(1)
    away = F.normalize(places[None] - places[:, None], dim=2)
    return torch.einsum("iac,ijc->ija", axes, away)
