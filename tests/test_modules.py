"""Face space and motion model as torch modules: a host moves them whole, in inference mode too."""

from contextlib import nullcontext
from dataclasses import fields, is_dataclass

import pytest
import torch
from torch import nn

import vasa_core
from vasa_core.audio.features import ArticulationEncoder

LOADERS = {"space": vasa_core.load_space, "model": vasa_core.load_motion_model}
MODES = {"inference": torch.inference_mode, "no_grad": torch.no_grad, "plain": nullcontext}


def stray_tensors(value, path=""):
    """Names of tensors that ``value`` holds past the parameters and buffers of its modules."""
    if isinstance(value, torch.Tensor):
        yield path
        return
    if isinstance(value, ArticulationEncoder):  # stays on the CPU
        return
    inside = {}
    if isinstance(value, nn.Module):
        inside = {k: v for k, v in vars(value).items() if k not in ("_parameters", "_buffers")}
    elif isinstance(value, dict):
        inside = value
    elif isinstance(value, (list, tuple, set)):
        inside = dict(enumerate(value))
    elif is_dataclass(value):
        inside = {f.name: getattr(value, f.name) for f in fields(value)}
    elif type(value).__module__.startswith("vasa_core"):
        inside = vars(value)
    for name, held in inside.items():
        yield from stray_tensors(held, f"{path}.{name}")


def tensors(module):
    return dict([*module.named_parameters(), *module.named_buffers()])


def sound(model):
    return model.features(0.1 * torch.sin(torch.arange(16000) / 8), 16000)


def test_a_stray_tensor_would_be_found():
    module = nn.Sequential(nn.Linear(2, 2))
    assert not list(stray_tensors(module))
    module[0].held = [torch.zeros(2)]
    assert list(stray_tensors(module)) == ["._modules.0.held.0"]


@pytest.mark.parametrize("name", LOADERS)
def test_moving_takes_every_tensor_along(name):
    module = LOADERS[name]()
    assert not list(stray_tensors(module))
    before = {k: v.dtype for k, v in tensors(module).items()}
    module.to(torch.float64)
    for key, value in tensors(module).items():
        assert value.dtype == (torch.float64 if before[key].is_floating_point else before[key]), key
    assert not all(dtype.is_floating_point for dtype in before.values())  # indices stay whole
    module.to("meta")
    assert {value.device.type for value in tensors(module).values()} == {"meta"}


@pytest.mark.parametrize("name", LOADERS)
def test_nothing_is_trained_and_a_host_may_note_where_it_put_the_module(name):
    module = LOADERS[name]()
    assert not any(part.training for part in module.modules())
    assert not any(value.requires_grad for value in module.parameters())
    module.device = torch.device("cpu")  # as ComfyUI's ModelPatcher does


def test_a_model_in_double_precision_moves_the_same(model):
    double = vasa_core.load_motion_model().to(torch.float64)
    one, other = model.sample(sound(model), seed=3), double.sample(sound(double), seed=3)
    assert other.rotation.dtype == torch.float64
    assert torch.allclose(one.dynamics.double(), other.dynamics, atol=1e-3)


@pytest.mark.parametrize("use", MODES)
def test_loaded_in_inference_mode_and_used_anywhere(space, model, portrait_path, use):
    image = vasa_core.read_image(portrait_path, 256)
    with torch.inference_mode():
        loaded, moving = vasa_core.load_space(), vasa_core.load_motion_model()
    with MODES[use]():
        motion = moving.sample(sound(moving), seed=1)[:2]
        frames = torch.cat(list(loaded.render(loaded.encode(image), motion)))
        assert torch.equal(motion.dynamics, model.sample(sound(model), seed=1).dynamics[:2])
        assert torch.equal(frames, torch.cat(list(space.render(space.encode(image), motion))))
        for module in (loaded, moving):
            assert not any(value.requires_grad for value in tensors(module).values())
            module.to(torch.float64)
    for module in (loaded, moving):
        module.to(torch.float32)  # also after a move in another mode


def test_a_space_in_double_precision_finds_the_same_points(space, portrait_path):
    image = vasa_core.read_image(portrait_path, 256)
    double = vasa_core.load_space().to(torch.float64)
    points = double.landmarks(image.double())
    assert points.dtype == torch.float64
    assert torch.allclose(points, space.landmarks(image).double(), atol=0.01)
