"""The main job on a second device: everything made on the way lies there, and nothing changes.

The device is made up, for machines without one: it computes on the CPU, but refuses to mix with it.
A tensor "on" it reports the device ``DEVICE``, holds an ordinary CPU tensor inside, and every
operation checks that all its tensors lie together, as a graphics card would.
"""

from fractions import Fraction

import pytest
import torch
import torch._lazy.ts_backend
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

import vasa_core
from vasa_core.audio.reader import read_audio
from vasa_core.motion.timing import resample
from vasa_core.pipeline import film
from vasa_core.render.drawing import draw_landmarks
from vasa_core.types import Controls, Motion

torch._lazy.ts_backend.init()  # a device type that this build of torch knows and nobody uses
DEVICE = torch.device("lazy", 0)
aten = torch.ops.aten
MIXING = {aten.index.Tensor, aten.index_put_.default, aten.copy_.default, aten._to_copy.default}


class StrictTensor(torch.Tensor):
    """A CPU tensor that says it lies on ``DEVICE``."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), dtype=inner.dtype, device=DEVICE
        )

    def __init__(self, inner):
        self.inner = inner

    def __repr__(self):
        return f"StrictTensor({self.inner})"

    def tolist(self):
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


class StrictDevice(TorchDispatchMode):
    """While active, tensors can be made on ``DEVICE`` and moved to it."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


def run(function, args, kwargs):
    """One operation, on CPU tensors, its result where a real device would have it."""
    if function == aten.lift_fresh.default and args[0].device == DEVICE:
        return StrictTensor(args[0].cpu())  # torch.tensor(..., device=DEVICE)
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    here = [tensor for tensor in tensors if isinstance(tensor, StrictTensor)]
    elsewhere = [t for t in tensors if not isinstance(t, StrictTensor) and t.ndim > 0]
    if here and elsewhere and function not in MIXING:
        raise RuntimeError(f"{function} got tensors on {DEVICE} and on the CPU")
    there = bool(here)
    if kwargs.get("device") is not None:
        there = torch.device(kwargs["device"]).type == DEVICE.type
        kwargs = {**kwargs, "device": torch.device("cpu")}
    result = function(*tree_map(_unwrapped, args), **tree_map(_unwrapped, kwargs))
    if function == aten.copy_.default:
        return args[0]
    known = {id(tensor.inner): tensor for tensor in here}  # in-place results are their arguments

    def wrapped(value):
        if not isinstance(value, torch.Tensor) or not there:
            return value
        return known[id(value)] if id(value) in known else StrictTensor(value)

    return tree_map(wrapped, result)


def _unwrapped(value):
    return value.inner if isinstance(value, StrictTensor) else value


@pytest.fixture
def job(portrait_path, speech_path):
    """Picture, sound of a second, controls."""
    samples, rate = read_audio(speech_path)
    controls = Controls(
        gaze=torch.tensor([5.0, 3.0]),
        distance=torch.tensor(1.1),
        emotion=torch.tensor([0, 0.5, 0, 0, 0]),
    )
    return vasa_core.read_image(portrait_path, 192), samples[:rate], rate, controls


def talk(image, samples, rate, controls, device):
    """The four stages on a device."""
    space = vasa_core.load_space("mesh").to(device)
    model = vasa_core.load_motion_model("mesh").to(device)
    portrait = space.encode(image.to(device))
    motion = model.sample(model.features(samples, rate), controls, steps=3)
    motion = resample(motion, Fraction(30))
    frames = torch.cat(list(space.render(portrait, motion[:3], alpha=True)))
    return space, portrait, motion, frames


def test_the_device_refuses_to_mix():
    with StrictDevice():
        there = torch.ones(2, 2).to(DEVICE)
        assert (there + 1).device == DEVICE and there.cpu().device.type == "cpu"
        with pytest.raises(RuntimeError, match="on the CPU"):
            there + torch.ones(2, 2)


def test_the_stages_stay_on_the_device_and_give_the_same(job, tmp_path):
    _, _, expected_motion, expected = talk(*job, "cpu")
    with StrictDevice():
        space, portrait, motion, frames = talk(*job, DEVICE)
        assert {motion.dynamics.device, portrait.landmarks.device, frames.device} == {DEVICE}
        torch.testing.assert_close(motion.dynamics.cpu(), expected_motion.dynamics)
        torch.testing.assert_close(frames.cpu(), expected)
        assert isinstance(space.sketch(motion).points.cpu(), torch.Tensor)
        assert draw_landmarks(portrait).shape[1] == 3
        seen = space.track(list(job[0].to(DEVICE).repeat(2, 1, 1, 1)), Fraction(25))
        assert isinstance(seen, Motion) and seen.rotation.device == DEVICE
        written = film(tmp_path / "x.mp4", space, portrait, motion[:2], motion.fps, longest=100)
        assert written.frames == 2
