import math

import pytest
import torch

from vasa_core.audio.resample import resample, resample_stream

RATES = (8000, 11025, 16000, 22050, 44100, 44101, 48000, 96000)


def tone(rate: int, count: int, pitch: float = 440.0) -> torch.Tensor:
    return torch.sin(2 * math.pi * pitch * torch.arange(count, dtype=torch.float64) / rate).float()


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_stays_the_same_tone_and_the_length_is_exact(rate):
    count = rate + 17
    out = resample(tone(rate, count), rate, 16000)
    assert len(out) == math.ceil(count * 16000 / rate)
    wanted = tone(16000, len(out))
    assert (out - wanted)[300:-300].abs().max() < 2e-3


@pytest.mark.parametrize("rate", (8000, 44100, 44101))
@pytest.mark.parametrize("block", (1, 501, 40000))
def test_where_the_sound_is_cut_does_not_matter(rate, block):
    sound = torch.randn(3001, generator=torch.Generator().manual_seed(0))
    pieces = list(resample_stream(sound.split(block), rate, 16000))
    assert torch.equal(torch.cat(pieces), resample(sound, rate, 16000))


def test_what_16_khz_cannot_hold_is_removed_and_not_folded():
    assert resample(tone(48000, 48000, 11000), 48000, 16000)[300:-300].abs().max() < 2e-3


def test_nothing_stays_nothing():
    assert len(resample(torch.zeros(0), 44100, 16000)) == 0
