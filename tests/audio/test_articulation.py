import pytest
import torch

from vasa_core.audio.articulation import PHONES, LipPress, load_articulation
from vasa_core.audio.features import FEATURES, ArticulationEncoder
from vasa_core.audio.reader import read_audio


@pytest.fixture(scope="module")
def features(speech_path):
    return ArticulationEncoder.load().encode(*read_audio(speech_path)).features


@pytest.fixture(scope="module")
def press() -> LipPress:
    return load_articulation()[1]


def gap(lips, press):
    return lips @ press.opening


def test_the_press_closes_open_lips_and_leaves_closed_ones(press):
    lips = torch.randn(200, 12, generator=torch.Generator().manual_seed(0))
    shut = press(lips, torch.ones(200))
    assert gap(shut, press).max() <= 1e-5
    closed = gap(lips, press) < -0.01
    assert torch.equal(shut[closed], lips[closed])
    assert torch.equal(press(lips, torch.zeros(200)), lips)


def test_lips_move_with_speech_and_close_again(features, press):
    opening = gap(features[:, FEATURES["lips"]], press)
    assert opening.quantile(0.95) > 0.04
    assert opening.quantile(0.05) < 0.01
    assert opening.std() > 0.02


def test_phones_are_probabilities_and_speech_is_not_silence(features):
    phones = features[:, FEATURES["phones"]]
    assert torch.allclose(phones.sum(1), torch.ones(len(phones)), atol=1e-4)
    assert 0.02 < (phones.argmax(1) == PHONES.index("silence")).float().mean() < 0.6
    assert phones[:, PHONES.index("bilabial")].max() > 0.6


def test_lips_are_shut_where_a_p_b_or_m_is_said(features, press):
    surely = features[:, FEATURES["phones"]][:, PHONES.index("bilabial")] > 0.65
    assert surely.any()
    assert gap(features[:, FEATURES["lips"]][surely], press).max() < 0.01


@pytest.mark.parametrize("loudness", (0.0, 0.001, 0.1))
def test_lips_rest_in_silence_and_noise(press, loudness):
    noise = torch.randn(48000, generator=torch.Generator().manual_seed(1)) * loudness
    lips = ArticulationEncoder.load().encode(noise, 16000).features[:, FEATURES["lips"]]
    assert gap(lips, press).abs().mean() < 0.008
    assert gap(lips, press).max() < 0.03
