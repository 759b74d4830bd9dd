"""Makes a portrait ready to be moved: everything that can be done before the first frame."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ....face.basis import FaceBasis
from ....face.measure import FaceMeasure
from ....face.topology import VERTICES
from .appearance import MeshAppearance
from .geometry.blendshapes import lip_gap
from .geometry.lattice import cell_centres
from .geometry.openings import mouth_gap
from .geometry.portrait_geometry import CELL, PortraitGeometry, portrait_geometry
from .geometry.region import head_square
from .layers.compositing import make_compositor
from .layers.eyes import make_eyeballs
from .layers.foreground import head_layers, lower_face_layers
from .layers.mouth import make_mouth
from .layers.patch import make_patch
from .refiner_io import make_refiner_frame

PREPARING_STEPS = 4
# How far the patches reach beside the corners, above and below their line, in eye distances.
MOUTH_PATCH = (0.12, 0.44, 0.62)
EYE_PATCH = (0.06, 0.20, 0.20)


def prepare(
    image: Tensor,
    source: FaceMeasure,
    basis: FaceBasis,
    step: Callable[[], None] = lambda: None,
    lips: Tensor | None = None,
) -> MeshAppearance:
    """Make a portrait ready to be moved; once per portrait, about a second on one core.

    Args:
        image: (1, 3, H, W), 0..1.
        source: the face, (478, 3) landmarks in pixels of the image, z in the same scale.
        basis: the space's face basis, with which the face was measured.
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
    shape = tuple(source.landmarks.shape)
    if shape != (VERTICES, 3):
        raise ValueError(f"prepare got landmarks {shape}, needs ({VERTICES}, 3).")
    geometry = portrait_geometry(image, source.to(image), basis, lips)
    step()
    size = geometry.origin.new_tensor([geometry.region.width, geometry.region.height])
    corner = torch.zeros_like(size)
    field = geometry.lattice(corner[None], size, CELL * geometry.unit, (1,))
    step()
    parts = prepare_parts(geometry, eyes=lips is None)
    step()
    head, background = head_layers(geometry) if lips is None else lower_face_layers(geometry)
    step()
    pixels = cell_centres(corner, size, geometry.region.height, geometry.region.width)
    matte = head.planes[:, 3:, :: geometry.factor, :: geometry.factor].contiguous()
    return MeshAppearance(
        region=geometry.region,
        close_up=head_square(geometry.ellipse, geometry.region.height, geometry.region.width),
        image=image,
        rotation=geometry.pose.rotation[0],
        origin=geometry.origin,
        unit=geometry.pose.scale[0],
        own_lips=geometry.own_lips,
        lip_gap=lip_gap(geometry.landmarks, geometry.blendshapes, geometry.mouth, geometry.unit),
        field=field,
        target=cell_centres(corner, size, *field.rest.shape[-2:])[None, None, None],
        places=head.normal(pixels[None, None]),
        head=head,
        background=background,
        compositor=make_compositor(image, geometry.region, geometry.picture, field, matte),
        **parts,
    )


def prepare_parts(geometry: PortraitGeometry, eyes: bool) -> dict:
    """Mouth and, unless they stay still, eyes of a portrait, by the names of ``MeshAppearance``."""
    open_by = mouth_gap(geometry.landmarks).item() / geometry.unit
    mouth_patch = make_patch(geometry, geometry.mouth, *MOUTH_PATCH, open_by)
    eyes_patch = make_patch(geometry, geometry.eyes, *EYE_PATCH) if eyes else None
    return {
        "mouth_patch": mouth_patch,
        "mouth": make_mouth(geometry, mouth_patch),
        "eyes_patch": eyes_patch,
        "eyes": None if eyes_patch is None else make_eyeballs(geometry, eyes_patch),
        "refiner_frame": make_refiner_frame(geometry, mouth_patch, geometry.mouth),
    }
