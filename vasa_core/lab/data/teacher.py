"""Landmarks for what was built: by MediaPipe, which taught the shipped weights, or by our encoder.

MediaPipe 0.10.14 gives the founders' landmarks again (pip install mediapipe==0.10.14; its FaceMesh
was taken out of later versions). The face encoder learned from it and differs by 1.5 % of the eye
distance or so; it needs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...errors import InputError, NoFaceError
from ...face.encoder import FaceEncoder
from .cut import written

CLOSER = 0.9  # the second look at a crop sees this share of it
STEP = 4096  # of the tracks: parts of the frame


class Labeller(Protocol):
    """Finds the 478 points of one face; x and z over the width, y over the height."""

    def picture(self, pixels: np.ndarray) -> np.ndarray | None:
        """(478, 3) points in an (H, W, 3) uint8 picture; None without a face."""
        ...

    def track(self, frames: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """(T, 478, 3) points in the frames of a video, and (T,) whether a face was found."""
        ...


class MediaPipe:
    """MediaPipe's FaceMesh with irises, as it labelled the founders' corpus."""

    def __init__(self):
        try:
            import mediapipe  # pyright: ignore[reportMissingImports]  # optional

            self._mesh = mediapipe.solutions.face_mesh.FaceMesh
        except (ImportError, AttributeError) as error:
            raise InputError(
                "Labelling with MediaPipe needs its FaceMesh: pip install mediapipe==0.10.14; or "
                "label with our own face encoder: --landmarks own."
            ) from error

    def picture(self, pixels: np.ndarray) -> np.ndarray | None:
        """As ``Labeller.picture``."""
        with self._opened(static=True) as mesh:
            return _points(mesh.process(pixels))

    def track(self, frames: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """As ``Labeller.track``."""
        with self._opened(static=False) as mesh:
            return _held([_points(mesh.process(frame)) for frame in frames])

    def _opened(self, *, static: bool):
        return self._mesh(static_image_mode=static, max_num_faces=1, refine_landmarks=True)


class Own:
    """The shipped face encoder."""

    def __init__(self):
        self._encoder = FaceEncoder.load()

    def picture(self, pixels: np.ndarray) -> np.ndarray | None:
        """As ``Labeller.picture``."""
        try:
            points, _ = self._encoder.landmarks(_image(pixels)[None])
        except NoFaceError:
            return None
        return points[0].numpy() / _scale(pixels)

    def track(self, frames: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """As ``Labeller.track``."""
        frames = iter(frames)
        first = next(frames)
        points, found = self._encoder.track(map(_image, chain([first], frames)))
        return points.numpy() / _scale(first), found.numpy()


LABELLERS = {"mediapipe": MediaPipe, "own": Own}


def label_crop(labeller: Labeller, crop: Image.Image) -> np.ndarray | None:
    """(478, 3) points in a square crop: the mean of a look at all of it and one at its middle.

    The founders took a third look, at the whole picture, which a built corpus has no more.
    """
    side = crop.width
    edge = side * (1 - CLOSER) / 2
    middle = crop.transform(
        (side, side),
        Image.Transform.EXTENT,
        (edge, edge, side - edge, side - edge),
        Image.Resampling.BICUBIC,
    )
    looks = [labeller.picture(np.asarray(crop)), labeller.picture(np.asarray(middle))]
    if looks[1] is not None:
        looks[1] = looks[1] * CLOSER + np.array([1, 1, 0]) * (1 - CLOSER) / 2
    seen = [look for look in looks if look is not None]
    return np.mean(seen, 0) if seen else None


def save_track(path: Path, points: np.ndarray, found: np.ndarray, size: tuple[int, int]) -> None:
    """Write the track of a clip of (width, height) in the packed form that ``tracks`` reads."""
    steps = np.diff(np.round(points * STEP).astype(np.int16), axis=0, prepend=np.int16(0))
    packed = steps.astype("<i2")[..., None].view(np.uint8).transpose(3, 0, 1, 2)
    with written(path) as partial:
        np.savez_compressed(partial, q=packed, ok=found, width=size[0], height=size[1], fps=25.0)


def save_still(path: Path, points: np.ndarray | None, size: tuple[int, int]) -> None:
    """Write the points of a picture of (width, height), or that no face was found in it."""
    held = np.zeros((1, 478, 3)) if points is None else points[None]
    with written(path) as partial:
        np.savez_compressed(
            partial,
            landmarks=held.astype(np.float16),
            ok=points is not None,
            width=size[0],
            height=size[1],
        )


def _points(result) -> np.ndarray | None:
    if not result.multi_face_landmarks:
        return None
    return np.array([(p.x, p.y, p.z) for p in result.multi_face_landmarks[0].landmark])


def _held(seen: list[np.ndarray | None]) -> tuple[np.ndarray, np.ndarray]:
    """Points of all frames, those without a face repeating the one before; and found."""
    found = np.array([points is not None for points in seen])
    if not found.any():
        raise NoFaceError(f"No face in any of the {len(seen)} frames of this video.")
    last = np.maximum.accumulate(np.where(found, np.arange(len(seen)), found.argmax()))
    return np.stack([seen[i] for i in last]), found


def _image(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float() / 255


def _scale(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    return np.array([width, height, width])
