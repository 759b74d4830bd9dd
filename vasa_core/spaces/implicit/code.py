"""The implicit space's dynamics code, and motion to and from the numbers of LivePortrait.

A code has 65 numbers:

    lips        18  displacement of the six lip keypoints, then
                 1  how much of the portrait's own lip expression goes: 0 it stays, 1 is replaced
    expression  30  displacement of the ten keypoints of brows, cheeks, nose and chin
    blink       14  displacement of the five eye keypoints, all but their common turn to the side
    gaze         2  theta in degrees: the common turn of both eyes; phi in degrees, which controls
                    add (measured motion has it in "blink": the points move with the lids)

Displacements are offsets from the portrait's own expression (reference "portrait") or the motion
extractor's own values (reference "camera"). Zero, with scale 1, is the portrait as it is.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import torch
from einops import rearrange
from torch import Tensor, nn

from ...face.geometry import rotation_angles, rotation_matrix
from ...types import PARTS as SPACE_PARTS
from ...types import Motion
from .driving import Offsets, relative
from .keypoints import EYES, LIPS, OTHERS, FaceState, head_rotation
from .networks.motion import KEYPOINTS

PARTS = SPACE_PARTS["implicit"]
CODE_SIZE = 65
LET_GO = 18  # where the code says how much of the own lips is replaced
FPS = Fraction(25)
EYE_DISTANCE = 0.55  # of outer corners in the working crop, in its half sides; median of 54 faces

# LivePortrait's own retargeting moves the eyeballs by these for a degree or so of gaze.
RIGHT_EYEBALL, LEFT_EYEBALL, RIGHT_LID, LEFT_LID = 11, 15, 13, 16
THETA_STEP = 0.00085
PHI_STEPS = {RIGHT_EYEBALL: -0.0005, LEFT_EYEBALL: -0.0005, RIGHT_LID: -0.00015, LEFT_LID: -0.00015}


def displacement_basis() -> Tensor:
    """(65, 63): what each number of a code adds to the 21 x 3 displacements."""
    rows = torch.zeros(CODE_SIZE, KEYPOINTS, 3)

    def units(start: int, places: list[tuple[int, int]]) -> None:
        for row, (point, axis) in enumerate(places, start):
            rows[row, point, axis] = 1.0

    units(PARTS["lips"].start, [(point, axis) for point in LIPS for axis in range(3)])
    units(PARTS["expression"].start, [(point, axis) for point in OTHERS for axis in range(3)])
    turned = {(RIGHT_EYEBALL, 0), (LEFT_EYEBALL, 0)}
    lids = [(p, axis) for p in EYES for axis in range(3) if (p, axis) not in turned]
    units(PARTS["blink"].start, lids)
    apart, theta, phi = PARTS["blink"].stop - 1, PARTS["gaze"].start, PARTS["gaze"].start + 1
    rows[apart, RIGHT_EYEBALL, 0], rows[apart, LEFT_EYEBALL, 0] = 1.0, -1.0
    rows[theta, [RIGHT_EYEBALL, LEFT_EYEBALL], 0] = THETA_STEP
    for point, step in PHI_STEPS.items():
        rows[phi, point, 1] = step
    return rows.flatten(1)


class MotionCode(nn.Module):
    """Between Motion and offsets of keypoints; as a function, raw values to Motion."""

    basis: Tensor
    inverse: Tensor

    def __init__(self):
        super().__init__()
        basis = displacement_basis()
        measured = basis.clone()
        measured[PARTS["gaze"].stop - 1] = 0  # phi is never measured
        self.register_buffer("basis", basis, persistent=False)
        inverse = torch.linalg.pinv(measured.double()).float()
        self.register_buffer("inverse", inverse, persistent=False)

    def codes(self, displacements: Tensor, let_go: Tensor | float = 0.0) -> Tensor:
        """(T, K, 3) displacements to (T, D) codes."""
        codes = displacements.flatten(1) @ self.inverse
        codes[:, LET_GO] = let_go
        return codes

    def displacements(self, codes: Tensor) -> Tensor:
        """(T, D) codes to (T, K, 3) displacements."""
        return rearrange(codes @ self.basis, "t (k c) -> t k c", c=3)

    def offsets(self, motion: Motion) -> Offsets:
        """What a "portrait" motion does to the keypoints."""
        return Offsets(
            rotation=rotation_matrix(motion.rotation),
            expression=self.displacements(motion.dynamics),
            scale=motion.scale[:, None],
            shift=motion.translation * EYE_DISTANCE,
            own_lips=1 - motion.dynamics[:, LET_GO, None],
        )

    def from_offsets(self, offsets: Offsets, fps: Fraction) -> Motion:
        """The "portrait" motion that does that."""
        return Motion(
            rotation=rotation_angles(offsets.rotation),
            translation=offsets.shift / EYE_DISTANCE,
            scale=offsets.scale[:, 0],
            dynamics=self.codes(offsets.expression, 1 - offsets.own_lips[:, 0]),
            space="implicit",
            fps=fps,
        )

    def measured(self, state: FaceState, fps: Fraction) -> Motion:
        """The "camera" motion of T measured states."""
        return Motion(
            rotation=rotation_angles(state.rotation),
            translation=state.shift[:, :2] / EYE_DISTANCE,
            scale=state.scale[:, 0],
            dynamics=self.codes(state.expression),
            space="implicit",
            fps=fps,
            reference="camera",
        )

    def state(self, motion: Motion) -> FaceState:
        """The states that a "camera" motion measures, as ``measured`` was given them."""
        flat = torch.zeros_like(motion.scale)[:, None]  # how deep nobody needs
        return FaceState(
            rotation_matrix(motion.rotation),
            self.displacements(motion.dynamics),
            motion.scale[:, None],
            torch.cat([motion.translation * EYE_DISTANCE, flat], 1),
        )

    def relative(self, motion: Motion, rest: Motion | None = None) -> Motion:
        """A "camera" motion as offsets from ``rest`` (T = 1; by default its own first frame)."""
        if motion.reference == "portrait":
            return motion
        rest = motion[:1] if rest is None else rest
        turned = rotation_matrix(rest.rotation).mT @ rotation_matrix(motion.rotation)
        return replace(
            motion,
            rotation=rotation_angles(turned),
            translation=motion.translation - rest.translation,
            scale=motion.scale / rest.scale,
            dynamics=motion.dynamics - rest.dynamics,
            reference="portrait",
        )

    def without(self, own: Motion, motion: Motion, amount: float) -> Motion:
        """A motion that takes the expression of ``own`` (T = 1, "camera") away, ``amount`` of it.

        Of lips, the part that the motion has let go of anyway is not taken twice.
        """
        codes = motion.dynamics - amount * own.dynamics.to(motion.dynamics)
        codes[:, PARTS["lips"]] = motion.dynamics[:, PARTS["lips"]]
        codes[:, LET_GO] = codes[:, LET_GO].clamp(min=amount)
        return replace(motion, dynamics=codes)

    def forward(
        self,
        *,
        rotation: Tensor,
        scale: Tensor,
        t: Tensor,
        exp: Tensor,
        first: dict[str, Tensor] | None = None,
        lips_absolute: bool = False,
    ) -> Motion:
        """Raw values of a motion model to a "portrait" motion at 25 frames a second.

        Args:
            rotation: (T, 3) pitch, yaw, roll in degrees, LivePortrait's own signs.
            scale: (T,); t: (T, 3); exp: (T, 63).
            first: the same values of the frame that counts as rest (None: the first one).
            lips_absolute: the lips replace the portrait's own instead of adding to them.
        """
        state = raw_state(rotation, scale, t, exp)
        rest = state[:1] if first is None else raw_state(**first)
        return self.from_offsets(relative(state, rest, lips_absolute), FPS)


def raw_state(rotation: Tensor, scale: Tensor, t: Tensor, exp: Tensor) -> FaceState:
    """Raw values as in ``MotionCode.forward`` to the states that they mean."""
    return FaceState(
        head_rotation(*rotation.unbind(1)), exp.view(-1, KEYPOINTS, 3), scale[:, None], t
    )
