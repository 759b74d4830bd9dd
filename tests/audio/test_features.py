import math
from fractions import Fraction

import pytest
import torch

from vasa_core.audio.features import FEATURE_SIZE, FEATURES, ArticulationEncoder
from vasa_core.audio.reader import read_audio
from vasa_core.audio.resample import resample
from vasa_core.audio.stream import FPS


@pytest.fixture(scope="module")
def encoder():
    return ArticulationEncoder.load()


@pytest.fixture(scope="module")
def speech(speech_path):
    return read_audio(speech_path)


def column(features, name):
    return features.features[:, FEATURES[name]]


@pytest.mark.parametrize("rate", (8000, 16000, 44100))
@pytest.mark.parametrize("count", (1, 639, 641, 12345))
def test_rows_cover_the_sound_exactly(encoder, rate, count):
    features = encoder.encode(torch.zeros(count), rate)
    assert len(features) == math.ceil(count * 25 / rate)
    assert features.duration == Fraction(count, rate)
    assert features.features.shape[1] == FEATURE_SIZE and features.fps == FPS


@pytest.mark.parametrize("level", (None, -3.0))
@pytest.mark.parametrize(("block", "chunk"), [(1000, 7), (100000, 40), (16000, 300)])
def test_a_stream_equals_the_whole(encoder, speech, level, block, chunk):
    sound, rate = speech
    whole = list(encoder.stream([sound], rate, level, chunk=10**6))
    pieces = list(encoder.stream(sound.split(block), rate, level, chunk=chunk))
    assert len(whole) == 1
    assert sum(p.duration for p in pieces) == whole[0].duration
    joined = torch.cat([p.features for p in pieces])
    assert (joined - whole[0].features).abs().max() < 1e-4


def test_a_stream_holds_a_bounded_stretch_of_sound(encoder):
    """Rows come out as soon as their look-ahead is in, however long the sound is."""
    given = 0

    def blocks():
        nonlocal given
        for _ in range(40):
            given += 8000
            yield torch.zeros(8000)

    done = 0
    for piece in encoder.stream(blocks(), 16000, -3.0, chunk=25):
        done += len(piece)
        assert given - done * 640 <= 25 * 640 + 8000 + 640 * 6 or given == 320000
    assert done == 500


def test_loudness_does_not_matter(encoder, speech):
    sound, rate = speech
    loud, quiet = (encoder.encode(sound * gain, rate).features for gain in (1.0, 0.1))
    assert (loud - quiet).abs().mean() < 0.03


def test_silence_and_faint_hiss_stay_silent(encoder):
    silent = encoder.encode(torch.zeros(32000), 16000)
    assert (column(silent, "mel") == -2).all() and (column(silent, "voiced") < 0.01).all()
    hiss = torch.randn(32000, generator=torch.Generator().manual_seed(0)) * 1e-4
    assert column(encoder.encode(hiss, 16000), "energy").max() < 0


@pytest.mark.parametrize("hertz", (90, 160, 220, 400))
def test_pitch_is_in_octaves_above_160_hz(encoder, hertz):
    time = torch.arange(32000) / 16000
    tone = sum(torch.sin(2 * math.pi * hertz * k * time) / k for k in range(1, 6))
    features = encoder.encode(0.2 * tone, 16000)
    octaves = column(features, "pitch")[10:40] / column(features, "voiced")[10:40]
    assert (octaves - math.log2(hertz / 160)).abs().max() < 0.02
    assert (column(features, "voiced")[10:40] > 0.95).all()


def test_a_sound_in_many_channels_or_with_broken_samples(encoder, speech):
    sound, rate = speech
    stereo = encoder.encode(torch.stack([sound, sound]), rate)
    assert torch.allclose(stereo.features, encoder.encode(sound, rate).features, atol=1e-5)
    broken = sound.clone()
    broken[500:520] = float("nan")
    assert encoder.encode(broken, rate).features.isfinite().all()


def test_rows_lie_at_their_time(encoder):
    """A click at 1.0 s is loudest in row 25, whatever the rate."""
    for rate in (16000, 44100):
        sound = torch.zeros(2 * rate)
        sound[rate - rate // 400 : rate + rate // 400] = 0.5
        energy = column(encoder.encode(sound, rate), "energy")[:, 0]
        assert int(energy.argmax()) == 25


@pytest.mark.parametrize("rate", (22050, 44100, 48000))
def test_the_rate_of_the_recording_hardly_matters(encoder, speech, rate):
    sound, own = speech
    again = encoder.encode(resample(sound, own, rate), rate)
    assert (again.features - encoder.encode(sound, own).features).abs().mean() < 2e-4
