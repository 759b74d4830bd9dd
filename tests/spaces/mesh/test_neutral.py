"""A photo's own smile: measured, and taken away."""

import torch

from vasa_core.face.basis import PARTS
from vasa_core.motion.editing import still
from vasa_core.spaces.mesh.gestures import gestures
from vasa_core.spaces.mesh.neutral import smiling, unsmiling_code


def test_the_more_a_face_smiles_the_more_is_taken_away(space):
    basis = space.basis
    smile = gestures(basis)["smile"]
    amounts = torch.tensor([-0.5, 0.0, 0.3, 0.6, 0.9])
    faces = basis.canonical + basis.displacement(amounts[:, None] * smile)
    assert (smiling(faces).diff() > 0).all()
    taken = torch.stack([unsmiling_code(face, basis) for face in faces])
    assert not taken[:2].any()  # a serious face stays as it is
    relaxed = smiling(faces + basis.displacement(taken))
    assert (relaxed[2:] - smiling(faces[1:2]) < 1.3).all()
    assert (relaxed[2:].diff().abs() < 0.1).all()
    assert not taken[:, PARTS["blink"]].any() and not taken[:, PARTS["gaze"]].any()


def test_a_smiling_portrait_becomes_neutral(space, portrait):
    motion = still("mesh", 3)
    assert smiling(portrait.identity[None]) > 3  # the astronaut beams
    none, half, whole = (space.neutralised(portrait, motion, a) for a in (0.0, 0.5, 1.0))
    assert torch.equal(none.dynamics, motion.dynamics)
    assert torch.allclose(2 * half.dynamics, whole.dynamics)
    shown = torch.cat([next(space.render(portrait, made[:1])) for made in (none, half, whole)])
    faces = torch.stack([space.encode(frame[None]).identity for frame in shown])
    assert (smiling(faces).diff() < -0.5).all()
