"""Fits the mesh space's canonical face and components (weights/face_basis.safetensors).

    python -m vasa_core.lab.training.basis --data DATA

Canonical face: generalised Procrustes over labelled stills. Components: principal components of
the displacement from each clip's own neutral face, every person weighing the same, mirrored copies
added, lips and expression separated by a smooth border below the eyes, blinks regressed out.
"""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ...face.canonical import eye_opening, neutral_face
from ...face.geometry import eye_distance, fit_pose, rotation_angles, rotation_matrix
from ...face.topology import IRISES, LIPS, RIGID, mirror_index
from ...provenance.whole import save_tensors
from ...spaces.curves import smoothstep
from ..data.tracks import COMMON, Clip, load_clips, load_face_labels
from ..recipe import run_main

log = logging.getLogger(__name__)
MAX_ANGLE = 25.0  # degrees; further round, the teacher guesses the far half of the face
SHIPPED = Path(__file__).parents[2] / "face/weights/face_basis.safetensors"
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
    mirror = mirror_index()
    mean = (mean + mean[mirror] * FLIP) / 2
    return (mean - mean[list(RIGID)].mean(0)) / eye_distance(mean), mirror


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
        offset = faces - neutral
        offset[:, list(IRISES)] = 0  # gaze is measured apart
        result.append((clip.person, offset, closure))
    return result


def components(offsets: Tensor, weights: Tensor, mirror: Tensor, count: int) -> Tensor:
    """Leading ``count`` principal displacements of (T, V, 3), each one standard deviation long."""
    both = torch.cat([offsets, offsets[:, mirror] * FLIP]).flatten(1)
    weights = torch.cat([weights, weights]).sqrt()[:, None] / (2 * weights.sum()).sqrt()
    _, spectrum, vectors = torch.linalg.svd(both * weights, full_matrices=False)
    kept = spectrum[:count].square().sum() / spectrum.square().sum()
    log.info("%d components hold %.4f of the variance", count, kept)
    return (vectors[:count] * spectrum[:count, None]).unflatten(1, (-1, 3))


Tracks = list[tuple[str, Tensor, Tensor]]


def fit(canonical: Tensor, mirror: Tensor, tracks: Tracks) -> dict[str, Tensor]:
    """All tensors of the basis file."""
    people = [person for person, offset, _ in tracks for _ in offset]
    share = {person: 1.0 / people.count(person) for person in set(people)}
    weights = torch.tensor([share[person] for person in people])
    offsets = torch.cat([offset for _, offset, _ in tracks])
    closure = torch.cat([closure for _, _, closure in tracks]).clamp(-0.3, 1)

    lower = lower_face(canonical)
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


def lower_face(canonical: Tensor) -> Tensor:
    """(V, 1): 0 at the lower lids and above, 1 from the nostrils down, smooth over the cheeks."""
    return smoothstep(canonical[:, 1:2], 0.2, 0.5)


def validate(canonical: Tensor, mirror: Tensor, tracks: Tracks) -> None:
    """Log, person by person, what components fitted on the others leave of their motion.

    People with many clips are left out: there is no fit without them that compares.
    """
    left, moved = [], []
    counts = Counter(person for person, _, _ in tracks)
    common = {person for person, count in counts.items() if count > COMMON}
    for person in sorted(counts.keys() - common):
        others = [t for t in tracks if t[0] not in {person, *common}]
        basis = fit(canonical, mirror, others)["lips"].flatten(1)
        offsets = torch.cat([offset for name, offset, _ in tracks if name == person])
        offsets = (offsets * lower_face(canonical)).flatten(1)
        codes = torch.linalg.lstsq(basis.T, offsets.T).solution
        rest = offsets - (basis.T @ codes).T
        left.append(rest.unflatten(1, (-1, 3))[:, list(LIPS), :2].norm(dim=-1).mean())
        moved.append(offsets.unflatten(1, (-1, 3))[:, list(LIPS), :2].norm(dim=-1).mean())
        log.info("%-16s lips move %.4f, left %.4f eye distances", person, moved[-1], left[-1])
    log.info("mean of people: %.4f, left %.4f", torch.stack(moved).mean(), torch.stack(left).mean())


def oriented_like(tensors: dict[str, Tensor], shipped: dict[str, Tensor]) -> dict[str, Tensor]:
    """Components with the signs of the shipped ones: a sign is arbitrary, but models learn it."""
    result = dict(tensors)
    for name in ("lips", "expression"):
        agreement = (tensors[name] * shipped[name]).sum((1, 2), keepdim=True)
        result[name] = tensors[name] * torch.where(agreement < 0, -1.0, 1.0)
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: fit and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--validate", action="store_true", help="leave each person out once")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    canonical, mirror = mean_face(torch.as_tensor(load_face_labels(args.data)))
    tracks = displacements(load_clips(args.data), canonical)
    if args.validate:
        return validate(canonical, mirror, tracks)
    tensors = {name: t.contiguous() for name, t in fit(canonical, mirror, tracks).items()}
    if SHIPPED.is_file():
        tensors = oriented_like(tensors, load_file(SHIPPED))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(args.out, tensors)
    log.info("wrote %s", args.out)


if __name__ == "__main__":
    run_main(main)
