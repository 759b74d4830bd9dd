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


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("count", (1, 2, 17, 441, 1000, 3001))
def test_the_last_sample_is_there_and_is_sound(rate, count):
    """A sound is as if silence followed: ending it changes nothing of what it was."""
    sound = torch.randn(count, generator=torch.Generator().manual_seed(count))
    out = resample(sound, rate, 16000)
    assert len(out) == math.ceil(count * 16000 / rate)
    followed = resample(torch.cat([sound, torch.zeros(rate // 100)]), rate, 16000)
    assert torch.equal(out, followed[: len(out)])


@pytest.mark.parametrize("rate", RATES)
def test_it_is_librosas_resampling(rate):
    librosa = pytest.importorskip("librosa")
    sound = torch.randn(2 * rate + 5, generator=torch.Generator().manual_seed(0))
    wanted = torch.from_numpy(librosa.resample(sound.numpy(), orig_sr=rate, target_sr=16000))
    made = resample(sound, rate, 16000)
    assert len(made) == len(wanted)
    assert torch.allclose(made[:-1], wanted[:-1], atol=1e-6)


def test_the_same_rate_is_handed_through_untouched():
    sound = torch.randn(1000)
    assert resample(sound, 22050, 22050) is sound
    blocks = list(sound.split(7))
    assert all(a is b for a, b in zip(resample_stream(blocks, 8000, 8000), blocks, strict=True))


@pytest.mark.parametrize("rate", (8000, 16000, 44100))
def test_channels_are_resampled_side_by_side(rate):
    sound = torch.randn(2, 5000, generator=torch.Generator().manual_seed(1))
    made = torch.cat(list(resample_stream(sound.split(777, 1), rate, 16000)), 1)
    assert torch.equal(made, torch.stack([resample(channel, rate, 16000) for channel in sound]))


def test_what_16_khz_cannot_hold_is_removed_and_not_folded():
    assert resample(tone(48000, 48000, 11000), 48000, 16000)[300:-300].abs().max() < 2e-3


def test_nothing_stays_nothing():
    assert len(resample(torch.zeros(0), 44100, 16000)) == 0
    assert not sum(map(len, resample_stream([], 44100, 16000)))
