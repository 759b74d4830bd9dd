"""The refiner: nothing at rest, the same for every batch, in the portrait's own colours."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import ASSETS
from PIL import Image

from vasa_core.face.basis import CODE_SIZE, PARTS, FaceBasis
from vasa_core.face.encoder import FaceEncoder
from vasa_core.face.topology import LIPS
from vasa_core.spaces.mesh.renderer.prepare import prepare
from vasa_core.spaces.mesh.renderer.refiner import Refiner
from vasa_core.spaces.mesh.renderer.render import render
from vasa_core.spaces.mesh.renderer.views.prepare_views import add_views
from vasa_core.spaces.mesh.space import MeshSpace

SIDE = 320


@pytest.fixture(scope="module")
def basis():
    return FaceBasis.load()


@pytest.fixture(scope="module")
def refiner():
    return Refiner.load()


@pytest.fixture(scope="module")
def image():
    picture = Image.open(ASSETS / "ada.jpg").convert("RGB").resize((SIDE, SIDE))
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def landmarks(image):
    return FaceEncoder.load().landmarks(image)[0][0]


@pytest.fixture(scope="module")
def appearance(image, landmarks, basis):
    return prepare(image, basis.measure(landmarks), basis)


def _speaking(frames=3):
    """Arguments of ``render``: lips open more and more, lids half shut, the head turns a little."""
    share = torch.linspace(0.5, 1, frames)
    codes = torch.zeros(frames, CODE_SIZE)
    codes[:, PARTS["lips"]][:, :2] = share[:, None] * torch.tensor([2.5, -1.0])
    codes[:, PARTS["blink"]] = 0.7 * share[:, None]
    rotation = share[:, None] * torch.tensor([4.0, -2.0, 3.0])
    return rotation, 0.02 * rotation[:, :2], 1 + 0.02 * share, codes


def test_it_is_small(refiner):
    assert sum(p.numel() for p in refiner.parameters()) < 3e6


def test_it_changes_the_mouth_of_a_speaker_only(appearance, landmarks, refiner):
    motion = _speaking()
    change = (render(appearance, *motion, refiner=refiner) - render(appearance, *motion)).abs()
    assert change.amax() > 0.03
    unit = float(appearance.unit)
    far = torch.ones(SIDE, SIDE, dtype=torch.bool)
    points = landmarks[list(LIPS), :2]
    (left, top), (right, bottom) = points.amin(0) - unit, points.amax(0) + unit
    far[int(max(top, 0)) : int(bottom), int(max(left, 0)) : int(right)] = False
    assert far.any() and change[..., far].amax() == 0


def test_at_rest_the_photo_stays_as_it_is(appearance, image, refiner):
    still = (torch.zeros(1, 3), torch.zeros(1, 2), torch.ones(1), appearance.own[None])
    refined = render(appearance, *still, refiner=refiner)
    assert torch.equal(refined, render(appearance, *still))
    assert (refined - image).abs().amax() < 1 / 255


def test_a_head_that_only_turns_is_left_alone(appearance, refiner):
    rotation, shift, scale, _ = _speaking()
    motion = (rotation, shift, scale, appearance.own.expand(len(scale), -1))
    assert torch.equal(render(appearance, *motion, refiner=refiner), render(appearance, *motion))


def test_small_motion_changes_little(appearance, refiner):
    rotation, shift, scale, codes = _speaking(1)
    sizes = []
    for share in (1.0, 0.05, 0.01):
        motion = (rotation, shift, scale, torch.lerp(appearance.own, codes, share))
        change = render(appearance, *motion, refiner=refiner) - render(appearance, *motion)
        sizes.append(float(change.abs().amax()))
    assert sizes[0] > 5 * sizes[1] > 25 * sizes[2]


def test_frames_do_not_depend_on_their_batch(appearance, refiner):
    motion = _speaking()
    together = render(appearance, *motion, refiner=refiner)
    alone = [render(appearance, *(p[n : n + 1] for p in motion), refiner=refiner) for n in range(3)]
    assert (together - torch.cat(alone)).abs().amax() < 1e-4


def test_a_grey_portrait_stays_grey(image, landmarks, basis, refiner):
    grey = (image * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    appearance = prepare(grey.expand(-1, 3, -1, -1).contiguous(), basis.measure(landmarks), basis)
    frames = render(appearance, *_speaking(), refiner=refiner)
    assert (frames.amax(1) - frames.amin(1)).amax() < 1e-3


def test_a_larger_picture_is_refined_alike(appearance, image, landmarks, basis, refiner):
    large = F.interpolate(image, scale_factor=2, mode="bicubic").clamp(0, 1)
    twice = prepare(large, basis.measure(2 * landmarks), basis)
    motion = _speaking()
    changes = [
        render(a, *motion, refiner=refiner) - render(a, *motion) for a in (appearance, twice)
    ]
    smaller = F.avg_pool2d(changes[1], 2)
    assert (smaller - changes[0]).abs().mean() < 0.3 * changes[0].abs().mean()


def test_slow_motion_does_not_flicker(appearance, refiner):
    rotation, shift, scale, codes = _speaking(1)
    share = torch.linspace(0.6, 0.7, 12)[:, None]
    motion = (share * rotation, share * shift, 1 + 0.0 * share[:, 0], share * codes)
    jerks = [
        render(appearance, *motion, refiner=r).diff(2, dim=0).abs().mean() for r in (None, refiner)
    ]
    assert jerks[1] < 1.15 * jerks[0]


def test_it_also_finishes_what_other_photos_show(appearance, image, landmarks, basis, refiner):
    more = add_views(
        appearance,
        basis.measure(landmarks),
        [(image.flip(-1), basis.measure(_mirrored(landmarks)))],
        basis,
    )
    motion = _speaking()
    refined, plain = (render(more, *motion, refiner=r) for r in (refiner, None))
    assert (refined - plain).abs().amax() > 0.03 and refined.isfinite().all()


def _mirrored(landmarks):
    mirrored = landmarks[FaceBasis.load().mirror].clone()
    mirrored[:, 0] = SIDE - mirrored[:, 0]
    return mirrored


def test_dubbed_lips_are_refined(image, landmarks, basis, refiner):
    lips = torch.zeros(12)
    appearance = prepare(image, basis.measure(landmarks), basis, lips=lips)
    codes = torch.zeros(1, CODE_SIZE)
    codes[0, 0] = 1.2
    still = (torch.zeros(1, 3), torch.zeros(1, 2), torch.ones(1), codes)
    change = render(appearance, *still, refiner=refiner) - render(appearance, *still)
    assert change.abs().amax() > 0.03


def test_a_space_refines_unless_told_otherwise(image):
    space, plain = MeshSpace.load(), MeshSpace.load(refine=False)
    assert plain.refiner is None and plain.stages["render"] == ()
    assert space.stages["render"] == ("refiner",)
    portrait = space.encode(image)
    motion = replace(portrait.pose, dynamics=_speaking(1)[3])
    frames = [next(s.render(portrait, motion)) for s in (space, plain)]
    assert (frames[0] - frames[1]).abs().amax() > 0.03
    space.refiner = None
    assert torch.equal(next(space.render(portrait, motion)), frames[1])


def test_mouths_wider_than_it_knows_stay_as_drawn(appearance, refiner):
    codes = torch.zeros(1, CODE_SIZE)
    codes[0, 0] = 6.0
    wide = (torch.zeros(1, 3), torch.zeros(1, 2), torch.ones(1), codes)
    assert torch.equal(render(appearance, *wide, refiner=refiner), render(appearance, *wide))
