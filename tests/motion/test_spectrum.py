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
    white = whitening.encode(windows)
    coefficients = torch.einsum("fw,bwd->bfd", cosine_basis(20), white)
    assert torch.allclose(coefficients.square().mean(0), torch.ones(20, 2), atol=1e-3)
    assert (coefficients[..., 0] * coefficients[..., 1]).mean(0).abs().max() < 0.1
    assert torch.allclose(whitening.decode(white), windows, atol=1e-3)


def test_before_fitting_it_changes_nothing():
    windows = slow_windows()
    assert torch.allclose(Whitening(20, 2).encode(windows), windows, atol=1e-4)


def test_parts_share_no_direction_and_a_gain_scales_frequencies():
    slow = torch.randn(64, 20, 2).cumsum(1)
    whitening = Whitening(20, 4)
    whitening.fit(
        torch.cat([slow, torch.randn(64, 20, 2) + 0.01 * slow], 2), [slice(2), slice(2, 4)]
    )
    assert not whitening.directions[:2, 2:].any() and not whitening.directions[2:, :2].any()
    white = torch.randn(3, 20, 4)
    assert torch.equal(whitening.decode_calibrated(white), whitening.decode(white))
    whitening.gain[5:] = 0
    made = whitening.coefficients(whitening.decode_calibrated(white))
    assert made[:, 5:].abs().max() < 1e-4 and made[:, :5].abs().min() > 0
