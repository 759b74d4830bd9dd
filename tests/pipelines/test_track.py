"""Videos, pictures and frames to motion."""

from fractions import Fraction

import pytest
import torch

import vasa_core
from vasa_core.errors import CancelledError, InputError
from vasa_core.motion.editing import still
from vasa_core.pipelines.animate import render_video
from vasa_core.pipelines.track import frames_on, is_picture, track_motion
from vasa_core.render.image import write_image


@pytest.fixture(scope="module")
def turning(tmp_path_factory, space, portrait):
    """A video of six frames in which the head turns by 10 degrees."""
    motion = still("mesh", 6)
    motion.rotation[:, 0] = torch.linspace(0, 10, 6)
    path = tmp_path_factory.mktemp("video") / "turning.mp4"
    render_video(portrait, motion, path, space=space)
    return path


def test_motion_starts_at_rest_or_stays_as_the_camera_saw_it(turning, space):
    relative = track_motion(turning, space=space)
    assert relative.missed == 0 and relative.motion.reference == "portrait"
    assert relative.motion.fps == 25 and len(relative.motion) == 6
    assert relative.motion.rotation[0].abs().max() < 1e-3
    assert relative.motion.rotation[-1, 0] > 5
    absolute = track_motion(turning, space=space, absolute=True).motion
    assert absolute.reference == "camera"
    late = track_motion(turning, space=space, rest=0.2).motion
    assert late.rotation[5].abs().max() < 1e-3 and late.rotation[0, 0] < -5
    with pytest.raises(InputError, match="ends before"):
        track_motion(turning, space=space, rest=1.0)


def test_frames_are_reported_and_have_the_rate_that_is_given(space, portrait):
    frames, seen = portrait.image.repeat(3, 1, 1, 1), []
    tracked = track_motion(
        frames, space=space, fps=Fraction(30), progress=lambda *steps: seen.append(steps)
    )
    assert tracked.motion.fps == 30 and seen == [(1, 3), (2, 3), (3, 3)]


def test_progress_can_stop_it(space, portrait):
    def stop(done, total):
        raise CancelledError

    with pytest.raises(CancelledError):
        track_motion([portrait.image[0]] * 3, space=space, progress=stop)
    assert len(list(frames_on("cpu", [portrait.image[0]] * 3))) == 3


def test_a_picture_is_one_frame(tmp_path, turning, space, portrait_path):
    assert is_picture(portrait_path) and not is_picture(turning)
    small = tmp_path / "small.png"
    write_image(small, vasa_core.read_image(portrait_path, 256))
    pose = track_motion(small, space=space, absolute=True).motion
    expected = space.encode(vasa_core.read_image(small)).pose
    assert len(pose) == 1 and torch.equal(pose.dynamics, expected.dynamics)
