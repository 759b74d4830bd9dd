"""Sound pushed in pieces: any cut gives the same as the whole, from every audio encoder."""

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
import torch

from vasa_core.audio.features import ArticulationEncoder
from vasa_core.audio.stream import FPS, to_mono
from vasa_core.audio.waveform import WaveformEncoder
from vasa_core.motion.ditto.hubert import HubertStream


class Session:
    """A streaming HuBERT of little content: 20 states of a span, from its samples."""

    def run(self, names, inputs):
        samples = inputs["input_values"][0, :6400].reshape(20, 320)
        return [np.repeat(samples.std(1, keepdims=True), 1024, 1)]


ENCODERS = {
    "articulation": ArticulationEncoder.load,
    "waveform": WaveformEncoder,
    "waveform, lead": lambda: WaveformEncoder(2),
    "hubert": lambda: HubertStream(session=Session()),
}


@pytest.fixture(scope="module", params=ENCODERS)
def encoder(request):
    return ENCODERS[request.param]()


def noise(samples):
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(samples))


def cut(sound, seed):
    """Pieces of random lengths, nothing and single samples among them."""
    random = np.random.default_rng(seed)
    sizes, left = [], sound.shape[-1]
    while left:
        longest = (1, 100, 3000, 30000)[random.integers(4)]
        sizes.append(min(left, int(random.integers(longest + 1))))
        left -= sizes[-1]
    return sound.split(sizes, -1)


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("chunk", [1, 5, 20, None])
@pytest.mark.parametrize("level", [None, -3.0])
def test_pushed_in_any_cut_it_is_the_whole(encoder, rate, chunk, level):
    sound = noise(2 * rate + 123)
    whole = encoder.open(rate, level, chunk)
    whole = [whole.push(sound), whole.finish()]
    for seed in (0, 1):
        stream = encoder.open(rate, level, chunk)
        pieces = [*map(stream.push, cut(sound, seed)), stream.finish()]
        assert torch.equal(
            torch.cat([p.features for p in pieces]), torch.cat([p.features for p in whole])
        )
        assert sum(p.duration for p in pieces) == Fraction(len(sound), rate)
        assert all(len(p) == ceil(p.duration * FPS) for p in pieces)
        assert all(p.duration * FPS == len(p) for p in pieces[:-1])


@pytest.mark.parametrize("chunk", [2, 40])
def test_small_chunks_come_sooner_and_hold_the_same(encoder, chunk):
    sound = noise(40000)
    stream, ready = encoder.open(16000, -3.0, chunk), 0
    pieces = []
    for number, piece in enumerate(map(stream.push, sound.split(640)), start=1):
        pieces.append(piece)
        ready += len(piece)
        waits = chunk + encoder.grain + (encoder.behind + encoder.ahead) / 640
        assert number - waits - 1 <= ready <= number
    pieces.append(stream.finish())
    whole = encoder.open(16000, -3.0, 10**4)
    expected = torch.cat([whole.push(sound).features, whole.finish().features])
    assert torch.allclose(torch.cat([p.features for p in pieces]), expected, atol=1e-4)


def test_blocks_and_the_whole_are_a_few_lines_over_pushing(encoder):
    sound = torch.stack([noise(30001), noise(30002)[:30001]])
    level = encoder.measure(sound.split(999, 1), 16000)
    streamed = list(encoder.stream(sound.split(999, 1), 16000, level))
    whole = encoder.encode(sound, 16000)
    assert torch.equal(torch.cat([p.features for p in streamed]), whole.features)
    assert sum(p.duration for p in streamed) == whole.duration
    assert {(p.encoder, p.fps) for p in [*streamed, whole]} == {(encoder.name, FPS)}
    assert all(map(len, streamed))


def test_no_sound_has_no_rows(encoder):
    stream = encoder.open(44100)
    none = [stream.push(torch.zeros(0)), stream.push(torch.zeros(0)), stream.finish()]
    assert not any(map(len, none)) and not any(p.duration for p in none)
    unpushed = encoder.open(44100).finish()
    assert unpushed.features.shape == none[0].features.shape == (0, encoder.size)
    assert list(encoder.stream([], 16000)) == []


def test_channels_are_averaged_and_broken_samples_are_silence():
    sound = torch.tensor([[0.5, float("nan"), 1.0, 100.0], [0.25, 0.5, float("inf"), 100.0]])
    assert to_mono(sound).tolist() == [0.375, 0.0, 0.0, 8.0]
    assert to_mono(sound[0, :1]).tolist() == [0.5]
