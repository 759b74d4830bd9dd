"""Makes more photos of a person ready to help a portrait; see ``views``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from .....face.basis import PARTS, FaceBasis
from .....face.geometry import RigidFit, fit_pose, own_roll, rotation_angles
from .....face.topology import LIP_LOWER_INNER, LIP_UPPER_INNER, OVAL
from ..appearance import MeshAppearance
from ..geometry.blendshapes import lip_gap, own_opening, photo_gap
from ..geometry.openings import mouth_gap, mouth_opening
from ..geometry.portrait_geometry import CELL, Scene, scene_in
from ..geometry.texture import sharp_texture
from ..geometry.window import make_window
from ..layers.eyes import make_eyeballs
from ..layers.mouth import make_mouth
from ..layers.patch import MARGIN, Patch, crop, make_patch, texture_points
from ..refiner_io import make_finish
from .colours import match_colours
from .parts import PartMasks, part_masks
from .photo import FaceView, Skin, Views
from .registration import LaidPhoto, lay_over
from .view_weights import Takes

VIEW_STEPS = 2
# As in ``prepare``; wider, for masks that fade.
MOUTH_PATCH = (0.20, 0.46, 0.62)
EYE_PATCH = (0.10, 0.22, 0.22)


def add_views(
    portrait: MeshAppearance,
    landmarks: Tensor,
    photos: list[tuple[Tensor, Tensor]],
    basis: FaceBasis,
    step: Callable[[], None] = lambda: None,
) -> MeshAppearance:
    """A portrait that takes from more photos of the person what it does not show itself.

    Args:
        portrait: as prepared from its image, with ``landmarks`` (478, 3).
        photos: images (1, 3, h, w) of any size and landmarks (478, 3) in their pixels.
        step: called ``VIEW_STEPS`` times for each photo; it may raise to stop the work.
    """
    canonical = basis.canonical.to(landmarks)
    neutral = fit_pose(landmarks[None], canonical).canonical(landmarks[None])[0]
    views, laid_rotations = [], [portrait.rotation]
    model = portrait.region.crop(portrait.image)
    place = RigidFit(portrait.rotation[None], portrait.unit[None], portrait.origin[None])
    for image, points in photos:
        laid = lay_over(image, points.to(landmarks), canonical, place, *model.shape[-2:])
        step()
        code = photo_code(laid.landmarks, neutral, portrait.own, basis)
        colours = match_colours(
            laid.picture,
            laid.landmarks,
            model,
            portrait.region.to_working(landmarks),
            portrait.unit.item(),
        )
        laid = replace(laid, picture=colours)
        views.append(make_view(laid, code, portrait, basis))
        laid_rotations.append(portrait.rotation @ views[-1].turn.mT)
        step()
    level = own_roll(portrait.rotation).mT @ torch.stack(laid_rotations)
    opens = basis.lips[:, LIP_LOWER_INNER[5], 1] - basis.lips[:, LIP_UPPER_INNER[5], 1]
    takes = Takes(
        angles=rotation_angles(level),
        codes=torch.stack([portrait.own, *(view.own for view in views)]),
        gap=opens.to(landmarks),
    )
    return replace(portrait, views=Views(tuple(views), takes))


def photo_code(landmarks: Tensor, neutral: Tensor, own: Tensor, basis: FaceBasis) -> Tensor:
    """The (D,) code that (V, 3) landmarks show, measured as codes of the portrait are.

    ``neutral`` (V, 3) is the portrait's canonical face and ``own`` (D,) the code it shows. The lips
    code is the nearest to the measured one that opens the lips as far as they are open.
    """
    pose = fit_pose(landmarks[None], basis.canonical.to(landmarks))
    code = basis.codes(pose.canonical(landmarks[None]), neutral)[0] + own
    unit = pose.scale.item()
    gap = photo_gap(landmarks, mouth_opening(landmarks, unit), unit)
    lips = basis.lips.to(landmarks)
    moved = torch.einsum("k,kvc->vc", code[PARTS["lips"]], lips) @ pose.rotation[0].T * unit
    left = gap - (moved[list(LIP_LOWER_INNER)] - moved[list(LIP_UPPER_INNER)])
    code[PARTS["lips"]] += own_opening(left, pose, basis)[0]
    return code


def make_view(
    laid: LaidPhoto, code: Tensor, portrait: MeshAppearance, basis: FaceBasis
) -> FaceView:
    """Prepare the parts of a photo that shows the dynamics ``code`` (D,)."""
    scene = scene_in(portrait.region, laid.picture, laid.landmarks, basis, code[PARTS["lips"]])
    masks = part_masks(scene, laid.seen)
    open_by = mouth_gap(scene.landmarks).item() / scene.unit
    mouth_patch = make_patch(scene, scene.mouth, *MOUTH_PATCH, open_by)
    eyes_patch = make_patch(scene, scene.eyes, *EYE_PATCH)
    return FaceView(
        turn=portrait.rotation @ scene.pose.rotation[0].mT,
        own=code,
        lip_gap=lip_gap(scene.landmarks, scene.rows, scene.mouth, scene.unit),
        skin=_skin(scene, masks),
        eyes_patch=_masked(eyes_patch, masks.eyes),
        eyes=make_eyeballs(scene, eyes_patch),
        mouth_patch=_masked(mouth_patch, masks.mouth),
        mouth=make_mouth(scene, mouth_patch),
        mouth_finish=make_finish(scene, mouth_patch, scene.mouth),
    )


def _masked(patch: Patch, mask: Callable[[Tensor], Tensor]) -> Patch:
    """A patch whose weight is the mask of its part."""
    planes = patch.upper.planes.clone()
    planes[:, 4] = mask(texture_points(patch.upper))
    return replace(patch, upper=replace(patch.upper, planes=planes))


def _skin(scene: Scene, masks: PartMasks) -> Skin:
    oval = scene.landmarks[list(OVAL), :2]
    low, high = oval.amin(0), oval.amax(0)
    margin = round(MARGIN * scene.unit)
    half = ((high - low) / 2).ceil()
    window = make_window(scene, (low + high)[None] / 2, half, margin, CELL, (1,))
    low, size = window.lattice.low, window.lattice.size[0]
    texture = sharp_texture(crop(scene, low, size), low, scene.factor)
    mask = masks.skin(texture_points(texture))
    planes = torch.cat([texture.planes, mask[:, None]], 1)
    return Skin(
        window, replace(texture, planes=planes.contiguous(memory_format=torch.channels_last))
    )
