"""Faster layers give what the published ones give."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from vasa_core.spaces.implicit.fast import accelerate
from vasa_core.spaces.implicit.fast.deep import DeepConv, FourierConv
from vasa_core.spaces.implicit.fast.fused import FusedSpadeNorm
from vasa_core.spaces.implicit.fast.upsampled import UpsampledConv
from vasa_core.spaces.implicit.fast.winograd import WinogradConv
from vasa_core.spaces.implicit.networks.decoder import SpadeDecoder, SpadeNorm
from vasa_core.spaces.implicit.networks.warping import WarpingNetwork
from vasa_core.spaces.implicit.painter import Painter


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_convolution_of_an_enlarged_map(factor):
    conv = nn.Conv2d(5, 7, 3, padding=1)
    x = torch.randn(2, 5, 6, 9)
    expected = conv(F.interpolate(x, scale_factor=factor))
    fast = UpsampledConv(conv, factor)
    assert_close(fast(x), expected, atol=1e-5, rtol=1e-5)
    last = fast(x.contiguous(memory_format=torch.channels_last))
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert_close(last, expected, atol=1e-5, rtol=1e-5)


def test_convolution_of_an_enlarged_volume():
    conv = nn.Conv3d(3, 4, 3, padding=1)
    x = torch.randn(2, 3, 4, 5, 6)
    expected = conv(F.interpolate(x, scale_factor=(1, 2, 2)))
    assert_close(UpsampledConv(conv, 2)(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(4, 4), (8, 20), (64, 64)])
def test_winograd(size):
    conv = nn.Conv2d(32, 24, 3, padding=1)
    x = torch.randn(2, 32, *size)
    assert_close(WinogradConv(conv)(x), conv(x), atol=2e-5, rtol=1e-5)


def test_convolutions_without_a_bias():
    flat, deep = (kind(32, 24, 3, padding=1, bias=False) for kind in (nn.Conv2d, nn.Conv3d))
    x, volume = torch.randn(2, 32, 8, 8), torch.randn(2, 32, 4, 8, 8)
    assert_close(WinogradConv(flat)(x), flat(x), atol=2e-5, rtol=1e-5)
    assert_close(DeepConv(deep, WinogradConv)(volume), deep(volume), atol=2e-5, rtol=1e-4)
    expected = flat(F.interpolate(x, scale_factor=2))
    assert_close(UpsampledConv(flat, 2)(x), expected, atol=1e-5, rtol=1e-5)


def test_winograd_works_in_blocks(monkeypatch):
    conv, x = nn.Conv2d(8, 8, 3, padding=1), torch.randn(1, 8, 32, 16)
    whole = WinogradConv(conv)(x)
    monkeypatch.setattr("vasa_core.spaces.implicit.fast.winograd.BLOCK", 3000)
    assert_close(WinogradConv(conv)(x), whole, atol=1e-5, rtol=1e-5)


def plain(conv):
    return conv


@pytest.mark.parametrize(
    ("kernel", "flat"), [(3, plain), (7, plain), (7, FourierConv), (3, WinogradConv)]
)
def test_convolution_of_slices(kernel, flat):
    conv = nn.Conv3d(6, 5, kernel, padding=kernel // 2)
    x = torch.randn(2, 6, 4, 64, 48)
    assert_close(DeepConv(conv, flat)(x), conv(x), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_spade_norm(factor):
    norm = SpadeNorm(6, 5, 4)
    x, map = torch.randn(2, 6, 8 * factor, 8 * factor), torch.randn(2, 5, 8, 8)
    expected = norm(x, map)
    fused = FusedSpadeNorm(norm, factor)
    assert_close(fused(x, map), expected, atol=1e-5, rtol=1e-5)
    x, map = (t.contiguous(memory_format=torch.channels_last) for t in (x, map))
    assert_close(fused(x, map), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("cpu", [True, False])
def test_a_whole_painter(tiny_space, portrait_of, cpu):
    painter = copy.deepcopy(tiny_space.painter)
    look = portrait_of(tiny_space).appearance
    driving = look.source.keypoints + 0.05 * torch.randn(3, 21, 3)
    expected = painter(look.source, driving)
    fast = accelerate(painter, cpu)
    source = fast.prepare(look.source.volume, look.source.keypoints)
    assert_close(fast(source, driving), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype, monkeypatch):
    pool = F.avg_pool3d  # which a CPU does not have in half precision
    monkeypatch.setattr(F, "avg_pool3d", lambda x, kernel: pool(x.float(), kernel).to(x.dtype))
    painter = Painter(WarpingNetwork((2, 2), 2, 8), SpadeDecoder(8, 16, 4)).train(False)
    painter.requires_grad_(False)  # smaller still: a CPU is slow with such numbers
    volume, keypoints = torch.randn(1, 2, 2, 32, 32), 0.3 * torch.randn(1, 21, 3)
    driving = keypoints + 0.05 * torch.randn(1, 21, 3)
    expected = painter(painter.prepare(volume, keypoints), driving)
    half = accelerate(painter, cpu=False).to(dtype)
    source = half.prepare(volume, keypoints)
    assert source.volume.dtype == dtype and source.keypoints.dtype == torch.float32
    painted = half(source, driving)
    assert painted.dtype == torch.float32
    assert (painted - expected).square().mean() < 1e-4  # 40 dB


def test_compiled_painters_paint_any_number_of_frames(tiny_space, portrait_of):
    painter = copy.deepcopy(tiny_space.painter)
    source = portrait_of(tiny_space).appearance.source
    driving = source.keypoints + 0.05 * torch.randn(5, 21, 3)
    expected = painter(source, driving)
    painter.frames_at_once = lambda: 2
    painter.record(backend="eager", mode=None)
    chunks = [painter.paint(source, chunk) for chunk in driving.split(2)]
    assert_close(torch.cat(chunks), expected, atol=1e-5, rtol=0)
