"""More photos of one face, fused."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch.testing import assert_close

import vasa_core
from vasa_core.errors import NoFaceError
from vasa_core.face.geometry import rotation_matrix
from vasa_core.motion.editing import posed, still
from vasa_core.motion.sequence import held
from vasa_core.spaces.implicit.keypoints import FaceState
from vasa_core.spaces.implicit.views import face_mask, view_weights

FPS = Fraction(25)


@pytest.fixture(scope="module")
def image(portrait_path):
    return vasa_core.read_image(portrait_path, 192)


@pytest.fixture(scope="module")
def other(space, image):
    """Another photo of the same face: turned, larger."""
    turned = next(space.render(space.encode(image), posed("mesh", yaw=12)))
    return torch.nn.functional.interpolate(turned, (240, 240), mode="bilinear")


def state(yaw, smile=0.0):
    expression = torch.zeros(1, 21, 3)
    expression[:, 14] = smile
    turn = rotation_matrix(torch.tensor([[float(yaw), 0, 0]]))
    return FaceState(turn, expression, torch.ones(1, 1), torch.zeros(1, 3))


def wanted(yaws, smile=0.0):
    states = [state(yaw, smile) for yaw in yaws]
    return FaceState(*(torch.cat([getattr(s, n) for s in states]) for n in FaceState.__slots__))


def test_the_nearest_photo_counts_most_and_shares_change_smoothly():
    photos = [state(0), state(20), state(0, smile=0.1)]
    turning = view_weights(wanted(range(21)), photos)
    assert_close(turning.sum(0), torch.ones(21))
    assert turning[0, 0] == turning[:, 0].max() and turning[1, 20] > 0.8
    assert (turning[1].diff() > 0).all() and turning.diff(dim=1).abs().max() < 0.15
    smiling = view_weights(wanted([0], smile=0.1), photos)[:, 0]
    assert smiling.argmax() == 2


def test_only_the_face_is_fused():
    keypoints = torch.zeros(1, 21, 3)
    keypoints[0, 0, 0], keypoints[0, 1, 0] = 0.5, -0.5
    mask = face_mask(keypoints, 64, 64)[0, 0]
    assert mask[32, 32] == 1 and not mask[:8].any() and not mask[:, -8:].any()


def test_a_photo_twice_is_that_photo(tiny_space, image):
    motion = held(posed("implicit", yaw=5, pitch=-3), 2)
    alone = tiny_space.encode(image)
    twice = tiny_space.encode(image, views=[image])
    one, two = (torch.cat(list(tiny_space.render(p, motion))) for p in (alone, twice))
    assert_close(one, two, atol=1e-5, rtol=0)
    assert not alone.appearance.views and len(twice.appearance.views) == 1


def test_other_photos_count_where_they_are_near(tiny_space, image, other):
    alone, both = tiny_space.encode(image), tiny_space.encode(image, views=[other])
    (view,) = both.appearance.views
    # random networks know no angles, so the photo's are given
    turned = replace(
        view,
        state=replace(
            view.state, rotation=rotation_matrix(both.pose.rotation + torch.tensor([[25.0, 0, 0]]))
        ),
    )
    both = replace(both, appearance=replace(both.appearance, views=(turned,)))

    def change(yaw):
        frames = [next(tiny_space.render(p, posed("implicit", yaw=yaw))) for p in (alone, both)]
        return (frames[0] - frames[1]).abs().mean()

    assert change(25.0) > 2 * change(0.0)


def test_chunks_make_no_difference(tiny_space, image, other):
    both = tiny_space.encode(image, views=[other])
    motion = still("implicit", 3)
    motion = replace(motion, rotation=torch.tensor([[0.0, 0, 0], [10, 0, 0], [25, 5, 0]]))
    whole, parts = (torch.cat(list(tiny_space.render(both, motion, chunk=n))) for n in (3, 1))
    assert_close(whole, parts, atol=1e-5, rtol=0)


def test_a_view_without_a_face_is_named(tiny_space, space, image):
    empty = torch.full((1, 3, 128, 128), 0.5)
    for made in (tiny_space, space):
        with pytest.raises(NoFaceError, match="View 2 of 2"):
            made.encode(image, views=[image, empty])
