"""Pairs for the refiner: a part of a face as it is rendered, and as it really is.

From clips: a frame driven to be another frame of the clip. From stills with open lips: the lips are
closed by the renderer itself, and the closed picture is opened again; what then lies between the
lips has the still as its truth, in the still's own style.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ....face.basis import CODE_SIZE, PARTS, FaceBasis
from ....face.geometry import RigidFit
from ....face.topology import LIP_LOWER_INNER, RIGHT_LID_MIDDLES
from ....spaces.mesh.renderer.geometry.blendshapes import (
    LipGap,
    limit_codes,
    lip_gap,
    own_expression,
    solve_lips_code,
)
from ....spaces.mesh.renderer.geometry.openings import mouth_gap
from ....spaces.mesh.renderer.geometry.portrait_geometry import portrait_geometry
from ....spaces.mesh.renderer.geometry.pose import HeadMotion, head_motion
from ....spaces.mesh.renderer.geometry.region import HeadRegion
from ....spaces.mesh.renderer.layers.mouth import MouthInside
from ....spaces.mesh.renderer.layers.patch import Patch, follow, paste
from ....spaces.mesh.renderer.prepare import prepare_parts
from ....spaces.mesh.renderer.refiner_io import RefinerFrame
from ....spaces.mesh.renderer.render import blendshape_weights
from ....spaces.mesh.renderer.views.draw import draw_mouth
from ....spaces.mesh.tracking import motion_from_landmarks, relative_motion
from ....types import Motion
from ...data.tracks import Clip, common_people, load_clips
from .splits import Still, clips, lip_gaps, stills

TARGETS, MORE_TARGETS = 7, 24  # of a photo of people with very many clips, of others
WIDE, WIDE_CODES, WIDE_EVERY = (0.08, 0.24), 3, 3  # openings, eye distances; one still in
TOO_WIDE = 0.30  # gap in eye distances that the renderer no longer closes


@dataclass
class Pairs:
    """N pairs; halves.

    part    (N, 10, h, w)  what the net gets
    truth   (N, 3, h, w)   real colours, relative to the skin
    palette (N, 3, 3)      over the scale
    moved   (N,)           share of the change that is shown
    weight  (N,)           1: all of it is true; 0: only what is between the lips
    group   (N,)           index into ``names``
    names                  person and kind, one each
    """

    part: Tensor
    truth: Tensor
    palette: Tensor
    moved: Tensor
    weight: Tensor
    group: Tensor
    names: list[str]


def reenacted(source: Tensor, targets: Tensor, basis: FaceBasis) -> Motion:
    """Landmarks (V, 3) of a photo and (T, V, 3) of its clip to motion that ``render`` takes."""
    landmarks = torch.cat([source[None], targets])
    face = basis.measure(source)
    motion = relative_motion(motion_from_landmarks(landmarks, basis, Fraction(25), face.canonical))
    motion = replace(motion, dynamics=motion.dynamics + own_expression(face, basis))
    return motion[1:]


@dataclass(frozen=True)
class Parts:
    """The mouth of a photo, named as in ``MeshAppearance``: all that pairs need of it."""

    region: HeadRegion
    rotation: Tensor
    origin: Tensor
    unit: Tensor
    blendshapes: Tensor
    own: Tensor
    lip_gap: LipGap
    mouth_patch: Patch
    mouth: MouthInside
    eyes_patch: None
    eyes: None
    refiner_frame: RefinerFrame


def parts_of(picture: Tensor, landmarks: Tensor, basis: FaceBasis) -> Parts:
    """As ``prepare``, the mouth only: that takes a third of the time."""
    geometry = portrait_geometry(picture, basis.measure(landmarks), basis)
    return Parts(
        region=geometry.region,
        rotation=geometry.pose.rotation[0],
        origin=geometry.origin,
        unit=geometry.pose.scale[0],
        blendshapes=geometry.blendshapes,
        own=F.pad(geometry.own_lips, (0, CODE_SIZE - len(geometry.own_lips))),
        lip_gap=lip_gap(geometry.landmarks, geometry.blendshapes, geometry.mouth, geometry.unit),
        **prepare_parts(geometry, eyes=False),
    )


def closed(still: Still, basis: FaceBasis, left: float = 0.0) -> tuple[Tensor, Tensor]:
    """The picture (1, 3, H, W) of a still with lips closed up to a share ``left``, and landmarks.

    Only the mouth and its surroundings are drawn anew.
    """
    parts = parts_of(still.picture, still.landmarks, basis)
    code = left * parts.own[None]
    weights = blendshape_weights(parts, code)
    landmarks = still.landmarks.clone()
    moved = torch.einsum("c,cvd->vd", weights[0], parts.blendshapes)
    landmarks[: len(moved)] += moved / landmarks.new_tensor([*parts.region.scale, 1])
    rest = HeadMotion(torch.eye(2, 3)[None], torch.zeros(1, 2))
    layer = draw_mouth(parts, parts.origin, weights, rest, code)
    border = parts.mouth_patch.window.border.expand_as(layer.weight)
    picture = still.picture.clone()
    drawn = parts.region.crop(picture).clone()
    paste(drawn, replace(layer, weight=border))
    parts.region.box(picture).copy_(drawn)
    return picture, landmarks


def observe(appearance: Parts, motion: Motion, real: Tensor) -> Iterator[dict[str, Tensor]]:
    """What the net sees of a prepared portrait in motion, and the truth from (T, 3, H, W)."""
    for n in range(len(real)):
        dynamics = limit_codes(motion.dynamics[n : n + 1])
        head = head_motion(
            motion.rotation[n : n + 1],
            motion.translation[n : n + 1],
            motion.scale[n : n + 1],
            appearance.rotation,
            appearance.unit,
        )
        weights = blendshape_weights(appearance, dynamics)
        truth = appearance.region.crop(real[n : n + 1])
        layer = draw_mouth(appearance, appearance.origin, weights, head, dynamics)
        opened = follow(appearance.mouth_patch, weights, head)
        frame = appearance.refiner_frame
        yield {
            "part": frame.seen(opened, layer.colours, head, appearance.origin)[0],
            "truth": frame.target(truth, head, appearance.origin)[0],
            "palette": (frame.palette / frame.scale)[None],
            "moved": frame.strength(weights, dynamics[:, PARTS["lips"]] @ appearance.mouth.jaw),
        }


def clip_pairs(clip: Clip, frames: Tensor, basis: FaceBasis, rng, common: bool) -> Iterator:
    """Observations of a clip: some frames as photos, each driven to other frames.

    Fewer where the clip's person is ``common``.
    """
    landmarks = torch.as_tensor(clip.landmarks)
    usable = np.flatnonzero(clip.found[: len(frames)])
    gaps = lip_gaps(clip.landmarks)[usable]
    upper, lower = RIGHT_LID_MIDDLES
    lids = (landmarks[usable, lower, 1] - landmarks[usable, upper, 1]).numpy()
    sources = [usable[gaps.argmin()], *rng.permutation(usable)[: 1 if common else 5]]
    count = TARGETS if common else MORE_TARGETS
    for source in sources:
        # half of the frames are among the widest of this clip, a few among those that blink
        widest = usable[np.argsort(-gaps)[: len(gaps) // 3]]
        shut = usable[np.argsort(lids)[:4]]
        chosen = np.concatenate(
            [
                rng.permutation(usable)[: count // 2],
                rng.permutation(widest)[: count // 2],
                rng.permutation(shut)[: 2 if common else 4],
            ]
        )
        chosen = np.unique(chosen[chosen != source])
        appearance = parts_of(frames[source : source + 1], landmarks[source], basis)
        motion = reenacted(landmarks[source], landmarks[chosen], basis)
        yield from observe(appearance, motion, frames[chosen])


def still_pairs(still: Still, basis: FaceBasis) -> Iterator:
    """Observations of a still that was closed, a third of them in part, and is opened again."""
    unit = basis.measure(still.landmarks).pose.scale[0]
    if mouth_gap(still.landmarks) > TOO_WIDE * unit:
        return
    left = 0.5 if int(unit * 1000) % 3 == 0 else 0.0
    picture, landmarks = closed(still, basis, left)
    appearance = parts_of(picture, landmarks, basis)
    motion = reenacted(landmarks, still.landmarks[None], basis)
    yield from observe(appearance, motion, still.picture)


def wide_pairs(still: Still, basis: FaceBasis, rng) -> Iterator[dict[str, Tensor]]:
    """A closed still whose mouth is opened wider than any picture shows it: it stays as drawn."""
    picture, landmarks = closed(still, basis)
    parts = parts_of(picture, landmarks, basis)
    codes = torch.zeros(WIDE_CODES, CODE_SIZE)
    for code in codes:
        code[PARTS["lips"]] = lips_code(rng.uniform(*WIDE), basis)
    codes[:, PARTS["lips"]] += torch.from_numpy(rng.normal(0, 0.4, (WIDE_CODES, 12))).float()
    none = torch.zeros(WIDE_CODES, 3)
    motion = Motion(none, none[:, :2], none[:, 0] + 1, codes, space="mesh", fps=Fraction(25))
    for seen in observe(parts, motion, picture.expand(WIDE_CODES, -1, -1, -1)):
        yield seen | {"truth": seen["part"][:, :3]}


def lips_code(gap: float, basis: FaceBasis) -> Tensor:
    """(12,) code that opens closed lips by ``gap`` eye distances in the middle."""
    upright = RigidFit(torch.eye(3)[None], torch.ones(1), torch.zeros(1, 3))
    bulge = torch.linspace(-1, 1, len(LIP_LOWER_INNER)).square().neg().add(1)
    wanted = torch.zeros(len(LIP_LOWER_INNER), 3)
    wanted[:, 1] = gap * bulge
    return solve_lips_code(wanted, upright, basis)[0]


def gather(data: Path, work: Path, split: str) -> Pairs:
    """Pairs of a split; made once, then read from ``work``."""
    found = []
    for kind in ("stills", "clips", "wide") if split == "train" else ("stills", "clips"):
        file = work / f"pairs_{split}_{kind}.pt"
        if not file.exists():
            torch.save(_gather(data, split, kind), file)
        found.append(torch.load(file, weights_only=False))
    return joined(found)


def joined(pairs: list[Pairs]) -> Pairs:
    """Pairs of different people as one."""
    tensors = ("part", "truth", "palette", "moved", "weight")
    starts = np.cumsum([0, *(len(p.names) for p in pairs)]).tolist()
    return Pairs(
        **{name: torch.cat([getattr(p, name) for p in pairs]) for name in tensors},
        group=torch.cat([p.group + start for p, start in zip(pairs, starts, strict=False)]),
        names=[name for p in pairs for name in p.names],
    )


@torch.no_grad()
def _gather(data: Path, split: str, kind: str) -> Pairs:
    basis, rng = FaceBasis.load(), np.random.default_rng(0)
    rows = []

    def keep(observed: Iterator, name: str, weight: float) -> None:
        for seen in observed:
            rows.append({k: v.half() for k, v in seen.items()} | {"weight": weight, "name": name})

    if kind == "clips":
        common = common_people(load_clips(data, trainable=False))
        for clip, frames in clips(data, split):
            many = clip.person in common
            name = f"{clip.person} {'common ' if many else ''}clip"
            keep(clip_pairs(clip, frames, basis, rng, many), name, 1.0)
    elif kind == "wide":
        for still in islice(stills(data, split), 0, None, WIDE_EVERY):
            keep(wide_pairs(still, basis, rng), f"{still.name} wide", 0.0)
    else:
        for still in stills(data, split):
            keep(still_pairs(still, basis), f"{still.name} {still.group}", 0.0)
    return stacked(rows)


def stacked(rows: list[dict]) -> Pairs:
    """Observations, each with its ``weight`` and ``name``, as one."""
    names = sorted({row["name"] for row in rows})
    tensors = ("part", "truth", "palette", "moved")
    return Pairs(
        **{name: torch.cat([row[name] for row in rows]) for name in tensors},
        weight=torch.tensor([row["weight"] for row in rows]),
        group=torch.tensor([names.index(row["name"]) for row in rows]),
        names=names,
    )
