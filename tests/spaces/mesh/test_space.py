from dataclasses import replace
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F

import vasa_core
from vasa_core.errors import InputError, NoFaceError
from vasa_core.spaces.mesh.tracking import idle


@pytest.fixture(scope="module")
def image(portrait_path):
    return vasa_core.read_image(portrait_path, 320)


def play(space, portrait, **changes) -> torch.Tensor:
    motion = replace(idle(1, Fraction(25), 24), **changes)
    return next(space.render(portrait, motion))


def test_a_portrait_holds_what_it_says(space, image):
    portrait = space.encode(image)
    assert (portrait.faces, portrait.face, portrait.space) == (1, 0, "mesh")
    assert portrait.landmarks.shape == portrait.identity.shape == (478, 3)
    assert 0.5 < portrait.confidence <= 1
    assert len(portrait.pose) == 1 and portrait.pose.reference == "camera"
    assert portrait.pose.rotation.abs().max() < 15
    corner = portrait.crop.matrix @ torch.tensor([0.0, 0, 1])
    assert (corner >= 0).all() and portrait.crop.size > 100


def test_the_photos_own_expression_gives_the_photo_back(space, image):
    portrait = space.encode(image)
    frame = play(space, portrait, dynamics=portrait.pose.dynamics)
    assert (frame - image).abs().max() < 0.01


def test_what_is_played_is_measured_again(space, image):
    """Track what was rendered: the head's turn, its size and the lips come back."""
    portrait = space.encode(image)
    turned = play(space, portrait, rotation=torch.tensor([[8.0, 0, 0]]))
    nearer = play(space, portrait, scale=torch.tensor([1.1]))
    still, right, near = (
        space.encode(frame).pose for frame in (play(space, portrait), turned, nearer)
    )
    assert 4 < (right.rotation - still.rotation)[0, 0] < 12
    assert 1.06 < near.scale / still.scale < 1.14


def test_faces_are_counted_and_chosen(space, image):
    small = F.interpolate(image, scale_factor=0.7, mode="bilinear")
    pair = torch.full((1, 3, 320, 560), 0.5)
    pair[..., :320] = image
    pair[:, :, 50:274, 330:554] = small
    first, second = space.encode(pair, 0), space.encode(pair, 1)
    assert first.faces == second.faces == 2
    assert first.landmarks[:, 0].mean() < 320 < second.landmarks[:, 0].mean()
    with pytest.raises(InputError, match=r"Face 3 .* 2"):
        space.encode(pair, 2)


def test_no_face_says_what_was_tried(space):
    with pytest.raises(NoFaceError, match="200"):
        space.encode(torch.full((1, 3, 200, 200), 0.4))


def test_frames_without_a_face_are_held(space, image):
    blank = torch.full_like(image[0], 0.5)
    motion = space.track([image[0], blank, image[0]], Fraction(25))
    assert len(motion) == 3
    assert (motion.rotation[1] - motion.rotation[0]).abs().max() < 1
