"""What the renderer keeps of a portrait."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ...types import CropTransform, FaceConditioning
from .keypoints import FaceState
from .networks.warping import WarpSource
from .paste import PastePlace
from .views import FaceView


@dataclass(frozen=True, slots=True, repr=False)
class ImplicitAppearance:
    """A portrait ready to be rendered.

    canonical       (1, K, 3)  keypoints without pose and expression
    state           pose and expression in the photo
    crop            the working crop
    source          what the warping network needs of it
    place           where the painted crop goes in the picture
    conditioning    what motion models are told of the face, mesh points in the crop among it
    views           more photos of the same face
    """

    canonical: Tensor
    state: FaceState
    source: WarpSource
    crop: CropTransform
    place: PastePlace
    conditioning: FaceConditioning
    views: tuple[FaceView, ...] = ()
