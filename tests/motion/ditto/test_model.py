"""Ditto's logic, on a tiny random network."""

from copy import deepcopy
from dataclasses import replace
from fractions import Fraction

import pytest
import torch

import vasa_core.motion.ditto.model as ditto_model
from vasa_core.errors import CancelledError, InputError
from vasa_core.motion.ditto.face import own_vector
from vasa_core.motion.ditto.model import Ditto
from vasa_core.motion.ditto.network import MotionDecoder, Rotation
from vasa_core.types import AudioFeatures, Controls, Motion

FPS = Fraction(25)
WINDOW, OVERLAP = 12, 4
NAMES = ("rotation", "translation", "scale", "dynamics")


def tiny_network():
    torch.manual_seed(0)
    return MotionDecoder(width=16, heads=2, layers=2, feedforward=32, window=WINDOW)


def tiny_model(recorder, actions, audio_encoder):
    model = Ditto(tiny_network(), recorder, actions, audio_encoder, OVERLAP)
    return model.train(False).requires_grad_(False)


@pytest.fixture(scope="module")
def tiny(new_recorder, face_actions, audio_encoder):
    return tiny_model(new_recorder(), face_actions, audio_encoder)


def sound(frames, cuts=()):
    rows = torch.randn(frames, 1024, generator=torch.Generator().manual_seed(frames))
    edges = [0, *cuts, frames]
    pieces = [
        AudioFeatures(rows[a:b], "hubert-streaming-1024", FPS, (b - a) / FPS)
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    return pieces if cuts else pieces[0]


def same(one, other, atol=1e-5):
    return all(torch.allclose(getattr(one, n), getattr(other, n), atol=atol) for n in NAMES)


def test_rotation_keeps_only_the_difference_of_positions():
    rotation = Rotation(16, 10)
    rows = torch.randn(2, 16)[:, None].expand(2, 10, 16)
    query, key = rotation(rows)
    products = query @ key.T
    for shift in (-3, 0, 2):
        diagonal = products.diagonal(shift)
        assert torch.allclose(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-5)
    assert torch.allclose(query.norm(dim=1), rows[0].norm(dim=1), atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 8, 9, WINDOW, 30])
def test_as_many_frames_as_rows(tiny, face, frames):
    motion = tiny.sample(sound(frames), steps=2, portrait=face)
    assert len(motion) == frames
    assert (motion.space, motion.fps, motion.reference) == ("implicit", FPS, "portrait")


def test_pieces_of_sound_make_no_difference(tiny, face):
    whole = tiny.sample(sound(30), seed=1, steps=3, portrait=face)
    pieces = tiny.stream(sound(30, (1, 2, 15, 15, 29)), seed=1, steps=3, portrait=face)
    assert same(whole, Motion.concat(pieces))


def test_the_seed_decides(tiny, face):
    first = tiny.sample(sound(15), seed=3, steps=3, portrait=face)
    assert same(first, tiny.sample(sound(15), seed=3, steps=3, portrait=face), 0)
    assert not same(first, tiny.sample(sound(15), seed=4, steps=3, portrait=face))


def test_steps_add_the_same_noise_in_every_window_and_starts_are_new(tiny):
    noise = tiny.noise(seed=1, steps=5)
    (start, added), (other, again) = noise(0), noise(1)
    assert not torch.equal(start, other) and start.shape == (1, WINDOW, 265)
    assert torch.equal(added(2), again(2)) and not torch.equal(added(0), added(1))


def test_motion_starts_from_the_face_and_goes_on_from_the_frame_before(tiny, face, monkeypatch):
    calls, sampled = [], tiny.window

    def window(condition, frame, *args):
        calls.append((condition, frame, sampled(condition, frame, *args)))
        return calls[-1][2]

    monkeypatch.setattr(tiny, "window", window)
    audio = sound(19)
    tiny.sample(audio, steps=2, portrait=face)
    assert len(calls) == 3  # frames 0, 8, 16
    assert torch.equal(calls[0][1], own_vector(face.conditioning.extracted)[0])
    assert torch.equal(calls[1][1], calls[0][2][WINDOW - OVERLAP - 1])
    assert torch.equal(calls[1][0][:, :1024], torch.cat([audio.features[8:], audio.features[-1:]]))
    held = audio.features[-1:].expand(WINDOW - 3, -1)
    assert torch.equal(calls[2][0][3:, :1024], held)


def test_motion_is_told_relative_to_the_face(tiny, face):
    tiny.to_motion.given.clear()
    tiny.sample(sound(30), steps=2, portrait=face)
    still = tiny.mover.still(own_vector(face.conditioning.extracted))
    for _, first, lips_absolute in tiny.to_motion.given:
        assert not lips_absolute
        assert all(torch.equal(first[name], still[name]) for name in still)
    for name, value in still.items():  # and begins with it
        assert torch.allclose(tiny.to_motion.joined(name)[:1], value, atol=1e-5), name


def test_emotion_and_gaze_are_told_not_added(tiny, face):
    plain = tiny.sample(sound(15), steps=2, portrait=face)
    emotion = torch.tensor([0.0, 1, 0, 0, 0])
    controls = Controls(gaze=torch.tensor([20.0, 5.0]), emotion=emotion)
    told = tiny.sample(sound(15), controls, steps=2, portrait=face)
    assert not same(plain, told)
    assert (told.dynamics[:, 60:62]).abs().max() < 1  # the asked 20 degrees were not put there
    still = tiny.sample(sound(15), Controls(rotation=torch.tensor(0.0)), steps=2, portrait=face)
    assert not still.rotation.any()
    assert not same(plain, tiny.sample(sound(15), steps=2, cfg=0.0, portrait=face))


def test_progress_counts_steps_and_may_stop(tiny, face):
    seen = []
    tiny.sample(sound(17), steps=2, portrait=face, progress=lambda *step: seen.append(step))
    assert seen == [(i, 6) for i in range(1, 7)]

    def stop(done, total):
        raise CancelledError

    with pytest.raises(CancelledError):
        tiny.sample(sound(17), progress=stop, portrait=face)


def test_bad_input_is_named(tiny, face):
    foreign = AudioFeatures(torch.zeros(5, 5), "other", FPS, Fraction(1, 5))
    with pytest.raises(InputError, match="other"):
        tiny.sample(foreign, portrait=face)
    with pytest.raises(InputError, match="empty"):
        tiny.sample(sound(0), portrait=face)
    for steps in (0, 1001):
        with pytest.raises(InputError, match=f"{steps} sampling steps"):
            tiny.sample(sound(5), steps=steps, portrait=face)
    with pytest.raises(InputError, match="one particular face"):
        tiny.stream(sound(5))
    with pytest.raises(InputError, match="mesh"):
        tiny.stream(sound(5), portrait=replace(face, space="mesh"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_the_network_in_another_precision_samples_alike(
    tiny, face, new_recorder, face_actions, audio_encoder, dtype
):
    model = tiny_model(new_recorder(), face_actions, audio_encoder)
    model.network.to(dtype)
    made = model.sample(sound(15), seed=1, steps=4, portrait=face)
    assert made.rotation.dtype == torch.float32
    expected = tiny.sample(sound(15), seed=1, steps=4, portrait=face)
    off = (made.rotation - expected.rotation).abs().max() / expected.rotation.std()
    assert off < (1e-3 if dtype == torch.float64 else 0.2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_the_whole_model_moves_to_another_precision(
    face, new_recorder, face_actions, audio_encoder, dtype
):
    model = tiny_model(new_recorder(), deepcopy(face_actions), audio_encoder).to(dtype)
    motion = model.sample(sound(15), steps=2, portrait=face)
    assert motion.rotation.dtype == motion.dynamics.dtype == dtype
    assert motion.dynamics.isfinite().all()


def test_nothing_is_left_behind_when_it_moves(new_recorder, face_actions, audio_encoder):
    model = tiny_model(new_recorder(), deepcopy(face_actions), audio_encoder).to("meta")
    assert {v.device.type for v in [*model.parameters(), *model.buffers()]} == {"meta"}


def test_made_in_inference_mode_and_moved_outside(
    face, new_recorder, face_actions, audio_encoder, monkeypatch
):
    """``load`` with a tiny network in place of the released one."""
    tensors = dict(tiny_network().state_dict()) | {"cond_encoder.0.rotary.freqs": torch.zeros(8)}
    monkeypatch.setattr(ditto_model, "MotionDecoder", tiny_network)
    with torch.inference_mode():
        copies = {name: value.clone() for name, value in tensors.items()}
        model = Ditto.load(copies, new_recorder(), deepcopy(face_actions), audio_encoder)
        model.sample(sound(9), steps=2, portrait=face)
    assert not model.training and not any(v.requires_grad for v in model.parameters())
    model.to(torch.float64)
    with pytest.raises(RuntimeError, match="final_layer"):
        tensors.pop("final_layer.weight")
        Ditto.load(tensors, new_recorder(), face_actions, audio_encoder)
