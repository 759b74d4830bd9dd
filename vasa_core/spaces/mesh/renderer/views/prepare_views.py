"""Makes more photos of a person ready to help a portrait; see ``photo``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from .....face.basis import PARTS, FaceBasis
from .....face.geometry import RigidFit, own_roll, rotation_angles
from .....face.measure import FaceMeasure
from .....face.topology import LIP_LOWER_INNER, LIP_UPPER_INNER, OVAL
from ..appearance import MeshAppearance
from ..geometry.blendshapes import lip_gap, measured_gap, solve_lips_code
from ..geometry.openings import mouth_gap
from ..geometry.portrait_geometry import CELL, PortraitGeometry, geometry_in
from ..geometry.texture import sharp_texture
from ..geometry.window import make_window
from ..layers.eyes import make_eyeballs
from ..layers.mouth import make_mouth
from ..layers.patch import MARGIN, Patch, crop, make_patch, texture_points
from ..refiner_io import make_refiner_frame
from .colours import match_colours
from .parts import PartMasks, part_masks
from .photo import FaceView, Skin, Views
from .registration import RegisteredPhoto, register_photo
from .view_weights import ViewWeighting

VIEW_STEPS = 2
# As in ``prepare``; wider, for masks that fade.
MOUTH_PATCH = (0.20, 0.46, 0.62)
EYE_PATCH = (0.10, 0.22, 0.22)


def add_views(
    portrait: MeshAppearance,
    source: FaceMeasure,
    photos: list[tuple[Tensor, FaceMeasure]],
    basis: FaceBasis,
    step: Callable[[], None] = lambda: None,
) -> MeshAppearance:
    """A portrait that takes from more photos of the person what it does not show itself.

    Args:
        portrait: as prepared from its image.
        source: its face, in pixels of its image.
        photos: images (1, 3, h, w) of any size, each with its face in its own pixels.
        basis: with which all of them were measured.
        step: called ``VIEW_STEPS`` times for each photo; it may raise to stop the work.
    """
    views, registered_rotations = [], [portrait.rotation]
    model = portrait.region.crop(portrait.image)
    place = RigidFit(portrait.rotation[None], portrait.unit[None], portrait.origin[None])
    landmarks_working = portrait.region.to_working(source.landmarks)
    for image, photo in photos:
        photo = photo.to(source.landmarks)
        registered = register_photo(image, photo, basis, place, *model.shape[-2:])
        step()
        code = photo_code(registered.working, source.canonical, portrait.own, basis)
        colours = match_colours(
            registered.picture,
            registered.working.landmarks,
            model,
            landmarks_working,
            portrait.unit.item(),
        )
        registered = replace(registered, picture=colours)
        views.append(make_view(registered, code, portrait, basis))
        registered_rotations.append(portrait.rotation @ views[-1].turn.mT)
        step()
    level = own_roll(portrait.rotation).mT @ torch.stack(registered_rotations)
    weighting = ViewWeighting(
        angles=rotation_angles(level),
        codes=torch.stack([portrait.own, *(view.own for view in views)]),
        gap=basis.lip_gap.to(source.landmarks),
    )
    return replace(portrait, views=Views(tuple(views), weighting))


def photo_code(face: FaceMeasure, neutral: Tensor, own: Tensor, basis: FaceBasis) -> Tensor:
    """The (D,) code that a face shows, measured as codes of the portrait are.

    ``neutral`` (V, 3) is the portrait's canonical face and ``own`` (D,) the code it shows. The lips
    code is the nearest to the measured one that opens the lips as far as they are open.
    """
    pose = face.pose
    code = basis.codes(face.canonical[None], neutral)[0] + own
    lips = basis.lips.to(code)
    moved = torch.einsum("k,kvc->vc", code[PARTS["lips"]], lips) @ pose.rotation[0].T * face.unit
    left = measured_gap(face) - (moved[list(LIP_LOWER_INNER)] - moved[list(LIP_UPPER_INNER)])
    code[PARTS["lips"]] += solve_lips_code(left, pose, basis)[0]
    return code


def make_view(
    registered: RegisteredPhoto, code: Tensor, portrait: MeshAppearance, basis: FaceBasis
) -> FaceView:
    """Prepare the parts of a photo that shows the dynamics ``code`` (D,)."""
    geometry = geometry_in(
        portrait.region, registered.picture, registered.working, basis, code[PARTS["lips"]]
    )
    masks = part_masks(geometry, registered.seen)
    open_by = mouth_gap(geometry.landmarks).item() / geometry.unit
    mouth_patch = make_patch(geometry, geometry.mouth, *MOUTH_PATCH, open_by)
    eyes_patch = make_patch(geometry, geometry.eyes, *EYE_PATCH)
    return FaceView(
        turn=portrait.rotation @ geometry.pose.rotation[0].mT,
        own=code,
        lip_gap=lip_gap(geometry.landmarks, geometry.blendshapes, geometry.mouth, geometry.unit),
        skin=_skin(geometry, masks),
        eyes_patch=_masked(eyes_patch, masks.eyes),
        eyes=make_eyeballs(geometry, eyes_patch),
        mouth_patch=_masked(mouth_patch, masks.mouth),
        mouth=make_mouth(geometry, mouth_patch),
        refiner_frame=make_refiner_frame(geometry, mouth_patch, geometry.mouth),
    )


def _masked(patch: Patch, mask: Callable[[Tensor], Tensor]) -> Patch:
    """A patch whose weight is the mask of its part."""
    planes = patch.upper.planes.clone()
    planes[:, 4] = mask(texture_points(patch.upper))
    return replace(patch, upper=replace(patch.upper, planes=planes))


def _skin(geometry: PortraitGeometry, masks: PartMasks) -> Skin:
    oval = geometry.landmarks[list(OVAL), :2]
    low, high = oval.amin(0), oval.amax(0)
    margin = round(MARGIN * geometry.unit)
    half = ((high - low) / 2).ceil()
    window = make_window(geometry, (low + high)[None] / 2, half, margin, CELL, (1,))
    low, size = window.lattice.low, window.lattice.size[0]
    texture = sharp_texture(crop(geometry, low, size), low, geometry.factor)
    mask = masks.skin(texture_points(texture))
    planes = torch.cat([texture.planes, mask[:, None]], 1)
    return Skin(
        window, replace(texture, planes=planes.contiguous(memory_format=torch.channels_last))
    )
