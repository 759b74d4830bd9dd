import torch

from vasa_core.audio.articulation import ArticulationNet, load_articulation
from vasa_core.audio.spectrum import mel_filters
from vasa_core.face.basis import FaceBasis
from vasa_core.lab.data.lips import LipMeasures
from vasa_core.lab.training.articulation.augment import WARPS, warped_filters
from vasa_core.lab.training.articulation.train import (
    CLOSED,
    CLOSURE_BIAS,
    ArticulationRecipe,
    write,
)


def test_what_training_writes_is_what_the_encoder_loads(tmp_path):
    trained, measures = ArticulationNet(channels=16), LipMeasures.of(FaceBasis.load())
    recipe = ArticulationRecipe(channels=16)
    write(trained, measures, tmp_path / "articulation.safetensors", recipe)
    net, press, bank = load_articulation(tmp_path / "articulation.safetensors")
    assert torch.equal(bank.filters, mel_filters())
    assert torch.equal(press.opening, measures.press().opening)
    assert torch.equal(net.lips.weight, trained.lips.weight.half().float())
    bias = net.phones.bias - trained.phones.bias
    assert abs(bias[CLOSED] - CLOSURE_BIAS) < 1e-3 and bias.abs().sum() < CLOSURE_BIAS + 0.01


def test_filters_can_be_read_for_longer_and_shorter_vocal_tracts():
    banks, plain = warped_filters(), mel_filters()
    bins = torch.arange(plain.shape[1]).float()
    centres = (banks * bins).sum(2) / banks.sum(2)
    middle = centres[:, 15] / ((plain * bins).sum(1) / plain.sum(1))[15]
    assert torch.allclose(middle, 1 / torch.from_numpy(WARPS).float(), rtol=0.05)
