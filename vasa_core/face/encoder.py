"""The face encoder: finds faces in pictures and videos and gives their 478 points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import NoFaceError
from .detector import Detector, suppress
from .framing import crop_at, fit_frames, frame_angle, frame_size, to_image
from .landmark_net import LandmarkNet
from .layers import Net, channels_last, fuse
from .part_net import LEFT_EYE, LIPS, RIGHT_EYE, PartConfig, PartNet, part_frames
from .storage import WEIGHTS, read_detector, read_landmark_net, read_part_net
from .topology import mirror_index
from .tracking import Tracker, no_such_face, smooth_track

CANDIDATE = 0.2  # heat from which a place is looked at with the landmark network
FACE = 0.97  # score from which it is a face
# Upside down, mouth and eyes trade places: most such faces score as faces too, with their points
# wrong, but up to 0.9988 where nearly all upright ones score more. So a face that scores less than
# ``SURE`` is held against what the turned picture shows.
SURE = 0.999
TURNED_FACE = 0.996  # score of a face in a turned picture, where more looks like one by chance
APART = 0.6  # centres of two faces lie this far apart, in half sides of the larger one's square
PART_SHARE = 0.8  # how far lips and eyes follow the second look
SPREAD = 0.07  # how far around lips and eyes the skin follows their second look, in half crop sides
MOST_FACES = 16


@dataclass(frozen=True, slots=True)
class Faces:
    """Faces of one picture, the largest first.

    frames (F, 2, 3)  upright square around each: maps -1..1 to pixels (see ``framing``)
    scores (F,)       confidence, 0..1
    """

    frames: Tensor
    scores: Tensor

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, face: int) -> Tensor:
        return self.frames[face]

    @property
    def boxes(self) -> Tensor:
        """(F, 4): centre x and y, side in pixels, roll in degrees, clockwise as seen."""
        size, roll = 2 * frame_size(self.frames), torch.rad2deg(frame_angle(self.frames))
        return torch.cat([self.frames[:, :, 2], size[:, None], roll[:, None]], 1)


class FaceEncoder(nn.Module):
    """Detector, landmark network and the second look at lips and eyes, in one object.

    Points are (478, 3): x right and y down in pixels (continuous: the first pixel spans 0..1), z in
    the same scale, smaller is nearer; the numbering is MediaPipe FaceMesh's.
    """

    spread: Tensor
    mirror: Tensor
    lips_mirror: Tensor

    def __init__(self, detector: Detector, face: LandmarkNet, lips: PartNet, eye: PartNet):
        super().__init__()
        self.detector, self.face = finished(detector), finished(face)
        self.lips, self.eye = finished(lips), finished(eye)
        mirror = mirror_index()
        lips_mirror = torch.tensor([LIPS.index(i) for i in mirror[LIPS].tolist()])
        # worked out again from the networks, so not stored with them
        self.register_buffer("spread", spread(self.face.mean), persistent=False)
        self.register_buffer("mirror", mirror, persistent=False)
        self.register_buffer("lips_mirror", lips_mirror, persistent=False)

    @staticmethod
    def load(
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        folder: Path = WEIGHTS,
    ) -> FaceEncoder:
        """With the weights in ``folder`` (default: the embedded ones)."""
        points = folder / "face_landmarks.safetensors"
        return FaceEncoder(
            read_detector(folder / "face_detector.safetensors"),
            read_landmark_net(points),
            read_part_net(points, "lips"),
            read_part_net(points, "eye"),
        ).to(device, dtype)

    @torch.no_grad()
    def detect(self, image: Tensor, max_faces: int = MOST_FACES) -> Faces:
        """The faces in one image (1, 3, H, W), the largest first.

        All are about equally turned: upright within 45 degrees or, where no such face is sure, to
        one of the other sides. Raises NoFaceError when there is none.
        """
        faces, best = self.search(image, max_faces)
        if not len(faces):
            height, width = image.shape[-2:]
            sides = " and ".join(str(s) for s in self.detector.config.sides)
            raise NoFaceError(
                f"No face in this {width}x{height} image: searched it upright and turned to each"
                f" side, scaled to {sides} px; best score upright {best:.2f}, needed {FACE:.2f}."
                " Faces must be at least 8 % of the shorter side; try a closer crop."
            )
        return faces

    @torch.no_grad()
    def search(self, image: Tensor, most: int = MOST_FACES) -> tuple[Faces, float]:
        """As ``detect``, but perhaps no faces; and the best score of any place seen upright."""
        faces, upright = self._search(image, most)
        if upright >= SURE:
            return faces, upright
        best = max(upright, TURNED_FACE)
        for quarters in (1, 2, 3):
            turned, score = self._search(image, most, quarters)
            if score > best:
                faces, best = turned, score
        return faces, upright

    @torch.no_grad()
    def landmarks(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Points (B, 478, 3) and confidence (B,) of the largest face in each of (B, 3, H, W).

        Raises NoFaceError when an image has none.
        """
        found = [self.landmarks_at(image, self.detect(image)[0]) for image in images.split(1)]
        points, confidence = zip(*found, strict=True)
        return torch.stack(points), images.new_tensor(confidence)

    @torch.no_grad()
    def landmarks_at(self, image: Tensor, where: Tensor) -> tuple[Tensor, float]:
        """Points (478, 3) and confidence of the face at ``where`` in one image (1, 3, H, W).

        ``where`` is a frame (2, 3) from ``detect``, or the points (478, 3) of the frame before in
        a video. From a frame the face is looked at twice, the second time straightened, and its
        mirror image as well; from points once, for speed.
        """
        still = where.shape == (2, 3)
        points = self._look(image, where[None])[0] if still else where[None]
        frame = fit_frames(points, self.face.mean)
        points, confidence = self._look(image, frame, mirrored=still)
        return self._look_closer(image, points, mirrored=still)[0], float(confidence)

    @torch.no_grad()
    def track(self, frames: Iterable[Tensor], face: int = 0) -> tuple[Tensor, Tensor]:
        """Points (T, 478, 3) of one face through a video of (3, H, W), and found (T,).

        ``face`` 0 is the largest of the first frame that shows one. Points are smoothed forwards
        and backwards in time, so they do not lag. A frame without a face repeats the points before
        it (the first ones: those after it). Raises NoFaceError when no frame shows a face.
        """
        tracker = Tracker(self, face)
        results = [tracker(frame[None]) for frame in frames]
        found = torch.tensor([points is not None for points in results], device=self.mirror.device)
        if not found.any():
            raise no_such_face(len(results), face)
        seen = smooth_track(torch.stack([points for points in results if points is not None]))
        return seen[(found.long().cumsum(0) - 1).clamp(min=0)], found

    def _search(self, image: Tensor, most: int, quarters: int = 0) -> tuple[Faces, float]:
        """Faces in an image, looked at after that many quarter turns, and the best score there."""
        frames, heat = self.detector.find(image, CANDIDATE / 2, quarters=quarters)
        best = float(heat.max()) if len(heat) else 0.0
        frames, heat = frames[heat > CANDIDATE], heat[heat > CANDIDATE]
        if not len(frames):
            return Faces(frames, heat[:0]), best
        points, _ = self._look(image, frames)
        frames = fit_frames(points, self.face.mean)
        points, seen = self._look(image, frames, mirrored=True)
        frames = fit_frames(points, self.face.mean)
        # both networks have a say: odds of the straightened look times root of the detector's odds
        scores = (seen.logit(1e-6) + heat.logit(1e-6) / 2).sigmoid()
        least = TURNED_FACE if quarters else FACE
        keep = [i for i in suppress(frames, scores, APART) if scores[i] > least]
        keep = sorted(keep, key=lambda i: -float(frame_size(frames)[i]))[:most]
        return Faces(frames[keep], scores[keep]), float(scores.max())

    def _look(self, image: Tensor, frames: Tensor, mirrored: bool = False) -> tuple[Tensor, Tensor]:
        """Points (F, 478, 3) in pixels and confidence (F,) from face crops at frames (F, 2, 3).

        With ``mirrored``, the mean of what is seen in each crop and in its mirror image.
        """
        size = self.face.config.size
        crops = crop_at(image, frames, size, size)
        _, points, logit = self.face(torch.cat([crops, crops.flip(-1)]) if mirrored else crops)
        if mirrored:
            points, mirror = points.chunk(2)
            points, logit = (points + flipped(mirror, self.mirror)) / 2, logit.view(2, -1).mean(0)
        return to_image(points, frames), logit.sigmoid()

    def _look_closer(self, image: Tensor, points: Tensor, mirrored: bool = False) -> Tensor:
        """Points (1, 478, 3) with lips and eyes corrected from closer crops."""
        frames = fit_frames(points, self.face.mean)
        result = points.clone()

        def crop(part: list[int], config: PartConfig) -> tuple[Tensor, Tensor]:
            frame = part_frames(points, frames, part, config.side)
            return crop_at(image, frame, config.height, config.width), frame

        def correct(part: list[int], found: Tensor, frame: Tensor) -> None:
            seen = to_image(found, frame)
            result[:, part, :2] = torch.lerp(points[:, part, :2], seen, PART_SHARE)

        lips, at = crop(LIPS, self.lips.config)
        found = self.lips(torch.cat([lips, lips.flip(-1)]) if mirrored else lips)
        if mirrored:
            found, mirror = found.chunk(2)
            found = (found + flipped(mirror, self.lips_mirror)) / 2
        correct(LIPS, found, at)
        right, right_at = crop(RIGHT_EYE, self.eye.config)
        left, left_at = crop(LEFT_EYE, self.eye.config)
        both = self.eye(torch.cat([right, left.flip(-1)]))  # the left eye as a right one
        correct(RIGHT_EYE, both[:1], right_at)
        correct(LEFT_EYE, flipped(both[1:]), left_at)
        result[..., :2] += self.spread @ (result - points)[..., :2]
        return result


def finished(net: Net) -> Net:
    """A trained network as it is used: fused, fixed, channels side by side in memory."""
    return channels_last(fuse(net.train(False)).requires_grad_(False))


def spread(mean: Tensor, radius: float = SPREAD) -> Tensor:
    """(V, V) matrix that lets the skin follow the correction of the lips and eyes beside it.

    Less so with distance (Gaussian of ``radius`` in the mean face); the mesh keeps its order.
    """
    parts = sorted({*LIPS, *RIGHT_EYE, *LEFT_EYE})
    near = torch.exp(-(torch.cdist(mean, mean[parts]) / radius).square() / 2)
    matrix = torch.zeros(len(mean), len(mean), device=mean.device, dtype=mean.dtype)
    matrix[:, parts] = near / (near.sum(1, keepdim=True) + 1)
    matrix[parts] = 0
    return matrix


def flipped(points: Tensor, order: Tensor | slice = slice(None)) -> Tensor:
    """Points (B, K, 2 or 3) of a mirrored crop in the crop itself; ``order`` swaps their sides."""
    x, others = points[:, order].split([1, points.shape[-1] - 1], -1)
    return torch.cat([-x, others], -1)
