"""Frames, filters and networks of the face encoder, with random weights."""

import math

import pytest
import torch

from vasa_core.face import topology as mesh
from vasa_core.face.detector import Detector, decode, fitted, suppress
from vasa_core.face.framing import (
    crop_at,
    crop_grid,
    fit_frames,
    frame_angle,
    frame_size,
    make_frames,
    to_crop,
    to_image,
)
from vasa_core.face.landmark_net import LandmarkNet
from vasa_core.face.layers import fuse
from vasa_core.face.part_net import EYE_CONFIG, PartNet
from vasa_core.face.smoothing import one_euro_filter


@pytest.fixture
def frames():
    return make_frames(
        torch.tensor([[50.0, 40.0], [20.0, 70.0]]),
        torch.tensor([12.0, 30.0]),
        torch.tensor([0.3, -0.7]),
    )


def test_points_to_the_image_and_back(frames):
    points = torch.randn(2, 9, 3)
    assert torch.allclose(to_crop(to_image(points, frames), frames), points, atol=1e-5)


def test_frame_tells_size_and_angle(frames):
    assert torch.allclose(frame_size(frames), torch.tensor([12.0, 30.0]))
    assert torch.allclose(frame_angle(frames), torch.tensor([0.3, -0.7]))


def test_fit_recovers_the_frame(frames):
    mean = torch.randn(30, 3)
    assert torch.allclose(
        fit_frames(to_image(mean.expand(2, -1, -1), frames), mean), frames, atol=1e-3
    )


def test_cut_reads_the_named_pixels():
    image = torch.arange(3 * 64 * 64.0).view(1, 3, 64, 64) / (3 * 64 * 64)
    frame = make_frames(torch.tensor([[20.0, 30.0]]), torch.tensor([8.0]), torch.zeros(1))
    assert torch.allclose(crop_at(image, frame, 16, 16), image[..., 22:38, 12:28], atol=1e-6)


def test_cut_of_a_flat_image_is_flat_at_any_scale():
    image = torch.full((1, 3, 300, 200), 0.25)
    for half in (3.0, 50.0, 900.0):
        frame = make_frames(torch.tensor([[90.0, 250.0]]), torch.tensor([half]), torch.ones(1))
        assert torch.allclose(crop_at(image, frame, 24, 32), torch.tensor(0.25))


def test_a_wide_crop_shortens_v(frames):
    grid = crop_grid(frames, 10, 20)
    assert grid.shape == (2, 10, 20, 2)
    across = torch.linalg.vector_norm(grid[0, 0, 0] - grid[0, 0, -1])
    down = torch.linalg.vector_norm(grid[0, 0, 0] - grid[0, -1, 0])
    assert float(across / 19) == pytest.approx(float(down / 9), rel=1e-4)


def test_mirror_is_its_own_inverse_and_swaps_the_eyes():
    index = mesh.mirror_index()
    assert torch.equal(index[index], torch.arange(mesh.VERTICES))
    assert index[mesh.RIGHT_EYE_OUTER] == mesh.LEFT_EYE_OUTER
    assert {int(index[i]) for i in mesh.RIGHT_LID_UPPER} == set(mesh.LEFT_LID_UPPER)
    assert {int(index[i]) for i in mesh.LIPS} == set(mesh.LIPS)


def test_network_shapes_and_gradients():
    net = LandmarkNet().train()
    coarse, final, logit = net(torch.rand(2, 3, 112, 112))
    assert coarse.shape == final.shape == (2, mesh.VERTICES, 3)
    assert logit.shape == (2,)
    final.sum().backward()
    assert all(p.grad is not None for n, p in net.named_parameters() if "confidence" not in n)
    assert PartNet(EYE_CONFIG)(torch.rand(3, 3, 48, 64)).shape == (3, EYE_CONFIG.points, 2)
    assert Detector()(torch.rand(1, 3, 64, 96)).shape == (1, 6, 8, 12)


def test_fusing_keeps_the_output():
    net = LandmarkNet()
    net(torch.rand(8, 3, 112, 112))  # gives the batch norms some statistics
    crop = torch.rand(1, 3, 112, 112)
    before = net.eval()(crop)[1]
    assert torch.allclose(fuse(net)(crop)[1], before, atol=1e-4)


def test_decode_finds_a_drawn_peak():
    maps = torch.full((1, 6, 10, 12), -6.0)
    maps[0, :, 4, 7] = torch.tensor([4.0, 0.25, 0.5, 0.0, math.cos(0.5), math.sin(0.5)])
    frames, scores = decode(maps, 0.3, 8)
    assert frames[0, :, 2].tolist() == pytest.approx([58.0, 36.0])
    assert float(frame_size(frames)) == pytest.approx(32.0)
    assert float(frame_angle(frames)) == pytest.approx(0.5)
    assert float(scores) == pytest.approx(1 / (1 + math.exp(-4)))


def test_suppress_keeps_the_best_of_a_heap():
    frames = make_frames(
        torch.tensor([[10.0, 10.0], [11.0, 10.0], [60.0, 10.0]]),
        torch.full((3,), 10.0),
        torch.zeros(3),
    )
    assert suppress(frames, torch.tensor([0.5, 0.9, 0.7])) == [1, 2]


@pytest.mark.parametrize("size", [(64, 64), (33, 200), (700, 90)])
def test_fitted_pads_to_whole_cells(size):
    picture, scale = fitted(torch.rand(1, 3, *size), 192)
    assert picture.shape[-1] % 32 == picture.shape[-2] % 32 == 0
    assert scale == 192 / max(size)


def test_filter_rests_and_follows():
    generator = torch.Generator().manual_seed(0)
    noise = 0.003 * torch.randn(40, 200, generator=generator)
    smooth = one_euro_filter(noise, 0.06, 6.0)
    assert smooth[10:].diff(dim=0).abs().mean() < 0.6 * noise[10:].diff(dim=0).abs().mean()
    path = 0.05 * torch.arange(30.0)[:, None]
    lag = (path - one_euro_filter(path, 0.06, 6.0))[-1]
    assert 0 <= float(lag) < 0.05  # behind by less than one frame
