"""More photos of a person: frames rendered by ourselves stand for them."""

import copy
from dataclasses import replace

import pytest
import torch
from strict_device import DEVICE, StrictDevice
from torch.nn.functional import interpolate

import vasa_core
import vasa_core.assets
from vasa_core.face.encoder import FaceEncoder
from vasa_core.motion.editing import posed, still
from vasa_core.motion.sequence import held
from vasa_core.pipelines.expression import express
from vasa_core.spaces.mesh.renderer.views.view_weights import sparsemax
from vasa_core.spaces.mesh.space import MeshSpace


def play(space, portrait, motion, **options):
    return torch.cat(list(space.render(portrait, motion, **options)))


@pytest.fixture(scope="module")
def image():
    return vasa_core.read_image(vasa_core.assets.PORTRAITS["mira"], 256)


@pytest.fixture(scope="module")
def photos(space, image):
    """The face with other things to see: open mouth, closed lids, turned head; by name."""
    portrait = space.encode(image)
    shown = {
        "open": express("mesh", {"mouth_open": 1.0}),
        "shut": express("mesh", {"blink": 1.0}),
        "turned": posed("mesh", yaw=12),
    }
    frames = {name: play(space, portrait, motion) for name, motion in shown.items()}
    # what only these photos show: a red mouth, blue lids
    mouth, lids = (
        _centres(space, frames[n], v) for n, v in (("open", [13, 14]), ("shut", [159, 386]))
    )
    frames["open"] = _painted(frames["open"], mouth[:1], (1.0, 0.0, 0.0), 5)
    frames["shut"] = _painted(frames["shut"], lids, (0.1, 0.2, 1.0), 4)
    return frames


def _centres(space, frame, vertices):
    points = space.landmarks(frame)[0, vertices, :2]
    return points.mean(0, keepdim=True) if vertices[0] == 13 else points


def _painted(frame, centres, colour, radius):
    rows = torch.arange(frame.shape[-2])[:, None] - centres[:, 1, None, None]
    columns = torch.arange(frame.shape[-1]) - centres[:, 0, None, None]
    share = (radius - torch.hypot(rows, columns)).clamp(0, 1).amax(0)
    return torch.lerp(frame, torch.tensor(colour).view(1, 3, 1, 1), share)


def redness(frames):
    return (frames[:, 0] - frames[:, 1:].mean(1)).amax((1, 2))


def test_without_views_nothing_changes(space, image):
    motion = replace(held(posed("mesh", yaw=5), 2), dynamics=torch.randn(2, 24) * 0.3)
    alone, none = space.encode(image), space.encode(image, views=[])
    assert torch.equal(play(space, alone, motion), play(space, none, motion))


def test_an_open_mouth_shows_what_the_photo_of_it_shows(space, image, photos):
    alone = space.encode(image)
    both = space.encode(image, views=[photos["open"]])
    wide, closed = express("mesh", {"mouth_open": 1.0}), still("mesh")
    plain, helped = (play(space, p, wide) for p in (alone, both))
    assert redness(helped) > redness(plain) + 0.15
    plain, helped = (play(space, p, closed) for p in (alone, both))
    assert (plain - helped).abs().max() < 0.1  # the photo with closed lips shows these itself


def test_a_blink_shows_the_lids_of_the_photo_that_has_them(space, image, photos):
    alone, both = space.encode(image), space.encode(image, views=[photos["shut"]])

    def blue(portrait, motion):
        frame = play(space, portrait, motion)[0]
        eyes = portrait.landmarks[[159, 386], :2].long()
        patch = [frame[:, y - 6 : y + 7, x - 6 : x + 7] for x, y in eyes.tolist()]
        return max(float((p[2] - p[:2].mean(0)).max()) for p in patch)

    shut = express("mesh", {"blink": 1.0})
    assert blue(both, shut) > blue(alone, shut) + 0.15
    assert abs(blue(both, still("mesh")) - blue(alone, still("mesh"))) < 0.1


def test_light_and_size_of_a_view_hardly_matter(space, image, photos):
    motion = replace(express("mesh", {"mouth_open": 0.7}), rotation=torch.tensor([[8.0, 0, 0]]))
    view = photos["turned"]
    warm = (view * torch.tensor([1.15, 1.0, 0.8]).view(1, 3, 1, 1) * 0.85).clamp(0, 1)
    small = interpolate(view, (200, 200), mode="bilinear", antialias=True)
    expected = play(space, space.encode(image, views=[view]), motion)
    for other in (warm, small):
        made = play(space, space.encode(image, views=[other]), motion)
        assert (made - expected).abs().mean() < 0.006


def test_nothing_pops_on_the_way(space, image, photos):
    portrait = space.encode(image, views=list(photos.values()))
    amounts = torch.linspace(0, 1, 33)[:, None]
    wide = express("mesh", {"mouth_open": 1.0, "blink": 1.0}).dynamics
    motion = still("mesh", 33)
    turn = torch.cat([12 * amounts, torch.zeros(33, 2)], 1)
    frames = play(space, portrait, replace(motion, dynamics=amounts * wide, rotation=turn))
    steps = (frames[1:] - frames[:-1]).abs().mean((1, 2, 3))
    assert steps.max() < 3 * steps.median()
    fine = torch.linspace(0, 1, 1001)[:, None]
    turn = torch.cat([12 * fine, torch.zeros(1001, 2)], 1)
    weights = portrait.appearance.views.weighting.weights(turn, fine * wide)
    assert (weights.sum(-1) - 1).abs().max() < 1e-5 and (weights >= 0).all()
    assert weights.diff(dim=1).abs().max() < 0.03 and weights.diff(dim=1).abs().amax(1).max() > 0


def test_chunks_threads_and_views_of_the_frame_make_no_difference(space, image, photos):
    portrait = space.encode(image, views=[photos["open"], photos["turned"]])
    motion = still("mesh", 5)
    motion = replace(motion, rotation=torch.linspace(0, 12, 5)[:, None] * torch.tensor([1.0, 0, 0]))
    whole = play(space, portrait, motion, chunk=5)
    parts = play(space, portrait, motion, chunk=2, workers=2)
    assert (whole - parts).abs().max() < 1e-5
    matte = play(space, portrait, motion, alpha=True)
    assert matte.shape[1] == 4 and torch.equal(matte[:, :3], play(space, portrait, motion))
    crop = play(space, portrait, motion, view="crop")
    assert crop.shape[-1] == portrait.crop.size
    mask = space.edit_mask(portrait)
    assert torch.equal(whole[..., mask[0] == 0], image.expand_as(whole)[..., mask[0] == 0])


def test_a_second_device(image, photos):
    made = MeshSpace(FaceEncoder.load(), copy.deepcopy(MeshSpace.load().basis)).train(False)
    motion = held(express("mesh", {"mouth_open": 0.6, "yaw": 6}), 2)
    expected = play(made, made.encode(image, views=[photos["open"]]), motion)
    with StrictDevice():
        there = made.to(DEVICE)
        portrait = there.encode(image.to(DEVICE), views=[photos["open"].to(DEVICE)])
        frames = play(there, portrait, motion)
        assert frames.device == DEVICE
        assert (frames.cpu() - expected).abs().max() < 1e-3


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    scores = torch.tensor([[0.0, 0.0, -9.0], [5.0, 0.0, 0.0], [0.2, 0.1, 0.0]])
    assert torch.allclose(
        sparsemax(scores),
        torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.4333, 0.3333, 0.2333]]),
        atol=1e-3,
    )
