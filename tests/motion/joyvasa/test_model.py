"""JoyVASA's logic, on a tiny random network."""

from copy import deepcopy
from fractions import Fraction

import pytest
import torch

import vasa_core.motion.joyvasa.model as joyvasa_model
from vasa_core.errors import CancelledError, InputError
from vasa_core.motion.joyvasa.hubert import HubertFeatures
from vasa_core.motion.joyvasa.model import JoyVasa
from vasa_core.motion.joyvasa.network import Denoiser, sinusoid
from vasa_core.motion.joyvasa.vector import MotionTemplate, RunningMean
from vasa_core.types import AudioFeatures, Controls, Motion

FPS = Fraction(25)
WINDOW = 12
HUBERT = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}
NAMES = ("rotation", "translation", "scale", "dynamics")


def template():
    limits = {"scale": (1, 1.0, 1.5), "t": (3, -0.1, 0.1)}
    limits |= dict.fromkeys(("pitch", "yaw", "roll"), (1, -20.0, 20.0))
    made = {"mean_exp": torch.zeros(63), "std_exp": torch.full((63,), 0.03)}
    for name, (size, low, high) in limits.items():
        made |= {f"min_{name}": torch.full((size,), low), f"max_{name}": torch.full((size,), high)}
    return made


def tiny_network():
    return Denoiser(width=16, heads=2, layers=2, window=WINDOW, past=4)


def tiny_model(recorder, actions, **options):
    torch.manual_seed(0)
    network = tiny_network()
    hubert = HubertFeatures(16, **HUBERT)
    model = JoyVasa(network, hubert, template(), recorder, actions, **options)
    return model.train(False).requires_grad_(False)


@pytest.fixture(scope="module")
def tiny(new_recorder, face_actions):
    return tiny_model(new_recorder(), face_actions)


def sound(frames, cuts=()):
    generator = torch.Generator().manual_seed(frames)
    rows = 0.1 * torch.randn(frames, 640, generator=generator)
    edges = [0, *cuts, frames]
    pieces = [
        AudioFeatures(rows[a:b], "waveform-16000", FPS, (b - a) / FPS)
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    return pieces if cuts else pieces[0]


def same(one, other, atol=1e-5):
    return all(torch.allclose(getattr(one, n), getattr(other, n), atol=atol) for n in NAMES)


def test_diagonal_attention_is_what_torch_does_with_a_mask():
    """The layer against torch's decoder layer, which can be told that mask."""
    torch.manual_seed(0)
    network = Denoiser(motion=5, width=16, heads=2, layers=1, window=6, past=2).train(False)
    layer = network.transformer["layers"][0]
    reference = torch.nn.TransformerDecoderLayer(16, 2, 64, activation="gelu", batch_first=True)
    reference.load_state_dict(layer.state_dict())
    x, memory = torch.randn(2, 1, 8, 16)
    mask = ~torch.eye(8, dtype=torch.bool)
    expected = reference.train(False)(x, memory, memory_mask=mask)
    assert torch.allclose(layer(x, memory), expected, atol=1e-6)


def test_legacy_positions_are_one_row():
    legacy = Denoiser(width=16, window=6, past=2)
    head = Denoiser(width=16, window=6, past=2, positions="head")
    assert legacy.position.shape == (1, 16) and head.position.shape == (8, 16)
    assert torch.equal(legacy.position, sinusoid(range(9), 16)[8:])


@pytest.mark.parametrize("frames", [1, WINDOW, WINDOW + 1, 30])
def test_as_many_frames_as_rows(tiny, frames):
    motion = tiny.sample(sound(frames), steps=2)
    assert len(motion) == frames
    assert (motion.space, motion.fps, motion.reference) == ("implicit", FPS, "portrait")


def test_pieces_of_sound_make_no_difference(tiny):
    whole = tiny.sample(sound(30), seed=1, steps=3)
    assert same(whole, Motion.concat(tiny.stream(sound(30, (1, 2, 15, 15, 29)), seed=1, steps=3)))


def test_the_seed_decides(tiny):
    first = tiny.sample(sound(15), seed=3, steps=3)
    assert same(first, tiny.sample(sound(15), seed=3, steps=3), 0)
    assert not same(first, tiny.sample(sound(15), seed=4, steps=3))


def test_every_window_starts_from_the_same_noise_and_gets_fresh(tiny):
    noise = tiny.noise(seed=1, steps=5)
    (start, added), (other, fresh) = noise(0), noise(1)
    assert torch.equal(start, other) and start.shape == (1, WINDOW, 73)
    assert not torch.equal(added(0), fresh(0)) and not torch.equal(added(0), added(1))


def test_a_window_is_given_the_end_of_the_one_before(tiny, monkeypatch):
    past, sampled = [], tiny.window

    def window(audio, before, *args, **options):
        past.append((before, audio, sampled(audio, before, *args, **options)))
        return past[-1][2]

    monkeypatch.setattr(tiny, "window", window)
    tiny.sample(sound(20), steps=2)
    (start, audio, moved), (before, *_) = past
    assert torch.equal(start[0], tiny.start_motion_feat[0])
    assert torch.equal(before[0], moved[-4:]) and torch.equal(before[1], audio[-4:])


def test_progress_counts_steps_and_may_stop(tiny):
    seen = []
    tiny.sample(sound(25), steps=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 6) for i in range(1, 7)]

    def stop(done, total):
        raise CancelledError

    with pytest.raises(CancelledError):
        tiny.sample(sound(25), progress=stop)


def test_all_fifty_steps_unless_told(tiny):
    seen = []
    tiny.sample(sound(5), progress=lambda done, total: seen.append(total))
    assert seen == [50] * 50


def test_bad_input_is_named(tiny):
    foreign = AudioFeatures(torch.zeros(5, 5), "other", FPS, Fraction(1, 5))
    with pytest.raises(InputError, match="other"):
        tiny.sample(foreign)
    with pytest.raises(InputError, match="empty"):
        tiny.sample(sound(0))
    for steps in (0, 51):
        with pytest.raises(InputError, match=f"{steps} sampling steps"):
            tiny.sample(sound(5), steps=steps)
    with pytest.raises(InputError, match="rotation"):
        tiny.sample(sound(5), Controls(rotation=torch.tensor(float("nan"))))


def test_guidance_and_controls_are_used(tiny):
    plain = tiny.sample(sound(15), steps=2)
    assert not same(plain, tiny.sample(sound(15), steps=2, cfg=0.0))
    still = tiny.sample(sound(15), Controls(rotation=torch.tensor(0.0)), steps=2)
    assert not still.rotation.any()


def test_the_sound_of_a_file_comes_two_frames_late(tiny):
    wave = torch.arange(640 * 5) / 1e4
    audio = tiny.features(wave, 16000)
    assert len(audio) == 5 and not audio.features[:2].any()
    assert torch.equal(audio.features[2], wave[:640])


def test_a_running_mean_does_not_know_of_pieces():
    rows = torch.randn(20, 7)
    whole, pieces = RunningMean(0.1)(rows), RunningMean(0.1)
    assert torch.equal(whole, torch.cat([pieces(part) for part in rows.split([1, 12, 7])]))
    assert torch.equal(whole[0], rows[0])
    assert torch.allclose(whole[1], 0.9 * rows[0] + 0.1 * rows[1])


def test_smoothing_spares_the_expression(new_recorder, face_actions):
    rough = tiny_model(new_recorder(), face_actions, smooth=False)
    smooth = tiny_model(new_recorder(), face_actions)
    for model in (rough, smooth):
        model.sample(sound(30), seed=1, steps=2)
    assert torch.equal(rough.to_motion.joined("exp"), smooth.to_motion.joined("exp"))
    for name in ("rotation", "scale", "t"):
        turned, calm = rough.to_motion.joined(name), smooth.to_motion.joined(name)
        assert calm.diff(dim=0).abs().max() < 0.05 * turned.diff(dim=0).abs().max()


def test_the_template_scales():
    values = MotionTemplate(template())(torch.ones(1, 73))
    assert values["scale"].tolist() == [1.5] and values["rotation"].tolist() == [[20.0] * 3]
    assert torch.allclose(values["exp"], torch.full((1, 63), 0.03))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_networks_in_another_precision_sample_alike(tiny, new_recorder, face_actions, dtype):
    model = tiny_model(new_recorder(), face_actions)
    model.denoiser.to(dtype)
    model.hubert.to(dtype)
    made = model.sample(sound(15), seed=1, steps=4)
    assert made.rotation.dtype == torch.float32
    expected = tiny.sample(sound(15), seed=1, steps=4)
    off = (made.dynamics - expected.dynamics).abs().max() / expected.dynamics.std()
    assert off < (1e-4 if dtype == torch.float64 else 0.1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_the_whole_model_moves_to_another_precision(new_recorder, face_actions, dtype):
    model = tiny_model(new_recorder(), deepcopy(face_actions)).to(dtype)
    motion = model.sample(sound(15), steps=2)
    assert motion.rotation.dtype == motion.dynamics.dtype == dtype
    assert motion.dynamics.isfinite().all()


def test_nothing_is_left_behind_when_it_moves(new_recorder, face_actions):
    model = tiny_model(new_recorder(), deepcopy(face_actions)).to("meta")
    assert {v.device.type for v in [*model.parameters(), *model.buffers()]} == {"meta"}


def test_made_in_inference_mode_and_moved_outside(new_recorder, face_actions, monkeypatch):
    """``load`` with tiny networks in place of the released ones."""
    like = tiny_model(new_recorder(), face_actions)
    tensors = {f"denoising_net.{k}": v for k, v in like.denoiser.state_dict().items()}
    tensors |= like.hubert.state_dict()
    names = ("start_motion_feat", "start_audio_feat", "null_audio_feat")
    tensors |= {name: getattr(like, name) for name in names}
    monkeypatch.setattr(joyvasa_model, "Denoiser", lambda positions: tiny_network())
    monkeypatch.setattr(joyvasa_model, "HubertFeatures", lambda: HubertFeatures(16, **HUBERT))
    with torch.inference_mode():
        copies = {name: value.clone() for name, value in tensors.items()}
        model = JoyVasa.load(copies, template(), new_recorder(), deepcopy(face_actions))
        inside = model.sample(sound(15), steps=2)
    assert same(inside, like.sample(sound(15), steps=2), 0)
    assert not model.training and not any(v.requires_grad for v in model.parameters())
    model.to(torch.float64)
    with pytest.raises(RuntimeError, match="linear1"):
        tensors.pop("denoising_net.transformer.layers.0.linear1.weight")
        JoyVasa.load(tensors, template(), new_recorder(), face_actions)
