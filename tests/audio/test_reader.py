import av
import numpy as np
import pytest
import torch

from vasa_core.audio.reader import Sound, probe_audio, read_audio, stream_audio, waveform_frames
from vasa_core.errors import InputError


def write(path, samples: np.ndarray, rate: int, codec: str, kind: str, layout: str = "mono"):
    """Samples (C, N) of the codec's own type into a sound file."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = layout
        stream.format = kind
        if not kind.endswith("p"):
            samples = samples.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), kind, layout)
        frame.sample_rate = rate
        for item in (frame, None):
            container.mux(stream.encode(item))
    return path


def sine(count: int, rate: int) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 300 * np.arange(count) / rate)


@pytest.mark.parametrize("rate", (8000, 16000, 44100, 48000))
def test_wav_is_read_to_the_last_sample(tmp_path, rate):
    wave = sine(rate + 1, rate)
    samples = np.round(wave[None] * 32767).astype(np.int16)
    path = write(tmp_path / "a.wav", samples, rate, "pcm_s16le", "s16")
    sound, found = read_audio(path)
    assert (len(sound), found) == (rate + 1, rate)
    assert probe_audio(path) == Sound(rate + 1, rate)
    assert np.abs(sound.numpy() - wave).max() < 1e-4


def test_channels_are_averaged(tmp_path):
    left = sine(5000, 22050).astype(np.float32)
    path = write(
        tmp_path / "a.wav", np.stack([left, 0 * left]), 22050, "pcm_f32le", "flt", "stereo"
    )
    sound, _ = read_audio(path)
    assert np.allclose(sound.numpy(), left / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [("a.mp3", "libmp3lame", "fltp"), ("a.m4a", "aac", "fltp"), ("a.flac", "flac", "s16")],
)
def test_compressed_sound_keeps_its_tune(tmp_path, name, codec, kind):
    wave = sine(44100, 44100)
    samples = wave[None].astype(np.float32) if kind == "fltp" else (wave[None] * 32767).astype("i2")
    path = write(tmp_path / name, samples, 44100, codec, kind)
    sound, rate = read_audio(path)
    assert rate == 44100
    assert abs(len(sound) - 44100) < 3000
    spectrum = torch.fft.rfft(sound[10000:30000]).abs()
    assert abs(int(spectrum.argmax()) * 44100 / 20000 - 300) < 5


def test_blocks_joined_are_the_file(speech_path):
    whole, rate = read_audio(speech_path)
    blocks = list(stream_audio(speech_path, 0.37))
    assert torch.equal(torch.cat(blocks), whole)
    assert {len(b) for b in blocks[:-1]} == {int(rate * 0.37)}


def test_samples_that_are_not_numbers_become_silence(tmp_path):
    samples = np.full((1, 4000), 0.1, np.float32)
    samples[0, 100], samples[0, 200] = np.nan, np.inf
    sound, _ = read_audio(write(tmp_path / "a.wav", samples, 16000, "pcm_f32le", "flt"))
    assert sound.isfinite().all() and sound[100] == 0 and sound[200] == 0


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        read_audio(tmp_path / "none.wav")


def test_a_file_without_sound_is_refused(portrait_path):
    with pytest.raises(InputError, match="no sound"):
        read_audio(portrait_path)


@pytest.mark.parametrize("content", (b"", b"not a sound at all" * 40))
def test_an_unreadable_file_is_refused(tmp_path, content):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_audio(path)


def test_a_sound_without_samples_is_refused(tmp_path, speech_path):
    path = tmp_path / "a.flac"
    path.write_bytes(speech_path.read_bytes()[:300])  # the header alone
    with pytest.raises(InputError):
        read_audio(path)


def test_half_a_file_is_refused(tmp_path, speech_path):
    path = tmp_path / "a.flac"
    content = speech_path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="cut off"):
        probe_audio(path)


def test_a_waveform_becomes_audio_frames():
    waveform = torch.linspace(-2, 2, 2 * 50000).view(2, 50000)
    waveform[0, 3] = float("nan")
    frames = list(waveform_frames(waveform, 22050))
    assert [frame.samples for frame in frames] == [22050, 22050, 5900]
    assert {frame.layout.name for frame in frames} == {"stereo"}
    samples = np.concatenate([frame.to_ndarray() for frame in frames], 1)
    assert samples[0, 3] == 0 and np.abs(samples).max() == 1
    many = list(waveform_frames(torch.rand(6, 100), 8000))
    assert many[0].layout.name == "mono"
