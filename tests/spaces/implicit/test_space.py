"""The implicit space as a face space, on tiny networks with random weights."""

import copy
from dataclasses import replace
from fractions import Fraction
from time import monotonic

import pytest
import torch
from strict_device import DEVICE, StrictDevice
from torch.testing import assert_close

import vasa_core
from vasa_core.errors import CancelledError, InputError, NoFaceError
from vasa_core.spaces.implicit.code import CODE_SIZE
from vasa_core.spaces.implicit.driving import Driving
from vasa_core.spaces.implicit.paste import picture_mask
from vasa_core.types import Motion, move

FPS = Fraction(25)


@pytest.fixture(scope="module")
def face(tiny_space, portrait_of):
    return portrait_of(tiny_space)


def moving(frames, seed=0):
    random = torch.Generator().manual_seed(seed)

    def track(*shape):
        return torch.randn(frames, *shape, generator=random)

    return Motion(
        rotation=5 * track(3),
        translation=0.05 * track(2),
        scale=1 + 0.05 * track(),
        dynamics=0.01 * track(CODE_SIZE),
        space="implicit",
        fps=FPS,
    )


def still(frames):
    motion = moving(frames)
    zero = {name: 0 * getattr(motion, name) for name in ("rotation", "translation", "dynamics")}
    return replace(motion, **zero, scale=torch.ones(frames))


def frames_of(space, portrait, motion, **options):
    return torch.cat(list(space.render(portrait, motion, **options)))


def test_a_portrait_holds_what_the_wires_promise(tiny_space, face):
    assert (face.space, face.faces, face.face) == ("implicit", 1, 0)
    assert face.landmarks.shape == (478, 3) and face.identity.shape == (21, 3)
    assert face.pose.reference == "camera" and face.pose.dynamics.shape == (1, CODE_SIZE)
    assert face.crop.size == 512 and face.conditioning.landmarks.shape == (478, 3)
    inside = face.conditioning.landmarks[:468, :2]
    assert (inside > 0).all() and (inside < 512).all()


def test_only_the_crop_changes(tiny_space, face):
    frames = frames_of(tiny_space, face, moving(2))
    assert frames.shape == (2, *face.image.shape[1:])
    mask = tiny_space.matte(face)[0]
    assert torch.equal(frames[..., mask == 0], face.image[..., mask == 0].expand(2, -1, -1))
    assert (frames - face.image)[..., mask > 0.9].abs().mean() > 0.01
    assert frames.min() >= 0 and frames.max() <= 1


def test_no_motion_paints_the_portrait_as_it_is(tiny_space, face):
    look = face.appearance
    unstitched = replace_driving(tiny_space, stitching=False)
    painted = frames_of(unstitched, face, still(1), view="crop")
    expected = unstitched.painter(look.source, look.state.points(look.canonical))
    assert_close(painted, expected, atol=1e-4, rtol=0)


def replace_driving(space, **options):
    other = type(space)(
        space.encoder, space.appearance, space.motion, space.painter, space.stitching,
        Driving(**options),
    )  # fmt: skip
    return other.train(False)


def test_its_own_pose_is_no_motion(tiny_space, face):
    shown = frames_of(tiny_space, face, face.pose)
    assert_close(shown, frames_of(tiny_space, face, still(1)), atol=1e-5, rtol=0)


def test_chunks_and_threads_change_nothing(tiny_space, face):
    motion = moving(3)
    one = frames_of(tiny_space, face, motion, chunk=1)
    many = frames_of(tiny_space, face, motion, chunk=2, workers=2)
    pieces = frames_of(tiny_space, face, iter([motion[:1], motion[1:]]))
    assert_close(many, one, atol=1e-5, rtol=0)
    assert_close(pieces, one, atol=1e-5, rtol=0)


def test_alpha_is_the_pasted_mask(tiny_space, face):
    frames = frames_of(tiny_space, face, moving(1), alpha=True)
    place = face.appearance.place
    assert_close(frames[:, 3], picture_mask(place, *face.image.shape[-2:]), atol=1e-3, rtol=0)
    assert_close(frames[:, :3], frames_of(tiny_space, face, moving(1)), atol=1e-6, rtol=0)
    crop = frames_of(tiny_space, face, moving(1), alpha=True, view="crop")
    assert crop.shape == (1, 4, 512, 512) and crop[0, 3, 256, 256] == 1 and crop[0, 3, 0, 0] < 0.01


def test_closed_lips_change_only_what_is_painted(tiny_space, face):
    closed = replace_driving(tiny_space, close_lips=True)
    assert not torch.equal(
        frames_of(closed, face, still(1), view="crop"),
        frames_of(tiny_space, face, still(1), view="crop"),
    )


def test_friendly_motion_needs_the_first_frame_of_the_whole_motion(tiny_space, face):
    friendly, motion = replace_driving(tiny_space, friendly=True), moving(2)
    whole = frames_of(friendly, face, motion, chunk=2, view="crop")
    parts = frames_of(friendly, face, motion, chunk=1, view="crop")
    assert_close(whole, parts, atol=1e-4, rtol=0)


def test_what_does_not_belong_is_refused(tiny_space, face, portrait):
    with pytest.raises(InputError, match="mesh faces"):
        next(tiny_space.render(face, replace(moving(1), space="mesh")))
    with pytest.raises(InputError, match="encode it in the implicit"):
        next(tiny_space.render(portrait, moving(1)))
    with pytest.raises(InputError, match="Face 3 was asked for"):
        tiny_space.encode(face.image, face=2)
    with pytest.raises(NoFaceError):
        tiny_space.encode(torch.full((1, 3, 128, 128), 0.5))


def test_a_video_is_tracked_through_gaps(tiny_space, portrait_path):
    image = vasa_core.read_image(portrait_path, 192)[0]
    shifted = image.roll(8, 2)
    empty = torch.full_like(image, 0.3)
    tracked = tiny_space.track(iter([empty, image, image, empty, shifted]), FPS)
    motion = tracked.motion
    assert tracked.found.tolist() == [False, True, True, False, True] and tracked.missed == 2
    assert tracked.landmarks.shape == (5, 478, 3)
    assert len(motion) == 5 and motion.reference == "camera" and motion.space == "implicit"
    assert torch.equal(motion.dynamics[0], motion.dynamics[1])  # the first ones hold what follows
    assert torch.equal(motion.dynamics[3], motion.dynamics[2])
    assert not torch.equal(motion.dynamics[4], motion.dynamics[2])
    with pytest.raises(NoFaceError, match="3 frames"):
        tiny_space.track(iter([empty] * 3), FPS)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_cancel_stops_between_layers(tiny_space, face, workers):
    def cancel():
        raise CancelledError

    started = monotonic()
    with pytest.raises(CancelledError):
        for _ in range(50):  # a check comes a fifth of a second after the start
            frames_of(tiny_space, face, moving(8), workers=workers, check=cancel)
    assert monotonic() - started < 5
    assert not any(module._forward_pre_hooks for module in tiny_space.painter.modules())


def test_all_of_it_works_on_a_second_device(tiny_space, face):
    motion = moving(2)
    expected = frames_of(tiny_space, face, motion, alpha=True)
    with StrictDevice():
        there = copy.deepcopy(tiny_space).to(DEVICE)
        portrait = there.encode(face.image.to(DEVICE))
        frames = frames_of(there, portrait, move(motion, DEVICE), alpha=True)
        assert frames.device == portrait.appearance.canonical.device == DEVICE
        assert_close(frames.cpu(), expected, atol=1e-4, rtol=0)
        seen = there.track([face.image[0].to(DEVICE)] * 2, FPS).motion
        assert seen.dynamics.device == DEVICE
        for option in ({"close_lips": True}, {"friendly": True, "stitching": False}):
            assert (
                frames_of(replace_driving(there, **option).to(DEVICE), portrait, seen)
                .isfinite()
                .all()
            )


def test_stages_name_submodules(tiny_space, space):
    for made in (tiny_space, space):
        children = dict(made.named_children())
        for names in made.stages.values():
            assert set(names) <= set(children)
