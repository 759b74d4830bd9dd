"""JoyVASA against the outputs of its own code, for stand-in weights."""

import zlib

import numpy as np
import pytest
import torch

from vasa_core.motion.joyvasa.hubert import mirrored
from vasa_core.motion.joyvasa.model import STEPS, JoyVasa
from vasa_core.motion.joyvasa.vector import EXPRESSION, SCALE, SHIFT

DENOISED, SAMPLED, HUBERT = 2e-5, 5e-5, 1e-4  # float32 against float64 differs by a tenth of these
GUIDANCE = 2.8 - 1


@pytest.fixture(scope="module")
def template(goldens):
    """The one that the motion sequence was made with, where the set has that."""
    if not (goldens.folder / "joy_motion_sequence.npz").is_file():
        return goldens.weights("joyvasa_motion_template")
    names = [name for name in goldens.arrays("joy_motion_sequence") if name.startswith("template_")]
    return {
        name.removeprefix("template_"): goldens.tensor("joy_motion_sequence", name)
        for name in names
    }


@pytest.fixture(scope="module")
def models(goldens, template, new_recorder, face_actions):
    weights = goldens.weights("joyvasa_motion_generator")
    return {
        positions: JoyVasa.load(
            weights, template, new_recorder(), face_actions, positions=positions
        )
        for positions in ("legacy", "head")
    }


@pytest.fixture(scope="module")
def legacy(models):
    return models["legacy"]


@pytest.fixture(scope="module")
def inputs(goldens, legacy):
    network, rows = legacy.denoiser, 2
    shapes = {
        "motion": (network.window, network.motion, 1.0),
        "audio_feat": (network.window, network.width, 0.6),
        "prev_motion": (network.past, network.motion, 1.0),
        "prev_audio": (network.past, network.width, 0.6),
    }
    return {
        name: goldens.input(f"joy.{name}", (rows, length, width), gain)
        for name, (length, width, gain) in shapes.items()
    }


@pytest.fixture(scope="module")
def noise(goldens, legacy):
    """A window's number to its start and what steps add."""
    shape = (1, legacy.denoiser.window, legacy.denoiser.motion)
    start = goldens.input("joy.xT.w0", shape)
    return lambda window: (
        start,
        lambda step: goldens.input(f"joy.eps.w{window}.t{STEPS - step}", shape),
    )


@pytest.fixture(scope="module")
def first_window(legacy, inputs, noise):
    before = (legacy.start_motion_feat[0], legacy.start_audio_feat[0])
    return legacy.window(inputs["audio_feat"][0], before, noise(0), scale=GUIDANCE)


@pytest.mark.parametrize("positions", ["legacy", "head"])
@torch.no_grad()
def test_the_denoiser(goldens, need, models, inputs, positions):
    need("joy_denoise", "step", f"denoise_{positions}")
    made = models[positions].denoiser(
        inputs["motion"],
        inputs["audio_feat"],
        inputs["prev_motion"],
        inputs["prev_audio"],
        goldens.tensor("joy_denoise", "step"),
    )
    goldens.check("joy_denoise", f"denoise_{positions}", made, DENOISED)


@torch.no_grad()
def test_hubert(goldens, need, legacy):
    need("joy_audio", "padded_len", "padded_head", "hidden_sub", "feat")
    samples = legacy.denoiser.window * 640
    time = torch.arange(samples, dtype=torch.float64) / 16000
    loudness = 0.2 + (2 * torch.pi * 1.7 * time).sin().abs()
    sound = (goldens.input("joy.audio", (1, samples), 0.1).double() * loudness).float()
    padded = mirrored(sound)
    head = goldens.tensor("joy_audio", "padded_head")
    assert padded.shape[1] == int(goldens.tensor("joy_audio", "padded_len"))
    assert torch.allclose(padded[0, : len(head)], head, atol=1e-7)
    goldens.check("joy_audio", "hidden_sub", legacy.hubert.hidden(sound)[0, ::4, ::8], HUBERT)
    goldens.check("joy_audio", "feat", legacy.hubert(sound), HUBERT)


def test_the_first_window_and_the_next(goldens, need, legacy, inputs, noise, first_window):
    need("joy_sample", "win0_legacy", "win1_legacy")
    goldens.check("joy_sample", "win0_legacy", first_window, SAMPLED)
    past, audio = legacy.denoiser.past, inputs["audio_feat"]
    before = (first_window[-past:], audio[0, -past:])
    made = legacy.window(audio[1], before, noise(1), scale=GUIDANCE)
    goldens.check("joy_sample", "win1_legacy", made, SAMPLED)


@pytest.mark.parametrize(
    ("variant", "options"),
    [
        ("head", {}),
        ("legacy_nocfg", {"scale": 0.0}),
        ("legacy_flex1", {"scale": 1.15 - 1, "flexibility": 1.0}),
        ("legacy_dynthr", {"threshold": (0.9, 0.5, 2.0)}),
    ],
)
def test_ways_to_sample(goldens, need, models, inputs, noise, variant, options):
    need("joy_sample", f"win0_{variant}")
    model = models[variant.partition("_")[0]]
    before = (model.start_motion_feat[0], model.start_audio_feat[0])
    options = {"scale": GUIDANCE} | options
    made = model.window(inputs["audio_feat"][0], before, noise(0), **options)
    goldens.check("joy_sample", f"win0_{variant}", made, SAMPLED)


def test_a_sound_to_motion(goldens, need, legacy, noise, monkeypatch):
    """The public path against upstream's for a file, before and after smoothing."""
    name = "joy_motion_sequence"
    need(name, "n_samples", "n_frames", "raw_exp", "smooth_scale")
    samples, frames = (int(goldens.tensor(name, key)) for key in ("n_samples", "n_frames"))
    sound = file_sound(goldens, samples)
    # upstream goes on for what it pads the sound with: 1280 samples before, 640 after
    audio = legacy.features(torch.cat([sound, torch.zeros(1280 + 640)]), 16000)
    recorder, windows, sampled = legacy.to_motion, [], legacy.window
    monkeypatch.setattr(legacy, "noise", lambda seed, steps: noise)

    def recorded(*args, **options):
        windows.append(sampled(*args, **options))
        return windows[-1]

    def check(kind, names):
        for key in names:
            need(name, f"{kind}_{key}")
            limit = SAMPLED * legacy.template.factor[PLACES[key]].max().item()
            goldens.check(name, f"{kind}_{key}", values(key)[:frames], limit)

    def values(key):
        if key in ANGLES:
            return recorder.joined("rotation")[:, [ANGLES.index(key)]]
        made = recorder.joined(key)
        return made.view(len(made), -1, 3) if key == "exp" else made.view(len(made), -1)

    monkeypatch.setattr(legacy, "window", recorded)
    monkeypatch.setattr(legacy, "smooth", False)
    recorder.given.clear()
    motion = legacy.sample(audio)
    assert len(motion) == -(-(samples + 1280 + 640) // 640) and len(windows) == -(-frames // 100)
    assert all(absolute for _, _, absolute in recorder.given)
    check("raw", ["exp", "scale", "t", *ANGLES])
    again = iter(windows)
    monkeypatch.setattr(legacy, "window", lambda *args, **options: next(again))
    monkeypatch.setattr(legacy, "smooth", True)
    recorder.given.clear()
    legacy.sample(audio)
    check("smooth", ["scale", "t", *ANGLES])
    rest = recorder.given[-1][1]
    assert torch.equal(rest["rotation"], recorder.joined("rotation")[:1])


ANGLES = ("pitch", "yaw", "roll")
PLACES = {"exp": EXPRESSION, "scale": SCALE, "t": SHIFT, "pitch": 67, "yaw": 68, "roll": 69}


def file_sound(goldens, samples):
    """The 16-bit sound that upstream read, checked where the set tells its checksum."""
    time = np.arange(samples) / 16000
    loudness = 0.2 + np.abs(np.sin(2 * np.pi * 1.3 * time))
    wave = goldens.input("joy.wav", (samples,), 0.1).numpy() * loudness
    pcm = np.clip(wave * 32767, -32768, 32767).astype(np.int16)
    arrays = goldens.arrays("joy_motion_sequence")
    if "pcm16_crc32" in arrays:
        assert zlib.crc32(pcm.tobytes()) == int(arrays["pcm16_crc32"])
    return torch.from_numpy(pcm.astype(np.float32) / 32768)
