"""The blendshapes of a portrait: code components, lids along its contours, closed lips.

A blendshape is a displacement of the 468 face vertices, in working pixels of the portrait. A
portrait has C = 24 of them, in this order: the 12 + 8 components of lips and expression; the
closing of the right and of the left eye; what is left to close open lips (see
``solve_lips_code``); and the parting of lips that overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .....face.basis import CODE_SIZE, PARTS, FaceBasis
from .....face.geometry import RigidFit
from .....face.measure import FaceMeasure
from .....face.topology import (
    FACE_VERTICES,
    LEFT_CREASE,
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    LIP_LOWER_INNER,
    LIP_UPPER_INNER,
    RIGHT_CREASE,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)
from ....curves import piecewise_linear, smoothstep
from ....limits import soft_length
from .openings import MOUTH_LOWER, MOUTH_UPPER, Openings, cut_mouth, mouth_gap

LID_UPPER, LID_CREASE, LID_BROW, LID_LOWER = 0.97, 0.52, 0.06, -0.06  # shares of the lid gap
CLOSE_UPPER, CLOSE_LOWER = 0.40, -0.60  # shares of the lip gap
CLOSABLE = 0.25  # gap in eye distances
GAP_NOISE = 0.015  # of landmarks, in eye distances
OPEN_LIPS = (0.03, 0.08)  # gap over half width: below lips count as closed, above as open
SEEN_OPENING = 1.2  # how much wider open lips in a video are than they are tracked
MOST = 9.0  # length of a lips or expression code; 19 of 20 frames of talkers keep below 5.4
PRESSED = 0.008  # overlap of pressed lips, in eye distances
JAW = (
    *(18, 200, 199, 175, 152, 83, 313, 182, 406, 201, 421, 208, 428),
    *(171, 396, 148, 377, 194, 418, 32, 262),
)


def limit_codes(dynamics: Tensor) -> Tensor:
    """(B, D) codes whose lips and expression are held to what leaves a face intact.

    The length of either part is bent smoothly below ``MOST``; what talking faces do stays as it is.
    """
    codes = dynamics.clone()
    for part in ("lips", "expression"):
        codes[:, PARTS[part]] = soft_length(codes[:, PARTS[part]], MOST)
    return codes


def blink_shapes(landmarks: Tensor, eyes: Openings) -> Tensor:
    """(V, 3) landmarks to (2, 468, 3): displacement that closes the right and the left eye."""
    shapes = landmarks.new_zeros(2, FACE_VERTICES, 3)
    lids = (
        (RIGHT_LID_UPPER, RIGHT_LID_LOWER, RIGHT_CREASE),
        (LEFT_LID_UPPER, LEFT_LID_LOWER, LEFT_CREASE),
    )
    for eye, (above, below, (crease, brow)) in enumerate(lids):
        along = eyes.local(landmarks[None, :, :2])[eye, :, 0]
        gap = landmarks[list(below)] - landmarks[list(above)]
        gap[:, 2] = 0
        knots = along[list(above)]
        for indices, share in (
            (above, LID_UPPER),
            (crease, LID_CREASE),
            (brow, LID_BROW),
            (below, LID_LOWER),
        ):
            indices = list(indices)
            shapes[eye, indices] = share * piecewise_linear(along[indices], knots, gap)
    return shapes


def photo_gap(landmarks: Tensor, mouth: Openings, unit: float) -> Tensor:
    """(V, 3) landmarks to (11, 3) from upper to lower inner lip, as far as it will close.

    Zero if the lips are closed. A cry is wider than a picture can be pulled together: the wider,
    the less it is closed.
    """
    gap = landmarks[list(LIP_LOWER_INNER)] - landmarks[list(LIP_UPPER_INNER)]
    share = (CLOSABLE * unit / mouth_gap(landmarks).clamp(min=1e-6)).clamp(max=1).square()
    width = (mouth.lower - mouth.upper).amax() / mouth.half[0]
    return share * gap * smoothstep(width, *OPEN_LIPS)


def measured_gap(face: FaceMeasure) -> Tensor:
    """``photo_gap`` of a face whose mouth is not known yet."""
    return photo_gap(face.landmarks, cut_mouth(face.landmarks, face.unit), face.unit)


def solve_lips_code(gap: Tensor, pose: RigidFit, basis: FaceBasis) -> tuple[Tensor, Tensor]:
    """The likeliest (12,) lips code that opens lips by ``gap`` (11, 3), and what it leaves over.

    Codes are standard normal by their making, so this is the usual Gaussian estimate.
    """
    lips = basis.lips.to(gap)
    opens = lips[:, list(LIP_LOWER_INNER)] - lips[:, list(LIP_UPPER_INNER)]
    wanted = gap @ pose.rotation[0] / pose.scale[0]  # (11, 3), canonical
    flat = opens.flatten(1)  # (12, 33)
    gram = flat @ flat.T + GAP_NOISE**2 * torch.eye(len(flat)).to(flat)
    own = torch.linalg.solve(gram, flat @ wanted.flatten())
    left = wanted - torch.einsum("k,kvc->vc", own, opens)
    return own, left @ pose.rotation[0].T * pose.scale[0]


def closing_shape(landmarks: Tensor, gap: Tensor, mouth: Openings) -> Tensor:
    """(V, 3) landmarks to (468, 3): displacement of the lips that closes a ``gap`` (11, 3)."""
    along = mouth.local(landmarks[None, :FACE_VERTICES, :2])[0, :, 0]
    closing = piecewise_linear(along, along[list(LIP_UPPER_INNER)], gap)  # corners have no gap
    shape = landmarks.new_zeros(FACE_VERTICES, 3)
    shape[list(MOUTH_UPPER)] = CLOSE_UPPER * closing[list(MOUTH_UPPER)]
    shape[list(MOUTH_LOWER)] = CLOSE_LOWER * closing[list(MOUTH_LOWER)]
    return shape


def widen_lips(landmarks: Tensor, unit: float) -> Tensor:
    """(V, 3) landmarks of a video frame with the lips as far apart as they really are.

    Tracked lips lie too near to each other: what is open is seen open in part.
    """
    gap = landmarks[list(LIP_LOWER_INNER)] - landmarks[list(LIP_UPPER_INNER)]
    shape = closing_shape(landmarks, (SEEN_OPENING - 1) * gap, cut_mouth(landmarks, unit))
    return torch.cat([landmarks[:FACE_VERTICES] - shape, landmarks[FACE_VERTICES:]])


def own_expression(face: FaceMeasure, basis: FaceBasis) -> Tensor:
    """The dynamics code that shows a portrait as it was taken.

    A code of zero means closed lips, so a photo with open lips has a code of its own: rendering
    with it gives the photo back.

    Returns:
        (D,) code; zero but for ``lips``, and there too if the photo's lips are closed.
    """
    code = face.landmarks.new_zeros(CODE_SIZE)
    code[PARTS["lips"]] = solve_lips_code(measured_gap(face), face.pose, basis)[0]
    return code


def parting_shape(landmarks: Tensor, mouth: Openings) -> Tensor:
    """(V, 3) landmarks to (468, 3): moves the lips apart by a pixel in the middle."""
    along = mouth.local(landmarks[None, :FACE_VERTICES, :2])[0, :, 0] / mouth.half
    bulge = (1 - (along / 1.1).square()).clamp(min=0)[:, None] * mouth.axes[0, 1]
    shape = landmarks.new_zeros(FACE_VERTICES, 3)
    for indices, share in ((MOUTH_UPPER, -0.4), (MOUTH_LOWER, 0.6), (JAW, 0.4)):
        shape[list(indices), :2] = share * bulge[list(indices)]
    return shape


@dataclass(frozen=True, slots=True)
class LipGap:
    """How far the lips are apart in the middle, pixels: ``rest`` () plus weights @ ``slopes`` (C,).

    Codes of other faces may press the lips through each other; ``overlap`` says by how much to part
    them again. A little is left: pressed lips.
    """

    rest: Tensor
    slopes: Tensor
    allowed: Tensor

    def overlap(self, weights: Tensor) -> Tensor:
        """(B, C) weights to (B,) pixels, zero and smooth until the lips overlap."""
        over = (-self.allowed - self.rest - weights @ self.slopes).clamp(min=0)
        return over.square() / (over + self.allowed)


def lip_gap(landmarks: Tensor, blendshapes: Tensor, mouth: Openings, unit: float) -> LipGap:
    """The gap of (V, 3) landmarks, and what (C, 468, 3) blendshapes add, in the mouth's frame."""
    above, below = list(LIP_UPPER_INNER[4:7]), list(LIP_LOWER_INNER[4:7])
    down = mouth.axes[0, 1]
    rest = ((landmarks[below] - landmarks[above])[:, :2] @ down).mean()
    slopes = ((blendshapes[:, below] - blendshapes[:, above])[..., :2] @ down).mean(1)
    return LipGap(rest.clamp(min=0), slopes, rest.new_tensor(PRESSED * unit))


def portrait_blendshapes(
    landmarks: Tensor,
    pose: RigidFit,
    basis: FaceBasis,
    mouth: Openings,
    eyes: Openings,
    lips: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """All (C, 468, 3) blendshapes of a portrait, C = 12 + 8 + 2 + 2, and its own lips code (12,).

    The last but one closes what the own code leaves open; the last one parts the lips.
    ``lips`` is the own code where it is known; None: it is read from the gap of the lips.
    """
    components = torch.cat([basis.lips, basis.expression])[:, :FACE_VERTICES].to(landmarks)
    camera = components @ pose.rotation[0].T * pose.scale[0]  # (20, 468, 3)
    gap = photo_gap(landmarks, mouth, pose.scale.item())
    own, left = solve_lips_code(gap, pose, basis)
    if lips is not None:
        own = lips.to(gap) + solve_lips_code((1 - 1 / SEEN_OPENING) * gap, pose, basis)[0]
        moved = torch.einsum("k,kvc->vc", own, camera[: len(own)])
        left = gap - (moved[list(LIP_LOWER_INNER)] - moved[list(LIP_UPPER_INNER)])
    rest = closing_shape(landmarks, left, mouth)
    parting = parting_shape(landmarks, mouth)
    return torch.cat([camera, blink_shapes(landmarks, eyes), rest[None], parting[None]]), own
