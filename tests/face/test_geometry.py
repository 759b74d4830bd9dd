import torch

from vasa_core.face.basis import FaceBasis
from vasa_core.face.geometry import fit_pose, rotation_angles, rotation_matrix


def test_angles_and_matrices_are_inverse():
    angles = torch.tensor([[0.0, 0, 0], [30, -20, 10], [-50, 15, -80], [5, 40, 120]])
    assert torch.allclose(rotation_angles(rotation_matrix(angles)), angles, atol=1e-3)


def test_signs_are_as_the_viewer_sees_them():
    ahead = torch.tensor([0.0, 0, -1])  # out of the face, towards the viewer
    right = rotation_matrix(torch.tensor([20.0, 0, 0])) @ ahead
    up = rotation_matrix(torch.tensor([0.0, 20, 0])) @ ahead
    assert right[0] > 0.3 and up[1] < -0.3
    clockwise = rotation_matrix(torch.tensor([0.0, 0, 20])) @ torch.tensor([1.0, 0, 0])
    assert clockwise[1] > 0.3


def test_the_pose_of_a_posed_mesh_is_found_again():
    canonical = FaceBasis.load().canonical
    angles = torch.tensor([[25.0, -10, 5], [-15, 8, -30]])
    scale, shift = torch.tensor([80.0, 120]), torch.tensor([[100.0, 90, 3], [40, 60, -5]])
    posed = scale[:, None, None] * (canonical @ rotation_matrix(angles).mT) + shift[:, None]
    fit = fit_pose(posed, canonical)
    assert torch.allclose(rotation_angles(fit.rotation), angles, atol=1e-2)
    assert torch.allclose(fit.scale, scale, rtol=1e-4)
    assert torch.allclose(fit.shift, shift, atol=1e-2)
    assert torch.allclose(fit.canonical(posed), canonical.expand(2, -1, -1), atol=1e-4)
