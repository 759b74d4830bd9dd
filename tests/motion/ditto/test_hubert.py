"""How sound reaches the streaming HuBERT, on a session that is none."""

import builtins
from fractions import Fraction
from math import ceil

import numpy as np
import pytest
import torch

from vasa_core.errors import InputError
from vasa_core.motion.ditto.hubert import SPAN, HubertStream


class Session:
    """Gives 20 states for a span: state n is the span's sample at 320 n, in all columns."""

    def __init__(self, batch=False):
        self.spans, self.batch = [], batch

    def run(self, names, inputs):
        assert names is None and list(inputs) == ["input_values"]
        span = inputs["input_values"]
        assert span.shape == (1, SPAN) and span.dtype == np.float32
        self.spans.append(span[0].copy())
        states = np.repeat(span[0, :6400:320, None], 1024, 1)
        return [states[None] if self.batch else states, "more"]


def ramp(samples):
    return torch.arange(1, samples + 1) / 1e5


@pytest.mark.parametrize("samples", [1, 640, 3199, 3200, 3201, 20000])
def test_spans_start_2000_samples_before_their_five_rows(samples):
    session, sound = Session(), ramp(samples)
    audio = HubertStream(session=session).encode(sound, 16000)
    assert audio.features.shape == (ceil(samples / 640), 1024)
    assert (audio.encoder, audio.fps) == ("hubert-streaming-1024", Fraction(25))
    assert audio.duration == Fraction(samples, 16000)
    assert len(session.spans) == ceil(ceil(samples / 640) / 5)
    padded = torch.cat([torch.zeros(2000), sound, torch.zeros(SPAN)]).numpy()
    for number, span in enumerate(session.spans):
        expected = padded[number * 3200 : number * 3200 + SPAN]
        assert np.array_equal(span[: len(expected)], expected)
    # of 20 states the ones from the sixth on, two by two: states 6, 7, ... lie at sample 1920, ...
    at = padded[[1920 + 640 * row + 320 * half for row in range(len(audio)) for half in (0, 1)]]
    assert np.allclose(audio.features[:, 0].numpy(), at.reshape(-1, 2).mean(1), atol=1e-7)


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("block", [100, 5000, 10**6])
def test_a_stream_gives_the_same(block, rate):
    sound = 0.1 * torch.randn(2 * rate + 123)
    encoder = HubertStream(session=Session(batch=True))
    whole = encoder.encode(sound, rate)
    pieces = list(encoder.stream(sound.split(block), rate))
    assert torch.allclose(torch.cat([p.features for p in pieces]), whole.features, atol=1e-6)
    assert sum(p.duration for p in pieces) == whole.duration
    assert len(whole) == ceil(whole.duration * 25)


def test_nothing_gives_nothing_and_no_loudness_is_measured():
    encoder = HubertStream(session=Session())
    assert len(encoder.encode(torch.zeros(0), 16000)) == 0
    assert encoder.measure(iter([]), 16000) == 0.0


def test_without_onnxruntime_it_says_what_to_do(tmp_path, monkeypatch):
    path = tmp_path / "hubert.onnx"
    with pytest.raises(InputError, match="does not exist"):
        HubertStream(path)
    path.write_bytes(b"not a network")
    imported = builtins.__import__

    def missing(name, *args, **options):
        if name == "onnxruntime":
            raise ImportError(name)
        return imported(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match="pip install onnxruntime"):
        HubertStream(path)
