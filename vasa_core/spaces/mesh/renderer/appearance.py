"""What the renderer keeps of a portrait."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ....face.basis import CODE_SIZE
from ....types import CropTransform
from .geometry.blendshapes import LipGap
from .geometry.lattice import Lattice
from .geometry.region import HeadRegion, HeadSquare
from .geometry.texture import Texture
from .layers.compositing import Compositor
from .layers.eyes import Eyeballs
from .layers.mouth import MouthInside
from .layers.patch import Patch
from .refiner_io import RefinerFrame
from .views.photo import Views


@dataclass(frozen=True, slots=True, repr=False)
class MeshAppearance:
    """A portrait ready to be rendered; all tensors in working pixels of ``region``.

    image      (1, 3, H, W)  the source image
    close_up                 square around the head, in working pixels
    rotation   (3, 3)        the head's own, in the photo
    origin     (3,)          of the canonical mesh
    unit       ()            eye distance
    own_lips   (12,)         lips code that opens the photo's lips as they are
    lip_gap                  tells when lips would overlap
    field                    displacement over the whole region
    target     (1, 1, 1, 2, h', w')  points of the field's lattice
    places     (1, 1, 2, h, w)  pixel centres of the region, in the head texture's own measure
    head                     moving layer: colour times matte (3), matte
    background (1, 3, h, w)  still layer
    compositor               lays the region over the image
    refiner_frame            how the refiner sees the mouth
    eyes_patch, eyes         None where nothing but the lips is going to move
    views                    more photos of the person; None without any
    """

    region: HeadRegion
    close_up: HeadSquare
    image: Tensor
    rotation: Tensor
    origin: Tensor
    unit: Tensor
    own_lips: Tensor
    lip_gap: LipGap
    field: Lattice
    target: Tensor
    places: Tensor
    head: Texture
    background: Tensor
    compositor: Compositor
    mouth_patch: Patch
    mouth: MouthInside
    refiner_frame: RefinerFrame
    eyes_patch: Patch | None
    eyes: Eyeballs | None
    views: Views | None = None

    @property
    def own(self) -> Tensor:
        """(D,) dynamics code that the photo shows."""
        return F.pad(self.own_lips, (0, CODE_SIZE - len(self.own_lips)))

    @property
    def crop(self) -> CropTransform:
        """Where the close-up lies in the source image."""
        across, down = self.region.scale
        left = self.region.left + self.close_up.left / across
        top = self.region.top + self.close_up.top / down
        matrix = torch.tensor([[1 / across, 0, left], [0, 1 / down, top]])
        return CropTransform(matrix.to(self.origin), self.close_up.side)
