import math

import pytest
import torch

from vasa_core.audio.articulation import load_articulation
from vasa_core.audio.spectrum import (
    GATE,
    HOP,
    MEL_RANGE,
    MEL_SPAN,
    MELS,
    MIN_LEVEL,
    RATE,
    LevelMeter,
    frame_level,
    mel_filters,
    pitch,
    running_level,
)


def test_the_filters_are_librosas():
    """Those in the weight file, that is, which the net was trained with."""
    assert (load_articulation()[2].filters - mel_filters()).abs().max() < 1e-6


@pytest.fixture(scope="module")
def bank():
    return load_articulation()[2]


def test_mel_power_is_librosas(bank):
    librosa = pytest.importorskip("librosa")
    sound = torch.randn(8000, generator=torch.Generator().manual_seed(0))
    low, high = MEL_RANGE
    wanted = librosa.feature.melspectrogram(
        y=sound.numpy(), sr=RATE, n_fft=MEL_SPAN, win_length=400, hop_length=HOP, center=False,
        n_mels=MELS, fmin=low, fmax=high, norm=None,
    )  # fmt: skip
    window = torch.hann_window(400).sum() / 2
    assert torch.allclose(bank.power(sound), torch.from_numpy(wanted).T / window**2, rtol=1e-4)


def test_a_full_sine_has_a_level_of_about_nothing(bank):
    tone = torch.sin(2 * math.pi * 1000 * torch.arange(16000) / 16000)
    assert frame_level(bank.power(tone)).sub(0.4).abs().max() < 0.3


def test_the_level_is_the_95th_percentile_of_what_is_heard():
    meter = LevelMeter()
    assert meter.level == MIN_LEVEL
    meter.add(torch.full((10000,), GATE - 1))  # silence does not count
    meter.add(torch.linspace(-8, -2, 500))
    meter.add(torch.linspace(-8, -2, 500))
    assert abs(meter.level - (-2.3)) < 0.06


def test_a_running_level_rises_at_once_and_falls_slowly():
    levels = torch.tensor([-9.0] * 10 + [-2.0] + [-9.0] * 100)
    level = running_level(levels, -6.0)
    assert level[9] == pytest.approx(-6.0 - 10 * 0.0023, abs=1e-4)
    assert level[10] == pytest.approx(-2.7, abs=1e-4)
    assert level[110] == pytest.approx(-2.7 - 0.23, abs=1e-3)


def test_noise_has_no_voice():
    noise = torch.randn(32000, generator=torch.Generator().manual_seed(0))
    assert pitch(noise)[1].mean() < 0.1
