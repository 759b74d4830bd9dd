"""Which face of a picture is meant, and where its points lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ..errors import InputError, NoFaceError
from .encoder import FaceEncoder, Faces


@dataclass(frozen=True, slots=True)
class ChosenFace:
    """Points (478, 3) and confidence of one face, and how many faces there were to choose from."""

    landmarks: Tensor
    confidence: float
    faces: int


def choose_face(
    encoder: FaceEncoder, image: Tensor, face: int, mask: Tensor | None, step
) -> ChosenFace:
    """The ``face``-th largest face in (1, 3, H, W), or in the part that a mask (H, W), 0..1, shows.

    ``step`` is called twice: when the faces and when the points are found. Raises NoFaceError when
    there is no face, InputError when there are fewer than asked for or the mask does not fit.
    """
    faces = encoder.detect(image)
    step()
    if mask is not None:
        faces = masked(faces, mask, image)
    if face >= len(faces):
        where = "the image" if mask is None else "the masked part of the image"
        raise InputError(f"Face {face + 1} was asked for; {where} shows {len(faces)}.")
    landmarks, confidence = encoder.landmarks_at(image, faces[face])
    step()
    return ChosenFace(landmarks, confidence, len(faces))


def masked(faces: Faces, mask: Tensor, image: Tensor) -> Faces:
    """The faces whose centre lies in a mask (H, W)."""
    if mask.shape != image.shape[-2:]:
        got, needed = (f"{width}x{height}" for height, width in (mask.shape, image.shape[-2:]))
        raise InputError(f"The mask is {got}, the image {needed}; both must have the same size.")
    column, row = faces.boxes[:, :2].long().T.cpu()
    inside = mask.cpu()[row.clamp(0, len(mask) - 1), column.clamp(0, mask.shape[1] - 1)] > 0.5
    if not inside.any():
        raise NoFaceError(
            f"None of the {len(faces)} faces in the image has its centre in the mask; paint over "
            "the middle of the face that is meant."
        )
    return Faces(faces.frames[inside], faces.scores[inside])


def face_in_view(encoder: FaceEncoder, views: Sequence[Tensor], number: int, step) -> Tensor:
    """Points (478, 3) of the largest face in one of several more photos (1, 3, h, w).

    ``step`` as in ``choose_face``. NoFaceError says which photo shows none.
    """
    try:
        return choose_face(encoder, views[number], 0, None, step).landmarks
    except NoFaceError as error:
        raise NoFaceError(f"View {number + 1} of {len(views)}: {error}") from error
