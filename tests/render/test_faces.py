from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

import vasa_core
from vasa_core.assets import PORTRAITS
from vasa_core.errors import InputError
from vasa_core.motion.editing import still
from vasa_core.render.faces import (
    Actor,
    face_weights,
    in_step,
    merged,
    render_faces,
    same_picture,
    workers_each,
)


@pytest.fixture(scope="module")
def pair():
    """Two people side by side, their edit masks overlapping."""
    people = [vasa_core.read_image(PORTRAITS[name], 256) for name in ("mira", "tomas")]
    return torch.cat([people[0][..., 20:-30], people[1][..., 40:-20]], 3)


@pytest.fixture(scope="module")
def portraits(space, pair):
    both = [space.encode(pair, face) for face in (0, 1)]
    return sorted(both, key=lambda portrait: portrait.landmarks[:, 0].mean())


def turned(frames, yaw):
    rotation = torch.linspace(0.5, 1, frames)[:, None] * torch.tensor([[yaw, 2.0, 3.0]])
    return replace(still("mesh", frames), rotation=rotation)


def rendered(space, portraits, motions, **options):
    actors = [Actor(space, p, m) for p, m in zip(portraits, motions, strict=True)]
    return torch.cat(list(render_faces(actors, **options)))


def test_each_face_moves_by_its_own_motion(space, pair, portraits):
    motions = [turned(3, 8.0), turned(3, -6.0)]
    frames = rendered(space, portraits, motions)
    assert frames.shape == (3, *pair.shape[1:])
    for portrait, motion in zip(portraits, motions, strict=True):
        alone = torch.cat(list(space.render(portrait, motion)))
        x0, y0 = portrait.landmarks[:468, :2].amin(0).long().tolist()
        x1, y1 = portrait.landmarks[:468, :2].amax(0).long().tolist()
        assert (frames - alone)[..., y0:y1, x0:x1].abs().max() < 1e-3
    mask = torch.stack([space.edit_mask(portrait) for portrait in portraits])
    assert ((mask > 0).all(0)).any()  # they do overlap
    outside = (mask == 0).all(0)[0]
    assert torch.equal(frames[..., outside], pair[..., outside].expand(3, -1, -1))


def test_one_face_is_rendered_as_by_itself(space, portraits):
    motion = turned(2, 8.0)
    alone = torch.cat(list(space.render(portraits[0], motion)))
    assert (rendered(space, portraits[:1], [motion]) - alone).abs().max() < 1e-6


def test_what_one_does_leaves_the_other_alone(space, portraits):
    still_one = rendered(space, portraits, [turned(2, 8.0), still("mesh", 2)])
    other = portraits[1].landmarks[:468, :2]
    x0, y0 = other.amin(0).long().tolist()
    x1, y1 = other.amax(0).long().tolist()
    box = still_one[..., y0:y1, x0:x1]
    assert torch.equal(box[0], box[1])


def test_the_border_between_two_heads_is_no_seam(space, portraits):
    """From frame to frame and from pixel to pixel nothing jumps where one takes over."""
    frames = rendered(space, portraits, [turned(6, 8.0), turned(6, -8.0)])
    edit_masks = [space.edit_mask(portrait) for portrait in portraits]
    first, mask = face_weights(portraits, edit_masks)[0], edit_masks[0]
    weight = torch.zeros_like(mask)
    first.box(weight).add_(first.weight)
    border = ((weight > 0.02) & (weight < 0.98))[0]
    assert border.any()
    change = (frames[1:] - frames[:-1]).abs().amax(1)
    assert change[:, border].mean() <= change[:, (weight >= 0.98)[0]].mean()
    assert (weight * mask).diff(dim=-1).abs().max() < 0.35
    assert (weight * mask).diff(dim=-2).abs().max() < 0.35


def test_together_they_change_all_that_either_may(space, portraits):
    edit_masks = [space.edit_mask(portrait) for portrait in portraits]
    total = torch.zeros_like(edit_masks[0])
    for part, mask in zip(face_weights(portraits, edit_masks), edit_masks, strict=True):
        assert part.weight.min() >= 0 and part.weight.max() <= 1
        part.box(total).add_(part.weight * part.box(mask))
    either = 1 - (1 - edit_masks[0]) * (1 - edit_masks[1])
    assert torch.allclose(total, either, atol=1e-5)


def test_chunks_of_any_length_are_brought_in_step():
    numbers = torch.arange(10.0).view(10, 1)
    streams = [iter(numbers.split(3)), iter(numbers.split(4)), iter(numbers[:7].split(1))]
    chunks = list(in_step(streams))
    assert sum(len(chunk[0]) for chunk in chunks) == 7  # the shortest one's
    for one in range(3):
        assert torch.equal(torch.cat([chunk[one] for chunk in chunks]), numbers[:7])
    assert list(in_step([iter([])])) == []


def test_spaces_may_differ(space, tiny_space, pair, portraits):
    other = tiny_space.encode(pair, portraits[1].face)
    actors = [
        Actor(space, portraits[0], turned(2, 8.0)),
        Actor(tiny_space, other, still("implicit", 2)),
    ]
    frames = torch.cat(list(render_faces(actors, workers=2)))
    assert len(frames) == 2 and frames.isfinite().all()
    assert (frames[0] - pair[0]).abs().max() > 0.05


def test_threads_do_not_change_the_frames_and_stop_with_the_consumer(space, portraits):
    motions = [turned(20, 8.0), turned(20, -8.0)]
    one, many = (rendered(space, portraits, motions, workers=n) for n in (1, 3))
    assert torch.equal(one, many)
    assert [workers_each(n, 2) for n in (1, 2, 4, 8)] == [1, 2, 2, 4]
    actors = [Actor(space, p, m) for p, m in zip(portraits, motions, strict=True)]
    frames = render_faces(actors, workers=2)
    next(frames)
    frames.close()


def test_faces_of_different_pictures_and_the_same_face_twice_are_refused(space, pair, portraits):
    motion = still("mesh")
    mirrored = space.encode(pair.flip(-1))
    with pytest.raises(InputError, match="Face 2 is of another picture"):
        rendered(space, [portraits[0], mirrored], [motion, motion])
    with pytest.raises(InputError, match="Faces 1 and 3 are the same face"):
        rendered(space, [*portraits, portraits[0]], [motion] * 3)
    assert same_picture(pair, pair.clone()) and not same_picture(pair, pair[..., 1:])


def test_changes_are_added_up():
    picture = torch.full((1, 3, 4, 6), 0.5)
    left, right = picture.clone(), picture.clone()
    left[..., :4], right[..., 2:] = 0.7, 0.2
    landmarks = torch.randn(478, 3, generator=torch.Generator().manual_seed(0))
    people = [
        SimpleNamespace(landmarks=landmarks + torch.tensor([x, 2.0, 0]), image=picture)
        for x in (0.0, 6.0)
    ]
    edit_masks = [(frame != picture)[:, 0].float() for frame in (left, right)]
    made = merged(picture, [left, right], face_weights(people, edit_masks))
    assert torch.allclose(made[..., :2], left[..., :2])
    assert torch.allclose(made[..., 4:], right[..., 4:])
    between = made[..., 2:4]
    assert (between < 0.7).all() and (between > 0.2).all()
    assert (between[..., 0] > between[..., 1]).all()
