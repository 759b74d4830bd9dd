"""Fits the mesh space's canonical face and components (weights/face_basis.safetensors).

    python -m vasa_core.training.basis --data ../shared/data

Canonical face: generalised Procrustes over labelled stills. Components: principal components of
the displacement from each clip's own neutral face, every person weighing the same, mirrored copies
added, lips and expression separated by a smooth border below the eyes, blinks regressed out.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch
from safetensors.torch import save_file
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..spaces.mesh.dynamics import eye_opening, mouth_opening
from ..spaces.mesh.geometry import (
    eye_distance,
    fit_pose,
    rotation_angles,
    rotation_matrix,
)
from ..spaces.mesh.topology import IRISES, RIGID
from ..spaces.mesh.tracking import neutral_face
from .tracks import Clip, load_clips, load_face_labels

log = logging.getLogger(__name__)
MAX_ANGLE = 25.0  # degrees; further round, the teacher guesses the far half of the face
FLIP = torch.tensor([-1.0, 1.0, 1.0])


def mean_face(labels: Tensor, rounds: int = 8) -> tuple[Tensor, Tensor]:
    """(B, V, 3) labelled faces to the symmetric, upright (V, 3) mean and its mirror permutation."""
    mean = labels[0] - labels[0].mean(0)
    for _ in range(rounds):
        faces = fit_pose(labels, mean).canonical(labels)
        mean = faces.mean(0)
        mean = mean - mean[list(RIGID)].mean(0)
        mean = mean / eye_distance(mean)
    tilt = rotation_angles(fit_pose(labels, mean).rotation).median(0).values
    mean = mean @ rotation_matrix(tilt).T  # the median still looks straight ahead
    mirror = mirror_permutation(fit_pose(labels, mean).canonical(labels))
    mean = (mean + mean[mirror] * FLIP) / 2
    return (mean - mean[list(RIGID)].mean(0)) / eye_distance(mean), mirror


def mirror_permutation(faces: Tensor, sample: int = 200) -> Tensor:
    """One-to-one partner of every vertex; open mouths in the sample keep the two lips apart."""
    widest = mouth_opening(faces).argsort(descending=True)[:sample]
    cost = torch.stack([torch.cdist(face * FLIP, face) for face in faces[widest]]).mean(0)
    mirror = torch.as_tensor(linear_sum_assignment(cost.numpy())[1])
    if not torch.equal(mirror[mirror], torch.arange(len(mirror))):
        raise RuntimeError("The mirror assignment is not an involution; the labels are too noisy.")
    return mirror


def displacements(clips: list[Clip], canonical: Tensor) -> list[tuple[str, Tensor, Tensor]]:
    """Per clip: person, (T, V, 3) displacement from its neutral, (T, 2) closure of the eyes."""
    result = []
    for clip in clips:
        points = torch.as_tensor(clip.landmarks[clip.found])
        pose = fit_pose(points, canonical)
        frontal = rotation_angles(pose.rotation)[:, :2].abs().amax(1) < MAX_ANGLE
        if frontal.sum() < 25:
            continue
        faces = pose.canonical(points)[frontal]
        neutral = neutral_face(faces)
        closure = 1 - eye_opening(faces) / eye_opening(faces).quantile(0.8, 0)
        result.append((clip.person, faces - neutral, closure))
    return result


def components(offsets: Tensor, weights: Tensor, mirror: Tensor, count: int) -> Tensor:
    """Leading ``count`` principal displacements of (T, V, 3), each one standard deviation long."""
    both = torch.cat([offsets, offsets[:, mirror] * FLIP]).flatten(1)
    weights = torch.cat([weights, weights]).sqrt()[:, None] / (2 * weights.sum()).sqrt()
    _, spectrum, vectors = torch.linalg.svd(both * weights, full_matrices=False)
    kept = spectrum[:count].square().sum() / spectrum.square().sum()
    log.info("%d components hold %.4f of the variance", count, kept)
    return (vectors[:count] * spectrum[:count, None]).unflatten(1, (-1, 3))


def fit(data: Path) -> dict[str, Tensor]:
    """All tensors of the basis file."""
    canonical, mirror = mean_face(torch.as_tensor(load_face_labels(data)))
    tracks = displacements(load_clips(data), canonical)
    people = [person for person, offset, _ in tracks for _ in offset]
    share = {person: 1.0 / people.count(person) for person in set(people)}
    weights = torch.tensor([share[person] for person in people])
    offsets = torch.cat([offset for _, offset, _ in tracks])
    closure = torch.cat([closure for _, _, closure in tracks]).clamp(-0.3, 1)
    offsets[:, list(IRISES)] = 0

    # 0 at the level of the lower lids, 1 from the nostrils down; cheeks belong a little to both
    height = canonical[:, 1]
    lower = ((height - 0.2) / 0.3).clamp(0, 1)
    lower = (lower * lower * (3 - 2 * lower))[:, None]
    upper = offsets * (1 - lower)
    root = weights.sqrt()[:, None]
    flat = upper.flatten(1)
    blink = torch.linalg.lstsq(closure * root, flat * root).solution.unflatten(1, (-1, 3))
    upper = upper - torch.einsum("te,evc->tvc", closure, blink)
    return {
        "canonical": canonical,
        "mirror": mirror,
        "lips": components(offsets * lower, weights, mirror, 12),
        "expression": components(upper, weights, mirror, 8),
        "blink": (blink + blink.flip(0)[:, mirror] * FLIP) / 2,
    }


def main() -> None:
    """Command line: fit and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[1] / "spaces/mesh/weights/face_basis.safetensors"
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=default)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tensors = {name: value.contiguous() for name, value in fit(args.data).items()}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, args.out)
    log.info("wrote %s", args.out)


if __name__ == "__main__":
    main()
