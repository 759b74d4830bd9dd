import torch

from vasa_core.motion.spectrum import Whitening, cosine_basis


def slow_windows(count=2000, frames=20):
    """Random walks and white noise side by side."""
    noise = torch.randn(count, frames, 2, generator=torch.Generator().manual_seed(0))
    walk, noise = noise[..., 0].cumsum(1), 0.1 * noise[..., 1]
    return torch.stack([walk + noise, walk - noise], 2)


def test_the_basis_is_orthonormal():
    basis = cosine_basis(20)
    assert torch.allclose(basis @ basis.T, torch.eye(20), atol=1e-5)


def test_whitening_makes_everything_alike_and_comes_undone():
    windows, whitening = slow_windows(), Whitening(20, 2)
    whitening.fit(windows)
    white = whitening.whiten(windows)
    coefficients = torch.einsum("fw,bwd->bfd", cosine_basis(20), white)
    assert torch.allclose(coefficients.square().mean(0), torch.ones(20, 2), atol=1e-3)
    assert (coefficients[..., 0] * coefficients[..., 1]).mean(0).abs().max() < 0.1
    assert torch.allclose(whitening.color(white), windows, atol=1e-3)


def test_before_fitting_it_changes_nothing():
    windows = slow_windows()
    assert torch.allclose(Whitening(20, 2).whiten(windows), windows, atol=1e-4)
