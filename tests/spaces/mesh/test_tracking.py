from fractions import Fraction

import torch

from vasa_core.face.basis import PARTS, FaceBasis
from vasa_core.face.geometry import rotation_matrix
from vasa_core.spaces.mesh.tracking import motion_from_landmarks, relative_motion

FPS = Fraction(25)


def posed(basis, codes, angles, scale, shift):
    faces = basis.canonical + basis.displacement(codes)
    return scale[:, None, None] * (faces @ rotation_matrix(angles).mT) + shift[:, None]


def test_a_moving_face_is_measured():
    basis = FaceBasis.load()
    frames = 40
    phase = torch.linspace(0, 6.28, frames)
    codes = torch.zeros(frames, 24)
    codes[:, 0] = phase.sin().clamp(min=0) * 2
    angles = torch.stack([10 * phase.sin(), 5 * phase.cos(), 0 * phase], 1)
    scale = 100 * (1 + 0.1 * phase.cos())
    shift = torch.stack([200 + 10 * phase.cos(), 150 + 0 * phase, 0 * phase], 1)
    motion = motion_from_landmarks(posed(basis, codes, angles, scale, shift), basis, FPS)
    assert motion.reference == "camera" and len(motion) == frames
    assert (motion.rotation - angles).abs().max() < 0.5
    measured = motion.dynamics[:, PARTS["lips"]][:, 0]
    assert torch.corrcoef(torch.stack([measured, codes[:, 0]]))[0, 1] > 0.98

    offsets = relative_motion(motion)
    assert offsets.reference == "portrait"
    assert offsets.rotation[0].abs().max() < 1e-3 and offsets.translation[0].abs().max() < 1e-4
    assert torch.allclose(offsets.scale, scale / scale[0], rtol=0.01)
    expected = (shift - shift[0])[:, 0] / scale[0]
    assert (offsets.translation[:, 0] - expected).abs().max() < 0.02


def test_offsets_stay_as_they_are():
    basis = FaceBasis.load()
    still = motion_from_landmarks(100 * basis.canonical.expand(3, -1, -1), basis, FPS)
    offsets = relative_motion(still)
    assert relative_motion(offsets) is offsets
