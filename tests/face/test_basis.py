import pytest
import torch

from vasa_core.face.basis import CODE_SIZE, PARTS, FaceBasis
from vasa_core.face.canonical import eye_opening, gaze_angles, mouth_opening
from vasa_core.face.topology import IRISES, LIPS


@pytest.fixture(scope="module")
def basis():
    return FaceBasis.load()


def test_the_canonical_face_is_upright_symmetric_and_of_unit_size(basis):
    face = basis.canonical
    assert torch.allclose((face[33] - face[263]).norm(), torch.tensor(1.0), atol=1e-4)
    mirrored = face[basis.mirror] * torch.tensor([-1.0, 1, 1])
    assert (mirrored - face).abs().max() < 1e-4
    assert torch.equal(basis.mirror[basis.mirror], torch.arange(478))
    assert face[152, 1] > face[1, 1] > face[10, 1]  # chin below nose below forehead
    assert face[1, 2] < face[234, 2]  # the nose is nearer than the ear


def test_codes_come_back_from_the_displacement_that_they_make(basis):
    codes = torch.zeros(6, CODE_SIZE)
    codes[:, PARTS["lips"]] = torch.randn(6, 12, generator=torch.Generator().manual_seed(0))
    codes[:, PARTS["expression"]] = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
    found = basis.codes(basis.canonical + basis.displacement(codes), basis.canonical)
    assert (found - codes)[:, :20].abs().max() < 0.1


def test_lips_codes_move_lips_and_not_the_forehead(basis):
    codes = torch.zeros(1, CODE_SIZE)
    codes[0, :12] = 1
    moved = basis.displacement(codes)[0].norm(dim=-1)
    assert moved[list(LIPS)].mean() > 20 * moved[[10, 151, 9, 337, 108]].mean()


def test_blink_is_measured_as_closure_of_each_eye(basis):
    face = basis.canonical.clone()
    face[[159, 158, 160]] = face[[145, 153, 144]]  # right upper lid onto the lower
    codes = basis.codes(face[None], basis.canonical)[0]
    right, left = codes[PARTS["blink"]]
    assert right > 0.95 and abs(left) < 0.05


def test_gaze_is_measured_in_degrees_with_the_viewers_signs(basis):
    face = basis.canonical.clone()
    face[list(IRISES), :2] += torch.tensor([0.03, -0.02])  # right and up in the picture
    theta, phi = (gaze_angles(face[None]) - gaze_angles(basis.canonical[None]))[0]
    assert 10 < theta < 16 and 6 < phi < 11


def test_openings_of_the_canonical_face_are_plausible(basis):
    assert 0 <= mouth_opening(basis.canonical[None]) < 0.08
    assert (eye_opening(basis.canonical[None]) > 0.2).all()
