"""What the renderer keeps of a portrait."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ...types import CropTransform
from .keypoints import FaceState
from .networks.warping import WarpSource
from .paste import PastePlace
from .views import FaceView


@dataclass(frozen=True, slots=True, repr=False)
class ImplicitAppearance:
    """A portrait ready to be rendered.

    extracted       raw outputs of the motion extractor, (1, n) by name
    canonical       (1, K, 3)  keypoints without pose and expression
    state           pose and expression in the photo
    crop            the working crop
    source          what the warping network needs of it
    place           where the painted crop goes in the picture
    crop_landmarks  (478, 3)   mesh points in pixels of the working crop
    views           more photos of the same face
    """

    extracted: dict[str, Tensor]
    canonical: Tensor
    state: FaceState
    source: WarpSource
    crop: CropTransform
    place: PastePlace
    crop_landmarks: Tensor
    views: tuple[FaceView, ...] = ()
