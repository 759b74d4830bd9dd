import pytest
import torch

from vasa_core.face.basis import FaceBasis
from vasa_core.lab.data.lips import LipMeasures
from vasa_core.lab.training.articulation.lip_model import LipModel, LipTeacher
from vasa_core.lab.training.articulation.phonemes import SILENCE, Phone


@pytest.fixture(scope="module")
def basis():
    return FaceBasis.load()


def test_the_measures_are_those_of_the_mesh(basis):
    measures = LipMeasures.of(basis)
    codes = torch.zeros(2, 24)
    codes[1, :12] = 0.3 * torch.randn(12, generator=torch.Generator().manual_seed(0))
    faces = basis.canonical + basis.displacement(codes)
    change = (faces[:, 14, 1] - faces[:, 13, 1]).diff()
    assert float(codes[1, :12] @ measures.opening) == pytest.approx(float(change), abs=1e-5)


def test_lips_are_exact_where_the_phone_says_so(basis):
    """Whatever the models say: shut on m, at rest in silence, left alone on a vowel."""
    measures = LipMeasures.of(basis)
    model = LipModel().eval()
    model.mean[:] = measures.opening * 12  # lips open all the time
    model.std[:] = 0
    timeline = [Phone(0, 0.6, SILENCE), Phone(0.6, 0.9, "a"), Phone(0.9, 1.0, "m")]
    timeline += [Phone(1.0, 1.3, "a"), Phone(1.3, 2.0, SILENCE)]
    gap = LipTeacher([model], measures)(timeline, 2.0).detach() @ measures.opening
    assert gap[:40].abs().max() < 1e-6
    assert gap[91:96].max() < 0
    assert gap[75:82].min() > 0.05
    assert gap[170:].abs().max() < 1e-6
