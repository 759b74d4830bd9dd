from dataclasses import replace
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F

import vasa_core
from vasa_core.errors import CancelledError, InputError, NoFaceError
from vasa_core.face.basis import PARTS
from vasa_core.motion.editing import still
from vasa_core.spaces import sketch_motion


@pytest.fixture(scope="module")
def image(portrait_path):
    return vasa_core.read_image(portrait_path, 320)


def play(space, portrait, **changes) -> torch.Tensor:
    motion = replace(still("mesh"), **changes)
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
    tracked = space.track([image[0], blank, image[0]], Fraction(25))
    motion = tracked.motion
    assert len(motion) == 3 and tracked.found.tolist() == [True, False, True]
    assert (motion.rotation[1] - motion.rotation[0]).abs().max() < 1


def test_encoding_reports_its_steps_and_stops_when_told(space, portrait_path):
    image = vasa_core.read_image(portrait_path, 128)
    steps = []
    space.encode(image, progress=lambda *step: steps.append(step))
    total = steps[-1][1]
    assert steps == [(done, total) for done in range(1, total + 1)]

    def stop(done, total):
        raise CancelledError

    with pytest.raises(CancelledError):
        space.encode(image, progress=stop)


def test_the_crop_is_a_square_around_the_face(space, portrait):
    size, matrix = portrait.crop.size, portrait.crop.matrix
    points = (portrait.landmarks[:, :2] - matrix[:, 2]) / matrix.diagonal()
    assert points.min() > 0 and points.max() < size
    frames = next(space.render(portrait, portrait.pose, view="crop", alpha=True))
    assert frames.shape == (1, 4, size, size)
    left, top = (round(v) for v in matrix[:, 2].tolist())
    shown = portrait.image[..., top : top + size, left : left + size]
    assert (frames[:, :3] - shown).abs().max() < 0.01


def test_a_mask_limits_the_faces(space, portrait_path):
    image = vasa_core.read_image(portrait_path, 192)
    pair = torch.cat([image, image], 3)
    left = torch.zeros(pair.shape[-2:])
    left[:, :192] = 1
    assert space.encode(pair, mask=left).landmarks[:, 0].mean() < 192
    with pytest.raises(InputError, match="Face 2 was asked for; the masked part"):
        space.encode(pair, 1, mask=left)
    with pytest.raises(InputError, match="must have the same size"):
        space.encode(pair, mask=left[:100])
    with pytest.raises(NoFaceError, match="has its centre in the mask"):
        space.encode(pair, mask=torch.zeros_like(left))


def test_a_sketch_draws_what_the_motion_does(space):
    rest = still("mesh", 3)
    rest.dynamics[1, PARTS["gaze"]] = torch.tensor([10.0, 0.0])
    rest.dynamics[2, PARTS["blink"]] = 1.0
    drawn = sketch_motion(rest)
    assert drawn.curves["blink"].tolist() == [0, 0, 1]
    assert drawn.curves["gaze_yaw"].tolist() == [0, 10, 0]
    assert drawn.curves["lip_opening"].abs().max() < 1e-6
    irises = [set(line) for line in drawn.strokes if len(line) == 5 and line[0] == line[-1]]
    assert len(irises) == 2
    iris = drawn.points[:, list(irises[0] | irises[1])].mean(1)
    assert iris[1, 0] > iris[0, 0] + 0.01 and abs(iris[2, 0] - iris[0, 0]) < 0.01
