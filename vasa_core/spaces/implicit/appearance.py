"""What the renderer keeps of a portrait."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .keypoints import FaceState
from .networks.warping import WarpSource
from .paste import PastePlace


@dataclass(frozen=True, slots=True, repr=False)
class ImplicitAppearance:
    """A portrait ready to be rendered.

    extracted       raw outputs of the motion extractor, (1, n) by name
    canonical       (1, K, 3)  keypoints without pose and expression
    state           pose and expression in the photo
    source          what the warping network needs of it
    place           where the painted crop goes in the picture
    crop_landmarks  (478, 3)   mesh points in pixels of the working crop
    """

    extracted: dict[str, Tensor]
    canonical: Tensor
    state: FaceState
    source: WarpSource
    place: PastePlace
    crop_landmarks: Tensor
