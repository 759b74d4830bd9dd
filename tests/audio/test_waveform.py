from fractions import Fraction
from math import ceil

import pytest
import torch

from vasa_core.audio.resample import resample
from vasa_core.audio.stream import ROW
from vasa_core.audio.waveform import WaveformEncoder


def wave(samples, seed=0):
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("samples", [1, 639, 640, 641, 16000])
def test_rows_are_the_samples_and_zeros_fill_the_last(samples):
    sound = wave(samples)
    audio = WaveformEncoder().encode(sound, 16000)
    assert audio.features.shape == (ceil(samples / ROW), ROW)
    flat = audio.features.flatten()
    assert torch.equal(flat[:samples], sound) and not flat[samples:].any()
    assert (audio.encoder, audio.fps) == ("waveform-16000", Fraction(25))
    assert audio.duration == Fraction(samples, 16000)


@pytest.mark.parametrize("samples", [1, 640, 1281, 5000])
def test_a_lead_comes_first_and_the_end_drops_off(samples):
    plain, led = (WaveformEncoder(lead).encode(wave(samples), 16000) for lead in (0, 2))
    assert len(plain) == len(led)
    assert not led.features[:2].any()
    assert torch.equal(led.features[2:], plain.features[:-2])


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_other_rates_and_channels(rate):
    sound = wave(2 * 3 * rate).view(2, -1)[:, : 2 * rate + 77]
    audio = WaveformEncoder().encode(sound, rate)
    assert len(audio) == ceil(Fraction(sound.shape[1] * 25, rate))
    expected = resample(sound.mean(0), rate, 16000)
    kept = min(expected.numel(), audio.features.numel())
    assert torch.allclose(audio.features.flatten()[:kept], expected[:kept], atol=1e-6)


@pytest.mark.parametrize("lead", [0, 2])
@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("block", [100, 7777, 10**6])
@pytest.mark.parametrize("samples", [44100, 32000, 31999, 17])
def test_a_stream_gives_the_same(samples, block, rate, lead):
    encoder, sound = WaveformEncoder(lead), wave(samples)
    whole = encoder.encode(sound, rate)
    pieces = list(encoder.stream(sound.split(block), rate, chunk=10))
    assert torch.allclose(torch.cat([p.features for p in pieces]), whole.features, atol=1e-6)
    assert sum(p.duration for p in pieces) == whole.duration
    assert all(len(p) == ceil(p.duration * 25) for p in pieces)


def test_broken_samples_become_silence():
    sound = wave(640)
    sound[3], sound[4] = float("nan"), float("inf")
    assert not WaveformEncoder().encode(sound, 16000).features[0, 3:5].any()


def test_nothing_gives_nothing_and_no_loudness_is_measured():
    encoder = WaveformEncoder()
    assert len(encoder.encode(torch.zeros(0), 16000)) == 0
    assert encoder.measure(iter([wave(10)]), 16000) == 0.0


def test_a_stream_starts_before_the_sound_ends():
    asked = []

    def blocks():
        for seed in range(10):
            asked.append(seed)
            yield wave(16000, seed)

    first = next(WaveformEncoder(2).stream(blocks(), 16000, chunk=25))
    assert len(first) == 25 and len(asked) <= 2
