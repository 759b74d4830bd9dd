"""Makes a portrait ready to be moved: everything that can be done before the first frame."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ....face.basis import FaceBasis
from ....face.topology import VERTICES
from .appearance import MeshAppearance
from .geometry.blendshapes import lip_gap
from .geometry.lattice import cell_centres
from .geometry.openings import mouth_gap
from .geometry.portrait_geometry import CELL, Scene, make_scene
from .geometry.region import head_square
from .layers.compositing import make_seam
from .layers.eyes import make_eyeballs
from .layers.mouth import make_mouth
from .layers.patch import make_patch
from .layers.region_layers import lower_face_layers, split_layers
from .refiner_io import make_finish

PREPARING_STEPS = 4
# How far the patches reach beside the corners, above and below their line, in eye distances.
MOUTH_PATCH = (0.12, 0.44, 0.62)
EYE_PATCH = (0.06, 0.20, 0.20)


def prepare(
    image: Tensor,
    landmarks: Tensor,
    basis: FaceBasis,
    step: Callable[[], None] = lambda: None,
    lips: Tensor | None = None,
) -> MeshAppearance:
    """Make a portrait ready to be moved; once per portrait, about a second on one core.

    Args:
        image: (1, 3, H, W), 0..1.
        landmarks: (478, 3) in pixels of the image, z in the same scale.
        basis: the space's face basis.
        step: called ``PREPARING_STEPS`` times on the way; it may raise to stop the work.
        lips: (12,) code of the lips as they are, for a head of which only the lips are to move, as
            in dubbing; that is quicker. None: it is read from the picture, and all may move.
    Returns:
        What ``render`` needs, on the device and in the precision of ``image``.
    Raises:
        ValueError: the shapes are not these.
    """
    if image.ndim != 4 or image.shape[:2] != (1, 3):
        raise ValueError(f"prepare got an image of shape {tuple(image.shape)}, needs (1, 3, H, W).")
    if landmarks.shape != (VERTICES, 3):
        raise ValueError(f"prepare got landmarks {tuple(landmarks.shape)}, needs ({VERTICES}, 3).")
    scene = make_scene(image, landmarks.to(image), basis, lips)
    step()
    size = scene.origin.new_tensor([scene.region.width, scene.region.height])
    corner = torch.zeros_like(size)
    field = scene.lattice(corner[None], size, CELL * scene.unit, (1,))
    step()
    parts = prepare_parts(scene, eyes=lips is None)
    step()
    head, background = split_layers(scene) if lips is None else lower_face_layers(scene)
    step()
    pixels = cell_centres(corner, size, scene.region.height, scene.region.width)
    matte = head.planes[:, 3:, :: scene.factor, :: scene.factor].contiguous()
    return MeshAppearance(
        region=scene.region,
        close_up=head_square(scene.ellipse, scene.region.height, scene.region.width),
        image=image,
        rotation=scene.pose.rotation[0],
        origin=scene.origin,
        unit=scene.pose.scale[0],
        own_lips=scene.own_lips,
        lip_gap=lip_gap(scene.landmarks, scene.rows, scene.mouth, scene.unit),
        field=field,
        target=cell_centres(corner, size, *field.rest.shape[-2:])[None, None, None],
        places=head.normal(pixels[None, None]),
        head=head,
        background=background,
        seam=make_seam(image, scene.region, scene.picture, field, matte),
        **parts,
    )


def prepare_parts(scene: Scene, eyes: bool) -> dict:
    """Mouth and, unless they stay still, eyes of a scene, by the names of ``MeshAppearance``."""
    open_by = mouth_gap(scene.landmarks).item() / scene.unit
    mouth_patch = make_patch(scene, scene.mouth, *MOUTH_PATCH, open_by)
    eyes_patch = make_patch(scene, scene.eyes, *EYE_PATCH) if eyes else None
    return {
        "mouth_patch": mouth_patch,
        "mouth": make_mouth(scene, mouth_patch),
        "eyes_patch": eyes_patch,
        "eyes": make_eyeballs(scene, eyes_patch) if eyes else None,
        "mouth_finish": make_finish(scene, mouth_patch, scene.mouth),
    }
