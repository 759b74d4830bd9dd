"""The main job on a second device: everything made on the way lies there, and nothing changes."""

from fractions import Fraction

import pytest
import torch
from strict_device import DEVICE, StrictDevice

import vasa_core
from vasa_core.audio.reader import read_audio
from vasa_core.motion.timing import resample_motion
from vasa_core.pipelines.animate import render_video
from vasa_core.render.drawing import draw_landmarks
from vasa_core.spaces import sketch_motion
from vasa_core.types import Controls, Motion


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
    motion = resample_motion(motion, Fraction(30))
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
        # a level of an 8-bit picture is 0.004; convolutions add up in another order
        torch.testing.assert_close(frames.cpu(), expected, atol=2e-4, rtol=0)
        assert isinstance(sketch_motion(motion).points.cpu(), torch.Tensor)
        assert draw_landmarks(portrait).shape[1] == 3
        seen = space.track(list(job[0].to(DEVICE).repeat(2, 1, 1, 1)), Fraction(25)).motion
        assert isinstance(seen, Motion) and seen.rotation.device == DEVICE
        written = render_video(portrait, motion[:2], tmp_path / "x.mp4", space=space, longest=100)
        assert written.frames == 2
